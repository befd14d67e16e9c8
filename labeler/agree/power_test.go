package agree

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Fleiss, Levin and Paik (2003) and every table of sample sizes: .5 against .8 at two-sided .05 and
// power .8 takes about 39 people a group; near one half the variance is a little larger.
func TestPeopleNeeded(t *testing.T) {
	if n := PeopleNeeded(.3, 1); n < 39 || n > 45 {
		t.Errorf("%d people a group", n)
	}
	if PeopleNeeded(.3, 100) <= PeopleNeeded(.3, 1) || PeopleNeeded(.1, 1) <= PeopleNeeded(.3, 1) {
		t.Error("more tests and smaller differences need more people")
	}
	n := PeopleNeeded(.3, 10)
	near(t, "the other way round", PowerOf(n, n, 10).Detectable, .3, .005)
}

// Five people on each side: a complete split has p = 2/252, which 6 tests allow and 7 do not.
func TestPowerOfACompleteSplit(t *testing.T) {
	p := PowerOf(5, 5, 6)
	near(t, "least p", p.LeastP, 2./252, 1e-12)
	if !p.Possible || PowerOf(5, 5, 7).Possible || p.Detectable < 1 {
		t.Errorf("%+v", p)
	}
	near(t, "groups of different size", PowerOf(5, 6, 1).LeastP, 1./462, 1e-12)
	if none := PowerOf(0, 5, 1); none.Possible || !math.IsInf(none.Detectable, 1) {
		t.Errorf("%+v", none)
	}
}

// The promised difference is found about four times in five by the test that is used.
func TestPowerIsTrue(t *testing.T) {
	const n, trials = 60, 200
	d := PowerOf(n, n, 1).Detectable
	rng := rand.New(rand.NewPCG(8, 1))
	found := 0
	for range trials {
		labels, of := grouped(rng, n, .5+d/2, .5-d/2)
		if table(t, labels).GroupDifferences(of, GroupOptions{Least: 5, Permutations: 400})[0].P <= .05 {
			found++
		}
	}
	if share := float64(found) / trials; share < .7 || share > .9 {
		t.Errorf("found %.3f of the time, want about .8", share)
	}
}

func TestTimes(t *testing.T) {
	bins := Times([]float64{0, 4.9, 5, 59, 60, 10000})
	want := map[float64]int{0: 2, 5: 1, 45: 1, 60: 1, 600: 1}
	for _, b := range bins {
		if b.N != want[b.Lo] {
			t.Errorf("%+v, want %d", b, want[b.Lo])
		}
	}
}

func TestShareOf(t *testing.T) {
	s := ShareOf([]float64{1, 1, .5, 0, 0})
	near(t, "rate", s.Rate, .5, 1e-12)
	lo, hi := wilson(.5, 5)
	near(t, "low end", s.CI.Lo, lo, 1e-12)
	near(t, "high end", s.CI.Hi, hi, 1e-12)
	if none := ShareOf(nil); none.N != 0 || !math.IsNaN(none.Rate) || !math.IsNaN(none.CI.Lo) {
		t.Errorf("of nothing: %+v", none)
	}
}
