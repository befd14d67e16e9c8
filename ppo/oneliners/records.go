package oneliners

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"strings"

	"agora/policy/base"
	"agora/reward"
	"agora/reward/prefs"
)

// A splitText is a one-liner cut into the opening that serves as a prompt and the rest, which begins
// with its space, so that the two have together the tokens of the whole.
type splitText struct{ Opening, Rest string }

// open cuts after the first two or three words: two where the text has fewer than five words or
// its id is even, so that prompts of both lengths occur.
func open(t base.Text) (splitText, bool) {
	words := 3
	if t.ID%2 == 0 || strings.Count(t.Text, " ") < 4 {
		words = 2
	}
	at := 0
	for range words {
		next := strings.IndexByte(t.Text[at:], ' ')
		if next < 0 {
			return splitText{}, false // too short to have a rest
		}
		at += next + 1
	}
	return splitText{t.Text[:at-1], t.Text[at-1:]}, true
}

// demos are the one-liners of some texts as demonstrations.
func demos(texts []base.Text) iter.Seq2[prefs.Record, error] {
	return func(yield func(prefs.Record, error) bool) {
		for _, t := range texts {
			if s, ok := open(t); ok && !yield(&prefs.Demo{PromptID: "h" + strconv.Itoa(t.ID), Prompt: prefs.Plain(s.Opening), Completion: s.Rest}, nil) {
				return
			}
		}
	}
}

// Openings are the distinct openings of some texts as prompts.
func Openings(texts []base.Text) []*prefs.Prompt {
	var out []*prefs.Prompt
	seen := map[string]bool{}
	for _, t := range texts {
		s, ok := open(t)
		if !ok || seen[s.Opening] {
			continue
		}
		seen[s.Opening] = true
		out = append(out, &prefs.Prompt{PromptID: "h" + strconv.Itoa(t.ID), Prompt: prefs.Plain(s.Opening)})
	}
	return out
}

func records[R prefs.Record](list []R) iter.Seq2[prefs.Record, error] {
	return func(yield func(prefs.Record, error) bool) {
		for _, r := range list {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// comparisons gathers judgments by unordered pair of texts.
func comparisons(judgments []base.Judgment) []reward.Comparison {
	type pair struct{ lo, hi int }
	wins := map[pair][2]float64{}
	for _, j := range judgments {
		p := pair{min(j.Winner, j.Loser), max(j.Winner, j.Loser)}
		w := wins[p]
		if j.Winner == p.lo {
			w[0]++
		} else {
			w[1]++
		}
		wins[p] = w
	}
	out := make([]reward.Comparison, 0, len(wins))
	for p, w := range wins {
		out = append(out, reward.Comparison{A: strconv.Itoa(p.lo), B: strconv.Itoa(p.hi), WinsA: w[0], WinsB: w[1]})
	}
	slices.SortFunc(out, func(a, b reward.Comparison) int { return cmp.Or(cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B)) })
	return out
}

// held splits judgments into those that may be trained on and those that are held out.
func held(judgments []base.Judgment) (train, test []base.Judgment) {
	for _, j := range judgments {
		if j.HeldOut() {
			test = append(test, j)
		} else {
			train = append(train, j)
		}
	}
	return train, test
}

// rankings are judgments as ranked/1 lines, one a judgment: the texts whole, under one empty prompt.
// Judgments that are not to be trained on are marked as validation.
func rankings(h base.Humour, judgments []base.Judgment) iter.Seq2[prefs.Record, error] {
	text := map[int]string{}
	for _, t := range h.Texts {
		text[t.ID] = t.Text
	}
	first, second := 1, 2
	return func(yield func(prefs.Record, error) bool) {
		for _, j := range judgments {
			lo, hi := min(j.Winner, j.Loser), max(j.Winner, j.Loser)
			r := &prefs.Ranked{PromptID: "which-is-funnier", Prompt: []prefs.Message{}, Split: "train",
				Completions: []prefs.Completion{{ID: strconv.Itoa(lo), Text: text[lo]}, {ID: strconv.Itoa(hi), Text: text[hi]}},
				Ranks:       []*int{&first, &second}}
			if j.Winner == hi {
				r.Ranks = []*int{&second, &first}
			}
			if j.HeldOut() {
				r.Split = Held
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Held marks judgments that are held out of training.
const Held = "validation"

// References are the numbers to read a reward model's accuracy against, measured on the bundled
// judgments: how often a second rater agrees with the first, how often the majority of all other
// raters of the pair does, and how well one strength per text, fitted to all judgments that are not
// held out, predicts the held-out ones.
func References(h base.Humour) (raters, others, bradleyTerry reward.Interval) {
	train, test := held(h.Judgments)
	bt := reward.FitBradleyTerry(comparisons(train), btPrior)
	all := comparisons(h.Judgments)
	return reward.RaterAgreement(all), reward.OthersMajority(all), bt.Accuracy(comparisons(test))
}

// btPrior is the precision of the prior on a text's strength: a text is judged some forty times.
const btPrior = 1
