package agree

import (
	"math"
	"math/rand/v2"
	"testing"
)

// scoresOf is right answers with a chance that may change on the way.
func scoresOf(rng *rand.Rand, n int, chance func(i int) float64) []float64 {
	scores := make([]float64, n)
	for i := range scores {
		if rng.Float64() < chance(i) {
			scores[i] = 1
		}
	}
	return scores
}

// Of forty people one drops from 85 to 55 right answers in 100, half way: that one is found, near the
// place, and nobody else.
func TestDriftFindsTheOneWhoChanged(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	var people [][]float64
	for who := range 40 {
		people = append(people, scoresOf(rng, 240, func(i int) float64 {
			if who == 17 && i >= 120 {
				return .55
			}
			return .85
		}))
	}
	for who, d := range Drifts(people, 1) {
		if changed := who == 17; changed != (d.Q < .05) {
			t.Errorf("labeler %d: p %.4f, q %.4f", who, d.P, d.Q)
		}
	}
	d := DriftOf(people[17], 1)
	if d.At < 95 || d.At > 145 || d.Before.Rate < .75 || d.After.Rate > .65 || d.After.CI.Hi > d.Before.CI.Lo {
		t.Errorf("changed at %d from %+v to %+v", d.At, d.Before, d.After)
	}
}

// The control: people who do not change are called changed at .05 about one time in twenty, at any
// level of skill and with scores that are not whole.
func TestDriftWithoutDrift(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	found := 0
	const trials = 300
	for i := range trials {
		scores := scoresOf(rng, 60+i%80, func(int) float64 { return .5 + .45*float64(i)/trials })
		if i%2 == 0 {
			for j := range scores {
				scores[j] = (scores[j] + rng.Float64()) / 2
			}
		}
		if DriftOf(scores, uint64(i)).P <= .05 {
			found++
		}
	}
	if share := float64(found) / trials; share > .09 || share < .015 {
		t.Errorf("%.3f of unchanged people called changed at .05", share)
	}
}

// A slope without a jump is found, too; a short sequence is not tested.
func TestDriftOfASlopeAndOfLittle(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	if d := DriftOf(scoresOf(rng, 300, func(i int) float64 { return .95 - .5*float64(i)/300 }), 1); d.P > .01 {
		t.Errorf("slope: p %.4f", d.P)
	}
	if d := DriftOf(scoresOf(rng, driftLeast-1, func(int) float64 { return .5 }), 1); !math.IsNaN(d.P) || d.At != 0 {
		t.Errorf("%d scores were tested: %+v", driftLeast-1, d)
	}
	if d := DriftOf(make([]float64, 50), 1); d.P != 1 {
		t.Errorf("nothing varies: p %.4f", d.P)
	}
}

func TestRollingWindows(t *testing.T) {
	d := DriftOf(scoresOf(rand.New(rand.NewPCG(6, 1)), 200, func(i int) float64 { return float64(i) / 200 }), 1)
	if len(d.Rolling) < 20 || d.Rolling[0].From != 0 || d.Rolling[0].To-d.Rolling[0].From != 40 {
		t.Fatalf("%d windows, first %+v", len(d.Rolling), d.Rolling[0])
	}
	first, last := d.Rolling[0], d.Rolling[len(d.Rolling)-1]
	if last.To > 200 || last.To < 190 || first.Rate > .35 || last.Rate < .65 || first.CI.Lo > first.Rate {
		t.Errorf("%+v … %+v", first, last)
	}
}

// Two-sided p of a fair coin's runs, computed by shuffling, is near the exact one.
func TestSequentialP(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	near(t, "often", sequentialP(4000, func() bool { return rng.Float64() < .5 }), .5, .2)
	near(t, "seldom", sequentialP(4000, func() bool { return rng.Float64() < .004 }), .004, .003)
	near(t, "never", sequentialP(999, func() bool { return false }), .001, 1e-12)
}
