package cpu

// Gemm is a matrix product C = op(A)·op(B), optionally with terms added, run by all workers of a team together.
// Matrices are row-major with a leading dimension (floats from row to row).
//
//	C  [M, N]
//	A  [M, K], or [K, M] if TransA
//	B  [K, N], or [N, K] if TransB
//
// Training uses NT (activations × weights stored [out, in]), NN (gradient × weights)
// and TN (gradientᵀ × activations, the weight gradient).
//
// Each element of C is the sum of one partial sum per block of kBlock(K) terms; a
// partial sum starts at 0 and takes its terms in ascending k by fused multiply-adds.
// The bits of an element therefore depend on its row of A and column of B and on
// nothing else: not on M, N, the layout, packing, tile edges or the number of workers.
type Gemm struct {
	M, N, K        int
	A, B, C        []float32
	LDA, LDB, LDC  int
	TransA, TransB bool

	Packed *Packed // B prepacked; B, LDB and TransB are then not looked at
	// Base, if given, is [M, N] and added to the product: C = Base + op(A)·op(B) + Bias.
	// It may be C.
	Base   []float32
	LDBase int
	Bias   []float32 // [N] or nil: added to every row at the end
}

// Block sizes. Speed changes little around these (±3 % for 256–512 and 2–8 MB).
const (
	maxKBlock     = 384                          // terms of one partial sum: 14 rows of A fit the L1 cache
	packedFloats  = 2 << 20                      // packed B that workers share at a time
	groupPanels   = 4                            // row panels of A that one ticket multiplies
	packedAStride = maxKBlock + 16               // row stride of packed A, never a multiple of 4 KiB
	packedAPanel  = kMajorStride * packedAStride // [14][packedAStride] or [maxKBlock][kMajorStride]
	packedAFloats = groupPanels * packedAPanel
)

// kBlock is the number of terms per partial sum for a product of depth k: equal
// blocks of at most maxKBlock. It must depend on k only (see Gemm).
func kBlock(k int) int {
	blocks := max(1, (k+maxKBlock-1)/maxKBlock)
	return ((k+blocks-1)/blocks + 15) &^ 15
}

// Gemm computes the product. All workers call it with equal arguments, right after a
// barrier (its operands must be complete, and the region's tickets unused). It ends
// with a barrier.
func (w *Worker) Gemm(g *Gemm) {
	g.check()
	p := planGemm(g, len(w.team.workers), w.rows)
	if g.K == 0 && w.id == 0 {
		g.clearC(w)
	}
	for col := 0; col < g.N; col += p.cols {
		for k := 0; k < g.K; k += p.depth {
			c := chunk{col: col, cols: min(p.cols, g.N-col), k: k, depth: min(p.depth, g.K-k)}
			if g.Packed != nil {
				c.panels, c.stride = g.Packed.panels[k*TileCols:], g.K
			} else {
				c.panels, c.stride = w.team.panels, c.depth
				w.packChunk(g, &c)
				w.Barrier()
			}
			w.multiplyChunk(g, &p, &c)
			w.Barrier()
		}
	}
	if g.M == 0 || g.N == 0 || g.K == 0 {
		w.Barrier()
	}
}

// check panics on operands that are too short, before assembly reads past them.
func (g *Gemm) check() {
	if g.M == 0 || g.N == 0 || g.K == 0 {
		return
	}
	// Slicing tests the length without reading: other workers may be writing C already.
	last := func(x []float32, rows, cols, ld int) { _ = x[(rows-1)*ld+cols:] }
	last(g.C, g.M, g.N, g.LDC)
	if g.TransA {
		last(g.A, g.K, g.M, g.LDA)
	} else {
		last(g.A, g.M, g.K, g.LDA)
	}
	switch {
	case g.Packed != nil:
		if g.Packed.K != g.K || g.Packed.N != g.N {
			panic("cpu: Gemm: packed matrix has another shape")
		}
	case g.TransB:
		last(g.B, g.N, g.K, g.LDB)
	default:
		last(g.B, g.K, g.N, g.LDB)
	}
	if g.Base != nil {
		last(g.Base, g.M, g.N, g.LDBase)
	}
	if g.Bias != nil {
		_ = g.Bias[g.N-1]
	}
}

