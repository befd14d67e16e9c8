package cpu

import (
	"math"

	"agora/policy/graph"
)

// part16 is a worker's share of n elements in whole cache lines.
func (w *Worker) part16(n int) (lo, hi int) {
	lo, hi = w.Part((n + 15) / 16)
	return min(n, lo*16), min(n, hi*16)
}

// lookup copies rows of a table: out[i] = (x[i] +) table[idx[i]].
type lookup struct {
	x, out *tensor
	table  *graph.Param
	idx    []int32
}

func (b *binder) lookup(j *job) step {
	n := j.node
	s := &lookup{out: b.tensor(j.out), table: n.W}
	if n.Op == graph.OpEmbedding {
		s.idx = b.p.ints[n.In[0]]
	} else {
		s.x, s.idx = b.tensor(n.In[0]), b.segments(n.Attr.Layout).pos
	}
	return s
}

func (s *lookup) run(w *Worker, p *Program) {
	lo, hi := w.Part(s.out.n())
	for i := lo; i < hi; i++ {
		row := s.table.Row(int(s.idx[i]))
		if s.x == nil {
			copy(s.out.row(i), row)
		} else {
			w.Add(s.out.row(i), s.x.row(i), row)
		}
	}
	w.Barrier()
}

// lookupGrad adds rows to the table's gradient. A worker owns the table rows whose number is its
// own modulo the team's size and adds to them in the order of the stream.
type lookupGrad struct {
	dy   *tensor
	idx  []int32
	grad paramGrad
}

func (b *binder) lookupGrad(j *job) step {
	n := j.node
	s := &lookupGrad{dy: b.tensor(n.In[0]), grad: b.grad(n.W)}
	if n.Op == graph.OpEmbeddingGrad {
		s.idx = b.p.ints[n.In[1]]
	} else {
		s.idx = b.segments(n.Attr.Layout).pos
	}
	return s
}

func (s *lookupGrad) run(w *Worker, p *Program) {
	if !s.grad.adds(p) {
		lo, hi := w.Part(len(s.grad.data))
		clear(s.grad.data[lo:hi])
		w.Barrier()
	}
	team, me, d := int32(w.Team().Workers()), int32(w.ID()), s.dy.cols
	for i, id := range s.idx[:s.dy.n()] {
		if id%team == me {
			row := s.grad.data[int(id)*d : (int(id)+1)*d]
			w.Add(row, row, s.dy.row(i))
		}
	}
	w.Barrier()
}

type gather struct {
	x, out *tensor
	idx    []int32
}

func (s *gather) run(w *Worker, p *Program) {
	lo, hi := w.Part(s.out.n())
	for i := lo; i < hi; i++ {
		copy(s.out.row(i), s.x.row(int(s.idx[i])))
	}
	w.Barrier()
}

// gatherGrad: dx = (base or 0) + rows of dy at idx. A worker owns a range of dx.
type gatherGrad struct {
	dy, dx, base *tensor
	idx          []int32
}

func (s *gatherGrad) run(w *Worker, p *Program) {
	lo, hi := w.Part(s.dx.n())
	copyOrClear(s.dx, s.base, lo, hi)
	for i, j := range s.idx[:s.dy.n()] {
		if j := int(j); lo <= j && j < hi {
			w.Add(s.dx.row(j), s.dx.row(j), s.dy.row(i))
		}
	}
	w.Barrier()
}

// copyOrClear sets rows [lo, hi) of dst to those of base, which may lie in the same place, or to 0.
func copyOrClear(dst, base *tensor, lo, hi int) {
	d := dst.data[lo*dst.cols : hi*dst.cols]
	switch {
	case base == nil:
		clear(d)
	case len(d) > 0 && &d[0] != &base.data[lo*dst.cols]:
		copy(d, base.data[lo*dst.cols:hi*dst.cols])
	}
}

type swiglu struct{ x, out *tensor }

func (s *swiglu) run(w *Worker, p *Program) {
	lo, hi := w.Part(s.out.n())
	for i, f := lo, s.out.cols; i < hi; i++ {
		x := s.x.row(i)
		w.SwiGLU(s.out.row(i), x[:f], x[f:])
	}
	w.Barrier()
}

