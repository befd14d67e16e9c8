package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// gradCase is a small graph under test; the loss is a weighted sum of what build returns.
type gradCase struct {
	name  string
	build func(b *gradBuilder) *Value
}

type gradBuilder struct {
	*Graph
	rng    *rand.Rand
	feeds  Feeds
	floats []*Value // differentiated inputs
}

// input declares a float input of rows × cols with values in [lo, hi).
func (b *gradBuilder) input(name string, rows *Dim, n, cols int, lo, hi float64) *Value {
	v := b.Floats(name, rows, cols)
	d := make([]float32, n*cols)
	for i := range d {
		d[i] = float32(lo + (hi-lo)*b.rng.Float64())
	}
	b.feeds.Floats(v, d)
	b.floats = append(b.floats, v)
	return v
}

func (b *gradBuilder) ints(name string, rows *Dim, data ...int32) *Value {
	v := b.Ints(name, rows)
	b.feeds.Ints(v, data)
	return v
}

func (b *gradBuilder) param(name string, rows, cols int) *Param {
	p := b.Params.MustAdd(name, rows, cols)
	for i := range p.Data {
		p.Data[i] = float32(b.rng.NormFloat64() / 2)
	}
	return p
}

// layout is segments of 1, 5, 0 and 3 tokens.
func (b *gradBuilder) layout(tokens *Dim) *Layout {
	l := b.Layout("l", tokens, b.Dim("seqs", 6), 7)
	b.feeds.Layout(l, []int32{1, 5, 0, 3}, nil, nil)
	return l
}

func unaryCase(name string, lo, hi float64, op func(g *Graph, x *Value) *Value) gradCase {
	return gradCase{name, func(b *gradBuilder) *Value {
		return op(b.Graph, b.input("x", b.Dim("n", 9), 5, 3, lo, hi))
	}}
}

func binaryCase(name string, op func(g *Graph, x, y *Value) *Value) gradCase {
	return gradCase{name, func(b *gradBuilder) *Value {
		n := b.Dim("n", 9)
		return op(b.Graph, b.input("x", n, 5, 3, -1, 1), b.input("y", n, 5, 3, .2, 1.5))
	}}
}