// clearC is the product of depth 0.
func (g *Gemm) clearC(w *Worker) {
	for i := range g.M {
		row := g.C[i*g.LDC : i*g.LDC+g.N]
		if g.Base == nil {
			clear(row)
		} else {
			copy(row, g.Base[i*g.LDBase:])
		}
		if g.Bias != nil {
			w.Add(row, row, g.Bias)
		}
	}
}

// gemmPlan says how a product is cut. It influences speed only, never bits.
type gemmPlan struct {
	cols, depth int  // of a chunk of B
	rowPanels   int  // panels of at most MaxTileRows rows, made equal: 13,13,12 rather than 14,14,10
	groups      int  // groups of row panels, one ticket each…
	split       int  // …times column ranges, where rows alone give too few tickets
	direct      bool // A is read in place instead of packed
}

func planGemm(g *Gemm, workers, rows int) gemmPlan {
	p := gemmPlan{cols: g.N, depth: g.K}
	if g.Packed == nil && Panels(g.K, g.N) > packedFloats {
		kc := kBlock(g.K)
		fit := packedFloats / Panels(1, min(g.N, 512)) // depth that leaves room for 512 columns
		p.depth = min(g.K, max(kc, fit/kc*kc))
		p.cols = max(TileCols, packedFloats/p.depth/TileCols*TileCols)
	}
	p.rowPanels = (g.M + rows - 1) / rows
	p.direct = !g.TransA && g.LDA*4%2048 != 0 // such rows would fight for the same cache sets
	p.cutWork(workers)
	return p
}

// cutWork chooses groups and split for at least four tickets per worker. Where A is
// packed, groups shrink first, as every column range would pack its rows again; where it
// is not, columns are shared out first, so that few rows read B only once.
func (p *gemmPlan) cutWork(workers int) {
	want := 4 * workers
	p.groups, p.split = (p.rowPanels+groupPanels-1)/groupPanels, 1
	if p.groups < want && !p.direct {
		p.groups = min(p.rowPanels, want)
	}
	if p.groups < want {
		p.split = (want + p.groups - 1) / max(1, p.groups)
	} else {
		p.groups = min(p.rowPanels, (p.groups+workers-1)/workers*workers)
	}
}

// chunk is a block of B, [depth, cols] at (k, col), as panels.
type chunk struct {
	col, cols, k, depth int
	panels              []float32 // panel j starts at j·stride·TileCols
	stride              int       // rows of a panel
}

// Packing walks a strip of packDepth terms over packPanels panels, so that neighbouring
// panels find the cache lines and pages that the one before them has touched.
const (
	packDepth  = 128
	packPanels = 8
)

// packChunk packs the chunk's panels, one strip a ticket.
func (w *Worker) packChunk(g *Gemm, c *chunk) {
	panels := (c.cols + TileCols - 1) / TileCols
	strips := (c.depth + packDepth - 1) / packDepth
	for {
		t := w.Next()
		first, k := t/strips*packPanels, t%strips*packDepth
		if first >= panels {
			return
		}
		depth := min(packDepth, c.depth-k)
		for j := first; j < min(first+packPanels, panels); j++ {
			col := c.col + j*TileCols
			dst, cols := &c.panels[(j*c.stride+k)*TileCols], min(TileCols, g.N-col)
			if g.TransB {
				w.packTrans(dst, &g.B[col*g.LDB+c.k+k], g.LDB, depth, cols)
			} else {
				w.packCols(dst, &g.B[(c.k+k)*g.LDB+col], g.LDB, depth, cols)
			}
		}
	}
}

