package ppo

// MissingEOS says what happens to the score of a response that was cut off
// before its end-of-text token.
type MissingEOS string

const (
	EOSIgnore   MissingEOS = "ignore"
	EOSSubtract MissingEOS = "subtract" // score − penalty, as TRL's missing_eos_penalty
	EOSReplace  MissingEOS = "replace"  // score := −penalty, the EOS trick of Huang et al. 2024 (arXiv:2403.17031, detail 23)
)

// ScoreRule turns the reward model's raw number into the score that PPO sees:
// standardise on SFT samples, clip, then judge a missing end. In that order, so
// that penalty and bounds are in units of the standardised score.
type ScoreRule struct {
	Mean    float64    `json:"mean"`    // of the raw reward on SFT samples; 0 when not standardised
	Std     float64    `json:"std"`     // of the same; 1 when not standardised
	Clip    float64    `json:"clip"`    // |score| is at most this; 0 = no bound
	EOS     MissingEOS `json:"eos"`     //
	Penalty float64    `json:"penalty"` // > 0, in units of the score
}

// Of is the score of a response with this raw reward.
func (r ScoreRule) Of(raw float32, ended bool) float32 {
	s := (float64(raw) - r.Mean) / r.Std
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

// TokenRewards fills rewards with −coef·kl[t] for every response token, and
// adds the score on the last one (Ouyang et al. 2022, eq. 2: the KL term is
// inside the reward). Slices have one entry per token of one response.
func TokenRewards(rewards, kl []float32, score, coef float32) {
	for t := range rewards {
		rewards[t] = -coef * kl[t]
	}
	if n := len(rewards); n > 0 {
		rewards[n-1] += score
	}
}
