package graph

import (
	"math"
	"strings"
	"testing"
)

func TestMistakesAreNamed(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(g *Graph)
		want  string
	}{
		{"linear shape", func(g *Graph) {
			g.Linear(g.Floats("x", g.Dim("n", 4), 3), g.Params.MustAdd("w", 5, 4), nil)
		}, "Linear: parameter w is [5, 4], want [any, 3]"},
		{"other kind", func(g *Graph) { g.Exp(g.Ints("ids", g.Dim("n", 4))) }, "Exp: ids [n, 1] int is not of kind float"},
		{"other shape", func(g *Graph) {
			g.Add(g.Floats("x", g.Dim("n", 4), 3), g.Floats("y", g.Dim("m", 4), 3))
		}, "Add: x [n, 3] float and y [m, 3] float differ in shape"},
		{"other graph", func(g *Graph) {
			o := New(g.Params)
			g.Exp(o.Floats("x", o.Dim("n", 4), 3))
		}, "belongs to another graph"},
		{"heads", func(g *Graph) {
			n := g.Dim("n", 4)
			g.Attention(g.Floats("x", n, 9), g.Layout("l", n, g.Dim("s", 2), 4), Attn{Heads: 3, KVHeads: 2, HeadDim: 1}, 0)
		}, "Attention: 3 heads of 1 with 2 key-value heads"},
		{"capacity", func(g *Graph) { g.Dim("n", 0) }, "dim n: capacity 0"},
		{"not a loss", func(g *Graph) { g.Gradients(g.Floats("x", g.Dim("n", 4), 3)) }, "is not a scalar"},
		{"only the first", func(g *Graph) { g.Dim("a", 0); g.Dim("b", 0); g.Exp(nil) }, "dim a"},
	} {
		g := New(NewParams())
		c.build(g)
		if _, err := NewReference(g); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestFeedsAreChecked(t *testing.T) {
	params := NewParams()
	w := params.MustAdd("w", 7, 5)
	g := New(params)
	n := g.Dim("tokens", 8)
	l := g.Layout("l", n, g.Dim("seqs", 3), 4)
	ids, x := g.Ints("ids", n), g.Floats("x", n, 5)
	g.PosEmbedding(g.Add(g.Embedding(ids, w), x), l, w)
	ref, err := NewReference(g)
	if err != nil {
		t.Fatal(err)
	}
	good := func() *Feeds {
		f := &Feeds{}
		f.Ints(ids, []int32{0, 6, 3})
		f.Floats(x, make([]float32, 15))
		f.Layout(l, []int32{1, 2}, nil, nil)
		return f
	}
	if err := ref.Run(good()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		spoil func(f *Feeds)
		want  string
	}{
		{func(f *Feeds) { f.Ints(ids, []int32{0, 7, 3}) }, "ids[1] = 7 is outside [0, 7)"},
		{func(f *Feeds) { f.Ints(ids, []int32{0, -1, 3}) }, "ids[1] = -1"},
		{func(f *Feeds) { f.Floats(x, make([]float32, 14)) }, "not a multiple of 5"},
		{func(f *Feeds) { f.Floats(x, make([]float32, 10)) }, "input x has 2 rows, other inputs of tokens have 3"},
		{func(f *Feeds) { f.Floats(x, make([]float32, 45)) }, "capacity of tokens is 8"},
		{func(f *Feeds) { f.Layout(l, []int32{1, 1}, nil, nil) }, "2 tokens in all, the stream has 3"},
		{func(f *Feeds) { f.Layout(l, []int32{-1, 4}, nil, nil) }, "segment 0 of l.lens has -1 tokens"},
		{func(f *Feeds) { delete(f.floats, x) }, "input x is missing"},
	} {
		f := good()
		c.spoil(f)
		if err := ref.Run(f); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func TestCacheSlotsAreChecked(t *testing.T) {
	g := New(NewParams())
	n := g.Dim("tokens", 8)
	l := g.CachedLayout("c", n, g.Dim("seqs", 3), &KVCache{Slots: 2, MaxLen: 4})
	x := g.Floats("x", n, 6)
	g.Attention(x, l, Attn{Heads: 1, KVHeads: 1, HeadDim: 2}, 0)
	ref, err := NewReference(g)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		start, slot []int32
		want        string
	}{
		{[]int32{0, 2}, []int32{1, 0}, ""},
		{[]int32{0, 3}, []int32{1, 0}, "segment 1 of c.lens has 2 tokens after 3, at most 4 fit"},
		{[]int32{0, 2}, []int32{0, 2}, "c.slot[1] = 2, the cache has 2 slots"},
		{[]int32{0, 2}, []int32{1, 1}, "c.slot[1] = 1, which an earlier segment has"},
	} {
		f := &Feeds{}
		f.Floats(x, make([]float32, 18))
		f.Layout(l, []int32{1, 2}, c.start, c.slot)
		if err := ref.Run(f); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// Cached attention over a prompt and single tokens equals attention over the whole sequence.
func TestCacheContinuesASequence(t *testing.T) {
	b := newGradBuilder()
	n, m := b.Dim("n", 5), b.Dim("m", 5)
	a := Attn{Heads: 2, KVHeads: 1, HeadDim: 4, RopeTheta: 50}
	whole := b.Attention(b.input("x", n, 5, a.Width(), -1, 1), b.layoutOf(n, 5), a, 0)
	part := b.Floats("part", m, a.Width())
	l := b.CachedLayout("c", m, b.Dim("s", 2), &KVCache{Slots: 3, MaxLen: 6})
	cached := b.Attention(part, l, a, 0)
	ref, err := NewReference(b.Graph)
	if err != nil {
		t.Fatal(err)
	}
	x, row := b.feeds.FloatData(b.floats[0]), a.Width()
	for _, step := range [][2]int{{0, 3}, {3, 4}, {4, 5}} {
		b.feeds.Floats(part, x[step[0]*row:step[1]*row])
		b.feeds.Layout(l, []int32{int32(step[1] - step[0])}, []int32{int32(step[0])}, []int32{2})
		if err := ref.Run(&b.feeds); err != nil {
			t.Fatal(err)
		}
		for i := step[0]; i < step[1]; i++ {
			for c, want := range ref.row(whole, i) {
				if got := ref.row(cached, i-step[0])[c]; got != want {
					t.Errorf("token %d: %g, want %g", i, got, want)
				}
			}
		}
	}
}

func (b *gradBuilder) layoutOf(tokens *Dim, lens ...int32) *Layout {
	l := b.Layout("l", tokens, b.Dim("seqs", len(lens)), 7)
	b.feeds.Layout(l, lens, nil, nil)
	return l
}

func TestDropoutRate(t *testing.T) {
	const n = 1 << 16
	kept, key, thr := 0, DropKey(1, 2, 3), DropThreshold(.3)
	for i := range n {
		if Kept(key, i, thr) {
			kept++
		}
	}
	if got := 1 - float64(kept)/n; math.Abs(got-.3) > 4*math.Sqrt(.21/n) { // four standard deviations
		t.Errorf("dropped %.4f, want 0.3", got)
	}
}

// Sample draws each token as often as its probability says, and reports that probability.
func TestSampleFrequencies(t *testing.T) {
	const rows = 4000
	b := newGradBuilder()
	n := b.Dim("n", rows)
	head := b.param("head", 5, 3)
	h, temp := b.Floats("h", n, 3), b.Floats("temp", n, 1)
	stream, pos := b.Ints("stream", n), b.Ints("pos", n)
	token, logp := b.Sample(h, Head{W: head}, temp, stream, pos)
	hd, td, sd := make([]float32, rows*3), make([]float32, rows), make([]int32, rows)
	for i := range rows {
		copy(hd[i*3:], []float32{.5, -1, 2})
		td[i], sd[i] = .7, int32(i)
	}
	b.feeds.Floats(h, hd)
	b.feeds.Floats(temp, td)
	b.feeds.Ints(stream, sd)
	b.feeds.Ints(pos, make([]int32, rows))
	ref, err := NewReference(b.Graph)
	if err != nil {
		t.Fatal(err)
	}
	if err := ref.Run(&b.feeds); err != nil {
		t.Fatal(err)
	}
	count, p := [5]float64{}, [5]float64{}
	for i, k := range ref.Ints(token) {
		count[k]++
		p[k] = math.Exp(ref.Exact(logp)[i])
	}
	for k := range count {
		if sd := math.Sqrt(p[k] * (1 - p[k]) / rows); math.Abs(count[k]/rows-p[k]) > 4*sd {
			t.Errorf("token %d: drawn %.4f of the time, probability %.4f", k, count[k]/rows, p[k])
		}
	}
}
