package asmgen

import "math"

// norms prints the kernels of RMS norm and layer norm.
func (a *asm) norms() {
	a.fn("NormApply", "dst, x, gain *float32, n int, r float32", "")
	a.param(2, "r")
	a.loop(func(t tail) {
		a.load(0, "x", 0, t)
		a.load(1, "gain", 0, t)
		a.mul(0, 0, 2)
		a.mul(0, 0, 1)
		a.store("dst", 0, 0, t)
	})
	a.ret()

	a.fn("LayerNormApply", "dst, x, gain, bias *float32, n int, mean, r float32", "")
	a.param(3, "mean")
	a.param(4, "r")
	a.loop(func(t tail) {
		a.load(0, "x", 0, t)
		a.load(1, "gain", 0, t)
		a.load(2, "bias", 0, t)
		a.sub(0, 0, 3)
		a.mul(0, 0, 4)
		a.fmaAdd(0, 1, 2)
		a.store("dst", 0, 0, t)
	})
	a.ret()

	a.rmsNormBackward()
	a.layerNormSums()
	a.layerNormBackward()
}

// addOrZero loads dx if the parameter add is set, otherwise 0, into register d.
func (a *asm) addOrZero(d int, t tail) {
	skip := a.fresh("set")
	a.zero(d)
	a.p("CMPQ %s, $0", a.frame("add"))
	a.p("JEQ %s", skip)
	a.load(d, "dx", 0, t)
	a.label(skip)
}

// rmsNormBackward: dgain += dy·x·r; dx (+)= gain·dy·r − x·c.
func (a *asm) rmsNormBackward() {
	a.fn("RMSNormBackward", "dx, dgain, x, gain, dy *float32, n int, r, c float32, add int", "")
	a.param(5, "r")
	a.param(6, "c")
	a.loop(func(t tail) {
		a.addOrZero(0, t)
		a.load(1, "x", 0, t)
		a.load(2, "gain", 0, t)
		a.load(3, "dy", 0, t)
		a.load(4, "dgain", 0, t)
		a.mul(3, 3, 5)
		a.fma(4, 3, 1)
		a.fma(0, 3, 2)
		a.fnma(0, 6, 1)
		a.store("dgain", 0, 4, t)
		a.store("dx", 0, 0, t)
	})
	a.ret()
}

// layerNormSums returns Σ gain·dy and Σ gain·dy·norm with norm = (x−mean)·r.
func (a *asm) layerNormSums() {
	a.fn("LayerNormSums", "x, gain, dy *float32, n int, mean, r float32", "sumD, sumDNorm float32")
	a.param(3, "mean")
	a.param(8, "r")
	a.clearSums() // acc, acc+1: Σ gain·dy; acc+2, acc+3: Σ gain·dy·norm
	a.unrolled(2, func(i int, t tail) {
		a.load(0, "x", i, t)
		a.load(1, "gain", i, t)
		a.load(2, "dy", i, t)
		a.sub(0, 0, 3)
		a.mul(0, 0, 8)
		a.mul(1, 1, 2) // 0 beyond the tail
		a.add(acc+i, acc+i, 1)
		a.fma(acc+2+i, 1, 0)
	})
	a.add(acc, acc, acc+1)
	a.add(acc+2, acc+2, acc+3)
	a.reduce("VADDPS", acc, 0)
	a.reduce("VADDPS", acc+2, 0)
	a.p("VMOVSS X%d, %s", acc, a.frame("sumD"))
	a.p("VMOVSS X%d, %s", acc+2, a.frame("sumDNorm"))
	a.ret()
}

// layerNormBackward: dgain += dy·norm; dbias += dy; dx (+)= gain·dy·rstd − a − norm·b.
// h is a layerNormBackArgs.
func (a *asm) layerNormBackward() {
	a.fn("LayerNormBackward", "dx, dgain, dbias, x, gain, dy *float32, n int, h layerNormBackArgs, add int", "")
	for i := range 4 { // 8 mean, 9 rstd, 10 a, 11 b
		a.broadcast(8+i, a.field("h", "layerNormBackArgs", i))
	}
	a.loop(func(t tail) {
		a.addOrZero(0, t)
		a.load(1, "x", 0, t)
		a.load(2, "gain", 0, t)
		a.load(3, "dy", 0, t)
		a.load(4, "dgain", 0, t)
		a.load(5, "dbias", 0, t)
		a.sub(1, 1, 8)
		a.mul(1, 1, 9)
		a.fma(4, 3, 1)
		a.add(5, 5, 3)
		a.mul(2, 2, 3)
		a.sub(0, 0, 10)
		a.fma(0, 2, 9)
		a.fnma(0, 11, 1)
		a.store("dgain", 0, 4, t)
		a.store("dbias", 0, 5, t)
		a.store("dx", 0, 0, t)
	})
	a.ret()
}

// logistic sets s = 1/(1+e⁻ˣ) from s = −x, with scratch t, u.
func (a *asm) logistic(s, t, u int) {
	a.exp(s, t, u)
	a.add(s, s, konst(1))
	a.broadcast(t, konst(1))
	a.div(s, t, s)
}

