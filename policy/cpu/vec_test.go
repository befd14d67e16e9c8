package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// vectorCase runs one vector function on in, slices of equal length, some of which it
// overwrites; scalar results are returned. tolerance is in units of 2⁻²³ times
// max(1, |want|), or for sums times the sum of the magnitudes.
type vectorCase struct {
	name      string
	tolerance float64
	run       func(k *Kernels, in [][]float32) []float32
}

var vectorCases = []vectorCase{
	{"Scale", 0, func(k *Kernels, in [][]float32) []float32 { k.Scale(in[0], in[1], 0.3); return nil }},
	{"Axpy", 1, func(k *Kernels, in [][]float32) []float32 { k.Axpy(in[0], in[1], -1.7); return nil }},
	{"Add", 0, func(k *Kernels, in [][]float32) []float32 { k.Add(in[0], in[1], in[2]); return nil }},
	{"Sub", 0, func(k *Kernels, in [][]float32) []float32 { k.Sub(in[0], in[1], in[2]); return nil }},
	{"Mul", 0, func(k *Kernels, in [][]float32) []float32 { k.Mul(in[0], in[1], in[2]); return nil }},
	{"Div", 0, func(k *Kernels, in [][]float32) []float32 { k.Div(in[0], in[1], in[2]); return nil }},
	{"MulAdd", 1, func(k *Kernels, in [][]float32) []float32 { k.MulAdd(in[0], in[1], in[2]); return nil }},
	{"Exp", 2, func(k *Kernels, in [][]float32) []float32 { k.Exp(in[0], in[1]); return nil }},
	{"ExpSum", 2, func(k *Kernels, in [][]float32) []float32 { return []float32{k.ExpSum(in[0], in[1], 0.7, -0.2)} }},
	{"Max", 0, func(k *Kernels, in [][]float32) []float32 { return []float32{k.Max(in[0])} }},
	{"Sum", 4, func(k *Kernels, in [][]float32) []float32 { return []float32{k.Sum(in[0])} }},
	{"SumSquares", 4, func(k *Kernels, in [][]float32) []float32 { return []float32{k.SumSquares(in[0])} }},
	{"Dot", 4, func(k *Kernels, in [][]float32) []float32 { return []float32{k.Dot(in[0], in[1])} }},
	{"LogSumExp", 4, func(k *Kernels, in [][]float32) []float32 { return []float32{k.LogSumExp(in[0], in[1])} }},
	{"SoftmaxBackward", 2, func(k *Kernels, in [][]float32) []float32 { k.SoftmaxBackward(in[0], in[1], 0.4, 0.125); return nil }},
	{"RMSNorm", 4, func(k *Kernels, in [][]float32) []float32 { return []float32{k.RMSNorm(in[0], in[1], in[2], 1e-5)} }},
	{"RMSNormBackward", 16, func(k *Kernels, in [][]float32) []float32 {
		k.RMSNormBackward(in[0], in[1], in[2], in[3], in[4], 0.9, false)
		return nil
	}},
	{"RMSNormBackward/add", 16, func(k *Kernels, in [][]float32) []float32 {
		k.RMSNormBackward(in[0], in[1], in[2], in[3], in[4], 0.9, true)
		return nil
	}},
	{"LayerNorm", 16, func(k *Kernels, in [][]float32) []float32 {
		mean, rstd := k.LayerNorm(in[0], in[1], in[2], in[3], 1e-5)
		return []float32{mean, rstd}
	}},
	{"LayerNormBackward", 16, func(k *Kernels, in [][]float32) []float32 {
		k.LayerNormBackward(in[0], in[1], in[2], in[3], in[4], in[5], 0.1, 0.9, false)
		return nil
	}},
	{"LayerNormBackward/add", 16, func(k *Kernels, in [][]float32) []float32 {
		k.LayerNormBackward(in[0], in[1], in[2], in[3], in[4], in[5], 0.1, 0.9, true)
		return nil
	}},
	{"SwiGLU", 4, func(k *Kernels, in [][]float32) []float32 { k.SwiGLU(in[0], in[1], in[2]); return nil }},
	{"SwiGLUBackward", 8, func(k *Kernels, in [][]float32) []float32 {
		k.SwiGLUBackward(in[0], in[1], in[2], in[3], in[4])
		return nil
	}},
	{"SwiGLUBackward/in place", 8, func(k *Kernels, in [][]float32) []float32 {
		k.SwiGLUBackward(in[0], in[1], in[0], in[1], in[2])
		return nil
	}},
	{"GELU", 4, func(k *Kernels, in [][]float32) []float32 { k.GELU(in[0], in[1]); return nil }},
	{"GELUBackward", 8, func(k *Kernels, in [][]float32) []float32 { k.GELUBackward(in[0], in[1], in[2]); return nil }},
	{"Rope", 2, func(k *Kernels, in [][]float32) []float32 { k.Rope(in[0], in[1], in[2], -1); return nil }},
	{"AdamW", 8, func(k *Kernels, in [][]float32) []float32 {
		for i, v := range in[3] {
			in[3][i] = v * v // second moments are not negative
		}
		k.AdamW(in[0], in[1], in[2], in[3], AdamWStep{LearningRate: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.1, Step: 3, GradScale: 0.5})
		return nil
	}},
}