type swigluGrad struct{ dy, x, dx *tensor }

func (s *swigluGrad) run(w *Worker, p *Program) {
	lo, hi := w.Part(s.dy.n())
	for i, f := lo, s.dy.cols; i < hi; i++ {
		x, dx := s.x.row(i), s.dx.row(i)
		w.SwiGLUBackward(dx[:f], dx[f:], x[:f], x[f:], s.dy.row(i))
	}
	w.Barrier()
}

// dropout is its own gradient.
type dropout struct {
	x, out    *tensor
	site      int
	threshold uint32
	scale     float32
}

func (b *binder) dropout(j *job) step {
	a := j.node.Attr
	t := graph.DropThreshold(a.A)
	return &dropout{b.tensor(j.node.In[0]), b.tensor(j.out), a.Site, t, float32(1 / (1 - float64(t)/65536))}
}

func (s *dropout) run(w *Worker, p *Program) {
	key := graph.DropKey(p.seed, p.step, s.site)
	lo, hi := w.part16(len(s.out.all()))
	x, y := s.x.data[lo:hi], s.out.data[lo:hi] // lo is a multiple of 16
	for ; len(x) >= 4; x, y, lo = x[4:], y[4:], lo+4 {
		bits := graph.Bits(key, uint64(lo)>>2) // four elements share 64 bits, see graph.Kept
		y[0], y[1] = s.keep(x[0], bits), s.keep(x[1], bits>>16)
		y[2], y[3] = s.keep(x[2], bits>>32), s.keep(x[3], bits>>48)
	}
	for i := range x {
		y[i] = s.keep(x[i], graph.Bits(key, uint64(lo)>>2)>>(16*i))
	}
	w.Barrier()
}

// keep is x·scale if the lowest 16 bits reach the threshold, else 0; without a branch, as that
// would be mispredicted every time an element is dropped.
func (s *dropout) keep(x float32, bits uint64) float32 {
	below := uint32(int32(uint32(bits)&0xffff-s.threshold) >> 31) // all ones if dropped
	return math.Float32frombits(math.Float32bits(x*s.scale) &^ below)
}

// weightedSum adds up in float64, in order, by one worker.
type weightedSum struct{ x, w, out *tensor }

func (s *weightedSum) run(w *Worker, p *Program) {
	if w.ID() == 0 {
		sum := 0.0
		wt := s.w.all()
		for i, x := range s.x.all() {
			sum += float64(x) * float64(wt[i])
		}
		s.out.data[0] = float32(sum)
	}
	w.Barrier()
}

// elementwise covers everything that graph.Apply knows.
type elementwise struct {
	op      graph.Op
	attr    *graph.Attr
	a, b, y *tensor
	scalar  bool // b is one number
}

func (b *binder) elementwise(j *job) step {
	n := j.node
	s := &elementwise{op: n.Op, attr: &n.Attr, a: b.tensor(n.In[0]), y: b.tensor(j.out)}
	s.b = s.a
	if len(n.In) > 1 {
		s.b, s.scalar = b.tensor(n.In[1]), n.Op == graph.OpScaleBy
	}
	return s
}

func (s *elementwise) run(w *Worker, p *Program) {
	lo, hi := w.part16(len(s.y.all()))
	y, a := s.y.data[lo:hi], s.a.data[lo:hi]
	switch {
	case s.scalar:
		w.Scale(y, a, s.b.data[0])
	case s.op == graph.OpScale:
		w.Scale(y, a, float32(s.attr.A))
	case s.op == graph.OpAdd:
		w.Add(y, a, s.b.data[lo:hi])
	case s.op == graph.OpSub:
		w.Sub(y, a, s.b.data[lo:hi])
	case s.op == graph.OpMul:
		w.Mul(y, a, s.b.data[lo:hi])
	case s.op == graph.OpGELU:
		w.GELU(y, a)
	case s.op == graph.OpGELUGrad:
		w.GELUBackward(y, s.b.data[lo:hi], a)
	default:
		b := s.b.data[lo:hi]
		for i := range y {
			y[i] = float32(graph.Apply(s.op, s.attr, float64(a[i]), float64(b[i])))
		}
	}
	w.Barrier()
}