// multiplyChunk adds the chunk's part of the product to C, by tickets of one group of
// row panels times one range of column panels.
func (w *Worker) multiplyChunk(g *Gemm, p *gemmPlan, c *chunk) {
	panels := (c.cols + TileCols - 1) / TileCols
	for {
		t := w.Next()
		if t >= p.groups*p.split {
			return
		}
		group, part := t/p.split, t%p.split
		b := block{
			row0: p.rowPanels * group / p.groups, row1: p.rowPanels * (group + 1) / p.groups,
			col0: panels * part / p.split, col1: panels * (part + 1) / p.split,
		}
		kc := kBlock(g.K)
		for k := 0; k < c.depth && b.col0 < b.col1; k += kc {
			b.k, b.depth = k, min(kc, c.depth-k)
			w.multiplyBlock(g, p, c, &b)
		}
	}
}

// block is one ticket's row panels × column panels over one block of k.
type block struct {
	row0, row1, col0, col1 int
	k, depth               int // k counts from the start of the chunk
}

func (w *Worker) multiplyBlock(g *Gemm, p *gemmPlan, c *chunk, b *block) {
	base, ldBase := g.C, g.LDC // the sum of the blocks of k so far
	if c.k+b.k == 0 {
		base, ldBase = g.Base, g.LDBase
	}
	last := c.k+b.k+b.depth == g.K
	if !p.direct {
		for k := 0; k < b.depth; k += packDepth {
			for q := b.row0; q < b.row1; q++ {
				i0, i1 := g.M*q/p.rowPanels, g.M*(q+1)/p.rowPanels
				w.packRows(g, c.k+b.k, k, min(packDepth, b.depth-k), q-b.row0, i0, i1)
			}
		}
	}
	for j := b.col0; j < b.col1; j++ {
		panel := &c.panels[(j*c.stride+b.k)*TileCols]
		col := c.col + j*TileCols
		for q := b.row0; q < b.row1; q++ {
			i0, i1 := g.M*q/p.rowPanels, g.M*(q+1)/p.rowPanels
			a, as := &w.packA[(q-b.row0)*packedAPanel], packedAStride
			kernel := w.Kernels.tile[i1-i0]
			switch {
			case p.direct:
				a, as = &g.A[i0*g.LDA+c.k+b.k], g.LDA
			case g.TransA:
				as, kernel = kMajorStride, w.Kernels.tileT[i1-i0]
			}
			next := c.ahead(b, j, q-b.row0)
			var from *float32
			if base != nil {
				from = &base[i0*ldBase+col]
			}
			if col+TileCols <= g.N {
				kernel(b.depth, a, as, panel, &g.C[i0*g.LDC+col], g.LDC, from, ldBase, next)
			} else {
				kernel(b.depth, a, as, panel, &w.tile[0], TileCols, nil, 0, next)
				w.storeEdge(g, i0, i1, col, base, ldBase)
			}
			if last && g.Bias != nil {
				w.addBias(g, i0, i1, col)
			}
		}
	}
}

// ahead is what row panel number q of the block fetches while it multiplies panel j: the
// first and second row panel half of the next panel each, so that memory is busy all the
// time when B streams from there (weights of a decoding step); otherwise nothing new.
func (c *chunk) ahead(b *block, j, q int) *float32 {
	half := b.depth * TileCols / 2
	if q > 1 || j+1 == b.col1 || b.row1-b.row0 == 1 {
		return &c.panels[(j*c.stride+b.k)*TileCols]
	}
	return &c.panels[((j+1)*c.stride+b.k)*TileCols+q*half]
}

// storeEdge moves the scratch tile, plus the base, into the last columns of C.
func (w *Worker) storeEdge(g *Gemm, i0, i1, col int, base []float32, ldBase int) {
	for i := i0; i < i1; i++ {
		row, tile := g.C[i*g.LDC+col:i*g.LDC+g.N], w.tile[(i-i0)*TileCols:]
		if base == nil {
			copy(row, tile)
			continue
		}
		from := base[i*ldBase+col:]
		for j := range row {
			row[j] = from[j] + tile[j]
		}
	}
}

func (w *Worker) addBias(g *Gemm, i0, i1, col int) {
	end := min(col+TileCols, g.N)
	for i := i0; i < i1; i++ {
		row := g.C[i*g.LDC+col : i*g.LDC+end]
		w.Add(row, row, g.Bias[col:end])
	}
}
