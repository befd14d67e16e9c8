package measure

import (
	"context"
	"fmt"
	"strings"

	"agora/policy"
	"agora/policy/cpu"
	"agora/reward"
	"agora/reward/prefs"
)

// Samples are one policy's, one for each prompt.
type Samples struct {
	Texts       []string  // prompt and completion
	Completions []string  // what was sampled
	Lengths     []float64 // tokens, the end included
	Turns       [][]prefs.Message
	Prompts     [][]int32 // as the policy read them
	Sampled     []policy.Sampled
}

// A Draw says how policies are sampled: the same prompts, the same random numbers, the same temperature
// for all that are compared.
type Draw struct {
	Dev         *cpu.Device
	Prompts     []*prefs.Prompt
	Seed        uint64
	MaxNew      int     // tokens
	Temperature float64 // divides the logits; KL is measured at it too
	WholeTexts  bool    // reward models read prompt and completion as one text without a prompt
}

// From samples every prompt once.
func (c Draw) From(ctx context.Context, m *policy.Model) (*Samples, error) {
	d := &Samples{}
	reqs := make([]policy.Request, len(c.Prompts))
	longest := 0
	for i, p := range c.Prompts {
		d.Prompts = append(d.Prompts, m.Template.Prompt(m.Tokenizer, p.Prompt))
		d.Turns = append(d.Turns, p.Prompt)
		reqs[i] = policy.Request{Prompt: d.Prompts[i], Stream: int32(i)}
		longest = max(longest, len(d.Prompts[i]))
	}
	s, err := policy.NewSampler(c.Dev, m, min(64, len(reqs)), longest+c.MaxNew)
	if err != nil {
		return nil, err
	}
	if d.Sampled, err = s.Sample(ctx, reqs, policy.Sampling{MaxNew: c.MaxNew, Temperature: c.Temperature, Seed: c.Seed}, nil); err != nil {
		return nil, err
	}
	for i, out := range d.Sampled {
		completion := m.Text(out.Tokens)
		d.Completions = append(d.Completions, completion)
		d.Texts = append(d.Texts, PromptText(c.Prompts[i].Prompt)+completion)
		d.Lengths = append(d.Lengths, float64(len(out.Tokens)))
	}
	return d, nil
}

// PromptText is the words of a prompt without its speakers.
func PromptText(turns []prefs.Message) string {
	var b strings.Builder
	for _, m := range turns {
		b.WriteString(m.Content)
	}
	return b.String()
}

// Score gives every sample the reward of a model.
func (c Draw) Score(ctx context.Context, m *reward.Model, d *Samples) ([]float64, error) {
	s, err := reward.NewScorer(c.Dev, m, 0)
	if err != nil {
		return nil, err
	}
	seqs := make([][]int32, len(d.Texts))
	for i := range seqs {
		turns, text := d.Turns[i], d.Completions[i]
		if c.WholeTexts {
			turns, text = nil, d.Texts[i]
		}
		if seqs[i], err = m.Encode(turns, text); err != nil {
			return nil, fmt.Errorf("sample %d: %w", i, err)
		}
	}
	scores, err := s.Score(ctx, seqs)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(scores))
	for i, x := range scores {
		out[i] = float64(x)
	}
	return out, nil
}

// KL is the mean over the samples of Σ (log π − log π₀), nats a response: d's own log-probabilities
// against those of the reference.
func (c Draw) KL(ctx context.Context, reference *policy.Model, d *Samples) (float64, error) {
	s, err := policy.NewScorer(c.Dev, reference, 0, c.Temperature)
	if err != nil {
		return 0, err
	}
	seqs := make([]policy.Sequence, len(d.Sampled))
	for i, out := range d.Sampled {
		seqs[i] = policy.Join(d.Prompts[i], out.Tokens)
	}
	scores, err := s.Score(ctx, seqs)
	if err != nil {
		return 0, err
	}
	var sum float64
	for i, out := range d.Sampled {
		sum += out.Sum() - scores[i].Sum()
	}
	return sum / float64(max(len(seqs), 1)), nil
}

// HeldOutLoss is the language-modelling loss on documents, nats per token; longer ones are cut at the context.
func HeldOutLoss(ctx context.Context, dev *cpu.Device, m *policy.Model, documents []string) (float64, error) {
	s, err := policy.NewScorer(dev, m, 0, 1)
	if err != nil {
		return 0, err
	}
	var seqs []policy.Sequence
	for _, doc := range documents {
		seq := policy.Join(m.Template.Prompt(m.Tokenizer, nil), m.Template.Completion(m.Tokenizer, doc))
		if n := m.Config.Context + 1; len(seq.Tokens) > n {
			seq.Tokens = seq.Tokens[:n]
		}
		seq.From = max(seq.From, 1)
		seqs = append(seqs, seq)
	}
	e, err := policy.Evaluate(ctx, s, seqs, nil)
	return e.Loss, err
}
