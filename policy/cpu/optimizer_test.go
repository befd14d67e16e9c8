package cpu

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"agora/policy/graph"
)

// optimised makes a store with gradients; the second tensor spans several pieces.
func optimised() *graph.Params {
	ps := graph.NewParams()
	rng := rand.New(rand.NewPCG(1, 1))
	for i, size := range []int{5, 3*pieceFloats + 7, 33} {
		p := ps.MustAdd(string(rune('a'+i)), 1, size)
		p.AllocGrad()
		for k := range p.Data {
			p.Data[k], p.Grad[k] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
		}
	}
	ps.Get("a").NoDecay = true
	ps.Get("c").LRScale = .25
	return ps
}

// adamWReference follows the paper's algorithm 2 in float64.
func adamWReference(ps *graph.Params, c AdamWConfig, steps int) map[string][]float64 {
	out := map[string][]float64{}
	square := 0.0
	for _, p := range ps.List() {
		for _, g := range p.Grad {
			square += float64(g) * float64(g)
		}
	}
	clip := 1.0
	if norm := math.Sqrt(square); c.ClipNorm > 0 && norm > c.ClipNorm {
		clip = c.ClipNorm / (norm + 1e-6)
	}
	for _, p := range ps.List() {
		w := make([]float64, len(p.Data))
		lr, decay := c.LearningRate*float64(p.LRScale), c.WeightDecay
		if p.NoDecay {
			decay = 0
		}
		for i := range w {
			w[i] = float64(p.Data[i])
			m, v, g := 0.0, 0.0, float64(p.Grad[i])*clip
			for t := 1; t <= steps; t++ {
				m, v = c.Beta1*m+(1-c.Beta1)*g, c.Beta2*v+(1-c.Beta2)*g*g
				c1, c2 := 1-math.Pow(c.Beta1, float64(t)), 1-math.Pow(c.Beta2, float64(t))
				w[i] *= 1 - lr*decay
				if c.EpsInside {
					w[i] -= lr * math.Sqrt(c2) / c1 * m / (math.Sqrt(v) + c.Eps)
				} else {
					w[i] -= lr * (m / c1) / (math.Sqrt(v/c2) + c.Eps)
				}
			}
		}
		out[p.Name] = w
	}
	return out
}

func TestAdamWAgainstThePaper(t *testing.T) {
	plain := AdamWConfig{LearningRate: .01, Beta1: .9, Beta2: .99, Eps: 1e-3, WeightDecay: .1}
	clipped, inside := plain, plain
	clipped.ClipNorm, inside.EpsInside = 3, true
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for name, c := range map[string]AdamWConfig{"plain": plain, "clipped": clipped, "eps inside": inside} {
			var first map[string][]float32
			for _, workers := range []int{1, 3} {
				ps := optimised()
				want := adamWReference(ps, c, 4)
				o := OpenWith(workers, k).NewAdamW(ps)
				for range 4 {
					if _, err := o.Step(c); err != nil {
						t.Fatal(err)
					}
				}
				got := map[string][]float32{}
				for _, p := range ps.List() {
					got[p.Name] = slices.Clone(p.Data)
					// Weights up to 4.5 are rounded to 2⁻²² four times, and updates of .01 to 1e-5 of themselves.
					for i, x := range p.Data {
						if diff := math.Abs(float64(x) - want[p.Name][i]); diff > 3e-6 {
							t.Fatalf("%s: %s[%d] is off by %g", name, p.Name, i, diff)
						}
					}
					if first != nil {
						sameBits(t, name, p.Data, first[p.Name])
					}
				}
				first = got
			}
		}
	})
}

func TestAdamWRefusesWhatIsNotFinite(t *testing.T) {
	ps := optimised()
	o := OpenWith(2, Portable()).NewAdamW(ps)
	old := slices.Clone(ps.Get("b").Data)
	ps.Get("c").Grad[32] = float32(math.Inf(1))
	norm, err := o.Step(AdamWConfig{LearningRate: 1, Beta1: .9, Beta2: .99, ClipNorm: 1})
	if !errors.Is(err, ErrNotFinite) || !math.IsInf(norm, 1) || o.Steps != 0 {
		t.Errorf("norm %g, error %v, %d steps", norm, err, o.Steps)
	}
	sameBits(t, "weights after a refused step", ps.Get("b").Data, old)
}
