package agree

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestWilson(t *testing.T) {
	cases := []struct {
		p, n, lo, hi float64
	}{
		{.5, 10, .2366, .7634},  // by hand: (0.5 ± …)/(1+z²/10)
		{0, 10, 0, .2775},       // upper limit z²/(n+z²)
		{1, 10, .7225, 1},       // mirror image
		{.1, 263, .0692, .1423}, // R: binom::binom.wilson(26.3, 263)
	}
	for _, c := range cases {
		lo, hi := wilson(c.p, c.n)
		if math.Abs(lo-c.lo) > 1e-3 || math.Abs(hi-c.hi) > 1e-3 {
			t.Errorf("wilson(%g, %g) = %.4f %.4f, want %.4f %.4f", c.p, c.n, lo, hi, c.lo, c.hi)
		}
	}
}

func TestWinRateCounts(t *testing.T) {
	e := WinRate([]Judgment{{Labeler: "a", Score: 1}, {Labeler: "a", Score: .5}, {Labeler: "b"}, {Labeler: "b", Score: 1}}, 100)
	if e.Rate != .625 || e.N != 4 || e.Labelers != 2 || e.Wins != 2 || e.Ties != 1 || e.Losses != 1 || e.Method != Wilson {
		t.Errorf("%+v", e)
	}
	if e := WinRate(nil, 100); e.N != 0 || !math.IsNaN(e.Rate) || e.Lo != 0 || e.Hi != 1 {
		t.Errorf("nothing: %+v", e)
	}
}

// Ten people of one mind each: 5 always prefer A, 5 always B. Judgments as independent would
// look certain; by labeler the interval must stay wide.
func TestClusteredIntervalIsWiderWhenPeopleDiffer(t *testing.T) {
	var js []Judgment
	for l := range 10 {
		for range 100 {
			js = append(js, Judgment{Labeler: fmt.Sprint(l), Score: float64(l % 2)})
		}
	}
	e := WinRate(js, 2000)
	if e.Method != Clustered || e.Hi-e.Lo < .5 {
		t.Errorf("interval %.3f to %.3f by %v, want wide", e.Lo, e.Hi, e.Method)
	}
	lo, hi := wilson(.5, 1000)
	if hi-lo > .1 {
		t.Errorf("control: independent interval is %.3f wide", hi-lo)
	}
}

// About 95 of 100 intervals must cover the truth when labelers differ around a rate of 0.6.
func TestClusteredCoverage(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	covered := 0
	const trials = 300
	for range trials {
		var js []Judgment
		for l := range 40 {
			taste := .6 + .2*(rng.Float64()-.5)
			for range 10 {
				s := 0.0
				if rng.Float64() < taste {
					s = 1
				}
				js = append(js, Judgment{Labeler: fmt.Sprint(l), Score: s})
			}
		}
		if e := WinRate(js, 400); e.Lo <= .6 && .6 <= e.Hi {
			covered++
		}
	}
	if share := float64(covered) / trials; share < .90 || share > .985 {
		t.Errorf("covered %.3f of the time, want about 0.95", share)
	}
}

func TestUnanimousPeopleStillGetAnInterval(t *testing.T) {
	var js []Judgment
	for l := range 6 {
		js = append(js, Judgment{Labeler: fmt.Sprint(l), Score: 1})
	}
	if e := WinRate(js, 200); e.Lo > .7 || e.Hi != 1 || e.Method != Wilson {
		t.Errorf("%+v", e)
	}
}
