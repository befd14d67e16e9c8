package experiment

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"agora/ppo"
)

// A gain is how much better than SFT the judge finds a policy at a distance from it.
type gain struct{ D, Gain float64 } // D = √KL, √nats

// An overFit is the curve of Gao et al. 2022 (arXiv:2210.10760, section 3): the judge's gain as a function
// of d = √KL, for reinforcement learning
//
//	R(d) = d·(α − β·ln d)
//
// and for best-of-n R(d) = d·(α − β·d). β is how much the reward model is exploited.
type overFit struct {
	Alpha float64 `json:"alpha"`
	Beta  float64 `json:"beta"`
	R2    float64 `json:"r2"` // share of the variance that the curve explains
	N     int     `json:"n"`
	BestN bool    `json:"best_of_n"` // the second form
}

// at is the curve.
func (f overFit) at(d float64) float64 { return d * (f.Alpha - f.Beta*f.bend(d)) }

func (f overFit) bend(d float64) float64 {
	if f.BestN {
		return d
	}
	return math.Log(d)
}

// peak is where the curve is highest: beyond it, more optimisation makes the policy worse. It is at
// infinity where the fit does not bend down.
func (f overFit) peak() float64 {
	switch {
	case f.Beta <= 0:
		return math.Inf(1)
	case f.BestN:
		return f.Alpha / (2 * f.Beta)
	}
	return math.Exp(f.Alpha/f.Beta - 1)
}

// nearest is the smallest distance that a fit looks at: closer to SFT the judge's noise is all there is.
const nearest = .3

// fitOver is the least-squares fit, linear in α and β.
func fitOver(points []gain, bestN bool) (overFit, error) {
	f := overFit{BestN: bestN}
	var aa, ab, bb, ay, by, yy, sum float64
	for _, p := range points {
		if p.D < nearest {
			continue
		}
		a, b := p.D, -p.D*f.bend(p.D)
		aa, ab, bb = aa+a*a, ab+a*b, bb+b*b
		ay, by = ay+a*p.Gain, by+b*p.Gain
		sum, yy = sum+p.Gain, yy+p.Gain*p.Gain
		f.N++
	}
	det := aa*bb - ab*ab
	if f.N < 3 || math.Abs(det) < 1e-12*aa*bb {
		return f, errors.New("over-optimisation: fewer than three distances to fit")
	}
	f.Alpha, f.Beta = (ay*bb-by*ab)/det, (by*aa-ay*ab)/det
	left := yy - f.Alpha*ay - f.Beta*by
	f.R2 = 1 - left/(yy-sum*sum/float64(f.N))
	return f, nil
}

// gains are a run's: KL and the judge's score by iteration, minus those of the first, which SFT sampled.
func gains(run, score string) ([]gain, error) {
	rows, err := curve(run, "objective/kl", score)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: no metrics named objective/kl and %s", run, score)
	}
	var out []gain
	for _, row := range rows {
		out = append(out, gain{math.Sqrt(math.Max(0, row[0])), row[1] - rows[0][1]})
	}
	return out, nil
}

// bestOf is a point of a best-of-n curve: n samples, the one that the reward model likes best, and what
// it and the judge say of it.
type bestOf struct {
	N      int     `json:"n"`
	KL     float64 `json:"kl"` // ln n − (n−1)/n, nats
	Reward float64 `json:"reward"`
	Judge  float64 `json:"judge"`
}

// bestOfCurve estimates, from all samples of every prompt and without bias, what the best of k by the
// reward model is worth, k = 1, 2, 4 …: a sample that is the i-th best of n is the best of k random ones
// with probability C(n−i, k−1)/C(n, k) (Nakano et al. 2021, arXiv:2112.09332, appendix I).
func bestOfCurve(rewards, judged [][]float64) []bestOf {
	n := len(rewards[0])
	var out []bestOf
	for k := 1; k <= n; k *= 2 {
		point := bestOf{N: k, KL: ppo.BestOfNKL(k)}
		for p := range rewards {
			order := make([]int, n)
			for i := range order {
				order[i] = i
			}
			slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rewards[p][b], rewards[p][a]) })
			share := float64(k) / float64(n) // C(n−1, k−1)/C(n, k), of the best
			for i := 0; i <= n-k; i++ {
				point.Reward += share * rewards[p][order[i]] / float64(len(rewards))
				point.Judge += share * judged[p][order[i]] / float64(len(rewards))
				share *= float64(n-i-k) / float64(n-i-1)
			}
		}
		out = append(out, point)
	}
	return out
}
