package reward

import (
	"context"
	"fmt"
	"math"
	"unicode/utf8"

	"agora/reward/prefs"
)

// Report says how well scores predict judgments. Every untied pair of every
// ranking counts once, or as many times as there were votes (see peopleOf).
type Report struct {
	N        int        `json:"n"`
	Accuracy float64    `json:"accuracy"` // equal scores count half
	CI95     [2]float64 `json:"ci95"`
	Loss     float64    `json:"loss"` // mean −log σ(margin), nats
	References

	Members []Member `json:"members,omitempty"` // of an ensemble, each by itself
	Unsure  float64  `json:"unsure,omitempty"`  // of an ensemble: mean over pairs of the deviation of its members' margins

	Ties int `json:"ties"` // tied pairs, left out

	Identical int `json:"identical,omitempty"` // pairs of one text twice, left out

	Heads         []string        `json:"heads,omitempty"` // groups whose judgments are read by a head of their own
	ByGroup       map[string]Part `json:"by_group"`        // "gender=woman" …
	ByLabelerFold map[string]Part `json:"by_labeler_fold"` // worker_fold, else labelers hashed into 5
	WorstGroup    string          `json:"worst_group"`     // the least accurate one with 20 pairs or more
	ByMargin      []MarginBin     `json:"by_margin"`       // how sure the model is, in fifths
	ByStrength    map[string]Part `json:"by_strength"`     // how sure the labeler was (K = 2, graded)
	ByAgreement   map[string]Part `json:"by_agreement"`    // how far the judgments of a pair agree, of pairs judged twice or more
	Calibration   float64         `json:"calibration"`     // expected calibration error over by_margin
	Length        LengthReport    `json:"length"`          // does it only count words?
	Clusters      string          `json:"clusters"`        // what the interval resamples
	Units         int             `json:"clusters_n"`      // how many of them
	Truncated     int             `json:"truncated"`       // texts that had to be cut to fit the model
}

// Member is a model of an ensemble by itself.
type Member struct {
	Accuracy float64 `json:"accuracy"`
	Loss     float64 `json:"loss"` // mean −log σ(margin), nats
}

// Part is the accuracy on a part of the pairs.
type Part struct {
	N        int        `json:"n"`
	Accuracy float64    `json:"accuracy"`
	CI95     [2]float64 `json:"ci95"`
	References
}

// LengthReport compares scores with lengths in characters.
type LengthReport struct {
	Correlation float64 `json:"correlation"` // Pearson, of a text's score and length
	LongerWins  float64 `json:"longer_wins"` // accuracy of "the longer text is better"
}

// observation is one judged pair.
type observation struct {
	line   *prefs.Ranked
	unit   string  // cluster
	people float64 // who judged so
	better string  // names of the two texts
	worse  string
	margin float64
	spread float64 // of an ensemble: standard deviation of its members' margins
	longer int     // 1: the better text is the longer one, -1: the shorter, 0: equal
}

func (o observation) right() float64 {
	switch {
	case o.margin > 0:
		return 1
	case o.margin == 0:
		return .5
	}
	return 0
}

// Evaluate scores every text once and compares with the judgments. Several scorers are an ensemble: a text's
// score is the mean of theirs (Coste et al. 2023, arXiv:2310.02743).
func Evaluate(ctx context.Context, lines []*prefs.Ranked, ensemble ...*Scorer) (*Report, error) {
	return evaluate(ctx, lines, true, ensemble...)
}

