package cpu

import (
	"math"

	"agora/policy/graph"
)

// headRows is how many rows of logits exist at a time. It is a constant because the gradient of the
// head adds up block by block.
const headRows = 512

// vocabChunk is how many exponentials are added up in float32 before they go to a float64 sum.
const vocabChunk = 512

func headScratch(n *graph.Node, workers int) int {
	rows := min(headRows, n.In[0].Rows.Cap)
	return rows*n.W.Rows + workers*vocabChunk
}

// head is LogProb, its gradient, or CrossEntropy with or without gradient.
type head struct {
	op graph.Op
	projection
	targets []int32
	scale   float32 // 1/temperature

	logp, entropy, lse *tensor // LogProb writes; entropy may be nil
	dlogp              *tensor // LogProbGrad reads
	weights, loss      *tensor // CrossEntropy
	factor             float32 // d total / d loss
	grad               bool
	dh, du             *tensor // nil if not needed
	dw, db             paramGrad

	logits, chunks []float32
	kept           []float32 // LogProb and its gradient: the logits of all rows, nil if not kept
}

func (b *binder) head(j *job) step {
	n := j.node
	s := &head{op: n.Op, scale: inverse(float32(n.Attr.A))}
	in := n.In
	switch n.Op {
	case graph.OpLogProb:
		s.logp, s.lse = b.tensor(n.Out[0]), b.tensor(n.Out[2])
		if b.used(n.Out[1]) {
			s.entropy = b.tensor(n.Out[1])
		}
		s.kept = b.keptLogits(n)
	case graph.OpLogProbGrad:
		s.kept = b.keptLogits(in[3].From)
		s.dlogp, s.lse, s.grad = b.tensor(in[0]), b.tensor(in[3]), true
		in = in[1:]
		s.dh, s.du = b.headGrads(n.Out)
	case graph.OpCrossEntropy:
		s.weights, s.loss, s.logp = b.tensor(in[2]), b.tensor(n.Out[0]), b.tensor(n.Out[1])
		s.grad, s.factor = n.Attr.Loss, float32(n.Attr.B)
		if s.grad {
			s.dh, s.du = b.headGrads(n.Out[2:])
		}
	}
	s.projection, s.targets = b.projection(n, in[0], !s.grad), b.p.ints[in[1]]
	if s.grad {
		s.dw, s.db = b.grad(n.W), b.grad(n.Low)
	}
	scratch := b.scratch(j)
	split := len(scratch) - b.plan.workers*vocabChunk
	s.logits, s.chunks = scratch[:split], scratch[split:]
	return s
}

// headGrads are those of the gradients by h and u that something reads.
func (b *binder) headGrads(out []*graph.Value) (dh, du *tensor) {
	if b.used(out[0]) {
		dh = b.tensor(out[0])
	}
	if len(out) > 1 && b.used(out[1]) {
		du = b.tensor(out[1])
	}
	return dh, du
}

func (b *binder) keptLogits(n *graph.Node) []float32 {
	if k := b.plan.kept[n]; k != nil {
		return b.p.slice(k)
	}
	return nil
}

func (s *head) run(w *Worker, p *Program) {
	rows, v := s.h.n(), s.w.Rows
	if rows == 0 {
		s.dw.clear(w, p)
		s.db.clear(w, p)
	}
	for from := 0; from < rows; from += headRows {
		n := min(headRows, rows-from)
		logits := s.logits
		if s.kept != nil {
			logits = s.kept[from*v:]
		}
		if s.kept == nil || !s.grad {
			s.projection.run(w, logits, from, n)
		}
		lo, hi := w.Part(n)
		for i := lo; i < hi; i++ {
			s.row(w, from+i, logits[i*v:(i+1)*v])
		}
		w.Barrier()
		if s.grad {
			s.backward(w, p, logits, from, n)
		}
	}
	if s.op == graph.OpCrossEntropy && w.ID() == 0 {
		sum := 0.0
		for i, logp := range s.logp.all() {
			sum -= float64(s.weights.data[i]) * float64(logp)
		}
		s.loss.data[0] = float32(sum)
	}
	w.Barrier()
}

