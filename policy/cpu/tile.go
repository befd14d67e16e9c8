package cpu

// Tile products: one worker, small blocks, B already in panels (see PackCols and
// PackTransposed). Attention is built from these. For each element of C the sum runs
// over k in ascending order from 0, one fused multiply-add per term, on every path that
// leads to it; adding to C happens once, at the end.

// Tile computes C (+)= A·B for rows ≤ MaxTileRows and TileCols columns.
//
//	a      [rows, k] with row stride lda
//	panel  [k, TileCols]
//	c      [rows, TileCols] with row stride ldc; all TileCols columns are written
func (k *Kernels) Tile(rows, depth int, a []float32, lda int, panel, c []float32, ldc int, add bool) {
	if depth == 0 {
		clearTile(rows, c, ldc, add)
		return
	}
	_, _, _ = a[(rows-1)*lda+depth-1], panel[depth*TileCols-1], c[(rows-1)*ldc+TileCols-1]
	k.tile[rows](depth, &a[0], lda, &panel[0], &c[0], ldc, baseIf(add, c), ldc, &panel[0])
}

// TileT is Tile with A stored k-major: a [k, rows] with row stride lda.
func (k *Kernels) TileT(rows, depth int, a []float32, lda int, panel, c []float32, ldc int, add bool) {
	if depth == 0 {
		clearTile(rows, c, ldc, add)
		return
	}
	_, _, _ = a[(depth-1)*lda+rows-1], panel[depth*TileCols-1], c[(rows-1)*ldc+TileCols-1]
	k.tileT[rows](depth, &a[0], lda, &panel[0], &c[0], ldc, baseIf(add, c), ldc, &panel[0])
}

// baseIf is the tile to start from: C itself or nothing.
func baseIf(add bool, c []float32) *float32 {
	if add {
		return &c[0]
	}
	return nil
}

func clearTile(rows int, c []float32, ldc int, add bool) {
	for i := 0; i < rows && !add; i++ {
		clear(c[i*ldc : i*ldc+TileCols])
	}
}

// Panels is the number of floats that k rows of n columns take as panels.
func Panels(k, n int) int { return (n + TileCols - 1) / TileCols * TileCols * k }

// PackCols copies src [k, n] (row stride ld) into panels [⌈n/32⌉][k][32]; missing
// columns of the last panel become zero.
func (k *Kernels) PackCols(dst, src []float32, ld, depth, n int) {
	for col := 0; col < n && depth > 0; col += TileCols {
		cols := min(TileCols, n-col)
		_, _ = dst[(col+TileCols)*depth-1], src[(depth-1)*ld+col+cols-1]
		k.packCols(&dst[col*depth], &src[col], ld, depth, cols)
	}
}

// PackTransposed copies the transpose of src [n, k] (row stride ld) into panels
// [⌈n/32⌉][k][32]; missing columns of the last panel become zero.
func (k *Kernels) PackTransposed(dst, src []float32, ld, depth, n int) {
	for col := 0; col < n && depth > 0; col += TileCols {
		cols := min(TileCols, n-col)
		_, _ = dst[(col+TileCols)*depth-1], src[(col+cols-1)*ld+depth-1]
		k.packTrans(&dst[col*depth], &src[col*ld], ld, depth, cols)
	}
}
