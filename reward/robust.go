package reward

import "math"

// robust weighs groups so that the one with the highest loss counts most: group distributionally robust
// optimisation (Sagawa et al. 2020, arXiv:1911.08731, algorithm 1; for preferences Ramesh et al. 2024,
// arXiv:2405.20304). After every step
//
//	α_g ← α_g · exp(η·L_g) / Σ_h α_h · exp(η·L_h)
//
// with L_g the mean loss of the group in that step; a group that was not in it keeps its weight. The next
// step minimises Σ α_g · L_g.
type robust struct {
	Alpha []float64 `json:"alpha"` // [groups], sums to 1
	rate  float64   // η
	share []float64 // [groups] each group's share of the training data
}

// newRobust starts with equal weights.
func newRobust(rate float64, share []float64) *robust {
	r := &robust{rate: rate, share: share, Alpha: make([]float64, len(share))}
	for g := range r.Alpha {
		r.Alpha[g] = 1 / float64(len(share))
	}
	return r
}

// factor is what a comparison of group g weighs beside its own weight: α_g over the group's share, so that
// in the mean over the data a group weighs α_g.
func (r *robust) factor(g int32) float32 {
	if r == nil {
		return 1
	}
	return float32(r.Alpha[g] / r.share[g])
}

// update moves the weights by the step's losses; sum and weight are by group.
func (r *robust) update(sum, weight []float64) {
	total := 0.0
	for g := range r.Alpha {
		if weight[g] > 0 {
			r.Alpha[g] *= math.Exp(r.rate * sum[g] / weight[g])
		}
		total += r.Alpha[g]
	}
	for g := range r.Alpha {
		r.Alpha[g] /= total
	}
}