// activations prints SwiGLU and GELU.
func (a *asm) activations() {
	a.fn("SwiGLU", "dst, gate, up *float32, n int", "")
	a.zero(9)
	a.loop(func(t tail) {
		a.load(3, "gate", 0, t)
		a.sub(0, 9, 3)
		a.exp(0, 1, 2)
		a.add(0, 0, konst(1))
		a.div(0, 3, 0)
		a.load(1, "up", 0, t)
		a.mul(0, 0, 1)
		a.store("dst", 0, 0, t)
	})
	a.ret()

	a.fn("SwiGLUBackward", "dgate, dup, gate, up, dout *float32, n int", "")
	a.zero(9)
	a.broadcast(10, konst(1))
	a.loop(func(t tail) {
		a.load(3, "gate", 0, t)
		a.sub(0, 9, 3)
		a.logistic(0, 1, 2) // σ
		a.mul(4, 3, 0)      // silu; forward: dst = silu·up
		a.load(5, "dout", 0, t)
		a.load(6, "up", 0, t)
		a.mul(6, 5, 6)
		a.mul(5, 5, 4)
		a.sub(7, 10, 0)
		a.fmaAdd(7, 4, 0) // silu' = σ + silu·(1−σ)
		a.mul(6, 6, 7)
		a.store("dgate", 0, 6, t)
		a.store("dup", 0, 5, t)
	})
	a.ret()
	a.gelu()
}

// gelu prints GELU (tanh form) as x·σ(c1·x + c3·x³), and its backward pass.
func (a *asm) gelu() {
	c1 := 2 * math.Sqrt(2/math.Pi)
	c3 := c1 * 0.044715
	sigma := func() { // 0 = σ; 3 = x, 4 = x²
		a.mul(4, 3, 3)
		a.broadcast(0, konst(-c3))
		a.fmaAdd(0, 4, konst(-c1))
		a.mul(0, 0, 3)
		a.logistic(0, 1, 2)
	}
	a.fn("GELU", "dst, x *float32, n int", "")
	a.loop(func(t tail) {
		a.load(3, "x", 0, t)
		sigma()
		a.mul(0, 0, 3)
		a.store("dst", 0, 0, t)
	})
	a.ret()

	a.fn("GELUBackward", "dx, x, dout *float32, n int", "")
	a.loop(func(t tail) {
		a.load(3, "x", 0, t)
		sigma()
		a.broadcast(5, konst(3*c3))
		a.fmaAdd(5, 4, konst(c1))
		a.mul(5, 5, 3) // x·(c1+3·c3·x²)
		a.broadcast(6, konst(1))
		a.sub(6, 6, 0)
		a.mul(6, 6, 0)    // σ' = σ·(1−σ)
		a.fmaAdd(5, 6, 0) // σ + x·σ'·(c1+3·c3·x²)
		a.load(7, "dout", 0, t)
		a.mul(5, 5, 7)
		a.store("dx", 0, 5, t)
	})
	a.ret()
}

// rope prints the rotation of one head: (lo, hi) = (lo·cos − hi·sin, hi·cos + lo·sin).
func (a *asm) rope() {
	a.fn("RopeHalves", "lo, hi, cos, sin *float32, n int, sign float32", "")
	a.param(6, "sign")
	a.loop(func(t tail) {
		a.load(0, "lo", 0, t)
		a.load(1, "hi", 0, t)
		a.load(2, "cos", 0, t)
		a.load(3, "sin", 0, t)
		a.mul(3, 3, 6)
		a.mul(4, 0, 2)
		a.fnma(4, 1, 3)
		a.mul(5, 1, 2)
		a.fma(5, 0, 3)
		a.store("lo", 0, 4, t)
		a.store("hi", 0, 5, t)
	})
	a.ret()
}

// adamW prints one optimizer step; h is an adamWArgs.
func (a *asm) adamW() {
	a.fn("AdamW", "w, grad, m, v *float32, n int, h adamWArgs", "")
	const beta1, keep, rate, root, eps, scale = 4, 8, 9, 10, 11, 12
	for i := range 9 {
		a.broadcast(beta1+i, a.field("h", "adamWArgs", i))
	}
	a.loop(func(t tail) {
		a.load(0, "grad", 0, t)
		a.load(1, "m", 0, t)
		a.load(2, "v", 0, t)
		a.load(3, "w", 0, t)
		a.mul(0, 0, scale)
		a.mul(1, 1, beta1)
		a.fma(1, 0, beta1+1)
		a.mul(2, 2, beta1+2)
		a.mul(0, 0, 0)
		a.fma(2, 0, beta1+3)
		a.store("m", 0, 1, t)
		a.store("v", 0, 2, t)
		a.op("VSQRTPS", 2, 2)
		a.fmaAdd(2, root, eps)
		a.div(1, 1, 2)
		a.mul(3, 3, keep)
		a.fnma(3, 1, rate)
		a.store("w", 0, 3, t)
	})
	a.ret()
}
