package asmgen

import "math"

// elementwise prints the kernels behind policy/cpu/vec.go that have no sums.
func (a *asm) elementwise() {
	a.fn("Scale", "dst, x *float32, n int, s float32", "")
	a.param(2, "s")
	a.loop(func(t tail) {
		a.load(0, "x", 0, t)
		a.mul(0, 0, 2)
		a.store("dst", 0, 0, t)
	})
	a.ret()

	a.fn("Axpy", "dst, x *float32, n int, s float32", "")
	a.param(2, "s")
	a.loop(func(t tail) {
		a.load(0, "x", 0, t)
		a.load(1, "dst", 0, t)
		a.fma(1, 0, 2)
		a.store("dst", 0, 1, t)
	})
	a.ret()

	binary := func(name string, op func(d, x int, y any)) {
		a.fn(name, "dst, x, y *float32, n int", "")
		a.loop(func(t tail) {
			a.load(0, "x", 0, t)
			a.load(1, "y", 0, t)
			op(0, 0, 1)
			a.store("dst", 0, 0, t)
		})
		a.ret()
	}
	binary("Add", a.add)
	binary("Sub", a.sub)
	binary("Mul", a.mul)
	binary("Div", a.div)

	a.fn("MulAdd", "dst, x, y *float32, n int", "")
	a.loop(func(t tail) {
		a.load(0, "x", 0, t)
		a.load(1, "y", 0, t)
		a.load(2, "dst", 0, t)
		a.fma(2, 0, 1)
		a.store("dst", 0, 2, t)
	})
	a.ret()

	a.fn("Exp", "dst, x *float32, n int", "")
	a.loop(func(t tail) {
		a.load(0, "x", 0, t)
		a.exp(0, 1, 2)
		a.store("dst", 0, 0, t)
	})
	a.ret()

	a.fn("SoftmaxBackward", "ds, p *float32, n int, d, scale float32", "")
	a.param(2, "d")
	a.param(3, "scale")
	a.loop(func(t tail) {
		a.load(0, "ds", 0, t)
		a.load(1, "p", 0, t)
		a.sub(0, 0, 2)
		a.mul(1, 1, 3)
		a.mul(0, 0, 1)
		a.store("ds", 0, 0, t)
	})
	a.ret()
}

// Sums run in four accumulators, from register acc on.
const (
	accumulators = 4
	acc          = 4
)

func (a *asm) clearSums() {
	for i := range accumulators {
		a.zero(acc + i)
	}
}

// combine merges the accumulators into one and its lanes into lane 0.
func (a *asm) combine(mnemonic string) {
	a.op(mnemonic, acc+1, acc, acc)
	a.op(mnemonic, acc+3, acc+2, acc+2)
	a.op(mnemonic, acc+2, acc, acc)
	a.reduce(mnemonic, acc, 0)
}

// sum prints a kernel that returns a sum; term adds vector i's terms to register acc+i.
func (a *asm) sum(name, params string, prepare func(), term func(i int, t tail)) {
	a.fn(name, params, "sum float32")
	prepare()
	a.clearSums()
	a.unrolled(accumulators, term)
	a.combine("VADDPS")
	a.p("VMOVSS X%d, %s", acc, a.frame("sum"))
	a.ret()
}

// reductions prints the kernels that return sums and maxima.
func (a *asm) reductions() {
	none := func() {}
	a.sum("Sum", "x *float32, n int", none, func(i int, t tail) {
		a.load(0, "x", i, t)
		a.add(acc+i, acc+i, 0)
	})
	a.sum("SumSquares", "x *float32, n int", none, func(i int, t tail) {
		a.load(0, "x", i, t)
		a.fma(acc+i, 0, 0)
	})
	a.sum("Dot", "x, y *float32, n int", none, func(i int, t tail) {
		a.load(0, "x", i, t)
		a.load(1, "y", i, t)
		a.fma(acc+i, 0, 1)
	})
	a.sum("Dot3", "x, y, z *float32, n int", none, func(i int, t tail) {
		a.load(0, "x", i, t)
		a.load(1, "y", i, t)
		a.load(2, "z", i, t)
		a.mul(0, 0, 1)
		a.fma(acc+i, 0, 2)
	})
	a.sum("CenterSquares", "x *float32, n int, mean float32",
		func() { a.param(2, "mean"); a.zero(3) },
		func(i int, t tail) {
			a.load(0, "x", i, t)
			a.sub(0, 0, 2)
			a.keep(0, 3, t)
			a.fma(acc+i, 0, 0)
		})
	a.sum("ExpSum", "dst, x *float32, n int, scale, bias float32",
		func() { a.param(8, "scale"); a.param(9, "bias"); a.zero(3) },
		func(i int, t tail) {
			a.load(0, "x", i, t)
			a.fmaAdd(0, 8, 9)
			a.exp(0, 1, 2)
			a.store("dst", i, 0, t)
			a.keep(0, 3, t)
			a.add(acc+i, acc+i, 0)
		})
	a.max()
}

// max prints the maximum. The instruction forgets a NaN in the accumulator, so NaNs are
// noted apart.
func (a *asm) max() {
	a.fn("Max", "x *float32, n int", "m float32")
	for i := range accumulators {
		a.broadcast(acc+i, konst(math.Inf(-1)))
	}
	a.broadcast(3, konst(math.Inf(-1)))
	a.clearNaN()
	a.unrolled(accumulators, func(i int, t tail) {
		a.load(0, "x", i, t)
		a.keep(0, 3, t)
		a.op("VMAXPS", acc+i, 0, acc+i)
		a.noteNaN(0)
	})
	a.combine("VMAXPS")
	a.p("VMOVSS X%d, %s", acc, a.frame("m"))
	a.testNaN()
	end := a.fresh("end")
	a.p("JZ %s", end)
	a.p("MOVL $0x7fc00000, %s", a.frame("m"))
	a.label(end)
	a.ret()
}

// clearNaN, noteNaN and testNaN keep a record of NaNs in K3 or, on AVX2, register 8.
// testNaN sets the zero flag if there was none.

func (a *asm) clearNaN() {
	if a.isa == avx512 {
		a.p("KXORW K3, K3, K3")
	} else {
		a.zero(8)
	}
}

func (a *asm) noteNaN(x int) {
	if a.isa == avx512 {
		a.op("VCMPPS", "$3", x, x, "K2")
		a.p("KORW K2, K3, K3")
	} else {
		a.op("VCMPPS", "$3", x, x, 1)
		a.op("VORPS", 1, 8, 8)
	}
}

func (a *asm) testNaN() {
	if a.isa == avx512 {
		a.p("KORTESTW K3, K3")
	} else {
		a.op("VMOVMSKPS", 8, "CX")
		a.p("TESTL CX, CX")
	}
}
