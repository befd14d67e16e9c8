package cpu

import (
	"fmt"
	"testing"
)

// BenchmarkDecodeWeights multiplies every weight matrix of a model once by a few rows:
// what a decoding step costs at least. Sizes as in shared/bench.
func BenchmarkDecodeWeights(b *testing.B) {
	kernels, err := Default()
	if err != nil {
		b.Fatal(err)
	}
	sizes := []struct {
		name                       string
		layers, d, qkv, ffn, vocab int
	}{{"S", 2, 128, 384, 344, 1024}, {"M", 6, 384, 1152, 1024, 8192}}
	for _, s := range sizes {
		team := NewTeam(0, kernels)
		var weights []*Packed
		for range s.layers {
			weights = append(weights, NewPacked(s.d, s.qkv), NewPacked(s.d, s.d), NewPacked(s.d, 2*s.ffn), NewPacked(s.ffn, s.d))
		}
		weights = append(weights, NewPacked(s.d, s.vocab))
		bytes := 0
		for _, p := range weights {
			clear(p.panels)
			bytes += 4 * len(p.panels)
		}
		for _, rows := range []int{1, 2, 4, 16} {
			b.Run(fmt.Sprintf("%s/%d", s.name, rows), func(b *testing.B) {
				x, y := Alloc(rows*max(s.d, s.ffn)), Alloc(rows*s.vocab)
				for b.Loop() {
					team.Run(func(w *Worker) {
						for _, p := range weights {
							w.Gemm(&Gemm{M: rows, K: p.K, N: p.N, A: x, LDA: p.K, Packed: p, C: y, LDC: p.N})
						}
					})
				}
				perOp := b.Elapsed().Seconds() / float64(b.N)
				b.ReportMetric(perOp*1e3, "ms")
				b.ReportMetric(float64(bytes)/perOp/1e9, "GB/s")
				b.ReportMetric(float64(bytes)/2*float64(rows)/perOp/1e9, "GFLOP/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
