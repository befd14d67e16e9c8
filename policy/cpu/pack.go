package cpu

// kMajorStride is the row stride of packed transposed A: [k][16], one cache line per k.
const kMajorStride = 16

// Packed is a matrix B [K, N] in panels, packed once and multiplied many times: the
// weights of a decoding step.
type Packed struct {
	K, N   int
	panels []float32 // [⌈N/32⌉][K][32]
}

// NewPacked returns room for a [k, n] matrix.
func NewPacked(k, n int) *Packed { return &Packed{K: k, N: n, panels: Alloc(Panels(k, n))} }

// Pack fills p from b, stored [K, N] or, if trans, [N, K], with row stride ld. All
// workers call it right after a barrier; it ends with a barrier.
func (w *Worker) Pack(p *Packed, b []float32, ld int, trans bool) {
	for {
		col := w.Next() * TileCols
		if col >= p.N {
			break
		}
		dst, cols := p.panels[col*p.K:], min(TileCols, p.N-col)
		if trans {
			w.PackTransposed(dst, b[col*ld:], ld, p.K, cols)
		} else {
			w.PackCols(dst, b[col:], ld, p.K, cols)
		}
	}
	w.Barrier()
}

// packRows packs terms [from, from+depth) of a block that starts at k, of rows [i0, i1)
// of op(A), into row panel number q of the worker's group: [rows][packedAStride], or
// [terms][kMajorStride] if A is transposed.
func (w *Worker) packRows(g *Gemm, k, from, depth, q, i0, i1 int) {
	dst := w.packA[q*packedAPanel:]
	k += from
	if g.TransA {
		w.packKMajor(&dst[from*kMajorStride], &g.A[k*g.LDA+i0], g.LDA, depth, i1-i0)
		return
	}
	for i := i0; i < i1; i++ {
		copy(dst[(i-i0)*packedAStride+from:][:depth], g.A[i*g.LDA+k:])
	}
}
