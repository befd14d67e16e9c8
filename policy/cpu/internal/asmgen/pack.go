package asmgen

import "fmt"

// packing prints the kernels that bring matrices into the layouts of the tile kernels.
func (a *asm) packing() {
	a.copyRows("PackCols", 32)   // B [k, cols] → panel [k][32]
	a.copyRows("PackKMajor", 16) // Aᵀ [k, rows] → [k][16]
	a.transpose()
}

// copyRows prints a copy of k rows of cols floats, ld apart, to rows of width floats,
// padded with zeros. 0 < cols ≤ width.
func (a *asm) copyRows(name string, width int) {
	full, end := a.fresh("full"), a.fresh("end")
	vectors := width / a.lanes
	a.header(name, "dst, src *float32, ld, k, cols int", "")
	a.p("MOVQ %s, DI", a.frame("dst"))
	a.p("MOVQ %s, SI", a.frame("src"))
	a.p("MOVQ %s, R9", a.frame("ld"))
	a.p("MOVQ %s, AX", a.frame("k"))
	a.p("MOVQ %s, DX", a.frame("cols"))
	a.p("SHLQ $2, R9")
	a.p("MOVQ R9, R11") // prefetch distance: strided rows defeat the hardware prefetcher
	a.p("SHLQ $4, R11")
	a.p("CMPQ DX, $%d", width)
	a.p("JEQ %s", full)
	masks := a.columnMasks(vectors)
	a.rowLoop(width, func(v int) {
		if a.isa == avx512 {
			a.op("VMOVUPS.Z", fmt.Sprintf("%d(SI)", 64*v), masks[v], v)
		} else {
			a.op("VMASKMOVPS", fmt.Sprintf("%d(SI)", 32*v), masks[v], v)
		}
	})
	a.p("JMP %s", end)
	a.label(full)
	a.rowLoop(width, func(v int) { a.op("VMOVUPS", fmt.Sprintf("%d(SI)", v*a.bytes()), v) })
	a.label(end)
	a.ret()
}

// rowLoop copies k rows through registers 0 to vectors−1, filled by load.
func (a *asm) rowLoop(width int, load func(v int)) {
	loop := a.fresh("row")
	vectors := width / a.lanes
	a.label(loop)
	for b := 0; b < 4*width; b += 64 {
		a.p("PREFETCHT0 %d(SI)(R11*1)", b)
	}
	for v := range vectors {
		load(v)
	}
	for v := range vectors {
		a.op("VMOVUPS", v, fmt.Sprintf("%d(DI)", v*a.bytes()))
	}
	a.p("ADDQ R9, SI")
	a.p("ADDQ $%d, DI", 4*width)
	a.p("DECQ AX")
	a.p("JNZ %s", loop)
}

// columnMasks makes one mask per vector that together select the first DX columns, and
// returns their names: K1, K2 or the registers 12 to 15.
func (a *asm) columnMasks(vectors int) []any {
	if a.isa == avx512 {
		a.p("MOVQ DX, CX")
		a.p("MOVL $1, R13")
		a.p("SHLQ CX, R13")
		a.p("DECQ R13")
		a.p("KMOVW R13, K1")
		a.p("SHRQ $16, R13")
		a.p("KMOVW R13, K2")
		return []any{"K1", "K2"}
	}
	masks := []any{12, 13, 14, 15}
	for v := range vectors { // count = min(max(DX − 8v, 0), 8)
		a.p("MOVQ DX, CX")
		a.p("SUBQ $%d, CX", 8*v)
		a.p("XORQ R13, R13")
		a.p("CMPQ CX, R13")
		a.p("CMOVQLT R13, CX")
		a.p("MOVQ $8, R13")
		a.p("CMPQ CX, R13")
		a.p("CMOVQGT R13, CX")
		a.p("LEAQ masks<>+32(SB), R13")
		a.p("SHLQ $2, CX")
		a.p("SUBQ CX, R13")
		a.op("VMOVUPS", "(R13)", masks[v])
	}
	return masks
}

