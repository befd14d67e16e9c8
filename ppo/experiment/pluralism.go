package experiment

import (
	"context"
	"fmt"

	"agora/policy"
	"agora/policy/base"
	"agora/policy/plot"
	"agora/ppo/measure"
	"agora/ppo/oneliners"
	"agora/reward"
)

// pluralism asks what becomes of a minority (Chakraborty et al. 2024, arXiv:2402.08925).
var pluralism = experiment{
	name: "pluralism", title: "One reward, weighted rewards, and max-min for two groups of three to one", minutes: 35,
	claim: "Against a single reward model, max-min raises the minority's win rate over SFT by at least 10 points and costs the majority at most 10, each by that group's own held-out gold model.",
	seeds: 3, repeats: "PPO against every reward", full: "PPO for 48 iterations, not 24", data: true,
	run: runPluralism,
}

// registerTokens bounds an answer.
const registerTokens = 40

// village is what the pluralism experiment works with.
type village struct {
	*lab
	files                  registerFiles
	base, sft              string
	single, weighted, both string            // reward models: of all labelers alike, raked to one half, with a head for each group
	gold                   map[string]string // reward models by taste, of the other half of the questions
}

func openVillage(ctx context.Context, l *lab, data string) (*village, error) {
	v := &village{lab: l, base: l.path("base"), gold: map[string]string{}}
	if err := base.WriteModel(v.base); err != nil {
		return nil, err
	}
	var err error
	if v.files, err = writeRegisters(l, data); err != nil {
		return nil, err
	}
	sft, err := l.sft(ctx, "SFT on answers in all registers", Settings{"epochs": 3, "batch_examples": 32, "learning_rate": 8e-4, "dropout": .05, "validation": .05, "store": "fp32", "sample_every": 0}, v.base, v.files.demos)
	if err != nil {
		return nil, err
	}
	v.sft = model(sft)
	settings := Settings{"epochs": 3, "batch_prompts": 16, "learning_rate": 5e-4, "dropout": .1, "val_prompts": .1, "val_workers": 0}
	for _, rm := range []struct {
		into        *string
		title, data string
		more        Settings
	}{
		{&v.single, "one reward model for all", v.files.single, nil},
		{&v.weighted, "one reward model, groups weighted alike", v.files.weighted, nil},
		{&v.both, "a reward model with a head for each group", v.files.single, Settings{"group_by": "taste", "group_heads": true}},
	} {
		run, err := l.reward(ctx, rm.title, settings.With(rm.more), v.sft, rm.data)
		if err != nil {
			return nil, err
		}
		*rm.into = model(run)
	}
	trunk, err := l.pretrain(ctx, "the golds' trunk", oneliners.JudgeTrunkSettings(l.seed).With(Settings{"steps": 300}), v.base, l.path("data", oneliners.Mix))
	if err != nil {
		return nil, err
	}
	for _, t := range tastes {
		run, err := l.reward(ctx, "gold model of the "+t.name, Settings{"epochs": 3, "batch_prompts": 16, "learning_rate": 1e-3, "dropout": .1, "val_prompts": .1, "seed": 1000}, model(trunk), v.files.gold[t.name])
		if err != nil {
			return nil, err
		}
		v.gold[t.name] = model(run)
	}
	return v, nil
}

// asGroupsSee are one policy's samples on the evaluation questions, by the golds' scores.
type asGroupsSee struct {
	Gold   map[string][]float64 `json:"gold"` // by taste, by question
	KL     float64              `json:"kl"`
	Length float64              `json:"length"`
	Texts  []string             `json:"texts"`
}

func (v *village) measure(ctx context.Context, dir string) (asGroupsSee, error) {
	inputs := map[string]string{"policy": dir, "sft": v.sft}
	for name, gold := range v.gold {
		inputs["gold-"+name] = gold
	}
	return kept(v.lab, "registers", []int{registerTokens, v.seed}, inputs, func() (out asGroupsSee, err error) {
		m, err := policy.LoadPolicy(dir)
		if err != nil {
			return out, err
		}
		sft, err := policy.LoadPolicy(v.sft)
		if err != nil {
			return out, err
		}
		c := measure.Draw{Dev: v.dev, Prompts: v.files.eval, Seed: uint64(v.seed), MaxNew: registerTokens, Temperature: 1}
		d, err := c.From(ctx, m)
		if err != nil {
			return out, err
		}
		out.Gold = map[string][]float64{}
		for name, gold := range v.gold {
			g, err := reward.Load(gold)
			if err != nil {
				return out, err
			}
			if out.Gold[name], err = c.Score(ctx, g, d); err != nil {
				return out, err
			}
		}
		out.Length, out.Texts = measure.Mean(d.Lengths), shown(d.Texts)
		out.KL, err = c.KL(ctx, sft, d)
		return out, err
	})
}

