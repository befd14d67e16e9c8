package dpo

import (
	"context"
	"fmt"
	"slices"

	"agora/policy"
	"agora/policy/cpu"
	"agora/reward"
	"agora/reward/prefs"
)

// pair is one comparison: two texts of one prompt, and what it weighs.
type pair struct {
	chosen, rejected text
	weight           float32 // of its ranking, shared among the ranking's pairs
}

// text is a prompt with a completion, ready for the policy.
type text struct {
	seq policy.Sequence
	ref []float32 // log-probability of each completion token under the reference, nats
}

// tokens is the number of rows that a pair takes in a token stream.
func (p pair) tokens() int { return len(p.chosen.seq.Tokens) + len(p.rejected.seq.Tokens) - 2 }

// makePairs takes the untied pairs out of rankings: a line's P pairs weigh 1/P of
// the line each. Pairs of one text twice and pairs that do not fit the context are left out and counted.
func makePairs(m *policy.Model, lines []*prefs.Ranked) (pairs []pair, left leftOut) {
	for _, r := range lines {
		ranked, same := r.DistinctPairs()
		left.same += same
		if len(ranked) == 0 || r.WeightOr1() == 0 {
			continue
		}
		prompt := m.Template.Prompt(m.Tokenizer, r.Prompt)
		texts := make([]text, len(r.Completions))
		for i, c := range r.Completions {
			texts[i].seq = policy.Join(prompt, m.Template.Completion(m.Tokenizer, c.Text))
		}
		empty := func(i int) bool { return texts[i].seq.Counted() == 0 } // of a model without an end token
		fits := func(i int) bool { return len(texts[i].seq.Tokens)-1 <= m.Config.Context }
		for _, p := range ranked {
			if empty(p.Better) || empty(p.Worse) {
				left.empty++
				continue
			}
			if !fits(p.Better) || !fits(p.Worse) {
				left.long++
				continue
			}
			pairs = append(pairs, pair{texts[p.Better], texts[p.Worse], float32(r.WeightOr1() / float64(len(ranked)))})
		}
	}
	return pairs, left
}

// leftOut counts the pairs that are not learned from.
type leftOut struct{ same, long, empty int }

// data are the pairs of a run.
type data struct {
	train, val []pair
	people     reward.References // how far people agree on the held-out pairs
}

// load reads preference files of any format and splits them as reward models do:
// no prompt and no labeler is on both sides.
func load(c Config, m *policy.Model, files []string, format prefs.Format, say func(string, ...any)) (data, error) {
	read, err := reward.ReadData(files, nil, format)
	if err != nil {
		return data{}, err
	}
	split, err := reward.SplitLines(read.Rankings, c.split())
	if err != nil {
		return data{}, err
	}
	train, left := makePairs(m, split.Train)
	held := slices.Concat(split.Val, split.NewWorkers)
	val, more := makePairs(m, held)
	if n := left.same + more.same; n > 0 {
		say("%d pairs are left out: the same text twice", n)
	}
	if n := left.empty + more.empty; n > 0 {
		say("%d pairs are left out: a text is empty, and the model has no end token", n)
	}
	if n := left.long + more.long; n > 0 {
		say("%d pairs are left out: longer than the policy's context of %d tokens", n, m.Config.Context)
	}
	if len(train) == 0 {
		return data{}, fmt.Errorf("nothing to learn: %d rankings for training, none with two different completions of different rank that fit the context", len(split.Train))
	}
	if better, worse := meanLengths(train); better > uneven*worse || worse > uneven*better {
		say("the better texts of the pairs have %.0f tokens on average, the worse %.0f: length alone tells them apart, and the policy will learn it; balance the pairs, and compare lengths in samples.jsonl", better, worse)
	}
	say("%d pairs to train on, %d held out (%s)", len(train), len(val), split.How)
	return data{train, val, reward.ReferencesOf(held)}, nil
}

// uneven is how many times longer one side's texts may be before it is said: 1.2 and less is common in data
// where longer answers are better answers.
const uneven = 1.25

// meanLengths are the mean tokens of the completions, by the pairs' weights.
func meanLengths(pairs []pair) (chosen, rejected float64) {
	var n float64
	for _, p := range pairs {
		w := float64(p.weight)
		chosen += w * float64(p.chosen.seq.Counted())
		rejected += w * float64(p.rejected.seq.Counted())
		n += w
	}
	return chosen / n, rejected / n
}

// refer fills in the reference's log-probabilities: one pass over all texts, which
// training then never repeats.
func (d data) refer(ctx context.Context, dev *cpu.Device, reference *policy.Model) error {
	scorer, err := policy.NewScorer(dev, reference, 0, 1)
	if err != nil {
		return err
	}
	for _, pairs := range [][]pair{d.train, d.val} {
		scores, err := scorer.Score(ctx, sequences(pairs))
		if err != nil {
			return fmt.Errorf("reference: %w", err)
		}
		for i := range pairs {
			pairs[i].chosen.ref, pairs[i].rejected.ref = scores[2*i].LogProbs, scores[2*i+1].LogProbs
		}
	}
	return nil
}

// sequences are the chosen and rejected texts of pairs, one after the other.
func sequences(pairs []pair) []policy.Sequence {
	out := make([]policy.Sequence, 0, 2*len(pairs))
	for _, p := range pairs {
		out = append(out, p.chosen.seq, p.rejected.seq)
	}
	return out
}
