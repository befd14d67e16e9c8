package cpu

import (
	"context"
	"testing"
)

func TestParseGEMMShapes(t *testing.T) {
	got, err := ParseGEMMShapes("512, 2048x384x1024")
	if err != nil || len(got) != 2 || got[0] != (GEMMShape{512, 512, 512}) || got[1] != (GEMMShape{2048, 384, 1024}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "12x3", "0", "-4", "big", "1x2x3x4", "99999999"} {
		if _, err := ParseGEMMShapes(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestBenchGEMMReportsEveryLayout(t *testing.T) {
	var rows []GEMMResult
	err := BenchGEMM(t.Context(), 1, []GEMMShape{{33, 20, 47}}, func(r GEMMResult) error {
		rows = append(rows, r)
		return nil
	})
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, r := range rows {
		if r.GFLOPS <= 0 || r.PeakGFLOPS <= 0 || r.Fraction != r.GFLOPS/r.PeakGFLOPS {
			t.Errorf("%+v", r)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := BenchGEMM(cancelled, 1, []GEMMShape{{1, 1, 1}}, nil); err == nil {
		t.Error("a cancelled benchmark went on")
	}
}
