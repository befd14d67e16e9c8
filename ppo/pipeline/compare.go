package pipeline

import (
	"context"
	"fmt"
	"strings"

	"agora/policy"
	"agora/policy/base"
	"agora/policy/cpu"
	"agora/reward"
	"agora/reward/prefs"
)

// drawn are one policy's samples, one for each evaluation prompt.
type drawn struct {
	texts       []string  // prompt and completion
	completions []string  // what was sampled
	lengths     []float64 // tokens, the end included
	rewards     []float64
	judged      []float64
	sampled     []policy.Sampled
	prompts     [][]int32
}

// comparison measures SFT against PPO: the same prompts, the same random numbers, the same temperature.
type comparison struct {
	dev     *cpu.Device
	prompts []*prefs.Prompt
	seed    uint64
	maxNew  int
}

// draw samples every prompt once.
func (c comparison) draw(ctx context.Context, m *policy.Model) (*drawn, error) {
	d := &drawn{}
	reqs := make([]policy.Request, len(c.prompts))
	longest := 0
	for i, p := range c.prompts {
		d.prompts = append(d.prompts, m.Template.Prompt(m.Tokenizer, p.Prompt))
		reqs[i] = policy.Request{Prompt: d.prompts[i], Stream: int32(i)}
		longest = max(longest, len(d.prompts[i]))
	}
	s, err := policy.NewSampler(c.dev, m, 64, longest+c.maxNew)
	if err != nil {
		return nil, err
	}
	if d.sampled, err = s.Sample(ctx, reqs, policy.Sampling{MaxNew: c.maxNew, Temperature: temperature, Seed: c.seed}, nil); err != nil {
		return nil, err
	}
	for i, out := range d.sampled {
		completion := m.Template.Text(m.Tokenizer, out.Tokens)
		d.completions = append(d.completions, completion)
		d.texts = append(d.texts, promptText(c.prompts[i])+completion)
		d.lengths = append(d.lengths, float64(len(out.Tokens)))
	}
	return d, nil
}

func promptText(p *prefs.Prompt) string {
	var b strings.Builder
	for _, m := range p.Prompt {
		b.WriteString(m.Content)
	}
	return b.String()
}

// score gives every text the reward of a model.
func (c comparison) score(ctx context.Context, m *reward.Model, d *drawn) ([]float64, error) {
	s, err := reward.NewScorer(c.dev, m, 0)
	if err != nil {
		return nil, err
	}
	seqs := make([][]int32, len(d.texts))
	for i, text := range d.texts {
		if seqs[i], err = m.Encode(nil, text); err != nil {
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

// kl is the mean over the samples of Σ (log π − log π₀), nats a response: d's own log-probabilities
// against those of the reference.
func (c comparison) kl(ctx context.Context, reference *policy.Model, d *drawn) (float64, error) {
	s, err := policy.NewScorer(c.dev, reference, 0, temperature)
	if err != nil {
		return 0, err
	}
	seqs := make([]policy.Sequence, len(d.sampled))
	for i, out := range d.sampled {
		seqs[i] = policy.Join(d.prompts[i], out.Tokens)
	}
	scores, err := s.Score(ctx, seqs)
	if err != nil {
		return 0, err
	}
	var sum float64
	for i, out := range d.sampled {
		sum += out.Sum() - scores[i].Sum()
	}
	return sum / float64(max(len(seqs), 1)), nil
}

// heldOutLoss is the language-modelling loss on text that nothing was trained on, nats per token.
func (c comparison) heldOutLoss(ctx context.Context, m *policy.Model) (float64, error) {
	s, err := policy.NewScorer(c.dev, m, 0, 1)
	if err != nil {
		return 0, err
	}
	var seqs []policy.Sequence
	for _, doc := range base.HeldOut() {
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

// compare fills in the PPO part of the report.
func (c comparison) compare(ctx context.Context, sft, ppo *policy.Model, rm, judge *reward.Model, known map[string]bool) (PPOPart, [2]*drawn, error) {
	var both [2]*drawn
	var out PPOPart
	for i, m := range []*policy.Model{sft, ppo} {
		d, err := c.draw(ctx, m)
		if err != nil {
			return out, both, err
		}
		if d.rewards, err = c.score(ctx, rm, d); err != nil {
			return out, both, err
		}
		if d.judged, err = c.score(ctx, judge, d); err != nil {
			return out, both, err
		}
		both[i] = d
	}
	a, b := both[0], both[1]
	win := winRate(b.judged, a.judged)
	out = PPOPart{
		WinRate: win.Value, CI95: [2]float64{win.Lo, win.Hi}, N: len(c.prompts),
		RewardSFT: mean(a.rewards), RewardPPO: mean(b.rewards), JudgeSFT: mean(a.judged), JudgePPO: mean(b.judged),
		Distinct2SFT: distinct2(a.texts), Distinct2PPO: distinct2(b.texts),
		DistinctSFT: distinctShare(a.texts), DistinctPPO: distinctShare(b.texts),
		LengthSFT: mean(a.lengths), LengthPPO: mean(b.lengths),
		VerbatimSFT: verbatimShare(a.texts, known), VerbatimPPO: verbatimShare(b.texts, known),
	}
	var err error
	if out.KL, err = c.kl(ctx, sft, b); err != nil {
		return out, both, err
	}
	if out.LossSFT, err = c.heldOutLoss(ctx, sft); err != nil {
		return out, both, err
	}
	out.LossPPO, err = c.heldOutLoss(ctx, ppo)
	return out, both, err
}