func runPluralism(ctx context.Context, l *lab, o options, r *report) error {
	if err := oneliners.WriteData(l.path("data"), base.LoadHumour()); err != nil {
		return err
	}
	v, err := openVillage(ctx, l, o.data)
	if err != nil {
		return err
	}
	sft, err := v.measure(ctx, v.sft)
	if err != nil {
		return err
	}
	found := pluralResult{sft: sft, questions: len(v.files.eval)}
	if found.accuracies, err = v.accuracies(); err != nil {
		return err
	}
	iterations := 24
	if o.full {
		iterations *= 2
	}
	for _, w := range []way{
		{name: "single reward model", in: rl{reward: v.single}},
		{name: "groups weighted alike", in: rl{reward: v.weighted}},
		{name: "mean of two heads", in: rl{more: heads(v.both)}, set: Settings{"reward_combine": "mean"}},
		{name: "max-min of two heads", in: rl{more: heads(v.both)}, set: Settings{"reward_combine": "max-min"}},
	} {
		for seed := range o.seeds {
			w.in.policy, w.in.prompts = v.sft, v.files.prompts
			s := Settings{"iterations": iterations, "episodes": 128, "epochs": 2, "minibatches": 2, "max_new_tokens": registerTokens, "temperature": 1, "score_samples": 256,
				"missing_eos": "subtract", "missing_eos_penalty": 2, "kl_coef": .2, "learning_rate": 5e-4, "value_learning_rate": 1e-3, "warmup_iterations": 2, "checkpoint_every": 4, "seed": seed}
			run, err := l.rl(ctx, fmt.Sprintf("PPO, %s, seed %d", w.name, seed), s.With(w.set), w.in)
			if err != nil {
				return err
			}
			m, err := v.measure(ctx, model(run))
			if err != nil {
				return err
			}
			w.runs = append(w.runs, m)
		}
		found.ways = append(found.ways, w)
	}
	reportPluralism(r, found)
	return nil
}

// heads names every group's reward in a model that has a head for each.
func heads(dir string) []string {
	var out []string
	for _, t := range tastes {
		out = append(out, dir+"#"+t.name)
	}
	return out
}

// way is one answer to the question of whose preferences count.
type way struct {
	name string
	in   rl
	set  Settings
	runs []asGroupsSee
}

// wins are the win rates over SFT by the gold model of a taste.
func (w way) wins(taste string, sft asGroupsSee) (measure.Rate, float64) {
	var runs []measured
	for _, run := range w.runs {
		runs = append(runs, measured{Judge: run.Gold[taste]})
	}
	rate, between, _ := winRate(runs, measured{Judge: sft.Gold[taste]})
	return rate, between
}

// pluralResult is what was measured.
type pluralResult struct {
	accuracies string // of the reward models, in words
	questions  int    // that policies are compared on
	sft        asGroupsSee
	ways       []way
}

func reportPluralism(r *report, found pluralResult) {
	sft, ways := found.sft, found.ways
	r.say("Questions with answers in five registers. Three labelers in four are *lively*: they like entertaining answers best, poetic ones next and plain ones (normal, academic, business) least. One in four is *earnest*: poetic best, plain next, entertaining least. SFT writes plain answers eight times in ten. The rankings follow the registers by rule; no person gave them. The gold models learned each group's rankings of the other half of the questions, on another trunk; policies are compared on those %d questions; seeds: %d.", found.questions, len(ways[0].runs))
	r.say("%s", found.accuracies)
	var table [][]string
	chart := plot.Chart{Title: "Win rate over SFT, by each group's own gold model", X: "majority (lively): win rate, %", Y: "minority (earnest): win rate, %"}
	names, texts := []string{"SFT"}, [][]string{sft.Texts}
	for _, w := range ways {
		major, majorSeeds := w.wins(tastes[0].name, sft)
		minor, minorSeeds := w.wins(tastes[1].name, sft)
		kl := 0.0
		for _, run := range w.runs {
			kl += run.KL / float64(len(w.runs))
		}
		table = append(table, []string{w.name, percent(major), num(100 * majorSeeds), percent(minor), num(100 * minorSeeds), num(kl)})
		chart.Series = append(chart.Series, plot.Series{Name: w.name, Points: []plot.Point{{X: 100 * major.Value, XLo: 100 * major.Lo, XHi: 100 * major.Hi, Y: 100 * minor.Value, Lo: 100 * minor.Lo, Hi: 100 * minor.Hi}}})
		names, texts = append(names, w.name), append(texts, w.runs[0].Texts)
		r.Numbers[w.name] = map[string]any{"majority": major, "minority": minor, "kl": kl}
	}
	r.table([]string{"reward in PPO", "majority's win rate", "± seeds", "minority's win rate", "± seeds", "KL, nats"}, table)
	r.chart("groups", chart)
	r.samples(names, texts...)
	one, maxmin := ways[0], ways[len(ways)-1]
	majorOne, _ := one.wins(tastes[0].name, sft)
	minorOne, _ := one.wins(tastes[1].name, sft)
	majorMax, _ := maxmin.wins(tastes[0].name, sft)
	minorMax, _ := maxmin.wins(tastes[1].name, sft)
	gain, cost := 100*(minorMax.Value-minorOne.Value), 100*(majorOne.Value-majorMax.Value)
	r.Numbers["minority_gain"], r.Numbers["majority_cost"] = gain, cost
	r.verdict(gain >= 10 && cost <= 10, "From a single reward model to max-min the minority's win rate goes from %s to %s (%+.1f points) and the majority's from %s to %s (%+.1f).",
		percent(minorOne), percent(minorMax), gain, percent(majorOne), percent(majorMax), -cost)
}

// accuracies says how well the models know what they were trained for, on validation questions.
func (v *village) accuracies() (string, error) {
	text := "Accuracy on questions held out from each model's own training:"
	for _, m := range []struct{ name, dir string }{
		{"one reward model for all", v.single}, {"weighted", v.weighted}, {"two heads, each on its group", v.both},
		{"gold of the lively", v.gold[tastes[0].name]}, {"gold of the earnest", v.gold[tastes[1].name]},
	} {
		manifest, err := manifestOf(m.dir)
		if err != nil {
			return "", err
		}
		text += fmt.Sprintf(" %s %.1f %%;", m.name, 100*manifest.Metrics["eval_accuracy"])
	}
	return text[:len(text)-1] + ".", nil
}
