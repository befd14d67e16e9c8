package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// layouts of A and B that training uses, and TT for completeness.
var layouts = []struct {
	name           string
	transA, transB bool
}{{"NN", false, false}, {"NT", false, true}, {"TN", true, false}, {"TT", true, true}}

func normals(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// transpose returns the transpose of x [rows, cols].
func transpose(x []float32, rows, cols int) []float32 {
	y := make([]float32, len(x))
	for i := range rows {
		for j := range cols {
			y[j*rows+i] = x[i*cols+j]
		}
	}
	return y
}

// layOut returns the product A·B with its operands stored as the layout asks, with exact
// leading dimensions.
func layOut(m, k, n int, a, b []float32, transA, transB bool) *Gemm {
	g := &Gemm{M: m, K: k, N: n, A: a, LDA: k, B: b, LDB: n, C: make([]float32, m*n), LDC: n, TransA: transA, TransB: transB}
	if transA {
		g.A, g.LDA = transpose(a, m, k), m
	}
	if transB {
		g.B, g.LDB = transpose(b, k, n), k
	}
	return g
}

func forEachKernels(t *testing.T, f func(t *testing.T, k *Kernels)) {
	for _, k := range Available() {
		t.Run(k.Name(), func(t *testing.T) { f(t, k) })
	}
}

// The error of a sum of k products of N(0,1) numbers grows like √k; measured in units of
// √k it stays below 1e-5 in float32.
func TestGemmAgainstFloat64(t *testing.T) {
	shapes := [][3]int{{1, 1, 1}, {3, 5, 7}, {14, 16, 32}, {15, 33, 31}, {29, 384, 65}, {64, 400, 96}, {130, 1000, 50}, {7, 0, 9}, {200, 17, 129}}
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for _, workers := range []int{1, 2, 3} {
			team := NewTeam(workers, k)
			for _, s := range shapes {
				checkGemm(t, team, s[0], s[1], s[2])
			}
		}
	})
}

func checkGemm(t *testing.T, team *Team, m, k, n int) {
	rng := rand.New(rand.NewPCG(uint64(m), uint64(k*n)))
	a, b, c0, bias := normals(rng, m*k), normals(rng, k*n), normals(rng, m*n), normals(rng, n)
	for _, l := range layouts {
		for _, add := range []bool{false, true} {
			g := layOut(m, k, n, a, b, l.transA, l.transB)
			copy(g.C, c0)
			if add {
				g.Bias, g.Base, g.LDBase = bias, g.C, n
			}
			if add && l.transA != l.transB {
				g.Base = slices.Clone(c0)
				clear(g.C)
			}
			team.Run(func(w *Worker) { w.Gemm(g) })
			for i := range m {
				for j := range n {
					want := 0.0
					for p := range k {
						want += float64(a[i*k+p]) * float64(b[p*n+j])
					}
					if add {
						want += float64(c0[i*n+j]) + float64(bias[j])
					}
					got := float64(g.C[i*n+j])
					if e := math.Abs(got-want) / math.Sqrt(float64(max(1, k))); !(e < 1e-5) {
						t.Fatalf("%s %dx%dx%d add=%v C[%d,%d] = %g, want %g", l.name, m, k, n, add, i, j, got, want)
					}
				}
			}
		}
	}
}

func BenchmarkGemm(b *testing.B) {
	k, err := Default()
	if err != nil {
		b.Fatal(err)
	}
	team := NewTeam(0, k)
	for _, s := range [][3]int{{512, 512, 512}, {2048, 128, 384}, {2048, 384, 1024}} {
		for _, l := range layouts[:3] {
			b.Run(fmt.Sprintf("%s/%dx%dx%d", l.name, s[0], s[1], s[2]), func(b *testing.B) {
				g := layOut(s[0], s[1], s[2], make([]float32, s[0]*s[1]), make([]float32, s[1]*s[2]), l.transA, l.transB)
				flops := 2 * float64(s[0]) * float64(s[1]) * float64(s[2])
				for b.Loop() {
					team.Run(func(w *Worker) { w.Gemm(g) })
				}
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
