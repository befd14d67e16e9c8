package experiment

import (
	"context"
	"fmt"

	"agora/policy/plot"
)

// ptx is the ablation of the pretraining mix (Ouyang et al. 2022, section 3.5 and figure 33).
var ptx = experiment{
	name: "ptx", title: "PPO with and without the pretraining mix", minutes: 12,
	claim: "Mixing pretraining gradients into PPO keeps the language-modelling loss on held-out text lower, at little cost in win rate.",
	seeds: 3, repeats: "PPO with every γ", full: "γ = 0, 0.02, 0.05, 0.1, 0.2, 0.5, 1 and 2, not only 0, 0.05 and 0.5",
	run: runPtx,
}

func runPtx(ctx context.Context, l *lab, o options, r *report) error {
	w, err := openWorld(ctx, l, false)
	if err != nil {
		return err
	}
	coefs := []float64{0, .05, .5}
	if o.full {
		coefs = []float64{0, .02, .05, .1, .2, .5, 1, 2}
	}
	sft, err := w.measure(ctx, w.sft, "")
	if err != nil {
		return err
	}
	var all []mixed
	for _, coef := range coefs {
		x := mixed{coef: coef}
		for seed := range o.seeds {
			run, err := w.ppo(ctx, fmt.Sprintf("PPO, ptx_coef %g, seed %d", coef, seed), seed, Settings{"ptx_coef": coef})
			if err != nil {
				return err
			}
			m, err := w.measure(ctx, model(run), "")
			if err != nil {
				return err
			}
			x.runs = append(x.runs, m)
		}
		all = append(all, x)
	}
	reportPtx(r, sft, all)
	return nil
}

// mixed is a coefficient of the mix with the samples of its policies, by seed.
type mixed struct {
	coef float64
	runs []measured
}

func reportPtx(r *report, sft measured, all []mixed) {
	var rows [][]string
	for _, x := range all {
		win, between, _ := winRate(x.runs, sft)
		loss := over(x.runs, lossOf)
		rows = append(rows, []string{fmt.Sprint(x.coef), num(loss), fmt.Sprintf("%+.2f", loss-sft.Loss), percent(win), num(100 * between),
			num(over(x.runs, klOf)), num(over(x.runs, func(m measured) float64 { return m.Length })), num(over(x.runs, func(m measured) float64 { return m.Distinct }))})
		r.Numbers[fmt.Sprintf("ptx_%g", x.coef)] = map[string]any{"lm_loss": loss, "lm_loss_change": loss - sft.Loss, "win_rate": win, "kl": over(x.runs, klOf)}
	}
	r.say("All runs start from the same SFT policy (held-out loss %.2f nats a token) and learn from the same reward model; seeds: %d. The win rate is over SFT, by the judge, on %d openings that no policy learned from.", sft.Loss, len(all[0].runs), len(sft.Judge))
	r.table([]string{"ptx_coef γ", "held-out loss, nats/token", "change from SFT", "win rate over SFT, judge", "± seeds, points", "KL, nats", "length", "distinct-2"}, rows)
	loss, wins := ptxCharts(sft, all)
	r.chart("loss", loss)
	r.chart("win-rate", wins)
	r.say("Pale points are the seeds, strong ones their mean; the win rate has its 95 %% interval.")
	without, last := all[0].runs, all[len(all)-1]
	with := last.runs
	saved := over(without, lossOf) - over(with, lossOf)
	winWithout, _, _ := winRate(without, sft)
	winWith, _, _ := winRate(with, sft)
	r.say("With γ = %g the held-out loss is %.3f nats a token lower than without the mix (by seed: %s); the win rate is %s against %s.", last.coef, saved, pairedLoss(without, with), percent(winWith), percent(winWithout))
	r.samples([]string{"SFT", "PPO", fmt.Sprintf("PPO-ptx, γ = %g", last.coef)}, sft.Texts, without[0].Texts, with[0].Texts)
	r.verdict(lowerInAll(without, with) && winWith.Lo > .5,
		"With γ = %g the held-out loss is %.2f nats a token lower than without the mix (%.2f against %.2f; SFT %.2f), and PPO-ptx still wins against SFT on %s of the prompts (without the mix: %s).",
		last.coef, saved, over(with, lossOf), over(without, lossOf), sft.Loss, percent(winWith), percent(winWithout))
}

// ptxCharts draw loss and win rate against γ, whose values stand side by side: 0 is one of them.
func ptxCharts(sft measured, all []mixed) (loss, wins plot.Chart) {
	loss = plot.Chart{Title: "Held-out loss by the weight of the pretraining mix", X: "ptx_coef γ", Y: "loss on held-out text, nats a token"}
	wins = plot.Chart{Title: "Win rate over SFT by the weight of the pretraining mix", X: "ptx_coef γ", Y: "win rate over SFT by the judge, %"}
	losses, rates := plot.Series{Name: "PPO-ptx", Line: true}, plot.Series{Name: "PPO-ptx", Line: true}
	for k, x := range all {
		loss.Columns, wins.Columns = append(loss.Columns, fmt.Sprint(x.coef)), append(wins.Columns, fmt.Sprint(x.coef))
		win, _, each := winRate(x.runs, sft)
		for seed, m := range x.runs {
			at := beside(k, seed, len(x.runs))
			losses.Points = append(losses.Points, plot.Point{X: at, Y: m.Loss, Small: true})
			rates.Points = append(rates.Points, plot.Point{X: at, Y: 100 * each[seed], Small: true})
		}
		losses.Points = append(losses.Points, plot.Point{X: float64(k), Y: over(x.runs, lossOf)})
		rates.Points = append(rates.Points, plot.Point{X: float64(k), Y: 100 * win.Value, Lo: 100 * win.Lo, Hi: 100 * win.Hi})
	}
	right := float64(len(all)) - .5
	loss.Series = []plot.Series{losses, plot.Level("SFT", sft.Loss, -.5, right)}
	wins.Series = []plot.Series{rates, plot.Level("as good as SFT", 50, -.5, right)}
	return loss, wins
}

func lossOf(m measured) float64 { return m.Loss }
func klOf(m measured) float64   { return m.KL }

func pairedLoss(without, with []measured) string {
	text := ""
	for i := range without {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%.3f", without[i].Loss-with[i].Loss)
	}
	return text
}

// lowerInAll says whether the loss is lower with the mix for every seed.
func lowerInAll(without, with []measured) bool {
	for i := range without {
		if with[i].Loss >= without[i].Loss {
			return false
		}
	}
	return true
}