// transpose prints the copy of rows ≤ lanes rows of k floats, ld apart, to columns of a
// panel: dst[i·32 + r] = src[r·ld + i]. Columns up to lanes are filled with zeros.
func (a *asm) transpose() {
	a.header("Transpose", "dst, src *float32, ld, k, rows int", "")
	a.p("MOVQ %s, DI", a.frame("dst"))
	a.p("MOVQ %s, SI", a.frame("src"))
	a.p("MOVQ %s, R9", a.frame("ld"))
	a.p("MOVQ %s, AX", a.frame("k"))
	a.p("MOVQ %s, R10", a.frame("rows"))
	a.p("SHLQ $2, R9")
	a.p("LEAQ (R9)(R9*2), R11")
	loop, rest, done := a.fresh("block"), a.fresh("rest"), a.fresh("done")
	a.label(loop)
	a.p("CMPQ AX, $%d", a.lanes)
	a.p("JLT %s", rest)
	a.transposeBlock(whole)
	a.p("ADDQ $%d, SI", a.bytes())
	a.p("ADDQ $%d, DI", a.lanes*panelBytes)
	a.p("SUBQ $%d, AX", a.lanes)
	a.p("JMP %s", loop)
	a.label(rest)
	a.p("TESTQ AX, AX")
	a.p("JEQ %s", done)
	a.enterTail("AX")
	a.transposeBlock(masked)
	a.label(done)
	a.ret()
}

// transposeBlock transposes up to R10 rows of lanes (or, masked, AX) columns.
func (a *asm) transposeBlock(t tail) {
	loaded, full := a.fresh("loaded"), a.fresh("full")
	a.p("MOVQ SI, DX")
	a.p("CMPQ R10, $%d", a.lanes)
	a.p("JEQ %s", full)
	for r := range a.lanes {
		a.zero(r)
	}
	for r := range a.lanes {
		a.p("CMPQ R10, $%d", r)
		a.p("JEQ %s", loaded)
		a.loadRow(r, t)
	}
	a.label(full)
	a.p("MOVQ SI, DX")
	for r := range a.lanes {
		a.loadRow(r, t)
	}
	a.label(loaded)
	if a.isa == avx512 {
		a.shuffle16()
	} else {
		a.shuffle8()
	}
	stored := a.fresh("stored")
	for i := range a.lanes {
		if t == masked {
			a.p("CMPQ AX, $%d", i)
			a.p("JLE %s", stored)
		}
		a.op("VMOVUPS", i, fmt.Sprintf("%d(DI)", i*panelBytes))
	}
	a.label(stored)
}

// loadRow loads row r; DX points to the row r&^3 of the block.
func (a *asm) loadRow(r int, t tail) {
	src := "(DX)" + []string{"", "(R9*1)", "(R9*2)", "(R11*1)"}[r%4]
	switch {
	case t == whole:
		a.op("VMOVUPS", src, r)
	case a.isa == avx512:
		a.op("VMOVUPS.Z", src, "K1", r)
	default:
		a.op("VMASKMOVPS", src, maskReg, r)
	}
	if r%4 == 3 {
		a.p("LEAQ (DX)(R9*4), DX")
	}
}

// interleave4 transposes 4×4 blocks inside the 128-bit lanes of registers 0 to n−1 with
// n scratch registers from n on: afterwards lane l of register q+c (q a multiple of 4,
// c < 4) holds column 4·l+c of rows q to q+3.
func (a *asm) interleave4(n int) {
	for r := 0; r < n; r += 2 {
		a.op("VUNPCKLPS", r+1, r, n+r)
		a.op("VUNPCKHPS", r+1, r, n+r+1)
	}
	for q := 0; q < n; q += 4 {
		a.op("VUNPCKLPD", n+q+2, n+q, q)
		a.op("VUNPCKHPD", n+q+2, n+q, q+1)
		a.op("VUNPCKLPD", n+q+3, n+q+1, q+2)
		a.op("VUNPCKHPD", n+q+3, n+q+1, q+3)
	}
}

// shuffle8 transposes the 8×8 block in registers 0 to 7.
func (a *asm) shuffle8() {
	a.interleave4(8)
	for c := range 4 {
		a.op("VPERM2F128", "$0x20", 4+c, c, 8+c)
		a.op("VPERM2F128", "$0x31", 4+c, c, 4+c)
		a.move(c, 8+c)
	}
}

// shuffle16 transposes the 16×16 block in registers 0 to 15.
func (a *asm) shuffle16() {
	a.interleave4(16)
	for c := range 4 { // lane l of registers c, 4+c, 8+c, 12+c becomes register 4·l+c
		v := 16 + 4*c
		a.op("VSHUFF32X4", "$0x44", 4+c, c, v)
		a.op("VSHUFF32X4", "$0xee", 4+c, c, v+1)
		a.op("VSHUFF32X4", "$0x44", 12+c, 8+c, v+2)
		a.op("VSHUFF32X4", "$0xee", 12+c, 8+c, v+3)
		a.op("VSHUFF32X4", "$0x88", v+2, v, c)
		a.op("VSHUFF32X4", "$0xdd", v+2, v, 4+c)
		a.op("VSHUFF32X4", "$0x88", v+3, v+1, 8+c)
		a.op("VSHUFF32X4", "$0xdd", v+3, v+1, 12+c)
	}
}
