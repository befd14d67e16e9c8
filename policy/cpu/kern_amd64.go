package cpu

import "golang.org/x/sys/cpu"

//go:generate go run generate.go

// assembly lists the assembly kernel sets that this machine can run, fastest first.
// The flags are set only if the operating system saves the registers too.
func assembly() []*Kernels {
	var sets []*Kernels
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		sets = append(sets, avx512Kernels())
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		sets = append(sets, avx2Kernels())
	}
	return sets
}

// pause tells the core that it spins.
//
//go:noescape
func pause()

func avx512Kernels() *Kernels {
	k := &Kernels{
		name:      "avx512",
		rows:      MaxTileRows,
		peak:      avx512Peak,
		peakFlops: 12 * 16 * 2,

		packCols: avx512PackCols, packTrans: avx512PackTrans, packKMajor: avx512PackKMajor,

		exp: avx512Exp, gelu: avx512GELU, expSum: avx512ExpSum,
		maxOf: avx512Max, sum: avx512Sum, sumSquares: avx512SumSquares, dot: avx512Dot,
		scale: avx512Scale, axpy: avx512Axpy, add: avx512Add, sub: avx512Sub,
		mul: avx512Mul, div: avx512Div, mulAdd: avx512MulAdd,
		swiglu: avx512SwiGLU, swigluBackward: avx512SwiGLUBackward,
		geluBackward: avx512GELUBackward, softmaxBackward: avx512SoftmaxBackward,
		normApply: avx512NormApply, dot3: avx512Dot3, rmsNormBackward: avx512RMSNormBackward,
		centerSquares: avx512CenterSquares, layerNormApply: avx512LayerNormApply,
		layerNormSums: avx512LayerNormSums, layerNormBack: avx512LayerNormBackward,
		rope: avx512RopeHalves, adamW: avx512AdamW,
	}
	copy(k.tile[:], avx512Tiles[:])
	copy(k.tileT[:], avx512TileTs[:])
	return k
}

func avx512PackTrans(dst, src *float32, ld, k, cols int) {
	packTransBy(16, avx512Transpose, dst, src, ld, k, cols)
}

func avx2Kernels() *Kernels {
	k := &Kernels{
		name:      "avx2",
		rows:      12,
		peak:      avx2Peak,
		peakFlops: 12 * 8 * 2,

		packCols: avx2PackCols, packTrans: avx2PackTrans, packKMajor: avx2PackKMajor,

		exp: avx2Exp, gelu: avx2GELU, expSum: avx2ExpSum,
		maxOf: avx2Max, sum: avx2Sum, sumSquares: avx2SumSquares, dot: avx2Dot,
		scale: avx2Scale, axpy: avx2Axpy, add: avx2Add, sub: avx2Sub,
		mul: avx2Mul, div: avx2Div, mulAdd: avx2MulAdd,
		swiglu: avx2SwiGLU, swigluBackward: avx2SwiGLUBackward,
		geluBackward: avx2GELUBackward, softmaxBackward: avx2SoftmaxBackward,
		normApply: avx2NormApply, dot3: avx2Dot3, rmsNormBackward: avx2RMSNormBackward,
		centerSquares: avx2CenterSquares, layerNormApply: avx2LayerNormApply,
		layerNormSums: avx2LayerNormSums, layerNormBack: avx2LayerNormBackward,
		rope: avx2RopeHalves, adamW: avx2AdamW,
	}
	for rows := 1; rows <= MaxTileRows; rows++ {
		k.tile[rows] = avx2Tile(rows, avx2Tiles[:], func(i, as int) int { return i * as })
		k.tileT[rows] = avx2Tile(rows, avx2TileTs[:], func(i, _ int) int { return i })
	}
	return k
}

func avx2PackTrans(dst, src *float32, ld, k, cols int) {
	packTransBy(8, avx2Transpose, dst, src, ld, k, cols)
}

// packTransBy fills a panel with a transpose kernel that handles width columns.
func packTransBy(width int, transpose packFunc, dst, src *float32, ld, k, cols int) {
	for c := 0; c < TileCols; c += width {
		// Beyond cols no row is read; src only has to be a pointer into the matrix.
		transpose(at(dst, c), at(src, min(c, cols-1)*ld), ld, k, max(0, min(width, cols-c)))
	}
}

// avx2Tile builds a tile of rows × 32: up to four rows from kernels of 1 or 2 rows × 32,
// which read the panel as one stream, more from kernels of 3 to 6 rows × 16. rowOffset is
// where row i of A starts.
func avx2Tile(rows int, kernels []tileFunc, rowOffset func(i, as int) int) tileFunc {
	most, width := 6, 16
	if rows <= 4 {
		most, width = 2, TileCols
	}
	pieces := (rows + most - 1) / most
	return func(k int, a *float32, as int, b, c *float32, ldc int, base *float32, ldBase int, next *float32) {
		for col := 0; col < TileCols; col += width {
			for p := range pieces {
				i0, i1 := rows*p/pieces, rows*(p+1)/pieces
				from := base
				if from != nil {
					from = at(base, i0*ldBase+col)
				}
				kernels[i1-i0](k, at(a, rowOffset(i0, as)), as, at(b, col), at(c, i0*ldc+col), ldc, from, ldBase, next)
			}
		}
	}
}
