package ppo

import "math"

// The losses of one token in plain Go, in float64. graphs.go traces the same
// formulas for the device; a test compares the two.

// PolicyLoss is PPO's clipped surrogate (Schulman et al. 2017,
// arXiv:1707.06347, eq. 7), negated so that smaller is better:
//
//	ratio = exp(clamp(logp − old, −20, 20))
//	loss  = max(−adv·ratio, −adv·clamp(ratio, 1−clip, 1+clip))
//
// clipped is true where the clamp decides, and then the gradient is zero.
func PolicyLoss(logp, old, adv, clip float64) (loss float64, clipped bool) {
	ratio := Ratio(logp, old)
	free := -adv * ratio
	bound := -adv * math.Max(1-clip, math.Min(1+clip, ratio))
	return math.Max(free, bound), bound > free
}

// Ratio is π_new/π_old of one token. The exponent is bounded so that one token
// cannot overflow float32.
func Ratio(logp, old float64) float64 {
	return math.Exp(math.Max(-maxLogRatio, math.Min(maxLogRatio, logp-old)))
}

// ValueLoss is the clipped squared error of the critic (OpenAI Baselines' ppo2):
//
//	near = old + clamp(value − old, −clip, clip)
//	loss = ½·max((value − ret)², (near − ret)²)
//
// clip = 0 means no clipping.
func ValueLoss(value, old, ret, clip float64) (loss float64, clipped bool) {
	free := (value - ret) * (value - ret)
	if clip <= 0 {
		return free / 2, false
	}
	near := old + math.Max(-clip, math.Min(clip, value-old))
	bound := (near - ret) * (near - ret)
	return math.Max(free, bound) / 2, bound > free
}

// ApproxKL is ½·(logp − old)², an estimate of how far one update moved the
// policy, in nats per token (TRL's policy/approxkl_avg).
func ApproxKL(logp, old float64) float64 { return (logp - old) * (logp - old) / 2 }
