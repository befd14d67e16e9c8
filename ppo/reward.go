package ppo

import "math"

// MissingEOS says what happens to the score of a response that was cut off
// before its end-of-text token.
type MissingEOS string

const (
	EOSIgnore   MissingEOS = "ignore"
	EOSSubtract MissingEOS = "subtract" // score − penalty, as TRL's missing_eos_penalty
	EOSReplace  MissingEOS = "replace"  // score := −penalty, the EOS trick of Huang et al. 2024 (arXiv:2403.17031, detail 23)
)

// ScorePlace says which state the score belongs to.
type ScorePlace string

const (
	ScoreLast  ScorePlace = "last"  // the last token of the response earns it (lm-human-preferences, OpenRLHF, verl)
	ScoreAfter ScorePlace = "after" // the finished text does: a state more, which the critic values too (TRL)
)

// ScoreRule turns the reward model's raw number into the score that PPO sees:
// take off what it pays for length, standardise on SFT samples, clip, then judge
// a missing end. In that order, so that penalty and bounds are in units of the
// standardised score.
type ScoreRule struct {
	Slope   float64    `json:"slope"`   // of the raw reward per token of response, on SFT samples; 0 when length is left alone
	Mean    float64    `json:"mean"`    // of raw − Slope·length on the same; 0 when not standardised
	Std     float64    `json:"std"`     // of the same; 1 when not standardised
	Clip    float64    `json:"clip"`    // |score| is at most this; 0 = no bound
	EOS     MissingEOS `json:"eos"`     //
	Penalty float64    `json:"penalty"` // > 0, in units of the score
}

// Of is the score of a response of length tokens with this raw reward.
func (r ScoreRule) Of(raw float32, length int, ended bool) float32 {
	s := (float64(raw) - r.Slope*float64(length) - r.Mean) / r.Std
	if r.Clip > 0 {
		s = max(-r.Clip, min(r.Clip, s))
	}
	if !ended {
		switch r.EOS {
		case EOSSubtract:
			s -= r.Penalty
		case EOSReplace:
			s = -r.Penalty
		}
	}
	return float32(s)
}

// Standardise fits the rule to the raw rewards of samples of these lengths. Slope
// becomes the share control of the least-squares slope of reward over length.
func (r *ScoreRule) Standardise(raw []float32, lengths []int, control float64) {
	r.Slope = control * slopeOf(raw, lengths)
	left := make([]float32, len(raw))
	for i, x := range raw {
		left[i] = float32(float64(x) - r.Slope*float64(lengths[i]))
	}
	r.Mean, r.Std = Mean(left), math.Sqrt(Variance(left, WhitenPopulation))
}

// slopeOf is the least-squares slope of y over x; 0 if x does not vary.
func slopeOf(y []float32, x []int) float64 {
	var mx, my, xx, xy float64
	for i := range y {
		mx += float64(x[i]) / float64(len(y))
		my += float64(y[i]) / float64(len(y))
	}
	for i := range y {
		dx := float64(x[i]) - mx
		xx += dx * dx
		xy += dx * (float64(y[i]) - my)
	}
	if xx == 0 {
		return 0
	}
	return xy / xx
}

// TokenRewards fills rewards with −coef·kl[t] for every response token, and
// adds the score on the last one (Ouyang et al. 2022, eq. 2: the KL term is
// inside the reward; 0 if it comes after). Slices have one entry per token of one response.
func TokenRewards(rewards, kl []float32, score, coef float32) {
	for t := range rewards {
		rewards[t] = -coef * kl[t]
	}
	if n := len(rewards); n > 0 {
		rewards[n-1] += score
	}
}