var gradCases = []gradCase{
	binaryCase("Add", (*Graph).Add), binaryCase("Sub", (*Graph).Sub), binaryCase("Mul", (*Graph).Mul),
	binaryCase("Div", (*Graph).Div), binaryCase("Max", (*Graph).Max), binaryCase("Min", (*Graph).Min),
	unaryCase("Scale", -2, 2, func(g *Graph, x *Value) *Value { return g.Scale(x, -1.7) }),
	unaryCase("AddScalar", -2, 2, func(g *Graph, x *Value) *Value { return g.Square(g.AddScalar(x, 3)) }),
	unaryCase("Exp", -2, 2, (*Graph).Exp), unaryCase("Log", .3, 2, (*Graph).Log),
	unaryCase("Square", -2, 2, (*Graph).Square), unaryCase("Sigmoid", -3, 3, (*Graph).Sigmoid),
	unaryCase("LogSigmoid", -3, 3, (*Graph).LogSigmoid), unaryCase("Tanh", -2, 2, (*Graph).Tanh),
	unaryCase("GELU", -2, 2, (*Graph).GELU),
	unaryCase("Clamp", -2, 2, func(g *Graph, x *Value) *Value { return g.Clamp(x, -.81, .77) }),
	unaryCase("reused", -2, 2, func(g *Graph, x *Value) *Value { return g.Mul(g.Exp(x), g.Add(x, g.Tanh(x))) }),
	unaryCase("ScaleBy", -2, 2, func(g *Graph, x *Value) *Value { return g.ScaleBy(x, g.Sum(g.Square(x))) }),
	unaryCase("WeightedSum", -2, 2, func(g *Graph, x *Value) *Value { return g.WeightedSum(x, g.Square(x)) }),
	unaryCase("Dropout", -2, 2, func(g *Graph, x *Value) *Value { return g.Dropout(x, .4) }),
	{"SwiGLU", func(b *gradBuilder) *Value {
		return b.SwiGLU(b.input("x", b.Dim("n", 9), 5, 6, -2, 2))
	}},
	{"Embedding", func(b *gradBuilder) *Value {
		return b.Embedding(b.ints("ids", b.Dim("n", 9), 3, 0, 3, 6), b.param("w", 7, 5))
	}},
	{"PosEmbedding", func(b *gradBuilder) *Value {
		n := b.Dim("n", 11)
		return b.PosEmbedding(b.input("x", n, 9, 3, -1, 1), b.layout(n), b.param("w", 8, 3))
	}},
	{"Linear", func(b *gradBuilder) *Value {
		return b.Linear(b.input("x", b.Dim("n", 9), 5, 3, -1, 1), b.param("w", 7, 3), b.param("b", 1, 7))
	}},
	{"LinearAdd", func(b *gradBuilder) *Value {
		n := b.Dim("n", 9)
		x, r := b.input("x", n, 5, 3, -1, 1), b.input("r", n, 5, 7, -1, 1)
		return b.LinearAdd(r, x, b.param("w", 7, 3), nil)
	}},
	{"LowRank", func(b *gradBuilder) *Value {
		n := b.Dim("n", 9)
		x, r := b.input("x", n, 5, 6, -1, 1), b.input("r", n, 5, 9, -1, 1)
		y := b.LowRank(r, x, b.param("a", 2, 6), b.param("b", 4, 2), 1.5, 3)
		return b.LowRank(y, x, b.param("c", 3, 6), b.param("d", 9, 3), .7, 0)
	}},
	{"RMSNorm", func(b *gradBuilder) *Value {
		return b.RMSNorm(b.input("x", b.Dim("n", 9), 5, 7, -1, 1), b.param("w", 1, 7), .01)
	}},
	{"LayerNorm", func(b *gradBuilder) *Value {
		return b.LayerNorm(b.input("x", b.Dim("n", 9), 5, 7, -1, 1), b.param("w", 1, 7), b.param("b", 1, 7), .01)
	}},
	{"Attention", func(b *gradBuilder) *Value {
		n := b.Dim("n", 11)
		a := Attn{Heads: 4, KVHeads: 2, HeadDim: 6, RopeTheta: 100}
		return b.Attention(b.input("x", n, 9, a.Width(), -1, 1), b.layout(n), a, 0)
	}},
	{"Attention without rope", func(b *gradBuilder) *Value {
		n := b.Dim("n", 11)
		a := Attn{Heads: 3, KVHeads: 3, HeadDim: 5, Scale: .7}
		return b.Attention(b.input("x", n, 9, a.Width(), -1, 1), b.layout(n), a, 0)
	}},
	{"GatherRows", func(b *gradBuilder) *Value {
		x := b.input("x", b.Dim("n", 9), 5, 3, -1, 1)
		return b.GatherRows(x, b.ints("i", b.Dim("picks", 8), 4, 0, 4, 2, 4, 1))
	}},
	{"SumRows", func(b *gradBuilder) *Value {
		x := b.input("x", b.Dim("n", 9), 6, 3, -1, 1)
		sums := b.Dim("sums", 8)
		b.feeds.Floats(b.Floats("other", sums, 1), make([]float32, 5)) // tells the number of sums
		return b.SumRows(x, b.ints("i", x.Rows, 4, 0, 4, 2, 4, 1), sums)
	}},
	{"LogProb", func(b *gradBuilder) *Value {
		n := b.Dim("n", 9)
		logp, _ := b.LogProb(b.input("h", n, 4, 5, -1, 1), Head{W: b.param("w", 11, 5)}, b.ints("t", n, 10, 0, 3, 3), .8)
		return logp
	}},
	{"LogProb, low-rank head", func(b *gradBuilder) *Value {
		n := b.Dim("n", 9)
		logp, _ := b.LogProb(b.input("h", n, 4, 5, -1, 1), lowRankHead(b), b.ints("t", n, 10, 0, 3, 3), .8)
		return logp
	}},
	{"Logits, low-rank head", func(b *gradBuilder) *Value {
		return b.Logits(b.input("h", b.Dim("n", 9), 4, 5, -1, 1), lowRankHead(b))
	}},
}

func lowRankHead(b *gradBuilder) Head {
	return Head{W: b.param("head", 11, 5), A: b.param("a", 2, 5), B: b.param("b", 11, 2), Scale: 1.5, Dropout: .3}
}

