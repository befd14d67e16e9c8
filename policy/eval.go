package policy

import (
	"context"
	"math"

	"agora/policy/cpu"
)

// Evaluation is the mean negative log-likelihood of tokens.
type Evaluation struct {
	Loss       float64 `json:"loss"`       // nats per token
	Perplexity float64 `json:"perplexity"` // exp(loss)
	Tokens     int     `json:"n_tokens"`
}

// Evaluate scores the tokens that count. progress, if not nil, is told how many sequences are done.
func Evaluate(ctx context.Context, s *Scorer, seqs []Sequence, progress func(done int)) (Evaluation, error) {
	const part = 256 // sequences between two reports
	var sum float64
	var e Evaluation
	for at := 0; at < len(seqs); at += part {
		scores, err := s.Score(ctx, seqs[at:min(at+part, len(seqs))])
		if err != nil {
			return e, err
		}
		for _, score := range scores {
			sum -= score.Sum()
			e.Tokens += len(score.LogProbs)
		}
		if progress != nil {
			progress(min(at+part, len(seqs)))
		}
	}
	if e.Tokens > 0 {
		e.Loss = sum / float64(e.Tokens)
	}
	e.Perplexity = math.Exp(e.Loss)
	return e, nil
}

// lossOn makes the validation function of a training loop, nil if there is nothing to validate on.
func lossOn(dev *cpu.Device, m *Model, seqs []Sequence) (func(context.Context) (float64, error), error) {
	tokens := 0
	for _, s := range seqs {
		tokens += s.Counted()
	}
	if tokens == 0 {
		return nil, nil
	}
	scorer, err := NewScorer(dev, m, 0, 1)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (float64, error) {
		e, err := Evaluate(ctx, scorer, seqs, nil)
		return e.Loss, err
	}, nil
}

// sampleTo makes the sampling function of a training loop: a completion of each prompt at
// temperature 1 into samples.jsonl, with the same random numbers every time, so that they can be
// compared from step to step.
func sampleTo(dev *cpu.Device, run *RunDir, m *Model, prompts [][]int32, seed uint64) (func(context.Context, int) error, error) {
	longest := 0
	for _, p := range prompts {
		longest = max(longest, len(p))
	}
	maxNew := min(64, m.Config.Context-longest)
	if len(prompts) == 0 || maxNew < 1 {
		return nil, nil
	}
	s, err := NewSampler(dev, m, len(prompts), longest+maxNew)
	if err != nil {
		return nil, err
	}
	reqs := make([]Request, len(prompts))
	for i, p := range prompts {
		reqs[i] = Request{Prompt: p, Stream: int32(i)}
	}
	return func(ctx context.Context, step int) error {
		out, err := s.Sample(ctx, reqs, Sampling{MaxNew: maxNew, Temperature: 1, Seed: seed}, nil)
		if err != nil {
			return err
		}
		for i, c := range out {
			err := run.Sample(step, map[string]any{
				"prompt": m.Tokenizer.Text(prompts[i]), "completion": m.Text(c.Tokens), "finish": c.Finish, "logprob": c.Sum(),
			})
			if err != nil {
				return err
			}
		}
		return nil
	}, nil
}
