package measure

import (
	"math"
	"testing"
)

func TestDistinct(t *testing.T) {
	texts := []string{"a b c", "A b d", "a b c"} // pairs: ab bc, ab bd, ab bc
	if got := Distinct2(texts); math.Abs(got-.5) > 1e-12 {
		t.Errorf("Distinct2 %g, want 3/6", got)
	}
	if got := DistinctShare(texts); math.Abs(got-2./3) > 1e-12 {
		t.Errorf("DistinctShare %g, want 2/3", got)
	}
	if got := VerbatimShare([]string{"A  B c", "x"}, map[string]bool{"a b c": true}); got != .5 {
		t.Errorf("VerbatimShare %g, want 1/2", got)
	}
}

func TestWinRate(t *testing.T) {
	a, b := make([]float64, 400), make([]float64, 400)
	for i := range a {
		switch {
		case i%4 < 2: // half of the prompts won, a quarter tied, a quarter lost
			a[i] = 1
		case i%4 == 2:
			b[i] = 1
		}
	}
	got := WinRate(a, b)
	sd := math.Sqrt((.5*1+.25*.25-.625*.625)/400) * 1.96
	if math.Abs(got.Value-.625) > 1e-12 || math.Abs(got.Value-got.Lo-sd) > .01 || math.Abs(got.Hi-got.Value-sd) > .01 {
		t.Errorf("%+v, want 0.625 ± %.3f", got, sd)
	}
}
