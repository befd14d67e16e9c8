package experiment

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"agora/policy"
	"agora/policy/base"
	"agora/policy/plot"
	"agora/ppo"
	"agora/ppo/measure"
	"agora/ppo/oneliners"
	"agora/reward/prefs"
)

// algorithms compares the ways from a reward model, or from the judgments themselves, to a policy.
var algorithms = experiment{
	name: "algorithms", title: "PPO, RLOO, GRPO, DPO and best-of-n", minutes: 20,
	claim: "From the same SFT policy, reward model and number of sampled responses, each method's policy is preferred to SFT by the judge.",
	seeds: 3, repeats: "every method but best of 16", full: everyOpening,
	run: runAlgorithms,
}

// sampledInAll is how many responses a method may sample to learn from: quickstart's 20 iterations of 128.
const sampledInAll = 2560

// method is one way to make a policy.
type method struct {
	name, note string
	make       func(ctx context.Context, w *world, seed int) (dir string, err error)
}

var methods = []method{
	{"PPO", "critic from the reward model, KL in the reward", func(ctx context.Context, w *world, seed int) (string, error) {
		return w.ppo(ctx, fmt.Sprintf("PPO, seed %d", seed), seed, Settings{"ptx_coef": 0})
	}},
	{"PPO-ptx", "with the pretraining mix", func(ctx context.Context, w *world, seed int) (string, error) {
		return w.ppo(ctx, fmt.Sprintf("PPO-ptx, seed %d", seed), seed, nil)
	}},
	{"RLOO", "leave-one-out baseline of 4 responses, no critic", func(ctx context.Context, w *world, seed int) (string, error) {
		return w.group(ctx, "rloo", seed, Settings{"samples_per_prompt": 4, "kl_coef": .15})
	}},
	{"GRPO", "advantages normalised within 8 responses, KL in the loss", func(ctx context.Context, w *world, seed int) (string, error) {
		return w.group(ctx, "grpo", seed, Settings{"samples_per_prompt": 8})
	}},
	{"DPO, sampled", "pairs of SFT's own responses, ranked by the reward model", func(ctx context.Context, w *world, seed int) (string, error) {
		data, err := w.rankedRollouts(ctx, seed)
		if err != nil {
			return "", err
		}
		return w.dpo(ctx, fmt.Sprintf("DPO on ranked rollouts, seed %d", seed), dpoSettings(seed), w.sft, data)
	}},
	{"DPO, people", "the people's own judgments of whole texts, no reward model", func(ctx context.Context, w *world, seed int) (string, error) {
		return w.dpo(ctx, fmt.Sprintf("DPO on the judgments, seed %d", seed), dpoSettings(seed), w.sft, w.data(oneliners.Pairs))
	}},
}

func dpoSettings(seed int) Settings {
	return Settings{"epochs": 1, "batch_pairs": 32, "beta": .1, "learning_rate": 2e-4, "seed": seed, "checkpoint_every": 0}
}

// group runs RLOO or GRPO on the same number of responses as PPO.
func (w *world) group(ctx context.Context, preset string, seed int, more Settings) (string, error) {
	common := oneliners.PPOSettings(seed)
	s := Settings{"preset": preset}
	for _, key := range []string{"iterations", "episodes", "minibatches", "max_new_tokens", "temperature", "score_samples", "missing_eos", "missing_eos_penalty",
		"learning_rate", "warmup_iterations", "length_control", "checkpoint_every", "sample_rows", "seed"} {
		s[key] = common[key]
	}
	s["epochs"] = 2
	return w.rl(ctx, fmt.Sprintf("%s, seed %d", preset, seed), s.With(more), rl{policy: w.sft, reward: w.rm, judge: w.judge, prompts: w.data(oneliners.Prompts)})
}

// rankedRollouts samples four responses to each of 640 openings from SFT and ranks them by the reward model.
func (w *world) rankedRollouts(ctx context.Context, seed int) (string, error) {
	const each = 4
	file := w.path("data", fmt.Sprintf("ranked-rollouts-%d.jsonl", seed))
	inputs := map[string]string{"policy": w.sft, "reward": w.rm, "prompts": w.data(oneliners.Prompts)}
	if _, err := kept(w.lab, "ranked-rollouts", []int{seed, each, sampledInAll}, inputs, func() (string, error) {
		return file, w.writeRollouts(ctx, file, seed, each)
	}); err != nil {
		return "", err
	}
	return file, nil
}

