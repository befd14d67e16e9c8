package cpu

import (
	"testing"
	"time"
)

func TestMeasurePeak(t *testing.T) {
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		one, two := NewTeam(1, k).MeasurePeak(20*time.Millisecond), NewTeam(2, k).MeasurePeak(20*time.Millisecond)
		if one <= 0 || two <= 0 {
			t.Errorf("peak %g and %g GFLOP/s", one, two)
		}
		t.Logf("%.0f GFLOP/s with one worker, %.0f with two", one, two)
	})
}
