package experiment

import (
	"context"
	"fmt"
	"strings"

	"agora/policy"
	"agora/policy/plot"
	"agora/ppo/measure"
	"agora/ppo/oneliners"
)

// size is the headline of the paper at our scale: InstructGPT of 1.3 billion parameters was preferred to
// GPT-3 of 175 billion (Ouyang et al. 2022, figure 1).
var size = experiment{
	name: "size", title: "Alignment beats size", minutes: 15,
	claim: "A small policy after SFT and PPO is preferred to a model more than ten times its size that was only pretrained, also when that one is shown examples first.",
	seeds: 3, repeats: "PPO of the small model", full: everyOpening,
	run: runSize,
}

// smallSettings pretrain the small model as the bundled one was: the same text, tokenizer and number of passes.
func smallSettings() Settings {
	return Settings{
		"documents": policy.DocumentLine, "family": "llama", "layers": 3, "width": 48, "heads": 3, "kv_heads": 3, "ffn": 128, "context": 128, "tied": true,
		"epochs": 3, "batch_sequences": 16, "learning_rate": 6e-3, "learning_rate_floor": .03, "warmup_steps": 100, "weight_decay": .1,
		"validation": .01, "eval_every": 500, "checkpoint_every": 200, "sample_every": 0, "seed": 2,
	}
}

// shots are three lines of our own, shown to the big model before the opening.
const shots = "Short jokes, one a line.\nI used to be a baker, but I could not make enough dough.\nMy clock is so slow that it is right once a week.\nThe broom was late because it overswept.\n"

func runSize(ctx context.Context, l *lab, o options, r *report) error {
	w, err := openWorld(ctx, l, o.full)
	if err != nil {
		return err
	}
	small, err := l.pretrain(ctx, "pretraining the small model", smallSettings(), w.base, w.data(oneliners.Mix))
	if err != nil {
		return err
	}
	sft, err := l.sft(ctx, "SFT of the small model", oneliners.SFTSettings(l.seed).With(Settings{"learning_rate": 2e-3, "epochs": 3}), model(small), w.data(oneliners.Demos))
	if err != nil {
		return err
	}
	var s sizes
	if s.small, err = params(model(small)); err != nil {
		return err
	}
	if s.big, err = params(w.base); err != nil {
		return err
	}
	for seed := range o.seeds {
		run, err := w.rl(ctx, fmt.Sprintf("PPO of the small model, seed %d", seed), oneliners.PPOSettings(seed).With(Settings{"learning_rate": 1e-3}),
			rl{policy: model(sft), reward: w.rm, judge: w.judge, prompts: w.data(oneliners.Prompts), ptx: w.data(oneliners.Mix)})
		if err != nil {
			return err
		}
		m, err := w.measure(ctx, model(run), "")
		if err != nil {
			return err
		}
		s.aligned = append(s.aligned, m)
	}
	for _, m := range []struct {
		into        *measured
		dir, prefix string
	}{{&s.plain, w.base, ""}, {&s.prompted, w.base, shots}, {&s.smallSFT, model(sft), ""}, {&s.unaligned, model(small), ""}, {&s.bigSFT, w.sft, ""}} {
		if *m.into, err = w.measure(ctx, m.dir, m.prefix); err != nil {
			return err
		}
	}
	reportSize(r, s)
	return nil
}

// sizes are the two models' parameters and all policies' samples.
type sizes struct {
	small, big              int
	unaligned, smallSFT     measured
	aligned                 []measured // by seed
	plain, prompted, bigSFT measured
}

func reportSize(r *report, s sizes) {
	r.say("The big model is agora's bundled base model, %s parameters, pretrained only; the small one has %s, %.1f times fewer, was pretrained on the same text, and then fine-tuned and aligned with quickstart's recipe and reward model, seeds: %d. The judge learned from judgments of texts that neither saw. Win rates are on %d openings.",
		count(s.big), count(s.small), float64(s.big)/float64(s.small), len(s.aligned), len(s.plain.Judge))
	var table [][]string
	chart := plot.Chart{Title: "Win rates over the big model, pretrained only", X: "win rate by the judge, %"}
	overPlain, overPrompted := plot.Series{Name: "over the big model"}, plot.Series{Name: "over the big model that is shown three examples first"}
	for k, row := range []struct {
		name   string
		params int
		runs   []measured
	}{
		{"small, pretrained", s.small, []measured{s.unaligned}}, {"small, SFT", s.small, []measured{s.smallSFT}}, {"small, SFT + PPO", s.small, s.aligned},
		{"big, pretrained", s.big, []measured{s.plain}}, {"big, pretrained, three examples first", s.big, []measured{s.prompted}}, {"big, SFT", s.big, []measured{s.bigSFT}},
	} {
		a, _, _ := winRate(row.runs, s.plain)
		b, between, _ := winRate(row.runs, s.prompted)
		table = append(table, []string{row.name, count(row.params), percent(a), percent(b), num(100 * between), num(over(row.runs, func(m measured) float64 { return measure.Mean(m.Judge) })), num(over(row.runs, func(m measured) float64 { return m.Length }))})
		chart.Rows = append(chart.Rows, strings.Replace(row.name, "pretrained, three", "three", 1)+fmt.Sprintf(" (%.2f M)", float64(row.params)/1e6))
		if row.name != "big, pretrained" {
			overPlain.Points = append(overPlain.Points, across(float64(k)-.12, a))
		}
		if row.name != "big, pretrained, three examples first" {
			overPrompted.Points = append(overPrompted.Points, across(float64(k)+.12, b))
		}
	}
	r.table([]string{"policy", "parameters", "win rate over the big pretrained", "… with three examples", "± seeds, points", "judge", "length"}, table)
	chart.Series = []plot.Series{overPlain, overPrompted, {Name: "as good", Line: true, Dashed: true, Bare: true, Points: []plot.Point{{X: 50, Y: -.5}, {X: 50, Y: float64(len(chart.Rows)) - .5}}}}
	r.chart("win-rates", chart)
	r.say("In brackets: millions of parameters. Bars are 95 %% intervals.")
	a, _, _ := winRate(s.aligned, s.plain)
	b, _, _ := winRate(s.aligned, s.prompted)
	r.Numbers["small_params"], r.Numbers["big_params"], r.Numbers["win_rate"], r.Numbers["win_rate_prompted"] = s.small, s.big, a, b
	r.samples([]string{"big, pretrained", "big, three examples first", "small, SFT + PPO"}, s.plain.Texts, s.prompted.Texts, s.aligned[0].Texts)
	r.verdict(a.Lo > .5 && b.Lo > .5 && s.big >= 10*s.small, "The aligned model of %s parameters is preferred to the pretrained one of %s on %s of the openings, and on %s when that one is shown three examples first.",
		count(s.small), count(s.big), percent(a), percent(b))
}

// params counts a model's weights; a tied embedding counts once.
func params(dir string) (int, error) {
	m, err := policy.LoadPolicy(dir)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, p := range m.Params.List() {
		n += len(p.Data)
	}
	return n, nil
}

func count(n int) string { return fmt.Sprintf("%.2f million", float64(n)/1e6) }