func (w *world) writeRollouts(ctx context.Context, file string, seed, each int) error {
	sft, err := policy.LoadPolicy(w.sft)
	if err != nil {
		return err
	}
	rm, _, err := w.judges()
	if err != nil {
		return err
	}
	var repeated []*prefs.Prompt
	all := oneliners.Openings(base.LoadHumour().On(base.PolicySide))
	for k := range sampledInAll / each {
		for range each {
			repeated = append(repeated, all[(k+seed*sampledInAll/each)%len(all)])
		}
	}
	c := w.draw(repeated)
	c.Seed = uint64(1000 + seed)
	d, err := c.From(ctx, sft)
	if err != nil {
		return err
	}
	scores, err := c.Score(ctx, rm, d)
	if err != nil {
		return err
	}
	_, err = prefs.Write(file, prefs.FormatRanked, rankedRows(repeated, d, scores, each), prefs.About{})
	return err
}

// rankedRows are the responses to each prompt in the order of their scores.
func rankedRows(prompts []*prefs.Prompt, d *measure.Samples, scores []float64, each int) iter.Seq2[prefs.Record, error] {
	return func(yield func(prefs.Record, error) bool) {
		for at := 0; at < len(prompts); at += each {
			r := &prefs.Ranked{PromptID: prompts[at].PromptID, Prompt: prompts[at].Prompt, Split: "train"}
			sorted := slices.Clone(scores[at : at+each])
			slices.SortFunc(sorted, func(a, b float64) int { return cmp.Compare(b, a) })
			for i := range each {
				r.Completions = append(r.Completions, prefs.Completion{ID: fmt.Sprintf("c%d", i), Text: d.Completions[at+i], Policy: "sft"})
				rank := slices.Index(sorted, scores[at+i]) + 1
				r.Ranks = append(r.Ranks, &rank)
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// bestOf16 are SFT's samples when the reward model may choose among 16.
func (w *world) bestOf16(ctx context.Context) (measured, error) {
	const n = 16
	inputs := map[string]string{"policy": w.sft, "reward": w.rm, "judge": w.judge}
	return kept(w.lab, "best-of-16", []int{n, len(w.openings), w.seed}, inputs, func() (out measured, err error) {
		sft, err := policy.LoadPolicy(w.sft)
		if err != nil {
			return out, err
		}
		rm, judge, err := w.judges()
		if err != nil {
			return out, err
		}
		var repeated []*prefs.Prompt
		for _, p := range w.openings {
			repeated = append(repeated, slices.Repeat([]*prefs.Prompt{p}, n)...)
		}
		c := w.draw(repeated)
		d, err := c.From(ctx, sft)
		if err != nil {
			return out, err
		}
		rewards, err := c.Score(ctx, rm, d)
		if err != nil {
			return out, err
		}
		judged, err := c.Score(ctx, judge, d)
		if err != nil {
			return out, err
		}
		var texts []string
		for at := 0; at < len(rewards); at += n {
			best := at
			for i := at; i < at+n; i++ {
				if rewards[i] > rewards[best] {
					best = i
				}
			}
			out.Reward, out.Judge = append(out.Reward, rewards[best]), append(out.Judge, judged[best])
			out.Length += d.Lengths[best] / float64(len(rewards)/n)
			texts = append(texts, d.Texts[best])
		}
		out.KL, out.Distinct, out.Texts = ppo.BestOfNKL(n), measure.Distinct2(texts), shown(texts)
		out.Loss, err = measure.HeldOutLoss(ctx, w.dev, sft, base.HeldOut())
		return out, err
	})
}

func runAlgorithms(ctx context.Context, l *lab, o options, r *report) error {
	w, err := openWorld(ctx, l, o.full)
	if err != nil {
		return err
	}
	sft, err := w.measure(ctx, w.sft, "")
	if err != nil {
		return err
	}
	var all []tried
	for _, m := range methods {
		t := tried{name: m.name}
		for seed := range o.seeds {
			dir, err := m.make(ctx, w, seed)
			if err != nil {
				return err
			}
			got, err := w.measure(ctx, model(dir), "")
			if err != nil {
				return err
			}
			t.runs = append(t.runs, got)
		}
		all = append(all, t)
	}
	best, err := w.bestOf16(ctx)
	if err != nil {
		return err
	}
	reportAlgorithms(r, sft, all, best)
	return nil
}

// tried is a method with the samples of its policies, by seed.
type tried struct {
	name string
	runs []measured
}

func reportAlgorithms(r *report, sft measured, all []tried, best measured) {
	rows := [][]string{row("SFT", []measured{sft}, sft)}
	names, texts := []string{"SFT"}, [][]string{sft.Texts}
	lowest, worst := math.Inf(1), ""
	for _, t := range all {
		rows = append(rows, row(t.name, t.runs, sft))
		names, texts = append(names, t.name), append(texts, t.runs[0].Texts)
		win, between, each := winRate(t.runs, sft)
		r.Numbers[t.name] = map[string]any{"win_rate": win, "seeds": each, "between_seeds": between, "kl": over(t.runs, klOf), "lm_loss": over(t.runs, lossOf)}
		if win.Lo < lowest {
			lowest, worst = win.Lo, t.name
		}
	}
	learned := all
	all = append(slices.Clip(all), tried{"best of 16", []measured{best}})
	rows = append(rows, row("best of 16", []measured{best}, sft))
	names, texts = append(names, "best of 16"), append(texts, best.Texts)
	r.say("All start from the same SFT policy and, but for \"DPO, people\", learn from the same reward model and %d sampled responses (best-of-n learns nothing: it samples 16 for every answer). Win rate over SFT by the judge on %d openings of texts that no policy learned from; seeds: %d.", sampledInAll, len(sft.Judge), len(learned[0].runs))
	r.table([]string{"method", "win rate over SFT, judge", "± seeds, points", "judge", "reward", "KL, nats", "length", "distinct-2", "held-out loss"}, rows)
	r.chart("win-rate", winsByKL(all, sft))
	r.say("Pale points are the seeds, strong ones their mean with its 95 %% interval. The methods were not brought to the same distance from SFT: compare those that stand above each other.")
	for _, m := range methods {
		r.say("- %s: %s.", m.name, m.note)
	}
	r.samples(names, texts...)
	r.verdict(lowest > .5, "The lowest win rate is that of %s, whose interval begins at %.1f %%.", worst, 100*lowest)
}

// winsByKL draws what each method gains for how far it goes.
func winsByKL(all []tried, sft measured) plot.Chart {
	c := plot.Chart{Title: "Win rate over SFT against the distance from it", X: "KL from SFT, nats a response", Y: "win rate over SFT by the judge, %"}
	furthest := 0.0
	for _, t := range all {
		win, _, each := winRate(t.runs, sft)
		s := plot.Series{Name: t.name}
		for i := range t.runs {
			furthest = math.Max(furthest, t.runs[i].KL)
			if len(t.runs) > 1 {
				s.Points = append(s.Points, plot.Point{X: t.runs[i].KL, Y: 100 * each[i], Small: true})
			}
		}
		s.Points = append(s.Points, plot.Point{X: over(t.runs, klOf), Y: 100 * win.Value, Lo: 100 * win.Lo, Hi: 100 * win.Hi})
		c.Series = append(c.Series, s)
	}
	c.Series = append(c.Series, plot.Level("as good as SFT", 50, 0, 1.25*furthest))
	return c
}

// row is one policy of a comparison.
func row(name string, runs []measured, sft measured) []string {
	win, between, _ := winRate(runs, sft)
	cells := []string{name, percent(win), num(100 * between)}
	if name == "SFT" {
		cells = []string{name, "–", "–"}
	}
	for _, of := range []func(measured) float64{
		func(m measured) float64 { return measure.Mean(m.Judge) }, func(m measured) float64 { return measure.Mean(m.Reward) },
		klOf, func(m measured) float64 { return m.Length }, func(m measured) float64 { return m.Distinct }, lossOf,
	} {
		cells = append(cells, num(over(runs, of)))
	}
	return cells
}
