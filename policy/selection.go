package policy

import (
	"context"
	"fmt"
	"slices"

	"agora/policy/cpu"
	"agora/reward/prefs"
)

// What select_by says is best.
const (
	SelectByLoss   = "loss"
	SelectByReward = "reward"
)

// Judge scores completions of prompts, higher is better: a reward model, of which this package knows no more.
type Judge interface {
	Score(ctx context.Context, prompts [][]prefs.Message, completions []string) ([]float64, error)
}

// OpenJudge loads the judge in a model directory.
type OpenJudge func(dev *cpu.Device, dir string) (Judge, error)

// judged makes the validation function of a loop whose best model is the one with the best responses: the
// mean score of one response at temperature 1 to each prompt, with the same random numbers every time.
func judged(dev *cpu.Device, m *Model, judge Judge, prompts [][]prefs.Message, maxNew int, seed uint64) (func(context.Context) (float64, error), error) {
	reqs := make([]Request, len(prompts))
	longest := 0
	for i, p := range prompts {
		reqs[i] = Request{Prompt: m.Template.Prompt(m.Tokenizer, p), Stream: int32(i)}
		longest = max(longest, len(reqs[i].Prompt))
	}
	maxNew = min(maxNew, m.Config.Context-longest)
	s, err := NewSampler(dev, m, min(64, len(reqs)), longest+maxNew)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (float64, error) {
		out, err := s.Sample(ctx, reqs, Sampling{MaxNew: maxNew, Temperature: 1, Seed: seed}, nil)
		if err != nil {
			return 0, err
		}
		texts := make([]string, len(out))
		for i, c := range out {
			texts[i] = m.Template.Text(m.Tokenizer, c.Tokens)
		}
		scores, err := judge.Score(ctx, prompts, texts)
		if err != nil {
			return 0, err
		}
		sum := 0.0
		for _, x := range scores {
			sum += x
		}
		return sum / float64(len(scores)), nil
	}, nil
}

// judgedPrompts picks the prompts of a selection by reward: different ones, of which a response of a few
// tokens still fits the context.
func judgedPrompts(m *Model, held []Example, most int) ([][]prefs.Message, error) {
	var out [][]prefs.Message
	var seen []string
	for _, e := range held {
		key := promptText(e)
		if len(e.Prompt) == 0 || len(out) == most || slices.Contains(seen, key) || len(m.Template.Prompt(m.Tokenizer, e.Prompt))+8 > m.Config.Context {
			continue
		}
		seen, out = append(seen, key), append(out, e.Prompt)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("select_by reward: no prompt is held out to respond to (%d examples are, without a prompt or too long): raise validation", len(held))
	}
	return out, nil
}
