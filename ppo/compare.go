package ppo

import "math"

// Quantities that PPO results are compared with.

// LeaveOneOut is the baseline of RLOO (Ahmadian et al. 2024, arXiv:2402.14740):
// for each response the mean reward of the other responses to the same prompt.
// counted[i] = false leaves response i out of the others' means. A response
// with no counted sibling gets 0.
func LeaveOneOut(prompts []int, rewards []float64, counted []bool) []float64 {
	sum, n := map[int]float64{}, map[int]int{}
	for i, p := range prompts {
		if counted[i] {
			sum[p] += rewards[i]
			n[p]++
		}
	}
	out := make([]float64, len(rewards))
	for i, p := range prompts {
		s, k := sum[p], n[p]
		if counted[i] {
			s, k = s-rewards[i], k-1
		}
		if k > 0 {
			out[i] = s / float64(k)
		}
	}
	return out
}

// BestOfNKL is the KL, in nats, between the best of n samples and the policy
// they came from: ln n − (n−1)/n (Stiennon et al. 2020, appendix G.3).
func BestOfNKL(n int) float64 { return math.Log(float64(n)) - float64(n-1)/float64(n) }

// DPOLoss is −log σ(β·margin), the loss of direct preference optimisation
// (Rafailov et al. 2023, arXiv:2305.18290, eq. 7). margin is the difference of
// the two log-ratios to the reference; it is 0, and the loss ln 2, at the start.
func DPOLoss(margin, beta float64) float64 {
	x := -beta * margin
	return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}
