package experiment

import (
	"math"
	"math/rand/v2"
	"testing"

	"agora/ppo"
)

// The curve of the reward itself is ppo's, and with a judge that agrees so is the judge's.
func TestBestOfCurve(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	rewards, judged := make([][]float64, 5), make([][]float64, 5)
	for p := range rewards {
		for range 16 {
			r := rng.NormFloat64()
			rewards[p], judged[p] = append(rewards[p], r), append(judged[p], 2*r+1)
		}
	}
	want := ppo.BestOfCurve(rewards, nil)
	for i, got := range bestOfCurve(rewards, judged) {
		if got.N != want[i].N || math.Abs(got.Reward-want[i].Score) > 1e-12 || math.Abs(got.Judge-2*want[i].Score-1) > 1e-12 || got.KL != want[i].KL {
			t.Errorf("%+v, want %+v", got, want[i])
		}
	}
}
