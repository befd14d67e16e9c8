package experiment

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"agora/policy"
	"agora/policy/plot"
	"agora/ppo/guard"
	"agora/ppo/oneliners"
	"agora/reward/prefs"
)

// klSweep is the KL sweep with the over-optimisation curve (Gao et al. 2022).
var klSweep = experiment{
	name: "kl", title: "KL sweep and over-optimisation", minutes: 25,
	claim: "The reward goes on rising with the distance from SFT; the judge's gain does not: it follows d(α − β ln d), and the KL coefficient decides how far a run goes.",
	seeds: 3, repeats: "PPO without KL penalty; with --full every coefficient", full: "nine KL coefficients, not four, in runs four times as long",
	run: runKLSweep,
}

// sweepIterations is how long each run of the sweep is: three times quickstart's.
const sweepIterations = 60

type sweepRun struct {
	coef    float64
	seed    int
	judge   []gain
	reward  []gain
	kl      float64 // of the last ten iterations, nats
	best    gain    // the judge's highest, smoothed
	last    gain
	lastRew float64
}

func runKLSweep(ctx context.Context, l *lab, o options, r *report) error {
	w, err := openWorld(ctx, l, false)
	if err != nil {
		return err
	}
	coefs, iterations := []float64{0, .05, .15, .5}, sweepIterations
	if o.full {
		coefs, iterations = []float64{0, .01, .02, .05, .1, .15, .3, .5, 1}, 4*sweepIterations
	}
	var runs []sweepRun
	for _, coef := range coefs {
		for seed := range o.seeds {
			if coef != 0 && seed > 0 && !o.full {
				continue // the fit needs seeds at 0; elsewhere one shows the trend
			}
			run, err := w.sweep(ctx, coef, seed, iterations)
			if err != nil {
				return err
			}
			runs = append(runs, run)
		}
	}
	curve, err := w.bestOfN(ctx, 64, 256)
	if err != nil {
		return err
	}
	return reportSweep(r, runs, curve)
}

func (w *world) sweep(ctx context.Context, coef float64, seed, iterations int) (s sweepRun, err error) {
	run, err := w.ppo(ctx, fmt.Sprintf("PPO, kl_coef %g, seed %d", coef, seed), seed,
		Settings{"kl_coef": coef, "iterations": iterations, "ptx_coef": 0, "checkpoint_every": 10})
	if err != nil {
		return s, err
	}
	s = sweepRun{coef: coef, seed: seed}
	if s.judge, err = gains(run, "objective/judge"); err != nil {
		return s, err
	}
	if s.reward, err = gains(run, "objective/reward_raw"); err != nil {
		return s, err
	}
	smooth := smoothed(s.judge, 5)
	s.best = smooth[0]
	for _, g := range smooth {
		if g.Gain > s.best.Gain {
			s.best = g
		}
	}
	s.last, s.lastRew = smooth[len(smooth)-1], smoothed(s.reward, 5)[len(smooth)-1].Gain
	tail := s.judge[max(0, len(s.judge)-10):]
	for _, g := range tail {
		s.kl += g.D * g.D / float64(len(tail))
	}
	return s, nil
}

// smoothed averages so many neighbours, distances and gains alike.
func smoothed(points []gain, width int) []gain {
	var out []gain
	for i := range points {
		part := points[max(0, i-width/2):min(len(points), i+width/2+1)]
		var mean gain
		for _, p := range part {
			mean.D += p.D / float64(len(part))
			mean.Gain += p.Gain / float64(len(part))
		}
		out = append(out, mean)
	}
	return out
}

// bestOfN samples SFT n times on some openings and lets the reward model choose.
func (w *world) bestOfN(ctx context.Context, n, prompts int) ([]bestOf, error) {
	inputs := map[string]string{"policy": w.sft, "reward": w.rm, "judge": w.judge}
	return kept(w.lab, "best-of-n", []int{n, prompts, w.seed}, inputs, func() ([]bestOf, error) {
		sft, err := policy.LoadPolicy(w.sft)
		if err != nil {
			return nil, err
		}
		rm, judge, err := w.judges()
		if err != nil {
			return nil, err
		}
		var repeated []*prefs.Prompt
		for _, p := range w.openings[:min(prompts, len(w.openings))] {
			for range n {
				repeated = append(repeated, p)
			}
		}
		c := w.draw(repeated)
		d, err := c.From(ctx, sft)
		if err != nil {
			return nil, err
		}
		rewards, err := c.Score(ctx, rm, d)
		if err != nil {
			return nil, err
		}
		judged, err := c.Score(ctx, judge, d)
		if err != nil {
			return nil, err
		}
		return bestOfCurve(rows(rewards, n), rows(judged, n)), nil
	})
}

