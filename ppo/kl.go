package ppo

import "math"

// KLEstimator turns the log-ratio of one sampled token into an estimate of
// KL(policy ‖ reference), in nats (Schulman, "Approximating KL divergence",
// 2020). With x = log π(a) − log π_ref(a) and a ~ π:
//
//	k1   x             unbiased, can be negative       (default)
//	k2   x²/2          biased, low variance
//	k3   e^(−x) − 1 + x  unbiased, never negative
//	abs  |x|           never negative                  (NeMo-Aligner)
type KLEstimator string

const (
	K1  KLEstimator = "k1"
	K2  KLEstimator = "k2"
	K3  KLEstimator = "k3"
	Abs KLEstimator = "abs"
)

// maxLogRatio bounds the exponents of k3 and of the policy's ratio, which would
// otherwise overflow float32 on one token that the policy has all but forbidden.
const maxLogRatio = 20 // nats

// Of estimates the KL of one token, in nats, from its log-ratio.
func (e KLEstimator) Of(logRatio float32) float32 {
	x := float64(logRatio)
	switch e {
	case K2:
		return float32(x * x / 2)
	case K3:
		x = math.Max(-maxLogRatio, math.Min(maxLogRatio, x))
		return float32(math.Expm1(-x) + x)
	case Abs:
		return float32(math.Abs(x))
	default:
		return logRatio
	}
}

// TokenKL fills kl[t] from the policy's and the reference's log-probabilities
// of the sampled tokens. All slices have one entry per response token.
func TokenKL(kl, logp, ref []float32, est KLEstimator) {
	for t := range kl {
		kl[t] = est.Of(logp[t] - ref[t])
	}
}

// KLPlace says where the KL to the reference acts.
type KLPlace string

const (
	KLInReward KLPlace = "reward" // −β·KL is part of each token's reward (Ouyang et al. 2022, eq. 2)
	KLInLoss   KLPlace = "loss"   // β·KL is part of the loss (Shao et al. 2024, eq. 3); nothing flows through the advantages
)

// KLController holds the coefficient β of the KL penalty. With Target > 0 it
// follows Ziegler et al. 2019 (arXiv:1909.08593, section 2.2): the coefficient
// rises when the KL is above the target and falls below it, by at most
// 20 % · episodes / Horizon an update. With Target 0 it stays fixed.
type KLController struct {
	Coef    float64 `json:"coef"`
	Target  float64 `json:"target"`  // nats per response; 0 = fixed coefficient
	Horizon float64 `json:"horizon"` // episodes
}

// Update adjusts the coefficient after episodes with this mean KL per response.
func (c *KLController) Update(kl float64, episodes int) {
	if c.Target <= 0 {
		return
	}
	err := math.Max(-.2, math.Min(.2, kl/c.Target-1))
	c.Coef *= 1 + err*float64(episodes)/c.Horizon
}
