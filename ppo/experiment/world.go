package experiment

import (
	"context"
	"fmt"

	"agora/policy"
	"agora/policy/base"
	"agora/ppo/measure"
	"agora/ppo/oneliners"
	"agora/reward"
	"agora/reward/prefs"
)

// world is what the experiments on one-liners share: the bundled base model, SFT on half of the texts, a
// reward model of that half's judgments, and the judge of the other half's.
type world struct {
	*lab
	base, sft, rm, judge string          // model directories
	openings             []*prefs.Prompt // of texts that no policy learned from: policies are compared on them
}

// evalPrompts is how many openings policies are compared on, and everyOpening the --full of it.
const (
	evalPrompts  = 512
	everyOpening = "policies are compared on all 1508 openings, not on 512"
)

// openWorld writes the bundled data and trains what is shared, with quickstart's recipe. Policies are
// compared on some openings, or on all.
func openWorld(ctx context.Context, l *lab, all bool) (*world, error) {
	w := &world{lab: l, base: l.path("base"), openings: oneliners.Openings(base.LoadHumour().On(base.JudgeSide))}
	if !all {
		w.openings = w.openings[:min(evalPrompts, len(w.openings))]
	}
	if err := oneliners.WriteData(l.path("data"), base.LoadHumour()); err != nil {
		return nil, err
	}
	if err := base.WriteModel(w.base); err != nil {
		return nil, err
	}
	sft, err := l.sft(ctx, "SFT on one-liners", oneliners.SFTSettings(l.seed), w.base, w.data(oneliners.Demos))
	if err != nil {
		return nil, err
	}
	w.sft = model(sft)
	rm, err := l.reward(ctx, "reward model", oneliners.RewardSettings(l.seed), w.sft, w.data(oneliners.Pairs))
	if err != nil {
		return nil, err
	}
	w.rm = model(rm)
	trunk, err := l.pretrain(ctx, "the judge's trunk", oneliners.JudgeTrunkSettings(l.seed), w.base, w.data(oneliners.Mix))
	if err != nil {
		return nil, err
	}
	judge, err := l.reward(ctx, "judge", oneliners.JudgeSettings(l.seed), model(trunk), w.data(oneliners.JudgePairs))
	w.judge = model(judge)
	return w, err
}

func (w *world) data(file string) string { return w.path("data", file) }

// ppo runs quickstart's PPO with further settings on top.
func (w *world) ppo(ctx context.Context, title string, seed int, more Settings) (string, error) {
	s := oneliners.PPOSettings(seed).With(more)
	return w.rl(ctx, title, s, rl{policy: w.sft, reward: w.rm, judge: w.judge, prompts: w.data(oneliners.Prompts), ptx: w.data(oneliners.Mix)})
}

// measured are one policy's samples on the evaluation openings, by numbers.
type measured struct {
	Judge    []float64 `json:"judge"`  // by prompt
	Reward   []float64 `json:"reward"` // by prompt
	KL       float64   `json:"kl"`     // from SFT, nats a response
	Length   float64   `json:"length"` // tokens
	Distinct float64   `json:"distinct2"`
	Loss     float64   `json:"lm_loss"` // nats per token, on held-out text of the base model's sources
	Texts    []string  `json:"texts"`   // the first ten prompts, openings included
}

// draw is how policies are sampled for comparison.
func (w *world) draw(prompts []*prefs.Prompt) measure.Draw {
	return measure.Draw{Dev: w.dev, Prompts: prompts, Seed: uint64(w.seed), MaxNew: oneliners.MaxNewTokens, Temperature: oneliners.Temperature, WholeTexts: true}
}

// measure samples a policy on openings and measures the samples. prefix goes before every opening and is
// not part of the text that is judged.
func (w *world) measure(ctx context.Context, dir, prefix string) (measured, error) {
	inputs := map[string]string{"policy": dir, "sft": w.sft, "reward": w.rm, "judge": w.judge}
	return kept(w.lab, "samples", map[string]any{"prefix": prefix, "prompts": len(w.openings), "seed": w.seed}, inputs, func() (measured, error) {
		m, err := policy.LoadPolicy(dir)
		if err != nil {
			return measured{}, err
		}
		return w.measureModel(ctx, m, prefix)
	})
}

func (w *world) measureModel(ctx context.Context, m *policy.Model, prefix string) (out measured, err error) {
	rm, judge, err := w.judges()
	if err != nil {
		return out, err
	}
	plain := w.openings
	asked := make([]*prefs.Prompt, len(plain))
	for i, p := range plain {
		asked[i] = &prefs.Prompt{PromptID: p.PromptID, Prompt: prefs.Plain(prefix + measure.PromptText(p.Prompt))}
	}
	d, err := w.draw(asked).From(ctx, m)
	if err != nil {
		return out, err
	}
	for i, p := range plain {
		d.Texts[i] = measure.PromptText(p.Prompt) + d.Completions[i]
	}
	if out.Reward, err = w.draw(plain).Score(ctx, rm, d); err != nil {
		return out, err
	}
	if out.Judge, err = w.draw(plain).Score(ctx, judge, d); err != nil {
		return out, err
	}
	if prefix == "" {
		sft, err := policy.LoadPolicy(w.sft)
		if err != nil {
			return out, err
		}
		if out.KL, err = w.draw(plain).KL(ctx, sft, d); err != nil {
			return out, err
		}
	}
	out.Length, out.Distinct, out.Texts = measure.Mean(d.Lengths), measure.Distinct2(d.Texts), shown(d.Texts)
	out.Loss, err = measure.HeldOutLoss(ctx, w.dev, m, base.HeldOut())
	return out, err
}

func (w *world) judges() (rm, judge *reward.Model, err error) {
	if rm, err = reward.Load(w.rm); err != nil {
		return nil, nil, fmt.Errorf("reward model: %w", err)
	}
	judge, err = reward.Load(w.judge)
	return rm, judge, err
}

// shown takes ten texts evenly from all: no choosing, but for the word filter.
func shown(texts []string) []string {
	const n = 10
	var out []string
	for k := range min(n, len(texts)) {
		text := texts[k*len(texts)/n]
		if base.Offends(text) != "" {
			text = "(hidden by the word filter)"
		}
		out = append(out, text)
	}
	return out
}