// evaluate leaves intervals and parts out where full is false.
func evaluate(ctx context.Context, lines []*prefs.Ranked, full bool, ensemble ...*Scorer) (*Report, error) {
	r := &Report{Heads: ensemble[0].m.Heads}
	read, err := readAll(ctx, lines, ensemble)
	if err != nil {
		return nil, err
	}
	for _, one := range read {
		r.Truncated = max(r.Truncated, one.cut)
	}
	members := make([]Member, len(ensemble))
	clusterOf, clusters := clustering(lines)
	var all []observation
	for _, line := range lines {
		_, ties := line.Pairs()
		pairs, same := line.DistinctPairs()
		r.Ties += ties
		r.Identical += same
		for _, p := range pairs {
			o := observation{line: line, unit: clusterOf(line), people: peopleOf(line), better: textName(line, p.Better), worse: textName(line, p.Worse)}
			read.judge(&o, members)
			all = append(all, o)
			r.N += int(o.people)
			r.Accuracy += o.people * o.right()
			r.Loss -= o.people * logSigmoid(o.margin)
			r.Unsure += o.people * o.spread
		}
	}
	if r.N == 0 {
		return r, nil
	}
	n := float64(r.N)
	r.Accuracy, r.Loss, r.Unsure = r.Accuracy/n, r.Loss/n, r.Unsure/n
	if len(members) > 1 {
		for _, m := range members {
			r.Members = append(r.Members, Member{m.Accuracy / n, m.Loss / n})
		}
	}
	if full {
		r.Clusters = clusters
		r.References = ReferencesOf(lines)
		r.parts(all)
		r.Length = lengthReport(read.means(), all)
	}
	return r, nil
}

// scored is a text's reward and length.
type scored struct {
	score  float64
	length int // characters
}

// scoreTexts scores each distinct text of the rankings once.
func (s *Scorer) scoreTexts(ctx context.Context, lines []*prefs.Ranked) (map[string]scored, int, error) {
	enc := s.m.encoder()
	out := map[string]scored{}
	var names []string
	var seqs [][]int32
	for _, r := range lines {
		for i, c := range r.Completions {
			name := textName(r, i)
			if _, ok := out[name]; ok {
				continue
			}
			ids, err := enc.tokens(r.Prompt, c.Text)
			if err != nil {
				return nil, 0, fmt.Errorf("prompt %s, completion %s: %w", r.PromptID, c.ID, err)
			}
			out[name] = scored{length: utf8.RuneCountInString(c.Text)}
			names, seqs = append(names, name), append(seqs, ids)
		}
	}
	scores, err := s.Score(ctx, seqs)
	if err != nil {
		return nil, 0, err
	}
	for i, name := range names {
		out[name] = scored{float64(scores[i]), out[name].length}
	}
	return out, enc.truncated, nil
}

// clustering says what observations depend on each other: those of one labeler
// where labelers are known (five or more), else those of one prompt, else, where
// there are few prompts, those of one set of texts.
func clustering(lines []*prefs.Ranked) (of func(*prefs.Ranked) string, name string) {
	workers := distinct(lines, workerUnit)
	known := 0
	for _, r := range lines {
		if r.Worker != "" {
			known++
		}
	}
	switch {
	case len(workers) >= 5 && 2*known >= len(lines):
		return func(r *prefs.Ranked) string {
			if r.Worker == "" {
				return "prompt\x00" + r.PromptID
			}
			return r.Worker
		}, "labelers"
	case len(distinct(lines, promptUnit)) >= minPrompts:
		return promptUnit, "prompts"
	}
	return setUnit, "sets of texts"
}

func sign(n int) int {
	switch {
	case n > 0:
		return 1
	case n < 0:
		return -1
	}
	return 0
}

// lengthReport tells a model that counts words from one that reads them.
func lengthReport(texts map[string]scored, all []observation) LengthReport {
	var n, sx, sy, sxx, syy, sxy float64
	for _, t := range texts {
		x, y := float64(t.length), t.score
		n++
		sx, sy, sxx, syy, sxy = sx+x, sy+y, sxx+x*x, syy+y*y, sxy+x*y
	}
	var out LengthReport
	if v := (n*sxx - sx*sx) * (n*syy - sy*sy); v > 0 {
		out.Correlation = (n*sxy - sx*sy) / math.Sqrt(v)
	}
	people := 0.0
	for _, o := range all {
		people += o.people
		out.LongerWins += o.people * (1 + float64(o.longer)) / 2
	}
	out.LongerWins /= people
	return out
}