func rows(flat []float64, n int) [][]float64 {
	var out [][]float64
	for at := 0; at < len(flat); at += n {
		out = append(out, flat[at:at+n])
	}
	return out
}

func reportSweep(r *report, runs []sweepRun, best []bestOf) error {
	r.say("PPO without pretraining mix, %d iterations of 128 responses; the reward is standardised on SFT's samples and %g of its price per token is taken off, as in quickstart. Gains are over the first iteration, which SFT sampled; \"best\" is the highest mean of five iterations in a row.",
		len(runs[0].judge), oneliners.PPOSettings(0)["length_control"])
	var table [][]string
	var free []gain
	var fits []overFit
	judged, proxy := plot.Chart{Title: "The judge's gain over SFT", X: "√KL, √nats", Y: "judge's score − SFT's"}, plot.Chart{Title: "The reward model's gain over SFT", X: "√KL, √nats", Y: "reward − SFT's"}
	for _, s := range runs {
		table = append(table, []string{fmt.Sprint(s.coef), fmt.Sprint(s.seed), num(s.kl), num(s.lastRew), num(s.best.Gain), num(s.best.D * s.best.D), num(s.last.Gain)})
		addRun(&judged, s, s.judge)
		addRun(&proxy, s, s.reward)
		if s.coef == 0 {
			free = append(free, s.judge...)
			if f, err := guard.FitOver(s.judge, false); err == nil {
				fits = append(fits, f)
			}
		}
		r.Numbers[fmt.Sprintf("kl_coef_%g_seed_%d", s.coef, s.seed)] = map[string]any{"kl": s.kl, "reward_gain": s.lastRew, "judge_best": s.best.Gain, "judge_best_kl": s.best.D * s.best.D, "judge_last": s.last.Gain}
	}
	r.table([]string{"kl_coef", "seed", "KL at the end, nats", "reward's gain at the end", "judge's gain, best", "KL there", "judge's gain at the end"}, table)
	fit, err := guard.FitOver(free, false)
	if err != nil {
		return err
	}
	drawn := plot.Series{Name: fmt.Sprintf("d(%.2f − %.2f ln d)", fit.Alpha, fit.Beta), Line: true, Bare: true}
	for d := guard.Nearest; d <= furthest(free); d += furthest(free) / 100 {
		drawn.Points = append(drawn.Points, plot.Point{X: d, Y: fit.At(d)})
	}
	judged.Series = append(judged.Series, drawn)
	bon := addBest(r, &judged, &proxy, best)
	r.chart("judge", judged)
	r.chart("reward", proxy)
	lo, hi := spread(fits)
	r.say("Fit of R(d) = d(α − β ln d) to the %d iterations of the runs with kl_coef 0 (d ≥ %.1f): α = %.3f, β = %.3f, R² = %.2f; by seed α from %.3f to %.3f, β from %.3f to %.3f. %s",
		fit.N, guard.Nearest, fit.Alpha, fit.Beta, fit.R2, lo.Alpha, hi.Alpha, lo.Beta, hi.Beta, peakWords(fit, furthest(free)))
	r.Numbers["fit_rl"], r.Numbers["fit_best_of_n"], r.Numbers["best_of_n"] = fit, bon, best
	fell, ends := falls(runs)
	ordered := inOrder(runs)
	r.verdict(fit.Beta > 0 && ordered && fell == len(fits) && fell > 0, "Without a KL penalty the judge's gain falls by more than %.2f from its peak in %d of %d seeds, while the reward rises (%s); the fit has β = %.2f; the final KL %s with the coefficient.",
		clearFall, fell, len(fits), ends, fit.Beta, map[bool]string{true: "falls", false: "does not fall steadily"}[ordered])
	return nil
}

// clearFall is how much below its peak the judge's gain ends where that is more than noise.
const clearFall = .05

