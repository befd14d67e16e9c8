package guard

import (
	"math"
	"testing"
)

func TestFitFindsItsOwnCurve(t *testing.T) {
	for _, bestN := range []bool{false, true} {
		want := OverFit{Alpha: 1.3, Beta: .4, BestN: bestN}
		var points []Gain
		for d := .1; d < 8; d += .2 {
			points = append(points, Gain{d, want.At(d)})
		}
		got, err := FitOver(points, bestN)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got.Alpha-want.Alpha) > 1e-9 || math.Abs(got.Beta-want.Beta) > 1e-9 || got.R2 < 1-1e-9 {
			t.Errorf("best of n %v: fitted %+v", bestN, got)
		}
		top := got.Peak()
		if got.At(top) < got.At(top*.99) || got.At(top) < got.At(top*1.01) {
			t.Errorf("best of n %v: %.3f is no peak", bestN, top)
		}
	}
}

func TestFitNeedsPoints(t *testing.T) {
	if _, err := FitOver([]Gain{{1, 1}, {.1, 2}, {.2, 1}, {2, 1}}, false); err == nil {
		t.Error("two distances were enough")
	}
}
