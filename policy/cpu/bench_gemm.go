package cpu

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// GEMMShape is a product [M, K] × [K, N].
type GEMMShape struct{ M, K, N int }

// ParseGEMMShapes reads a comma-separated list of shapes: "512" means 512×512×512,
// "2048x384x1024" is M×K×N.
func ParseGEMMShapes(list string) ([]GEMMShape, error) {
	var shapes []GEMMShape
	for _, word := range strings.Split(list, ",") {
		parts := strings.Split(strings.TrimSpace(word), "x")
		if len(parts) == 1 {
			parts = []string{parts[0], parts[0], parts[0]}
		}
		if len(parts) != 3 {
			return nil, fmt.Errorf("shape %q: want N or MxKxN", word)
		}
		var dims [3]int
		for i, p := range parts {
			n, err := strconv.Atoi(p)
			if err != nil || n < 1 || n > 1<<17 {
				return nil, fmt.Errorf("shape %q: %q is not a size between 1 and %d", word, p, 1<<17)
			}
			dims[i] = n
		}
		shapes = append(shapes, GEMMShape{dims[0], dims[1], dims[2]})
	}
	return shapes, nil
}

// GEMMResult is one line of `agora bench gemm`.
type GEMMResult struct {
	M          int     `json:"m"`
	K          int     `json:"k"`
	N          int     `json:"n"`
	Layout     string  `json:"layout"` // NN, NT (forward pass) or TN (weight gradient)
	DType      string  `json:"dtype"`
	GFLOPS     float64 `json:"gflops"`
	PeakGFLOPS float64 `json:"peak_gflops"`
	Fraction   float64 `json:"fraction"`
}

const (
	benchRounds = 5 // at least
	benchTime   = 600 * time.Millisecond
	benchRound  = 8 * time.Millisecond
)

// BenchGEMM measures every shape in every layout on a team of the given size (0: one
// worker per core) and reports each result as soon as it is there. Peak and product are
// measured in turns, in many short rounds, and the best round of either counts: what
// other programs take from a round is not the product's fault.
func BenchGEMM(ctx context.Context, workers int, shapes []GEMMShape, report func(GEMMResult) error) error {
	kernels, err := Default()
	if err != nil {
		return err
	}
	team := NewTeam(workers, kernels)
	for _, s := range shapes {
		for _, layout := range []string{"NN", "NT", "TN"} {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := report(benchProduct(team, s, layout)); err != nil {
				return err
			}
		}
	}
	return nil
}

func benchProduct(team *Team, s GEMMShape, layout string) GEMMResult {
	g := &Gemm{
		M: s.M, K: s.K, N: s.N, TransA: layout[0] == 'T', TransB: layout[1] == 'T',
		A: benchMatrix(s.M * s.K), B: benchMatrix(s.K * s.N), C: Alloc(s.M * s.N),
		LDA: s.K, LDB: s.N, LDC: s.N,
	}
	if g.TransA {
		g.LDA = s.M
	}
	if g.TransB {
		g.LDB = s.K
	}
	r := GEMMResult{M: s.M, K: s.K, N: s.N, Layout: layout, DType: "fp32"}
	run := func(w *Worker) { w.Gemm(g) }
	team.Run(run) // first touch
	for begin, round := time.Now(), 0; round < benchRounds || time.Since(begin) < benchTime; round++ {
		r.PeakGFLOPS = max(r.PeakGFLOPS, team.MeasurePeak(benchRound/2))
		start, count := time.Now(), 0
		for ; count == 0 || time.Since(start) < benchRound; count++ {
			team.Run(run)
		}
		flops := 2 * float64(s.M) * float64(s.K) * float64(s.N) * float64(count)
		r.GFLOPS = max(r.GFLOPS, flops/time.Since(start).Seconds()/1e9)
	}
	r.Fraction = r.GFLOPS / r.PeakGFLOPS
	return r
}

// benchMatrix returns n floats without denormals, which some processors compute slowly.
func benchMatrix(n int) []float32 {
	x := Alloc(n)
	for i := range x {
		x[i] = float32(i%17)/16 - 0.5
	}
	return x
}
