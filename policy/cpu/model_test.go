package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"agora/policy/graph"
)

// toy is a small transformer of either family with odd sizes, written as package policy writes its
// models.
type toy struct {
	gpt2                         bool
	d, heads, kv, hd, ffn, vocab int
	layers, maxLen               int
	params                       *graph.Params
}

var toys = map[string]toy{
	"llama":      {d: 36, heads: 6, kv: 2, hd: 6, ffn: 50, vocab: 601, layers: 2, maxLen: 37},
	"llama wide": {d: 64, heads: 2, kv: 1, hd: 32, ffn: 96, vocab: 130, layers: 1, maxLen: 300},
	"gpt2":       {gpt2: true, d: 33, heads: 3, kv: 3, hd: 11, ffn: 70, vocab: 77, layers: 2, maxLen: 37},
}

func newToy(name string) *toy {
	t := toys[name]
	t.params = graph.NewParams()
	rng := rand.New(rand.NewPCG(3, 4))
	add := func(name string, rows, cols int) {
		p := t.params.MustAdd(name, rows, cols)
		for i := range p.Data {
			p.Data[i] = float32(rng.NormFloat64()) * .3
			if rows == 1 {
				p.Data[i] += 1
			}
		}
	}
	add("emb", t.vocab, t.d)
	add("pos", t.maxLen, t.d)
	for l := range t.layers {
		width, up := (t.heads+2*t.kv)*t.hd, 2*t.ffn
		if t.gpt2 {
			up = t.ffn
		}
		for _, s := range []struct {
			name       string
			rows, cols int
		}{
			{"n1", 1, t.d}, {"n1b", 1, t.d}, {"qkv", width, t.d}, {"qkvb", 1, width}, {"o", t.d, t.heads * t.hd}, {"ob", 1, t.d},
			{"n2", 1, t.d}, {"n2b", 1, t.d}, {"up", up, t.d}, {"upb", 1, up}, {"down", t.d, t.ffn}, {"downb", 1, t.d},
		} {
			add(fmt.Sprint(l, ".", s.name), s.rows, s.cols)
		}
	}
	add("nf", 1, t.d)
	add("nfb", 1, t.d)
	return &t
}

// hidden builds the trunk: final-normed states, [tokens, d].
func (t *toy) hidden(g *graph.Graph, ids *graph.Value, l *graph.Layout, dropout float64) *graph.Value {
	p := t.params.Get
	norm := func(x *graph.Value, name string) *graph.Value {
		if t.gpt2 {
			return g.LayerNorm(x, p(name), p(name+"b"), 1e-5)
		}
		return g.RMSNorm(x, p(name), 1e-5)
	}
	a := graph.Attn{Heads: t.heads, KVHeads: t.kv, HeadDim: t.hd, RopeTheta: 1e4}
	x := g.Embedding(ids, p("emb"))
	if t.gpt2 {
		a.RopeTheta = 0
		x = g.PosEmbedding(x, l, p("pos"))
	}
	for i := range t.layers {
		w := func(name string) *graph.Param { return p(fmt.Sprint(i, ".", name)) }
		bias := func(name string) *graph.Param {
			if t.gpt2 {
				return w(name)
			}
			return nil
		}
		join := func(x, y *graph.Value, name string) *graph.Value {
			if dropout > 0 {
				return g.Add(x, g.Dropout(g.Linear(y, w(name), bias(name+"b")), dropout))
			}
			return g.LinearAdd(x, y, w(name), bias(name+"b"))
		}
		h := g.Linear(norm(x, fmt.Sprint(i, ".n1")), w("qkv"), bias("qkvb"))
		x = join(x, g.Attention(h, l, a, i), "o")
		h = g.Linear(norm(x, fmt.Sprint(i, ".n2")), w("up"), bias("upb"))
		if t.gpt2 {
			h = g.GELU(h)
		} else {
			h = g.SwiGLU(h)
		}
		x = join(x, h, "down")
	}
	return norm(x, "nf")
}

// trainer is a toy with a loss that uses most operations.
type trainer struct {
	*toy
	g                  *graph.Graph
	ids, targets, w    *graph.Value
	layout             *graph.Layout
	picks              *graph.Value
	ptargets, old      *graph.Value
	hidden             *graph.Value
	ce, logp, entropy  *graph.Value
	ppo, loss, pickLog *graph.Value
}

func newTrainer(t *toy, tokens, seqs, picks int, dropout float64) *trainer {
	g := graph.New(t.params)
	n, s, k := g.Dim("tokens", tokens), g.Dim("seqs", seqs), g.Dim("picks", picks)
	tr := &trainer{toy: t, g: g, ids: g.Ints("ids", n), targets: g.Ints("targets", n), w: g.Floats("w", n, 1)}
	tr.layout = g.Layout("l", n, s, t.maxLen)
	tr.picks, tr.ptargets, tr.old = g.Ints("picks", k), g.Ints("ptargets", k), g.Floats("old", k, 1)
	tr.hidden = t.hidden(g, tr.ids, tr.layout, dropout)
	tr.ce, tr.logp = g.CrossEntropy(tr.hidden, graph.Head{W: t.params.Get("emb")}, tr.targets, tr.w)
	tr.pickLog, tr.entropy = g.LogProb(g.GatherRows(tr.hidden, tr.picks), graph.Head{W: t.params.Get("emb")}, tr.ptargets, .9)
	ratio := g.Exp(g.Sub(tr.pickLog, tr.old))
	tr.ppo = g.Sum(g.Max(g.Neg(ratio), g.Neg(g.Clamp(ratio, .8, 1.2))))
	tr.loss = g.Add(g.Scale(tr.ce, .7), g.Scale(tr.ppo, .01))
	g.Gradients(tr.loss)
	return tr
}

func (tr *trainer) outputs() []*graph.Value {
	return []*graph.Value{tr.hidden, tr.ce, tr.logp, tr.pickLog, tr.entropy, tr.ppo, tr.loss}
}

// feeds makes a random batch of segments.
func (tr *trainer) feeds(seed uint64, lens ...int32) *graph.Feeds {
	rng := rand.New(rand.NewPCG(seed, 1))
	n := 0
	for _, l := range lens {
		n += int(l)
	}
	f := &graph.Feeds{Seed: seed, Step: 5}
	ints := func(v *graph.Value, count, limit int) {
		d := make([]int32, count)
		for i := range d {
			d[i] = rng.Int32N(int32(limit))
		}
		f.Ints(v, d)
	}
	floats := func(v *graph.Value, count int) {
		d := make([]float32, count)
		for i := range d {
			d[i] = float32(rng.NormFloat64())
		}
		f.Floats(v, d)
	}
	ints(tr.ids, n, tr.vocab)
	ints(tr.targets, n, tr.vocab)
	floats(tr.w, n)
	f.Layout(tr.layout, lens, nil, nil)
	ints(tr.picks, 7, max(1, n))
	ints(tr.ptargets, 7, tr.vocab)
	old := make([]float32, 7)
	for i := range old {
		old[i] = -4 - float32(i)
	}
	f.Floats(tr.old, old)
	return f
}

func mustCompile(t *testing.T, d *Device, g *graph.Graph, outputs ...*graph.Value) *Program {
	t.Helper()
	p, err := d.Compile(g, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustRun(t *testing.T, p graph.Program, f *graph.Feeds) {
	t.Helper()
	if err := p.Run(f); err != nil {
		t.Fatal(err)
	}
}
