package experiment

import (
	"context"
	"fmt"
)

// ptx is the ablation of the pretraining mix (Ouyang et al. 2022, section 3.5 and figure 33).
var ptx = experiment{
	name: "ptx", title: "PPO with and without the pretraining mix", minutes: 12,
	claim: "Mixing pretraining gradients into PPO keeps the language-modelling loss on held-out text lower, at little cost in win rate.",
	run:   runPtx,
}

func runPtx(ctx context.Context, l *lab, o options, r *report) error {
	w, err := openWorld(ctx, l)
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
	var rows [][]string
	byCoef := map[float64][]measured{}
	for _, coef := range coefs {
		for seed := range o.seeds {
			run, err := w.ppo(ctx, fmt.Sprintf("PPO, ptx_coef %g, seed %d", coef, seed), seed, Settings{"ptx_coef": coef})
			if err != nil {
				return err
			}
			m, err := w.measure(ctx, model(run), "")
			if err != nil {
				return err
			}
			byCoef[coef] = append(byCoef[coef], m)
		}
		runs := byCoef[coef]
		win, between, _ := winRate(runs, sft)
		loss := over(runs, func(m measured) float64 { return m.Loss })
		rows = append(rows, []string{fmt.Sprint(coef), num(loss), fmt.Sprintf("%+.2f", loss-sft.Loss), percent(win), num(100 * between),
			num(over(runs, func(m measured) float64 { return m.KL })), num(over(runs, func(m measured) float64 { return m.Length })), num(over(runs, func(m measured) float64 { return m.Distinct }))})
		r.Numbers[fmt.Sprintf("ptx_%g", coef)] = map[string]any{"lm_loss": loss, "lm_loss_change": loss - sft.Loss, "win_rate": win, "kl": over(runs, func(m measured) float64 { return m.KL })}
	}
	r.say("All runs start from the same SFT policy (held-out loss %.2f nats a token) and learn from the same reward model; %d seeds each. The win rate is over SFT, by the judge, on %d openings that no policy learned from.", sft.Loss, o.seeds, len(sft.Judge))
	r.table([]string{"ptx_coef γ", "held-out loss, nats/token", "change from SFT", "win rate over SFT, judge", "± seeds, points", "KL, nats", "length", "distinct-2"}, rows)
	without, with := byCoef[coefs[0]], byCoef[coefs[len(coefs)-1]]
	saved := over(without, lossOf) - over(with, lossOf)
	winWithout, _, _ := winRate(without, sft)
	winWith, _, _ := winRate(with, sft)
	paired := pairedLoss(without, with)
	r.say("With γ = %g the held-out loss is %.3f nats a token lower than without the mix (by seed: %s); the win rate is %s against %s.", coefs[len(coefs)-1], saved, paired, percent(winWith), percent(winWithout))
	r.samples([]string{"SFT", "PPO", fmt.Sprintf("PPO-ptx, γ = %g", coefs[len(coefs)-1])}, sft.Texts, without[0].Texts, with[0].Texts)
	r.verdict(lowerInAll(without, with) && winWith.Lo > .5,
		"With γ = %g the held-out loss is %.2f nats a token lower than without the mix (%.2f against %.2f; SFT %.2f), and PPO-ptx still wins against SFT on %s of the prompts (without the mix: %s).",
		coefs[len(coefs)-1], saved, over(with, lossOf), over(without, lossOf), sft.Loss, percent(winWith), percent(winWithout))
	return nil
}

func lossOf(m measured) float64 { return m.Loss }

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
