package cpu

import (
	"math/rand/v2"
	"slices"
	"testing"

	"agora/policy/graph"
)

// opBuilder makes small graphs on random data.
type opBuilder struct {
	*graph.Graph
	rng    *rand.Rand
	feeds  graph.Feeds
	floats []*graph.Value // inputs to differentiate by
	n      *graph.Dim     // 19 rows of the capacity 40
	layout *graph.Layout  // 19 tokens in segments of 3, 0, 15, 1
}

const opRows = 19

func newOpBuilder() *opBuilder {
	b := &opBuilder{Graph: graph.New(graph.NewParams()), rng: rand.New(rand.NewPCG(5, 6)), feeds: graph.Feeds{Seed: 1, Step: 2}}
	b.n = b.Dim("n", 40)
	b.layout = b.Layout("l", b.n, b.Dim("seqs", 5), 20)
	b.feeds.Layout(b.layout, []int32{3, 0, 15, 1}, nil, nil)
	return b
}

func (b *opBuilder) input(name string, cols int) *graph.Value {
	v := b.Floats(name, b.n, cols)
	d := make([]float32, opRows*cols)
	for i := range d {
		d[i] = float32(b.rng.NormFloat64())
	}
	b.feeds.Floats(v, d)
	b.floats = append(b.floats, v)
	return v
}

func (b *opBuilder) ints(name string, limit int32) *graph.Value {
	v := b.Ints(name, b.n)
	d := make([]int32, opRows)
	for i := range d {
		d[i] = b.rng.Int32N(limit)
	}
	b.feeds.Ints(v, d)
	return v
}

func (b *opBuilder) param(name string, rows, cols int) *graph.Param {
	p := b.Params.MustAdd(name, rows, cols)
	for i := range p.Data {
		p.Data[i] = float32(b.rng.NormFloat64())
	}
	return p
}

func unaryOp(f func(g *graph.Graph, x *graph.Value) *graph.Value) func(b *opBuilder) *graph.Value {
	return func(b *opBuilder) *graph.Value { return f(b.Graph, b.input("x", 7)) }
}

func binaryOp(f func(g *graph.Graph, x, y *graph.Value) *graph.Value) func(b *opBuilder) *graph.Value {
	return func(b *opBuilder) *graph.Value { return f(b.Graph, b.input("x", 7), b.input("y", 7)) }
}

