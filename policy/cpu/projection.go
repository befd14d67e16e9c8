package cpu

import "agora/policy/graph"

// projection computes logits, h wᵀ and with a low-rank change + u bᵀ (graph.Head).
type projection struct {
	h, u             *tensor // u nil: no change
	w, b             *graph.Param
	packedW, packedB *packedParam
}

// projection binds the head of a node whose hidden states are h. Weights that do not train in this program
// may be packed.
func (b *binder) projection(n *graph.Node, h *graph.Value, pack bool) projection {
	s := projection{h: b.tensor(h), w: n.W, b: n.Low}
	if u := n.LowInput(); u != nil {
		s.u = b.tensor(u)
	}
	if pack {
		s.packedW = b.pack(n.W)
		if n.Low != nil {
			s.packedB = b.pack(n.Low)
		}
	}
	return s
}

// run computes n rows of logits, starting at row from.
func (s *projection) run(w *Worker, dst []float32, from, n int) {
	g := product(dst, s.h, from, n, s.w, s.packedW)
	w.Gemm(&g)
	if s.u != nil {
		g = product(dst, s.u, from, n, s.b, s.packedB)
		g.Base, g.LDBase = g.C, g.LDC
		w.Gemm(&g)
	}
}

// product is x wᵀ.
func product(dst []float32, x *tensor, from, n int, w *graph.Param, packed *packedParam) Gemm {
	g := Gemm{
		M: n, N: w.Rows, K: w.Cols, A: x.data[from*x.cols:], LDA: x.cols,
		B: w.Data, LDB: w.Cols, TransB: true, C: dst, LDC: w.Rows,
	}
	if packed != nil {
		g.Packed = packed.panels
	}
	return g
}