// guard is written behind every slice; no kernel may touch it.
const guard, guardLen = float32(12345), 40

func TestVectorKernelsAgainstPortable(t *testing.T) {
	sizes := []int{0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 384, 1001}
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for _, c := range vectorCases {
			for _, n := range sizes {
				if n == 0 && (c.name == "LogSumExp") {
					continue // −Inf − (−Inf)
				}
				in, again := vectorInputs(n), vectorInputs(n)
				got, want := c.run(k, cut(in, n)), c.run(Portable(), cut(again, n))
				for s := range in {
					got, want = append(got, in[s]...), append(want, again[s]...)
				}
				limit := c.tolerance / (1 << 23)
				if s := fmt.Sprint(c.name); s == "Sum" || s == "SumSquares" || s == "Dot" || s == "ExpSum" {
					limit *= max(1, math.Sqrt(float64(n)))
				}
				for i := range got {
					if !near(got[i], want[i], limit) {
						t.Fatalf("%s n=%d: result %d is %g, portable %g", c.name, n, i, got[i], want[i])
					}
				}
			}
		}
	})
}

func near(got, want float32, limit float64) bool {
	if got == want || got != got && want != want {
		return true
	}
	return math.Abs(float64(got)-float64(want)) <= limit*max(1, math.Abs(float64(want)))
}

func vectorInputs(n int) [][]float32 {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	in := make([][]float32, 6)
	for i := range in {
		in[i] = append(normals(rng, n), slices.Repeat([]float32{guard}, guardLen)...)
	}
	return in
}

func cut(in [][]float32, n int) [][]float32 {
	out := make([][]float32, len(in))
	for i := range in {
		out[i] = in[i][:n]
	}
	return out
}

// Exp must be within one unit in the last place over its whole range, denormal results
// included, and exact at the ends.
func TestExpAccuracy(t *testing.T) {
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		const n = 1 << 14
		x, y := make([]float32, n), make([]float32, n)
		for _, span := range [][2]float64{{-1, 1}, {-20, 0}, {-87, 0}, {-104, -87}, {0, 88.72}} {
			for i := range x {
				x[i] = float32(span[0] + (span[1]-span[0])*float64(i)/(n-1))
			}
			k.Exp(y, x)
			for i := range x {
				want := math.Exp(float64(x[i]))
				unit := float64(math.Nextafter32(float32(want), math.MaxFloat32) - float32(want))
				if e := math.Abs(float64(y[i])-want) / unit; !(e <= 1) {
					t.Fatalf("exp(%g) = %g, want %g: %.2f ulp", x[i], y[i], want, e)
				}
			}
		}
		inf := float32(math.Inf(1))
		special := []float32{0, float32(math.Copysign(0, -1)), -inf, -200, 89, 1e30, inf, float32(math.NaN())}
		want := []float32{1, 1, 0, 0, inf, inf, inf, float32(math.NaN())}
		got := make([]float32, len(special))
		k.Exp(got, special)
		for i := range got {
			if !near(got[i], want[i], 0) {
				t.Errorf("exp(%g) = %g, want %g", special[i], got[i], want[i])
			}
		}
	})
}

// A NaN anywhere must reach the result, or divergence would stay hidden.
func TestNaNReachesEveryResult(t *testing.T) {
	nan := float32(math.NaN())
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for _, n := range []int{1, 8, 17, 64, 100} {
			for at := range n {
				x := slices.Repeat([]float32{0.5}, n)
				x[at] = nan
				y, z := slices.Repeat([]float32{1}, n), make([]float32, n)
				scalars := map[string]float32{
					"Max": k.Max(x), "Sum": k.Sum(x), "SumSquares": k.SumSquares(x), "Dot": k.Dot(y, x),
					"ExpSum": k.ExpSum(z, x, 1, 0), "RMSNorm": k.RMSNorm(z, x, y, 1e-5),
				}
				for name, got := range scalars {
					if got == got {
						t.Errorf("%s n=%d: NaN at %d gives %g", name, n, at, got)
					}
				}
				rows := map[string]func(){
					"Exp": func() { k.Exp(z, x) }, "SwiGLU": func() { k.SwiGLU(z, x, y) }, "GELU": func() { k.GELU(z, x) },
					"GELUBackward": func() { k.GELUBackward(z, x, y) },
				}
				for name, run := range rows {
					if run(); z[at] == z[at] {
						t.Errorf("%s n=%d: NaN at %d gives %g", name, n, at, z[at])
					}
				}
			}
		}
	})
}

// What attention adds up for the first n keys must not depend on what follows them.
func TestSumsDependOnTheirLengthOnly(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	x := normals(rng, 300)
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for n := range 200 {
			a, b := slices.Clone(x[:n]), slices.Clone(x)
			sum1, sum2 := k.ExpSum(a, a, 0.3, 0), k.ExpSum(b[:n], b[:n], 0.3, 0)
			if sum1 != sum2 || !slices.Equal(a, b[:n]) {
				t.Fatalf("ExpSum of %d elements: %g and %g", n, sum1, sum2)
			}
			shifted := append([]float32{7, 7, 7}, x[:n]...)[3:] // another alignment
			if k.Dot(x[:n], x) != k.Dot(shifted, x) {
				t.Fatalf("Dot of %d elements depends on alignment", n)
			}
		}
	})
}
