package ppo

import (
	"math"
	"testing"

	"agora/policy/graph"
)

// lossCase runs a traced loss on the reference interpreter and returns its value
// and its gradient by the first input.
func lossCase(t *testing.T, inputs [][]float32, trace func(g *graph.Graph, in []*graph.Value) *graph.Value) (loss float64, grad []float64) {
	t.Helper()
	g := graph.New(graph.NewParams())
	rows := g.Dim("rows", len(inputs[0]))
	var feeds graph.Feeds
	var in []*graph.Value
	for i, data := range inputs {
		in = append(in, g.Floats(string(rune('a'+i)), rows, 1))
		feeds.Floats(in[i], data)
	}
	out := trace(g, in)
	d := g.Gradients(out, in[0])
	prog, err := graph.NewReference(g)
	if err != nil {
		t.Fatal(err)
	}
	if err := prog.Run(&feeds); err != nil {
		t.Fatal(err)
	}
	return prog.Exact(out)[0], prog.Exact(d[0])
}

// slope is the central difference of f at x.
func slope(f func(x float64) float64, x float64) float64 {
	const h = 1e-5
	return (f(x+h) - f(x-h)) / (2 * h)
}

func TestTracedPolicyLoss(t *testing.T) {
	logp := []float32{-1, -2, -.5, -3, -1.1, -.9, -40, -1}
	old := []float32{-2, -1, -.5, -3.1, -1, -1, -1, -40} // both sides of the clip, equal, tiny, huge ratios
	adv := []float32{1, -1, 2, -.5, .3, 0, 1, -1e-9}
	weight := []float32{.1, .2, .05, .15, .1, .1, .2, .1}
	loss, grad := lossCase(t, [][]float32{logp, old, adv, weight}, func(g *graph.Graph, in []*graph.Value) *graph.Value {
		return policyLoss(g, in[0], in[1], in[2], in[3], .2)
	})
	want := 0.0
	for i := range logp {
		one := func(x float64) float64 {
			l, _ := PolicyLoss(x, float64(old[i]), float64(adv[i]), .2)
			return l * float64(weight[i])
		}
		want += one(float64(logp[i]))
		d := slope(one, float64(logp[i]))
		near(t, "gradient", grad[i], d, 1e-6*math.Max(1, math.Abs(d)))
	}
	near(t, "loss", loss, want, 1e-6*math.Abs(want))
}

func TestTracedValueLoss(t *testing.T) {
	value := []float32{.1, .5, -.5, 1, 0, 2.3}
	old := []float32{0, 0, 0, .9, 0, 2}
	ret := []float32{1, 1, 1, -1, .5, 2.05}
	weight := []float32{.1, .2, .3, .2, .1, .1}
	for _, clip := range []float64{.2, 0} {
		loss, grad := lossCase(t, [][]float32{value, old, ret, weight}, func(g *graph.Graph, in []*graph.Value) *graph.Value {
			return valueLoss(g, in[0], in[1], in[2], in[3], clip)
		})
		want := 0.0
		for i := range value {
			one := func(x float64) float64 {
				l, _ := ValueLoss(x, float64(old[i]), float64(ret[i]), clip)
				return l * float64(weight[i])
			}
			want += one(float64(value[i]))
			near(t, "gradient", grad[i], slope(one, float64(value[i])), 1e-6)
		}
		near(t, "loss", loss, want, 1e-6)
	}
}

// A tie, where clamp and free ratio agree, passes the whole gradient: that is
// every token in the first step.
func TestTiePassesTheGradient(t *testing.T) {
	_, grad := lossCase(t, [][]float32{{-1}, {-1}, {2}, {1}}, func(g *graph.Graph, in []*graph.Value) *graph.Value {
		return policyLoss(g, in[0], in[1], in[2], in[3], .2)
	})
	near(t, "gradient", grad[0], -2, 1e-9)
}
