package cpu

import "agora/policy/graph"

// norm is RMSNorm, or LayerNorm if bias is there. stat keeps 1/rms, or mean and 1/deviation.
type norm struct {
	x, out, stat *tensor
	gain, bias   *graph.Param
	eps          float32
}

func (b *binder) norm(j *job) step {
	n := j.node
	return &norm{b.tensor(n.In[0]), b.tensor(n.Out[0]), b.tensor(n.Out[1]), n.W, n.Bias, float32(n.Attr.A)}
}

func (s *norm) run(w *Worker, p *Program) {
	lo, hi := w.Part(s.x.n())
	for i := lo; i < hi; i++ {
		if s.bias == nil {
			s.stat.data[i] = w.RMSNorm(s.out.row(i), s.x.row(i), s.gain.Data, s.eps)
		} else {
			s.stat.data[2*i], s.stat.data[2*i+1] = w.LayerNorm(s.out.row(i), s.x.row(i), s.gain.Data, s.bias.Data, s.eps)
		}
	}
	w.Barrier()
}

// normGrad: dx = (base +) gradient of the norm. The gradients of gain and bias are sums over
// tokens: first within chunks of a fixed number of rows, then over chunks, so that the order does
// not depend on the number of workers.
type normGrad struct {
	dy, x, stat, dx, base *tensor
	gain                  *graph.Param
	dgain, dbias          paramGrad
	layer                 bool
	partial               []float32 // [chunk][gain or bias][d]
}

const normChunk = 64

func normScratch(n *graph.Node) int {
	chunks := (n.In[1].Rows.Cap + normChunk - 1) / normChunk
	return chunks * 2 * n.In[1].Cols
}

func (b *binder) normGrad(j *job) step {
	n := j.node
	return &normGrad{
		dy: b.tensor(n.In[0]), x: b.tensor(n.In[1]), stat: b.tensor(n.In[2]), dx: b.tensor(j.out), base: b.base(j),
		gain: n.W, dgain: b.grad(n.W), dbias: b.grad(n.Bias), layer: n.Op == graph.OpLayerNormGrad, partial: b.scratch(j),
	}
}

func (s *normGrad) run(w *Worker, p *Program) {
	rows, d := s.x.n(), s.x.cols
	chunks := (rows + normChunk - 1) / normChunk
	for c := w.Next(); c < chunks; c = w.Next() {
		s.chunk(w, c, c*normChunk, min(rows, (c+1)*normChunk))
	}
	w.Barrier()
	lo, hi := w.part16(d)
	s.reduce(w, p, &s.dgain, 0, chunks, lo, hi)
	s.reduce(w, p, &s.dbias, d, chunks, lo, hi)
	w.Barrier()
}

func (s *normGrad) chunk(w *Worker, c, lo, hi int) {
	d := s.x.cols
	dgain, dbias := s.partial[2*c*d:(2*c+1)*d], s.partial[(2*c+1)*d:(2*c+2)*d]
	clear(dgain)
	clear(dbias)
	add := s.base != nil
	if add {
		copyOrClear(s.dx, s.base, lo, hi)
	}
	for i := lo; i < hi; i++ {
		if s.layer {
			w.LayerNormBackward(s.dx.row(i), dgain, dbias, s.x.row(i), s.gain.Data, s.dy.row(i), s.stat.data[2*i], s.stat.data[2*i+1], add)
		} else {
			w.RMSNormBackward(s.dx.row(i), dgain, s.x.row(i), s.gain.Data, s.dy.row(i), s.stat.data[i], add)
		}
	}
}

// reduce adds the chunks' sums, found at offset in each, to columns [lo, hi) of the gradient.
func (s *normGrad) reduce(w *Worker, p *Program, g *paramGrad, offset, chunks, lo, hi int) {
	if g.data == nil {
		return
	}
	dst := g.data[lo:hi]
	if !g.adds(p) {
		clear(dst)
	}
	for c := range chunks {
		w.Add(dst, dst, s.partial[2*c*s.x.cols+offset:][lo:hi])
	}
}
