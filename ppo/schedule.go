package ppo

import "math"

// Decay is the shape of the learning rate after warm-up.
type Decay string

const (
	DecayConstant Decay = "constant" // InstructGPT
	DecayLinear   Decay = "linear"   // to 0: Ziegler 2019, TL;DR
	DecayCosine   Decay = "cosine"   // to a tenth
)

// Rate is the factor on the peak learning rate in iteration i (from 0) of n.
// During the first warmup iterations it rises linearly from a tenth of the peak
// (Ouyang et al. 2022, appendix C.4: 10 iterations), then it decays.
func (d Decay) Rate(i, warmup, n int) float64 {
	if i < warmup {
		return .1 + .9*float64(i)/float64(warmup)
	}
	done := float64(i-warmup) / math.Max(1, float64(n-warmup))
	switch d {
	case DecayLinear:
		return 1 - done
	case DecayCosine:
		return .1 + .45*(1+math.Cos(math.Pi*done))
	default:
		return 1
	}
}
