package scale

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"agora/policy/graph"
)

// synthetic are runs on a grid of sizes and budgets whose losses follow the law, times e^(noise·g) with
// g normal.
func synthetic(l lossLaw, noise float64, seed uint64) []Observation {
	var runs []Observation
	key := graph.Key(seed, 0, 1)
	for _, flops := range []float64{1e18, 3e18, 1e19, 3e19, 1e20} {
		for _, n := range []float64{2e7, 5e7, 1e8, 2e8, 5e8, 1e9} {
			i := uint64(2 * len(runs))
			g := math.Sqrt(-2*math.Log(1-graph.Uniform(key, i))) * math.Cos(2*math.Pi*graph.Uniform(key, i+1))
			d := flops / (6 * n)
			runs = append(runs, Observation{Params: n, Tokens: d, Loss: l.loss(n, d) * math.Exp(noise*g)})
		}
	}
	return runs
}

// TestFitRecovers: from losses without noise the constants come back, for both published sets.
func TestFitRecovers(t *testing.T) {
	for name, l := range map[string]lossLaw{"hoffmann": hoffmann, "besiroglu": besiroglu} {
		f, err := FitLaw(synthetic(l, 0, 1), 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := l.exponents()
		for _, c := range []struct {
			what      string
			got, want float64
		}{{"E", f.E, l.E}, {"A", f.A, l.A}, {"B", f.B, l.B}, {"alpha", f.Alpha, l.Alpha}, {"beta", f.Beta, l.Beta}, {"a", f.ExponentN, a}} {
			if !near(c.got, c.want, .01) {
				t.Errorf("%s: %s = %g, want %g", name, c.what, c.got, c.want)
			}
		}
	}
}

// TestFitIntervals: with a quarter of a percent of noise the true exponents lie within the intervals,
// in at least 10 of 12 data sets, and the intervals are of a useful width.
func TestFitIntervals(t *testing.T) {
	a, _ := besiroglu.exponents()
	hits := map[string]int{}
	for seed := range 12 {
		f, err := FitLaw(synthetic(besiroglu, .0025, uint64(seed+1)), 120, 1)
		if err != nil || f.Used != 120 {
			t.Fatalf("%d of %d resamples used (%v)", f.Used, f.Bootstrap, err)
		}
		for _, c := range []struct {
			what string
			in   *Interval
			want float64
		}{{"a", f.NInterval, a}, {"b", f.DInterval, 1 - a}, {"alpha", f.AlphaInterval, besiroglu.Alpha}, {"beta", f.BetaInterval, besiroglu.Beta}} {
			if c.in.Lo <= c.want && c.want <= c.in.Hi {
				hits[c.what]++
			}
		}
		if width := f.NInterval.Hi - f.NInterval.Lo; width > .2 || width < .002 {
			t.Errorf("seed %d: a in [%.3f, %.3f]", seed+1, f.NInterval.Lo, f.NInterval.Hi)
		}
	}
	for _, what := range []string{"a", "b", "alpha", "beta"} {
		if hits[what] < 10 {
			t.Errorf("%s: the interval holds the truth %d times of 12", what, hits[what])
		}
	}
}

// TestFitRepeats: the same runs and seed give the same numbers.
func TestFitRepeats(t *testing.T) {
	runs := synthetic(besiroglu, .01, 3)
	one, err := FitLaw(runs, 100, 5)
	if err != nil {
		t.Fatal(err)
	}
	two, err := FitLaw(runs, 100, 5)
	if err != nil || one.NInterval == nil || !reflect.DeepEqual(one, two) {
		t.Errorf("%+v and %+v (%v)", one, two, err)
	}
}

// TestFitCounts: of resamples of which some have too few sizes to be fitted, only the others count, and
// fewer than a hundred of them make no interval.
func TestFitCounts(t *testing.T) {
	var runs []Observation // three sizes, one of which a single run has: a third of the resamples miss it
	for _, r := range synthetic(besiroglu, .001, 1) {
		if r.Params == 2e7 || r.Params == 1e9 || r.Params == 1e8 && r.Tokens > 1e11 {
			runs = append(runs, r)
		}
	}
	f, err := FitLaw(runs, 300, 1)
	if err != nil {
		t.Fatal(err)
	}
	if f.Bootstrap != 300 || f.Used < 150 || f.Used > 230 || f.NInterval == nil {
		t.Errorf("%d of %d resamples used, a in %v", f.Used, f.Bootstrap, f.NInterval)
	}
	if want := fmt.Sprintf("95 %% of the %d of 300 bootstrap samples", f.Used); !strings.Contains(drawnText(f.Bootstrap, f.Used), want) {
		t.Errorf("%q lacks %q", drawnText(f.Bootstrap, f.Used), want)
	}
	if f, err = FitLaw(runs, 100, 1); err != nil || f.Used >= 100 || f.NInterval != nil || f.AlphaInterval != nil {
		t.Errorf("of 100: %d used, a in %v (%v)", f.Used, f.NInterval, err)
	}
	if text := f.String() + drawnText(f.Bootstrap, f.Used); strings.Contains(text, " to ") || !strings.Contains(text, "No intervals: only ") {
		t.Error(text)
	}
}

func TestFitRefuses(t *testing.T) {
	good := synthetic(besiroglu, 0, 1)
	bad := append([]Observation{{Params: 1, Tokens: 2, Loss: -1, Source: "runs/x"}}, good...)
	same := make([]Observation, 10)
	for i := range same {
		same[i] = Observation{Params: 1e6, Tokens: float64(i+1) * 1e6, Loss: 4}
	}
	for want, runs := range map[string][]Observation{
		"7 runs: a fit of five constants": good[:7], "runs/x: params 1, tokens 2 and loss -1": bad, "1 sizes and 10 numbers of tokens": same,
	} {
		if _, err := FitLaw(runs, 0, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestMinimise: Rosenbrock's valley and a stiff quadratic.
func TestMinimise(t *testing.T) {
	x := []float64{-1.2, 1}
	minimise(func(x, g []float64) float64 {
		a, b := 1-x[0], x[1]-x[0]*x[0]
		g[0], g[1] = -2*a-400*x[0]*b, 200*b
		return a*a + 100*b*b
	}, x)
	if math.Abs(x[0]-1) > 1e-5 || math.Abs(x[1]-1) > 1e-5 {
		t.Errorf("Rosenbrock's minimum is at %v", x)
	}
	y := []float64{3, 3, 3}
	minimise(func(x, g []float64) float64 {
		sum := 0.0
		for i, c := range []float64{1, 100, 1e4} {
			g[i] = 2 * c * (x[i] - float64(i))
			sum += c * (x[i] - float64(i)) * (x[i] - float64(i))
		}
		return sum
	}, y)
	if fmt.Sprintf("%.4f", y) != "[0.0000 1.0000 2.0000]" && fmt.Sprintf("%.4f", y) != "[-0.0000 1.0000 2.0000]" {
		t.Errorf("the quadratic's minimum is at %v", y)
	}
}