// row handles the logits z of row i; with a gradient it turns them into d total / d z.
func (s *head) row(w *Worker, i int, z []float32) {
	t := s.targets[i]
	chunk := s.chunks[w.ID()*vocabChunk:][:vocabChunk]
	switch {
	case s.op == graph.OpLogProbGrad:
		w.ExpSum(z, z, s.scale, -s.lse.data[i])
		d := s.dlogp.data[i] * s.scale
		w.Scale(z, z, -d) // d logp(t) / dz_j = (1[j=t] - p_j)/temperature
		z[t] += d
	case s.op == graph.OpLogProb:
		top, sum, dot := w.expSums(z, s.scale, chunk, s.entropy != nil)
		lse := logSum(top, sum)
		s.logp.data[i], s.lse.data[i] = logProb(z[t], s.scale, lse), float32(lse)
		if s.entropy != nil { // -Σ p log p = lse - Σ p·z/temperature
			s.entropy.data[i] = float32(lse - float64(s.scale)*dot/sum)
		}
	default:
		zt := z[t]
		dst := chunk
		if s.grad {
			dst = z
		}
		top, sum, _ := w.expSums(z, 1, dst, false)
		s.logp.data[i] = logProb(zt, 1, logSum(top, sum))
		if s.grad {
			d := s.weights.data[i] * s.factor
			w.Scale(z, z, float32(float64(d)/sum))
			z[t] -= d
		}
	}
}

// expSums returns top = max(z·scale), Σ exp(z·scale - top) and, if asked, Σ exp(…)·z. The
// exponentials are left in dst, which holds either all of z or one chunk. The order of the sums
// depends on the size of the vocabulary only, and is the same wherever a probability is computed.
func (w *Worker) expSums(z []float32, scale float32, dst []float32, withDot bool) (top float32, sum, dot float64) {
	top = w.Max(z) * scale
	for lo := 0; lo < len(z); lo += vocabChunk {
		part := z[lo:min(lo+vocabChunk, len(z))]
		e := dst[:len(part)]
		if len(dst) == len(z) {
			e = dst[lo : lo+len(part)]
		}
		sum += float64(w.ExpSum(e, part, scale, -top))
		if withDot {
			dot += float64(w.Dot(e, part))
		}
	}
	return top, sum, dot
}

// inverse turns a temperature into a factor, alike for LogProb and Sample.
func inverse(temperature float32) float32 { return float32(1 / float64(temperature)) }

func logSum(top float32, sum float64) float64 { return float64(top) + math.Log(sum) }

// logProb is the log-probability of a token with logit z.
func logProb(z, scale float32, lse float64) float32 { return float32(float64(z*scale) - lse) }

// backward: dh = dz w, dw += dzᵀ h for a block of rows, and likewise with u and b.
func (s *head) backward(w *Worker, p *Program, dz []float32, from, n int) {
	productGrad(w, p, dz, s.h, s.w, s.dh, s.dw, from, n)
	if s.u != nil {
		productGrad(w, p, dz, s.u, s.b, s.du, s.db, from, n)
	}
}

// productGrad is the gradient of z = x wᵀ for n rows from row from on: dx = dz w, dw += dzᵀ x.
func productGrad(w *Worker, p *Program, dz []float32, x *tensor, param *graph.Param, dx *tensor, dw paramGrad, from, n int) {
	v, d := param.Rows, param.Cols
	if dx != nil {
		g := Gemm{M: n, N: d, K: v, A: dz, LDA: v, B: param.Data, LDB: d, C: dx.data[from*d:], LDC: d}
		w.Gemm(&g)
	}
	if dw.data != nil {
		g := Gemm{
			M: v, N: d, K: n, A: dz, LDA: v, TransA: true, B: x.data[from*d:], LDB: d,
			C: dw.data, LDC: d,
		}
		if from > 0 || dw.adds(p) {
			g.Base, g.LDBase = g.C, d
		}
		w.Gemm(&g)
	}
}