// loss sums the elements of y with fixed weights.
func (b *gradBuilder) loss(y *Value) *Value {
	w := b.Floats("weights", y.Rows, y.Cols)
	d := make([]float32, b.rows(y)*y.Cols)
	for j := range d {
		d[j] = float32(b.rng.NormFloat64())
	}
	b.feeds.Floats(w, d)
	return b.WeightedSum(y, w)
}

// rows finds how many rows the feeds give to v.
func (b *gradBuilder) rows(v *Value) int {
	for _, in := range b.Inputs() {
		if in.Rows == v.Rows && v.Rows != b.One {
			return (len(b.feeds.FloatData(in)) + len(b.feeds.IntData(in))) / in.Cols
		}
	}
	return 1
}

func newGradBuilder() *gradBuilder {
	return &gradBuilder{Graph: New(NewParams()), rng: rand.New(rand.NewPCG(1, 2)), feeds: Feeds{Seed: 7, Step: 3}}
}

func TestGradientsAgainstFiniteDifferences(t *testing.T) {
	for _, c := range gradCases {
		t.Run(c.name, func(t *testing.T) {
			b := newGradBuilder()
			loss := b.loss(c.build(b))
			checkGradients(t, b, loss)
		})
	}
	for name, head := range map[string]func(*gradBuilder) Head{
		"CrossEntropy":                func(b *gradBuilder) Head { return Head{W: b.param("head", 11, 5)} },
		"CrossEntropy, low-rank head": lowRankHead,
	} {
		t.Run(name, func(t *testing.T) {
			b := newGradBuilder()
			n := b.Dim("n", 9)
			h, w := b.input("h", n, 4, 5, -1, 1), b.Floats("w", n, 1)
			b.feeds.Floats(w, []float32{.5, 0, -.3, 1})
			loss, _ := b.CrossEntropy(h, head(b), b.ints("t", n, 10, 0, 3, 3), w)
			checkGradients(t, b, b.Scale(loss, 2.5))
		})
	}
}

// checkGradients reports where gradients and central differences disagree.
func checkGradients(t *testing.T, b *gradBuilder, loss *Value) {
	t.Helper()
	for _, wrong := range wrongGradients(t, b, loss) {
		t.Error(wrong)
	}
}

// wrongGradients compares the gradients of all differentiated inputs and parameters with central
// differences. Values are float64 inside, so the error is that of the quotient, O(step²).
func wrongGradients(t *testing.T, b *gradBuilder, loss *Value) (wrong []string) {
	t.Helper()
	grads := b.Gradients(loss, b.floats...)
	ref, err := NewReference(b.Graph)
	if err != nil {
		t.Fatal(err)
	}
	run := func() float64 {
		if err := ref.Run(&b.feeds); err != nil {
			t.Fatal(err)
		}
		return ref.Exact(loss)[0]
	}
	check := func(name string, data []float32, gradient func() []float64) {
		run()
		got := append([]float64{}, gradient()...)
		for i, old := range data {
			const step = 1. / 512
			data[i] = old + step
			up, hi := run(), data[i]
			data[i] = old - step
			down, lo := run(), data[i]
			data[i] = old
			want := (up - down) / (float64(hi) - float64(lo))
			if !(math.Abs(got[i]-want) <= 5e-5*(1+math.Abs(want))) {
				wrong = append(wrong, fmt.Sprintf("%s[%d]: gradient %g, finite difference %g", name, i, got[i], want))
			}
		}
	}
	for i, v := range b.floats {
		check(v.Name, b.feeds.FloatData(v), func() []float64 { return ref.Exact(grads[i]) })
	}
	for _, p := range b.Params.List() {
		check(p.Name, p.Data, func() []float64 { return ref.ExactGrad(p) })
	}
	return wrong
}

// The comparison finds a gradient that lacks a factor of two.
func TestFiniteDifferencesCatchAMistake(t *testing.T) {
	b := newGradBuilder()
	x := b.input("x", b.Dim("n", 9), 5, 3, .5, 1)
	if wrong := wrongGradients(t, b, b.loss(b.Mul(x, b.StopGradient(x)))); len(wrong) != 15 {
		t.Errorf("control: %d of 15 wrong gradients found", len(wrong))
	}
}