// opCases covers each operation on odd sizes, and the planner's special cases.
var opCases = map[string]func(b *opBuilder) *graph.Value{
	"Add": binaryOp((*graph.Graph).Add), "Sub": binaryOp((*graph.Graph).Sub), "Mul": binaryOp((*graph.Graph).Mul),
	"Div": binaryOp((*graph.Graph).Div), "Max": binaryOp((*graph.Graph).Max), "Min": binaryOp((*graph.Graph).Min),
	"Step": binaryOp((*graph.Graph).Step),
	"Exp":  unaryOp((*graph.Graph).Exp), "Square": unaryOp((*graph.Graph).Square), "Sigmoid": unaryOp((*graph.Graph).Sigmoid),
	"LogSigmoid": unaryOp((*graph.Graph).LogSigmoid), "Tanh": unaryOp((*graph.Graph).Tanh), "GELU": unaryOp((*graph.Graph).GELU),
	"Log":        unaryOp(func(g *graph.Graph, x *graph.Value) *graph.Value { return g.Log(g.AddScalar(g.Square(x), .1)) }),
	"Scale":      unaryOp(func(g *graph.Graph, x *graph.Value) *graph.Value { return g.Scale(x, -1.7) }),
	"Clamp":      unaryOp(func(g *graph.Graph, x *graph.Value) *graph.Value { return g.Clamp(x, -.5, .5) }),
	"Inside":     unaryOp(func(g *graph.Graph, x *graph.Value) *graph.Value { return g.Inside(x, -.5, .5) }),
	"Dropout":    unaryOp(func(g *graph.Graph, x *graph.Value) *graph.Value { return g.Dropout(x, .3) }),
	"ScaleBy":    unaryOp(func(g *graph.Graph, x *graph.Value) *graph.Value { return g.ScaleBy(x, g.Sum(x)) }),
	"used twice": unaryOp(func(g *graph.Graph, x *graph.Value) *graph.Value { return g.Mul(g.Add(x, x), g.Exp(x)) }),
	"StopGradient": unaryOp(func(g *graph.Graph, x *graph.Value) *graph.Value {
		return g.Mul(x, g.StopGradient(g.Exp(x)))
	}),
	"SwiGLU":  func(b *opBuilder) *graph.Value { return b.SwiGLU(b.input("x", 14)) },
	"RMSNorm": func(b *opBuilder) *graph.Value { return b.RMSNorm(b.input("x", 23), b.param("g", 1, 23), 1e-3) },
	"LayerNorm": func(b *opBuilder) *graph.Value {
		return b.LayerNorm(b.input("x", 23), b.param("g", 1, 23), b.param("b", 1, 23), 1e-3)
	},
	"Linear": func(b *opBuilder) *graph.Value {
		return b.Linear(b.input("x", 23), b.param("w", 37, 23), b.param("b", 1, 37))
	},
	"LinearAdd": func(b *opBuilder) *graph.Value {
		return b.LinearAdd(b.input("r", 37), b.input("x", 23), b.param("w", 37, 23), nil)
	},
	"residual is the operand": func(b *opBuilder) *graph.Value {
		x := b.input("x", 23)
		return b.LinearAdd(x, x, b.param("w", 23, 23), nil)
	},
	"branches": func(b *opBuilder) *graph.Value { // gradients of x meet in several Adds
		x, w := b.input("x", 23), b.param("w", 23, 23)
		y := b.LinearAdd(b.RMSNorm(x, b.param("g", 1, 23), 1e-3), b.Exp(b.Linear(x, w, nil)), w, nil)
		return b.Add(b.GatherRows(b.Mul(x, y), b.ints("i", opRows)), y)
	},
	"Embedding": func(b *opBuilder) *graph.Value { return b.Embedding(b.ints("ids", 5), b.param("w", 9, 23)) },
	"PosEmbedding": func(b *opBuilder) *graph.Value {
		return b.PosEmbedding(b.input("x", 23), b.layout, b.param("w", 20, 23))
	},
	"GatherRows": func(b *opBuilder) *graph.Value { return b.GatherRows(b.input("x", 23), b.ints("i", opRows)) },
	"SumRows": func(b *opBuilder) *graph.Value {
		x := b.input("x", 23)
		return b.SumRows(x, b.ints("i", opRows), x.Rows)
	},
	"Attention": func(b *opBuilder) *graph.Value {
		a := graph.Attn{Heads: 4, KVHeads: 2, HeadDim: 10, RopeTheta: 100}
		return b.Attention(b.input("x", a.Width()), b.layout, a, 0)
	},
	"shared projection": func(b *opBuilder) *graph.Value { // rotated twice, so it must be copied
		a := graph.Attn{Heads: 2, KVHeads: 1, HeadDim: 32, RopeTheta: 100}
		x := b.input("x", a.Width())
		y := b.Attention(x, b.layout, a, 0)
		a.RopeTheta = 7
		return b.Add(y, b.Attention(x, b.layout, a, 1))
	},
	"LogProb": func(b *opBuilder) *graph.Value {
		logp, _ := b.LogProb(b.input("h", 23), graph.Head{W: b.param("w", 1031, 23)}, b.ints("t", 1031), 1.3)
		return logp
	},
	"LogProb, low-rank head": func(b *opBuilder) *graph.Value {
		logp, _ := b.LogProb(b.input("h", 23), b.head(1031, 23, 3), b.ints("t", 1031), 1.3)
		return logp
	},
	"Logits, low-rank head": func(b *opBuilder) *graph.Value {
		return b.Logits(b.input("h", 23), b.head(70, 23, 3))
	},
}

// head is one of a vocabulary, with a change of rank r unless that is 0.
func (b *opBuilder) head(vocab, d, r int) graph.Head {
	h := graph.Head{W: b.param("w", vocab, d)}
	if r > 0 {
		h.A, h.B, h.Scale = b.param("a", r, d), b.param("b", vocab, r), .7
	}
	return h
}

// lossOf sums y with fixed weights and differentiates.
func (b *opBuilder) lossOf(y *graph.Value) (loss *graph.Value, grads []*graph.Value) {
	inputs := slices.Clone(b.floats)
	loss = b.WeightedSum(y, b.input("weights", y.Cols))
	for _, d := range b.Gradients(loss, inputs...) {
		if d != nil {
			grads = append(grads, d)
		}
	}
	return loss, grads
}

