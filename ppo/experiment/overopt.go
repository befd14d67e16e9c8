package experiment

import (
	"fmt"
	"math"

	"agora/ppo"
	"agora/ppo/guard"
)

// The points and the curve of over-optimisation, as the site has them too.
type (
	gain    = guard.Gain
	overFit = guard.OverFit
)

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
		out = append(out, gain{D: math.Sqrt(math.Max(0, row[0])), Gain: row[1] - rows[0][1]})
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

// bestOfCurve is ppo's, with the judge.
func bestOfCurve(rewards, judged [][]float64) []bestOf {
	var out []bestOf
	for _, p := range ppo.BestOfCurve(rewards, judged) {
		out = append(out, bestOf{p.N, p.KL, p.Score, *p.Judge})
	}
	return out
}