// falls counts the seeds without KL penalty in which the judge's gain ends clearly below its peak, and
// says how each ended.
func falls(runs []sweepRun) (fell int, ends string) {
	var each []string
	for _, s := range runs {
		if s.coef != 0 {
			continue
		}
		if s.best.Gain > s.last.Gain+clearFall {
			fell++
		}
		each = append(each, fmt.Sprintf("seed %d: judge's peak %.2f at a KL of %.1f nats, end %.2f at %.1f, reward %+.2f", s.seed, s.best.Gain, s.best.D*s.best.D, s.last.Gain, s.kl, s.lastRew))
	}
	return fell, strings.Join(each, "; ")
}

// addRun draws a run. Seeds are told apart where there is no penalty, for the claim is about those.
func addRun(c *plot.Chart, s sweepRun, gains []guard.Gain) {
	name := fmt.Sprintf("kl_coef %g", s.coef)
	if s.coef == 0 {
		name += fmt.Sprintf(", seed %d", s.seed)
	}
	at := slices.IndexFunc(c.Series, func(has plot.Series) bool { return has.Name == name })
	if at < 0 {
		at = len(c.Series)
		c.Series = append(c.Series, plot.Series{Name: name})
	}
	c.Series[at].Points = append(c.Series[at].Points, points(smoothed(gains, 5))...)
}

// peakWords says where a fit peaks, where the runs came near to it.
func peakWords(fit overFit, reached float64) string {
	if peak := fit.Peak(); fit.Near(reached) {
		return fmt.Sprintf("Its peak: d = %.2f, a KL of %.1f nats.", peak, peak*peak)
	}
	return fmt.Sprintf("Its peak lies far beyond the distances that were reached (d up to %.1f), so nothing is known of it.", reached)
}

// addBest adds the best-of-n curve to the charts and the report, and fits it.
func addBest(r *report, judged, proxy *plot.Chart, best []bestOf) overFit {
	var table [][]string
	var of []gain
	j, p := plot.Series{Name: "best of n", Line: true, Dashed: true}, plot.Series{Name: "best of n", Line: true, Dashed: true}
	for _, b := range best {
		d := math.Sqrt(b.KL)
		table = append(table, []string{fmt.Sprint(b.N), num(b.KL), num(b.Reward - best[0].Reward), num(b.Judge - best[0].Judge)})
		j.Points = append(j.Points, plot.Point{X: d, Y: b.Judge - best[0].Judge})
		p.Points = append(p.Points, plot.Point{X: d, Y: b.Reward - best[0].Reward})
		of = append(of, gain{D: d, Gain: b.Judge - best[0].Judge})
	}
	judged.Series, proxy.Series = append(judged.Series, j), append(proxy.Series, p)
	r.say("Best of n by the reward model, without any training:")
	r.table([]string{"n", "KL, nats", "reward's gain", "judge's gain"}, table)
	fit, err := guard.FitOver(of, true)
	if err != nil {
		return fit
	}
	r.say("Fit of R(d) = d(α − β d): α = %.3f, β = %.3f, R² = %.2f.", fit.Alpha, fit.Beta, fit.R2)
	return fit
}

func points(g []gain) []plot.Point {
	out := make([]plot.Point, len(g))
	for i, p := range g {
		out[i] = plot.Point{X: p.D, Y: p.Gain}
	}
	return out
}

func furthest(g []gain) float64 {
	top := 0.0
	for _, p := range g {
		top = math.Max(top, p.D)
	}
	return top
}

func spread(fits []overFit) (lo, hi overFit) {
	lo, hi = overFit{Alpha: math.Inf(1), Beta: math.Inf(1)}, overFit{Alpha: math.Inf(-1), Beta: math.Inf(-1)}
	for _, f := range fits {
		lo.Alpha, lo.Beta = math.Min(lo.Alpha, f.Alpha), math.Min(lo.Beta, f.Beta)
		hi.Alpha, hi.Beta = math.Max(hi.Alpha, f.Alpha), math.Max(hi.Beta, f.Beta)
	}
	return lo, hi
}

// inOrder says whether a higher coefficient ended nearer to SFT, in the mean over its seeds. Runs of one
// coefficient follow each other, the coefficients rise.
func inOrder(runs []sweepRun) bool {
	last := math.Inf(1)
	for len(runs) > 0 {
		n, mean := 0, 0.0
		for n < len(runs) && runs[n].coef == runs[0].coef {
			mean += runs[n].kl
			n++
		}
		if mean /= float64(n); mean >= last {
			return false
		}
		last, runs = mean, runs[n:]
	}
	return true
}
