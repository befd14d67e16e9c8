package ppo

import "math"

// Estimator says how much each response token is credited with. It is the seam
// between PPO and its relatives without a critic: rollout, score, KL, clipped loss,
// pretraining mix and loop are the same for all of them.
type Estimator string

const (
	GAE  Estimator = "gae"  // PPO: generalised advantage estimation with a critic
	RLOO Estimator = "rloo" // leave-one-out (Ahmadian et al. 2024, arXiv:2402.14740)
	GRPO Estimator = "grpo" // normalised within the group (Shao et al. 2024, arXiv:2402.03300)
)

// critic says whether the estimator needs a value function.
func (e Estimator) critic() bool { return e == GAE }

// kind is the kind of run that an estimator makes.
func (e Estimator) kind() string {
	if e == GAE {
		return "ppo"
	}
	return string(e)
}

// fill computes Adv, and with a critic Ret, from the rollout's rewards. Without a
// critic a response is one action: its return is the sum of its rewards, and all of
// its tokens get the same advantage. Responses i·K … i·K+K−1 answer the same prompt.
func (e Estimator) fill(r *Rollout, c Config) {
	if e.critic() {
		for i := range r.Responses {
			Advantages(r.of(r.Adv, i), r.of(r.Ret, i), r.of(r.Reward, i), r.of(r.Value, i), float32(c.Gamma), float32(c.Lambda))
		}
		return
	}
	returns := r.returns()
	adv := make([]float64, len(returns))
	for at := 0; at < len(returns); at += c.SamplesPerPrompt {
		group := returns[at : at+c.SamplesPerPrompt]
		if e == RLOO {
			leaveOneOut(adv[at:], group)
		} else {
			groupRelative(adv[at:], group, c.GroupScale == ScaleGroup)
		}
	}
	if e == GRPO && c.GroupScale == ScaleBatch {
		scale(adv, spread(returns))
	}
	for i, a := range adv {
		for t := range r.of(r.Adv, i) {
			r.of(r.Adv, i)[t] = float32(a)
		}
	}
}

// returns are the sums of the token rewards of each response.
func (r *Rollout) returns() []float64 {
	out := make([]float64, len(r.Responses))
	for i := range out {
		out[i] = r.sum(r.Reward, i)
	}
	return out
}

// leaveOneOut fills adv with each return minus the mean of the others' in its group.
func leaveOneOut(adv, group []float64) {
	prompts, counted := make([]int, len(group)), make([]bool, len(group))
	for i := range counted {
		counted[i] = true
	}
	for i, b := range LeaveOneOut(prompts, group, counted) {
		adv[i] = group[i] - b
	}
}

// GroupScale says what divides the advantages of GRPO.
type GroupScale string

const (
	ScaleGroup GroupScale = "group" // the deviation of the group's returns
	ScaleBatch GroupScale = "batch" // that of all returns
	ScaleOff   GroupScale = "off"   // nothing (Liu et al. 2025, arXiv:2503.20783, "Dr. GRPO": no bias towards easy and hard prompts)
)

// groupEpsilon keeps a group of equal returns finite; the value is TRL's.
const groupEpsilon = 1e-4

// groupRelative fills adv with (return − mean)/(deviation + 1e-4) of the group;
// without scaled, return − mean.
func groupRelative(adv, group []float64, scaled bool) {
	mean := 0.0
	for _, x := range group {
		mean += x / float64(len(group))
	}
	for i, x := range group {
		adv[i] = x - mean
	}
	if scaled {
		scale(adv[:len(group)], spread(group))
	}
}

func scale(adv []float64, deviation float64) {
	for i := range adv {
		adv[i] /= deviation + groupEpsilon
	}
}

// spread is the standard deviation with Bessel's correction, as PyTorch's std.
func spread(x []float64) float64 {
	mean, sum := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / math.Max(1, float64(len(x)-1)))
}

// groupStats is how far the returns of one prompt's responses lie apart, averaged
// over the prompts, and the share of prompts whose responses all return the same:
// these teach nothing.
func groupStats(r *Rollout, k int) (deviation, flat float64) {
	returns := r.returns()
	groups := float64(len(returns) / k)
	for at := 0; at < len(returns); at += k {
		s := spread(returns[at : at+k])
		deviation += s / groups
		if s == 0 {
			flat += 1 / groups
		}
	}
	return deviation, flat
}
