package cpu

import "agora/policy/graph"

// linear: out = (residual +) x wᵀ (+ bias), the product from column col of out on.
type linear struct {
	x, out, residual *tensor
	w, bias          *graph.Param
	packed           *packedParam // w in panels, nil to pack on the fly
	col              int
}

func (b *binder) linear(j *job) step {
	n := j.node
	s := &linear{x: b.tensor(n.In[0]), out: b.tensor(j.out), w: n.W, bias: n.Bias, packed: b.pack(n.W), col: n.Attr.Col}
	if len(n.In) > 1 {
		s.residual = b.tensor(n.In[1])
	}
	return s
}

func (s *linear) run(w *Worker, p *Program) {
	g := Gemm{
		M: s.x.n(), N: s.w.Rows, K: s.w.Cols,
		A: s.x.data, LDA: s.x.cols, B: s.w.Data, LDB: s.w.Cols, TransB: true, C: s.out.data[s.col:], LDC: s.out.cols,
	}
	if s.residual != nil {
		if s.w.Rows < s.out.cols { // the other columns
			lo, hi := w.Part(s.out.n())
			copyOrClear(s.out, s.residual, lo, hi)
			w.Barrier()
		}
		g.Base, g.LDBase = s.residual.data[s.col:], s.residual.cols
	}
	if s.bias != nil {
		g.Bias = s.bias.Data
	}
	if s.packed != nil {
		g.Packed = s.packed.panels
	}
	w.Gemm(&g)
}

// linearGradX: dx = (base +) dy w, dy from column col on.
type linearGradX struct {
	dy, dx, base *tensor
	w            *graph.Param
	col          int
}

func (s *linearGradX) run(w *Worker, p *Program) {
	g := Gemm{
		M: s.dy.n(), N: s.w.Cols, K: s.w.Rows,
		A: s.dy.data[s.col:], LDA: s.dy.cols, B: s.w.Data, LDB: s.w.Cols, C: s.dx.data, LDC: s.dx.cols,
	}
	if s.base != nil {
		g.Base, g.LDBase = s.base.data, s.base.cols
	}
	w.Gemm(&g)
}

// linearGradW: dw (+)= dyᵀ x, dbias (+)= Σ dy, dy from column col on.
type linearGradW struct {
	dy, x     *tensor
	w         *graph.Param
	dw, dbias paramGrad
	col       int
}

func (s *linearGradW) run(w *Worker, p *Program) {
	if s.dbias.data != nil {
		w.sumRows(s.dbias.data, s.dy, s.dbias.adds(p))
	}
	if s.dw.data == nil {
		w.Barrier()
		return
	}
	g := Gemm{
		M: s.w.Rows, N: s.w.Cols, K: s.dy.n(),
		A: s.dy.data[s.col:], LDA: s.dy.cols, TransA: true, B: s.x.data, LDB: s.x.cols,
		C: s.dw.data, LDC: s.w.Cols,
	}
	if s.dw.adds(p) {
		g.Base, g.LDBase = g.C, g.LDC
	}
	w.Gemm(&g)
}

// sumRows adds up the rows of x in order; each worker has its columns. No barrier.
func (w *Worker) sumRows(dst []float32, x *tensor, add bool) {
	lo, hi := w.part16(x.cols)
	if !add {
		clear(dst[lo:hi])
	}
	for i := range x.n() {
		w.Add(dst[lo:hi], dst[lo:hi], x.row(i)[lo:hi])
	}
}

// packedParam keeps a weight in the panels that Gemm multiplies with. It is attached to the
// parameter, so all programs of a device share it.
type packedParam struct {
	param   *graph.Param
	panels  *Packed
	version uint64 // of param when packed
}

// pack returns the packed form of w if this program uses such, and has it renewed before each run.
func (b *binder) pack(w *graph.Param) *packedParam {
	if !b.prepack {
		return nil
	}
	k, ok := w.Attached.Load(b.p.device)
	if !ok {
		fresh := &packedParam{param: w, panels: NewPacked(w.Cols, w.Rows)}
		k, _ = w.Attached.LoadOrStore(b.p.device, fresh)
	}
	p := k.(*packedParam)
	b.p.packs = append(b.p.packs, p)
	return p
}

// renew packs the weight again if it changed since. All workers call it after a barrier.
func (k *packedParam) renew(w *Worker) {
	if k.version == k.param.Version() {
		return
	}
	w.Pack(k.panels, k.param.Data, k.param.Cols, true)
	if w.ID() == 0 {
		k.version = k.param.Version()
	}
	w.Barrier()
}
