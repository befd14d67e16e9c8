package asmgen

import "fmt"

// Tile kernels compute C[rows, cols] = Base + A·B in registers. On AVX-512 cols is the
// whole panel of 32. AVX2 has room for that with one or two rows; with more it computes
// half of a panel.
const panelBytes = 128

// tileVectors is the number of registers across a tile of the given number of rows.
func (i isa) tileVectors(rows int) int {
	if i == avx2 && rows <= 2 {
		return 4
	}
	return 2
}

// maxRows leaves registers for the accumulators: two vectors of B and two broadcasts of A
// besides (AVX-512: 28 + 4 = 32, AVX2: 12 + 4 = 16).
func (i isa) maxRows() int {
	if i == avx512 {
		return 14
	}
	return 6
}

const tileParams = "k int, a *float32, as int, b, c *float32, ldc int, base *float32, ldBase int, next *float32"

// tile prints the kernel for the given number of rows. kMajor: A is [k][rows], as the
// stride between ks; otherwise A is [rows][k], as the stride between rows.
func (a *asm) tile(rows int, kMajor bool) {
	name := fmt.Sprintf("Tile%d", rows)
	if kMajor {
		name = fmt.Sprintf("TileT%d", rows)
	}
	a.header(name, tileParams, "")
	a.p("MOVQ %s, AX", a.frame("k"))
	a.p("MOVQ %s, SI", a.frame("a"))
	a.p("MOVQ %s, R9", a.frame("as"))
	a.p("MOVQ %s, DI", a.frame("b"))
	a.p("MOVQ %s, DX", a.frame("c"))
	a.p("MOVQ %s, CX", a.frame("ldc"))
	a.p("SHLQ $2, R9")
	a.p("SHLQ $2, CX")
	t := tileKernel{asm: a, rows: rows, kMajor: kMajor, vectors: a.tileVectors(rows)}
	t.prefetchC()
	if t.fetches() {
		t.p("MOVQ %s, BX", t.frame("next"))
	}
	for r := range rows {
		for v := range t.vectors {
			a.zero(t.acc(r, v))
		}
	}
	t.setRows()
	t.sumOverK()
	t.writeC()
	a.ret()
}

// tileKernel prints the parts of one tile kernel. Registers: SI and rowBases walk over A
// (stride R9), DI over B, BX over what is fetched ahead, DX over C (stride CX), AX counts k.
type tileKernel struct {
	*asm
	rows    int
	vectors int
	kMajor  bool
}

// rowBases point to rows 0, 3, 6, 9 and 12 of A.
var rowBases = []string{"SI", "R8", "R10", "R11", "R12"}

// acc is an accumulator register, after those for a row of B and two broadcasts of A.
func (t *tileKernel) acc(r, v int) int { return t.vectors + 2 + r*t.vectors + v }

// fetches says whether the kernel fetches the 16·k floats at next into the L2 cache. With
// few rows the loop is too short to hide it.
func (t *tileKernel) fetches() bool {
	if t.isa == avx2 {
		return t.rows > 2
	}
	return t.rows > 4
}

func (t *tileKernel) prefetchC() {
	t.p("MOVQ DX, BX")
	for r := range t.rows {
		for v := 0; v < t.vectors*t.bytes(); v += 64 {
			t.p("PREFETCHT0 %d(BX)", v)
		}
		if r < t.rows-1 {
			t.p("ADDQ CX, BX")
		}
	}
}

func (t *tileKernel) setRows() {
	t.p("LEAQ (R9)(R9*2), R13")
	for i := 1; !t.kMajor && i <= (t.rows-1)/3; i++ {
		t.p("LEAQ (%s)(R13*1), %s", rowBases[i-1], rowBases[i])
	}
}

// sumOverK is the main loop, four ks at a time and then one by one.
func (t *tileKernel) sumOverK() {
	loop, rest, single, done := t.fresh("loop"), t.fresh("rest"), t.fresh("single"), t.fresh("done")
	t.p("SUBQ $4, AX")
	t.p("JLT %s", rest)
	t.p("PCALIGN $32")
	t.label(loop)
	for u := range 4 {
		t.step(u)
	}
	t.advance(4)
	t.p("SUBQ $4, AX")
	t.p("JGE %s", loop)
	t.label(rest)
	t.p("ADDQ $4, AX")
	t.p("JLE %s", done)
	t.label(single)
	t.step(0)
	t.advance(1)
	t.p("DECQ AX")
	t.p("JNZ %s", single)
	t.label(done)
}

// step adds the products of the u-th k after the current one.
func (t *tileKernel) step(u int) {
	for v := range t.vectors {
		t.op("VMOVUPS", fmt.Sprintf("%d(DI)", u*panelBytes+v*t.bytes()), v)
	}
	if t.fetches() {
		t.p("PREFETCHT1 %d(BX)", u*64)
	}
	for r := range t.rows {
		a := t.vectors + r%2
		t.broadcast(a, t.elementOfA(r, u))
		for v := range t.vectors {
			t.fma(t.acc(r, v), a, v)
		}
	}
}

func (t *tileKernel) elementOfA(r, u int) string {
	if t.kMajor {
		return fmt.Sprintf("%d(SI)%s", 4*r, []string{"", "(R9*1)", "(R9*2)", "(R13*1)"}[u])
	}
	return fmt.Sprintf("%d(%s)%s", 4*u, rowBases[r/3], []string{"", "(R9*1)", "(R9*2)"}[r%3])
}

func (t *tileKernel) advance(ks int) {
	t.p("ADDQ $%d, DI", ks*panelBytes)
	if t.fetches() {
		t.p("ADDQ $%d, BX", ks*64)
	}
	switch {
	case t.kMajor && ks == 4:
		t.p("LEAQ (SI)(R9*4), SI")
	case t.kMajor:
		t.p("ADDQ R9, SI")
	default:
		for i := 0; i <= (t.rows-1)/3; i++ {
			t.p("ADDQ $%d, %s", 4*ks, rowBases[i])
		}
	}
}

// writeC stores the accumulators, after adding the base if there is one.
func (t *tileKernel) writeC() {
	store := t.fresh("store")
	t.p("MOVQ %s, BX", t.frame("base"))
	t.p("TESTQ BX, BX")
	t.p("JEQ %s", store)
	t.p("MOVQ %s, AX", t.frame("ldBase"))
	t.p("SHLQ $2, AX")
	for r := range t.rows {
		for v := range t.vectors {
			t.add(t.acc(r, v), t.acc(r, v), fmt.Sprintf("%d(BX)", v*t.bytes()))
		}
		t.p("ADDQ AX, BX")
	}
	t.label(store)
	for r := range t.rows {
		for v := range t.vectors {
			t.op("VMOVUPS", t.acc(r, v), fmt.Sprintf("%d(DX)", v*t.bytes()))
		}
		t.p("ADDQ CX, DX")
	}
}
