package asmgen

import "math"

// tail says whether a vector operation covers a whole register or only the first
// elements, selected by the mask that enterTail made.
type tail bool

const (
	whole  tail = false
	masked tail = true
)

// maskReg holds the tail mask on AVX2; AVX-512 has it in K1.
const maskReg = 15

// loop runs body over n (AX) elements, one vector at a time, the last one masked.
// body must touch memory through load and store only.
func (a *asm) loop(body func(t tail)) { a.unrolled(1, func(_ int, t tail) { body(t) }) }

// unrolled is loop with u vectors per round; body(i) handles the vectors whose number is
// i modulo u, so a sum kept in u accumulators does not depend on n.
func (a *asm) unrolled(u int, body func(i int, t tail)) {
	round, rest, done := a.fresh("round"), a.fresh("rest"), a.fresh("done")
	a.p("XORQ BX, BX")
	a.p("SUBQ $%d, AX", u*a.lanes)
	a.p("JLT %s", rest)
	a.label(round)
	for i := range u {
		body(i, whole)
	}
	a.p("ADDQ $%d, BX", u*a.bytes())
	a.p("SUBQ $%d, AX", u*a.lanes)
	a.p("JGE %s", round)
	a.label(rest)
	a.p("ADDQ $%d, AX", u*a.lanes)
	a.p("JZ %s", done)
	last := make([]string, u)
	for i := range u {
		last[i] = a.fresh("last")
	}
	for i := range u - 1 {
		a.p("CMPQ AX, $%d", a.lanes)
		a.p("JLE %s", last[i])
		body(i, whole)
		a.p("SUBQ $%d, AX", a.lanes)
	}
	for i := u - 1; i >= 0; i-- {
		a.lastVector(last[i], done, i, body)
	}
	a.label(done)
}

// lastVector handles the final 1 to lanes elements as vector number i of the round.
func (a *asm) lastVector(label, done string, i int, body func(i int, t tail)) {
	a.label(label)
	a.enterTail("AX")
	body(i, masked)
	a.p("JMP %s", done)
}

// enterTail makes the mask that selects the first count (1 to lanes) elements.
func (a *asm) enterTail(count string) {
	if a.isa == avx512 {
		a.p("MOVQ %s, CX", count)
		a.p("MOVL $1, R13")
		a.p("SHLL CX, R13")
		a.p("DECL R13")
		a.p("KMOVW R13, K1")
		return
	}
	a.p("LEAQ masks<>+32(SB), CX")
	a.p("MOVQ %s, R13", count)
	a.p("SHLQ $2, R13")
	a.p("SUBQ R13, CX")
	a.p("VMOVUPS (CX), Y%d", maskReg)
}

// load reads vector u of the round from a pointer parameter; elements beyond the tail are 0.
func (a *asm) load(d int, pointer string, u int, t tail) {
	switch {
	case t == whole:
		a.op("VMOVUPS", a.at(pointer, u), d)
	case a.isa == avx512:
		a.op("VMOVUPS.Z", a.at(pointer, u), "K1", d)
	default:
		a.op("VMASKMOVPS", a.at(pointer, u), maskReg, d)
	}
}

// store writes vector u of the round; nothing is written beyond the tail.
func (a *asm) store(pointer string, u, x int, t tail) {
	switch {
	case t == whole:
		a.op("VMOVUPS", x, a.at(pointer, u))
	case a.isa == avx512:
		a.op("VMOVUPS", x, "K1", a.at(pointer, u))
	default:
		a.op("VMASKMOVPS", x, maskReg, a.at(pointer, u))
	}
}

// keep replaces the elements of x beyond the tail by those of fill.
func (a *asm) keep(x, fill int, t tail) {
	switch {
	case t == whole:
	case a.isa == avx512:
		a.op("VBLENDMPS", x, fill, "K1", x)
	default:
		a.op("VBLENDVPS", maskReg, x, fill, x)
	}
}

// reduce combines the lanes of register r into its lane 0; t is scratch.
func (a *asm) reduce(mnemonic string, r, t int) {
	if a.isa == avx512 {
		a.p("VEXTRACTF64X4 $1, Z%d, Y%d", r, t)
		a.p("%s Y%d, Y%d, Y%d", mnemonic, t, r, r)
	}
	a.p("VEXTRACTF128 $1, Y%d, X%d", r, t)
	a.p("%s X%d, X%d, X%d", mnemonic, t, r, r)
	a.p("VPERMILPS $0x4e, X%d, X%d", r, t)
	a.p("%s X%d, X%d, X%d", mnemonic, t, r, r)
	a.p("VPERMILPS $0xb1, X%d, X%d", r, t)
	a.p("%s X%d, X%d, X%d", mnemonic, t, r, r)
}

// exp sets x = eˣ with scratch registers t, s, by Cody–Waite reduction and the degree-6
// polynomial of Cephes' expf: within 1 ulp, denormal results included. The limits lie
// where the result is already 0 or infinite.
func (a *asm) exp(x, t, s int) {
	a.broadcast(t, konst(-105))
	a.maxKeep(x, t)
	a.broadcast(t, konst(90))
	a.minKeep(x, t)
	a.mul(t, x, konst(math.Log2E))
	a.round(t) // x = t·ln 2 + r, |r| ≤ ln 2/2
	a.fnma(x, t, konst(0.693359375))
	a.fnma(x, t, konst(-2.12194440e-4))
	a.broadcast(s, konst(1.9875691500e-4))
	for _, c := range []konst{1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1} {
		a.fmaAdd(s, x, c)
	}
	a.scalePow2(x, s, t)
}

func (a *asm) round(t int) {
	if a.isa == avx512 {
		a.op("VRNDSCALEPS", "$8", t, t)
	} else {
		a.op("VROUNDPS", "$8", t, t)
	}
}

// scalePow2 sets d = x·2ᵗ for integral t, which it destroys. AVX2 multiplies twice, by
// powers that are representable, so that results may be denormal.
func (a *asm) scalePow2(d, x, t int) {
	if a.isa == avx512 {
		a.op("VSCALEFPS", t, x, d)
		return
	}
	// NaN converts to −2³¹; the shifts then make some power, and NaN times it is NaN.
	a.op("VCVTPS2DQ", t, t)
	a.op("VPSRAD", "$1", t, d)
	a.op("VPSUBD", d, t, t)
	for _, half := range []int{d, t} {
		a.op("VPADDD", a.constant(127), half, half)
		a.op("VPSLLD", "$23", half, half)
	}
	a.op("VMULPS", d, x, x)
	a.op("VMULPS", t, x, d)
}
