package ppo

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	"agora/policy"
	"agora/policy/plot"
	"agora/ppo/guard"
)

// BestOf is a point of the best-of-n curve.
type BestOf struct {
	N     int     `json:"n"`
	KL    float64 `json:"kl"`    // nats to the policy; exact if no two samples are alike, else an upper bound
	Score float64 `json:"score"` // expected score of the best of n, mean over prompts

	Judge *float64 `json:"judge,omitempty"` // what a judge gives to these best, nil without one
}

// BestOfCurve estimates, from all samples there are and without bias, what the best of k by the score is
// worth to the score and, where judged is not nil, to a judge that did not choose, for k = 1, 2, 4 … up to all
// (Nakano et al. 2021, arXiv:2112.09332, appendix I): with a prompt's samples in descending order of score,
// x_1 … x_n,
//
//	E[best of k] = Σ_i C(n−i, k−1)/C(n, k) · x_i
//
// scores and judged have one slice for each prompt, all of one length.
func BestOfCurve(scores, judged [][]float64) []BestOf {
	n := len(scores[0])
	var curve []BestOf
	for k := 1; k < n; k *= 2 {
		curve = append(curve, bestOf(scores, judged, k))
	}
	return append(curve, bestOf(scores, judged, n))
}

// bestOf is the curve at one k.
func bestOf(scores, judged [][]float64, k int) BestOf {
	point := BestOf{N: k, KL: BestOfNKL(k)}
	judge := 0.0
	for p, of := range scores {
		n := len(of)
		share := float64(k) / float64(n) // C(n−1, k−1)/C(n, k), of the best
		for i, at := range ranked(of) {
			if i > n-k {
				break
			}
			point.Score += share * of[at] / float64(len(scores))
			if judged != nil {
				judge += share * judged[p][at] / float64(len(scores))
			}
			share *= float64(n-i-k) / float64(max(1, n-i-1))
		}
	}
	if judged != nil {
		point.Judge = &judge
	}
	return point
}

// ranked are the places of scores, the highest first, equal ones in their order.
func ranked[T cmp.Ordered](scores []T) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return order
}

// bestOfSummary is what `agora bestofn` found.
type bestOfSummary struct {
	N     int            `json:"n"`
	KL    float64        `json:"kl"` // of the best of all n
	Curve []BestOf       `json:"curve"`
	Fit   *guard.OverFit `json:"judge_fit,omitempty"` // of the judge's gain; nil without a judge or with n below 8
	Run   *guard.OverFit `json:"run_fit,omitempty"`   // the same of the run beside it
}

// runGains are what the judge and the reward gained in each iteration of a run.
type runGains struct{ judge, reward []guard.Gain }

// readRun reads the gains of a run directory; "" has none.
func readRun(dir string) (runGains, error) {
	var out runGains
	if dir == "" {
		return out, nil
	}
	log := filepath.Join(dir, policy.MetricsFile)
	rows, err := guard.ReadLog(log, "objective/kl_sqrt", "objective/judge", "objective/reward_raw")
	if err != nil {
		return out, err
	}
	if len(rows) == 0 {
		return out, fmt.Errorf("%s has no objective/judge: the run had no judge", log)
	}
	for _, row := range rows {
		out.judge = append(out.judge, guard.Gain{D: row[0], Gain: row[1] - rows[0][1]})
		out.reward = append(out.reward, guard.Gain{D: row[0], Gain: row[2] - rows[0][2]})
	}
	return out, nil
}

// summariseBest fits what can be fitted.
func summariseBest(curve []BestOf, beside runGains) bestOfSummary {
	last := curve[len(curve)-1]
	sum := bestOfSummary{N: last.N, KL: last.KL, Curve: curve}
	if _, judge := sum.gains(); judge != nil {
		if fit, err := guard.FitOver(judge, true); err == nil {
			sum.Fit = &fit
		}
	}
	if fit, err := guard.FitOver(beside.judge, false); err == nil {
		sum.Run = &fit
	}
	return sum
}

// gains are the curve over a single sample; judge is nil without a judge.
func (s bestOfSummary) gains() (score, judge []guard.Gain) {
	for _, p := range s.Curve {
		d := math.Sqrt(p.KL)
		score = append(score, guard.Gain{D: d, Gain: p.Score - s.Curve[0].Score})
		if p.Judge != nil {
			judge = append(judge, guard.Gain{D: d, Gain: *p.Judge - *s.Curve[0].Judge})
		}
	}
	return score, judge
}

// print is the table for people.
func (s bestOfSummary) print(w io.Writer) {
	for _, p := range s.Curve {
		fmt.Fprintf(w, "best of %-4d KL %.4f nats   score %.4f", p.N, p.KL, p.Score)
		if p.Judge != nil {
			fmt.Fprintf(w, "   judge %.4f", *p.Judge)
		}
		fmt.Fprintln(w)
	}
	if s.Fit != nil {
		fmt.Fprintf(w, "judge's gain ≈ %s with d = √KL, R² %.2f; %s\n", fitWords(*s.Fit), s.Fit.R2, peakWords(*s.Fit, math.Sqrt(s.KL)))
	}
	if s.Run != nil {
		fmt.Fprintf(w, "the run's      ≈ %s, R² %.2f\n", fitWords(*s.Run), s.Run.R2)
	}
}

func fitWords(f guard.OverFit) string {
	if f.BestN {
		return fmt.Sprintf("d (%.3f − %.3f d)", f.Alpha, f.Beta)
	}
	return fmt.Sprintf("d (%.3f − %.3f ln d)", f.Alpha, f.Beta)
}

// peakWords says where a fit peaks, where the distances that were reached come near to it.
func peakWords(f guard.OverFit, reached float64) string {
	if peak := f.Peak(); f.Near(reached) {
		return fmt.Sprintf("highest at a KL of %.1f nats", peak*peak)
	}
	return "its peak is beyond what was reached"
}

// chart draws both curves over √KL, with the fits of the judge's, and the run beside them.
func (s bestOfSummary) chart(beside runGains) plot.Chart {
	c := plot.Chart{Title: "Gain over the policy's own samples", X: "√KL, √nats", Y: "gain, each in its own unit"}
	add := func(name string, of []guard.Gain, like plot.Series) {
		like.Name = name
		for _, p := range of {
			like.Points = append(like.Points, plot.Point{X: p.D, Y: p.Gain})
		}
		if len(of) > 0 {
			c.Series = append(c.Series, like)
		}
	}
	furthest := func(of []guard.Gain) float64 {
		return slices.MaxFunc(of, func(a, b guard.Gain) int { return cmp.Compare(a.D, b.D) }).D
	}
	score, judge := s.gains()
	add("reward, best of n", score, plot.Series{Line: true, Dashed: true})
	add("judge, best of n", judge, plot.Series{})
	if s.Fit != nil {
		add(fitWords(*s.Fit), s.Fit.Curve(furthest(judge), 100), plot.Series{Line: true, Bare: true})
	}
	add("reward, the run", beside.reward, plot.Series{Line: true, Dashed: true})
	add("judge, the run", beside.judge, plot.Series{})
	if s.Run != nil {
		add(fitWords(*s.Run), s.Run.Curve(furthest(beside.judge), 100), plot.Series{Line: true, Bare: true})
	}
	return c
}
