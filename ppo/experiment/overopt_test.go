package experiment

import (
	"math"
	"math/rand/v2"
	"testing"

	"agora/ppo"
)

func TestFitFindsItsOwnCurve(t *testing.T) {
	for _, bestN := range []bool{false, true} {
		want := overFit{Alpha: 1.3, Beta: .4, BestN: bestN}
		var points []gain
		for d := .1; d < 8; d += .2 {
			points = append(points, gain{d, want.at(d)})
		}
		got, err := fitOver(points, bestN)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got.Alpha-want.Alpha) > 1e-9 || math.Abs(got.Beta-want.Beta) > 1e-9 || got.R2 < 1-1e-9 {
			t.Errorf("best of n %v: fitted %+v", bestN, got)
		}
		top := got.peak()
		if got.at(top) < got.at(top*.99) || got.at(top) < got.at(top*1.01) {
			t.Errorf("best of n %v: %.3f is no peak", bestN, top)
		}
	}
}

func TestFitNeedsPoints(t *testing.T) {
	if _, err := fitOver([]gain{{1, 1}, {.1, 2}, {.2, 1}, {2, 1}}, false); err == nil {
		t.Error("two distances were enough")
	}
}

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
	want := ppo.BestOfCurve(rewards)
	for i, got := range bestOfCurve(rewards, judged) {
		if got.N != want[i].N || math.Abs(got.Reward-want[i].Score) > 1e-12 || math.Abs(got.Judge-2*want[i].Score-1) > 1e-12 || got.KL != want[i].KL {
			t.Errorf("%+v, want %+v", got, want[i])
		}
	}
}