func TestOperationsAgainstReference(t *testing.T) {
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for name, build := range opCases {
			b := newOpBuilder()
			y := build(b)
			loss, gs := b.lossOf(y)
			outputs := append([]*graph.Value{y, loss}, gs...)
			ref, err := graph.NewReference(b.Graph)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			mustRun(t, ref, &b.feeds)
			want := grads(b.Params)
			first := map[string][]float32{}
			for _, workers := range []int{1, 2} {
				p := mustCompile(t, OpenWith(workers, k), b.Graph, outputs...)
				mustRun(t, p, &b.feeds)
				for i, v := range outputs {
					closeTo(t, name+" "+v.String(), p.Floats(v), ref.Floats(v), 1e-5)
					first[string(rune(i))+v.String()] = slices.Clone(p.Floats(v))
				}
				for _, q := range b.Params.List() {
					closeTo(t, name+": gradient of "+q.Name, q.Grad, want[q.Name], 1e-5)
				}
				// A second run of the same feeds, with gradients added up.
				b.feeds.Accumulate = true
				mustRun(t, p, &b.feeds)
				b.feeds.Accumulate = false
				for i, v := range outputs {
					sameBits(t, name+" again", p.Floats(v), first[string(rune(i))+v.String()])
				}
				for _, q := range b.Params.List() {
					twice := slices.Clone(want[q.Name])
					for i := range twice {
						twice[i] *= 2
					}
					closeTo(t, name+": gradient added to "+q.Name, q.Grad, twice, 1e-5)
				}
			}
		}
	})
}

// A run with no rows at all gives zero gradients, not those of the run before.
func TestEmptyBatch(t *testing.T) {
	for name, build := range opCases {
		b := newOpBuilder()
		loss, _ := b.lossOf(build(b))
		p := mustCompile(t, OpenWith(2, Portable()), b.Graph, loss)
		mustRun(t, p, &b.feeds)
		f := &graph.Feeds{}
		for _, v := range b.Inputs() {
			f.Floats(v, nil)
			f.Ints(v, nil)
		}
		mustRun(t, p, f)
		if got := p.Floats(loss)[0]; got != 0 {
			t.Errorf("%s: loss %g", name, got)
		}
		for _, q := range b.Params.List() {
			for _, x := range q.Grad {
				if x != 0 {
					t.Errorf("%s: gradient of %s is %g", name, q.Name, x)
					break
				}
			}
		}
	}
}

func TestFrozenParametersHaveNoGradient(t *testing.T) {
	b := newOpBuilder()
	w, u := b.param("w", 23, 23), b.param("u", 23, 23)
	w.Frozen = true
	loss, _ := b.lossOf(b.Linear(b.Linear(b.input("x", 23), u, nil), w, nil))
	mustRun(t, mustCompile(t, OpenWith(2, Portable()), b.Graph, loss), &b.feeds)
	if w.Grad != nil || u.Grad == nil {
		t.Errorf("gradients: frozen %v, trained %v", w.Grad != nil, u.Grad != nil)
	}
}

// Sampling draws the tokens that the reference draws; greedy takes the largest logit.
func TestSampleAgainstReference(t *testing.T) {
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		sampleAgainstReference(t, k, 0)
		sampleAgainstReference(t, k, 3)
	})
}

func sampleAgainstReference(t *testing.T, k *Kernels, rank int) {
	b := newOpBuilder()
	h, head := b.input("h", 5), b.head(1300, 5, rank)
	temp := b.Floats("temp", b.n, 1)
	temps := make([]float32, opRows)
	for i := range temps {
		temps[i] = []float32{0, .5, 1, 2}[i%4]
	}
	b.feeds.Floats(temp, temps)
	token, logp := b.Sample(h, head, temp, b.ints("stream", 1000), b.ints("pos", 1000))
	ref, err := graph.NewReference(b.Graph)
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, ref, &b.feeds)
	p := mustCompile(t, OpenWith(2, k), b.Graph, token, logp)
	mustRun(t, p, &b.feeds)
	if !slices.Equal(p.Ints(token), ref.Ints(token)) {
		t.Errorf("drew %v, want %v", p.Ints(token), ref.Ints(token))
	}
	closeTo(t, "logp", p.Floats(logp), ref.Floats(logp), 1e-5)
}

// The log-probability that comes with a sample is the one that training computes, at any temperature.
func TestSampleAndLogProbAgree(t *testing.T) {
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for i, temperature := range []float64{.1, 1. / 3, .7, .9, 1, 1.1, 2.7} {
			b := newOpBuilder()
			h, head := b.input("h", 23), b.head(700, 23, i%2*4)
			temp := b.Floats("temp", b.n, 1)
			temps := make([]float32, opRows)
			for j := range temps {
				temps[j] = float32(temperature)
			}
			b.feeds.Floats(temp, temps)
			token, sampled := b.Sample(h, head, temp, b.ints("stream", 1000), b.ints("pos", 1000))
			trained, _ := b.LogProb(h, head, token, temperature)
			p := mustCompile(t, OpenWith(2, k), b.Graph, sampled, trained)
			mustRun(t, p, &b.feeds)
			sameBits(t, "log-probability", p.Floats(trained), p.Floats(sampled))
		}
	})
}
