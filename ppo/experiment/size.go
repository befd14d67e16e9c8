package experiment

import (
	"context"
	"fmt"

	"agora/policy"
	"agora/ppo/measure"
	"agora/ppo/oneliners"
)

// size is the headline of the paper at our scale: InstructGPT of 1.3 billion parameters was preferred to
// GPT-3 of 175 billion (Ouyang et al. 2022, figure 1).
var size = experiment{
	name: "size", title: "Alignment beats size", minutes: 15,
	claim: "A small policy after SFT and PPO is preferred to a model more than ten times its size that was only pretrained, also when that one is shown examples first.",
	run:   runSize,
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
	w, err := openWorld(ctx, l)
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
	smallParams, err := params(model(small))
	if err != nil {
		return err
	}
	bigParams, err := params(w.base)
	if err != nil {
		return err
	}
	var aligned []measured
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
		aligned = append(aligned, m)
	}
	plain, err := w.measure(ctx, w.base, "")
	if err != nil {
		return err
	}
	prompted, err := w.measure(ctx, w.base, shots)
	if err != nil {
		return err
	}
	smallSFT, err := w.measure(ctx, model(sft), "")
	if err != nil {
		return err
	}
	unaligned, err := w.measure(ctx, model(small), "")
	if err != nil {
		return err
	}
	bigSFT, err := w.measure(ctx, w.sft, "")
	if err != nil {
		return err
	}
	r.say("The big model is agora's bundled base model, %s parameters, pretrained only; the small one has %s, %.1f times fewer, was pretrained on the same text, and then fine-tuned and aligned with quickstart's recipe and reward model. The judge learned from judgments of texts that neither saw.", count(bigParams), count(smallParams), float64(bigParams)/float64(smallParams))
	var table [][]string
	for _, row := range []struct {
		name   string
		params int
		runs   []measured
	}{
		{"small, pretrained", smallParams, []measured{unaligned}}, {"small, SFT", smallParams, []measured{smallSFT}}, {"small, SFT + PPO", smallParams, aligned},
		{"big, pretrained", bigParams, []measured{plain}}, {"big, pretrained, three examples first", bigParams, []measured{prompted}}, {"big, SFT", bigParams, []measured{bigSFT}},
	} {
		a, _, _ := winRate(row.runs, plain)
		b, between, _ := winRate(row.runs, prompted)
		table = append(table, []string{row.name, count(row.params), percent(a), percent(b), num(100 * between), num(over(row.runs, func(m measured) float64 { return measure.Mean(m.Judge) })), num(over(row.runs, func(m measured) float64 { return m.Length }))})
	}
	r.table([]string{"policy", "parameters", "win rate over the big pretrained", "… with three examples", "± seeds, points", "judge", "length"}, table)
	a, _, _ := winRate(aligned, plain)
	b, _, _ := winRate(aligned, prompted)
	r.Numbers["small_params"], r.Numbers["big_params"], r.Numbers["win_rate"], r.Numbers["win_rate_prompted"] = smallParams, bigParams, a, b
	r.samples([]string{"big, pretrained", "big, three examples first", "small, SFT + PPO"}, plain.Texts, prompted.Texts, aligned[0].Texts)
	r.verdict(a.Lo > .5 && b.Lo > .5 && bigParams >= 10*smallParams, "The aligned model of %s parameters is preferred to the pretrained one of %s on %s of the openings, and on %s when that one is shown three examples first.",
		count(smallParams), count(bigParams), percent(a), percent(b))
	return nil
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
