package ppo

import (
	"fmt"
	"math"
)

// Stats is what one iteration reports. Metrics turns it into named numbers.
type Stats struct {
	Episodes, Tokens, Ended int
	Endless                 bool      // the policy has no end token
	Whole                   int       // responses that have what missing_eos asks for
	Scores, Raw             float64   // means over responses
	Judge                   *float64  // nil without a judge
	JudgeEMA                *float64  // of the averaged policy's responses; nil unless judge_patience needs it
	Each                    []float64 // means of several rewards; nil of a single one
	KL                      float64   // mean over responses of Σ the chosen estimator, nats
	KLLogRatio              float64   // the same of the plain log-ratio
	KLStd                   float64   // standard deviation over responses of Σ log-ratio
	KLCoef                  float64   // β that this iteration used
	Entropy                 float64   // mean over responses of Σ −log π
	Distinct                float64
	Distinct1, Distinct2    float64 // Rollout.distinctN
	ExplainedVariance       float64
	KLInLoss                bool    // then the KL is no part of the reward
	NoCritic                bool    // then its numbers are left out, and those of the groups stand in
	GroupStd, GroupFlat     float64 // groupStats

	Times map[string]float64 // seconds of each phase

	Policy PolicyStats
	Critic CriticStats
	Ptx    *float64 // mean loss of the pretraining mix, nats per token; nil without a mix
}

// PolicyStats averages what the optimizer steps of an iteration saw. Sums are
// over the tokens of every minibatch of every epoch.
type PolicyStats struct {
	Loss, GradNorm                     float64 // means over steps
	KL                                 float64 // β·KL in the loss, mean over steps; only with kl_in = loss
	ApproxKL, ClipFrac, Entropy, Ratio float64 // means over tokens and steps
	RatioVar                           float64 // variance over steps of the mean ratio
	FirstApproxKL                      float64 // of the first step, before it: exactly 0
}

// CriticStats is the same for the value function.
type CriticStats struct {
	Loss, GradNorm, ClipFrac float64
}

// rolloutStats fills the part of Stats that is known before the updates.
func rolloutStats(r *Rollout, coef float64) Stats {
	b := len(r.Responses)
	s := Stats{Episodes: b, Tokens: r.Tokens(), KLCoef: coef,
		Scores: Mean(r.Score), Raw: Mean(r.Raw), Distinct: r.distinct(), Distinct1: r.distinctN(1), Distinct2: r.distinctN(2)}
	if r.Judge != nil {
		judge := Mean(r.Judge)
		s.Judge = &judge
	}
	if r.JudgeEMA != nil {
		judge := Mean(r.JudgeEMA)
		s.JudgeEMA = &judge
	}
	for _, rewards := range r.Each {
		s.Each = append(s.Each, Mean(rewards))
	}
	ratios := make([]float32, b)
	for i := range r.Responses {
		if r.Ended[i] {
			s.Ended++
		}
		if r.Whole[i] {
			s.Whole++
		}
		ratio := r.sum(r.LogP, i) - r.sum(r.Ref, i)
		ratios[i] = float32(ratio)
		s.KLLogRatio += ratio / float64(b)
		s.KL += r.sum(r.KL, i) / float64(b)
		s.Entropy -= r.sum(r.LogP, i) / float64(b)
	}
	s.KLStd = math.Sqrt(Variance(ratios, WhitenBessel))
	s.ExplainedVariance = explainedVariance(r.Value, r.Ret)
	return s
}

// explainedVariance is 1 − Var(ret − value)/Var(ret); 0 where the returns do
// not vary.
func explainedVariance(value, ret []float32) float64 {
	left := make([]float32, len(ret))
	for i := range ret {
		left[i] = ret[i] - value[i]
	}
	all := Variance(ret, WhitenPopulation)
	if all == 0 {
		return 0
	}
	return 1 - Variance(left, WhitenPopulation)/all
}

// Metrics names the numbers as ppo.Metrics documents them. episode, tokens, lr
// and times are the trainer's to add.
func (s Stats) Metrics() map[string]float64 {
	m := map[string]float64{
		"objective/scores":           s.Scores,
		"objective/reward_raw":       s.Raw,
		"objective/kl":               s.KL,
		"objective/kl_logratio":      s.KLLogRatio,
		"objective/kl_stderr":        s.KLStd / math.Sqrt(float64(max(1, s.Episodes))),
		"objective/kl_sqrt":          math.Sqrt(math.Max(0, s.KLLogRatio)),
		"objective/kl_coef":          s.KLCoef,
		"objective/entropy":          s.Entropy,
		"objective/non_score_reward": -s.KLCoef * s.KL,
		"objective/rlhf_reward":      s.Scores - s.KLCoef*s.KL,
		"policy/approxkl_avg":        s.Policy.ApproxKL,
		"policy/approxkl_first":      s.Policy.FirstApproxKL,
		"policy/clipfrac_avg":        s.Policy.ClipFrac,
		"policy/entropy_avg":         s.Policy.Entropy,
		"policy/grad_norm":           s.Policy.GradNorm,
		"loss/policy_avg":            s.Policy.Loss,
		"loss/value_avg":             s.Critic.Loss,
		"value/grad_norm":            s.Critic.GradNorm,
		"val/clipfrac_avg":           s.Critic.ClipFrac,
		"val/explained_variance":     s.ExplainedVariance,
		"val/ratio":                  s.Policy.Ratio,
		"val/ratio_var":              s.Policy.RatioVar,
		"val/num_eos_tokens":         float64(s.Ended),
		"val/eos_rate":               float64(s.Whole) / float64(max(1, s.Episodes)),
		"val/length":                 float64(s.Tokens) / float64(max(1, s.Episodes)),
		"val/distinct":               s.Distinct,
		"val/distinct_1":             s.Distinct1,
		"val/distinct_2":             s.Distinct2,
	}
	if s.KLInLoss {
		m["objective/non_score_reward"], m["objective/rlhf_reward"] = 0, s.Scores
		m["loss/kl_avg"] = s.Policy.KL
	}
	if s.NoCritic {
		for _, name := range []string{"loss/value_avg", "value/grad_norm", "val/clipfrac_avg", "val/explained_variance"} {
			delete(m, name)
		}
		m["objective/group_std"], m["objective/group_flat"] = s.GroupStd, s.GroupFlat
	}
	if s.Endless && s.Whole == 0 { // nothing to warn of: a line at the start says it
		delete(m, "val/eos_rate")
	}
	if s.Judge != nil {
		m["objective/judge"] = *s.Judge
	}
	if s.JudgeEMA != nil {
		m["objective/judge_ema"] = *s.JudgeEMA
	}
	for k, mean := range s.Each {
		m[fmt.Sprintf("objective/reward_%d", k+1)] = mean
	}
	if s.Ptx != nil {
		m["loss/ptx"] = *s.Ptx
	}
	return m
}

// metrics is what an iteration logs, beside what depends on the machine's speed.
func (t *Trainer) metrics(s Stats) map[string]float64 {
	m := s.Metrics()
	m["lr"] = t.cfg.LearningRate * t.cfg.Schedule.Rate(t.state.Iteration-1, t.cfg.WarmupIterations, t.cfg.Iterations)
	m["episode"] = float64(t.state.Episodes)
	m["tokens"] = float64(t.state.Tokens)
	return m
}
