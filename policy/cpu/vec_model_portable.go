package cpu

import "math"

// Portable twins of the kernels behind vec_model.go and vec_adamw.go.

// portableNormApply sets dst = x·r·gain.
func portableNormApply(dst, x, gain *float32, n int, r float32) {
	d, a, g := slice(dst, n), slice(x, n), slice(gain, n)
	for i := range d {
		d[i] = a[i] * r * g[i]
	}
}

// portableRMSNormBackward: dgain += dy·x·r; dx (+)= gain·dy·r − x·c.
func portableRMSNormBackward(dx, dgain, x, gain, dy *float32, n int, r, c float32, add int) {
	d, dg, a, g, y := slice(dx, n), slice(dgain, n), slice(x, n), slice(gain, n), slice(dy, n)
	for i := range d {
		t := y[i] * r
		old := float32(0)
		if add != 0 {
			old = d[i]
		}
		dg[i] = fma(t, a[i], dg[i])
		d[i] = fma(-c, a[i], fma(t, g[i], old))
	}
}

// portableLayerNormApply sets dst = (x−mean)·r·gain + bias.
func portableLayerNormApply(dst, x, gain, bias *float32, n int, mean, r float32) {
	d, a, g, b := slice(dst, n), slice(x, n), slice(gain, n), slice(bias, n)
	for i := range d {
		d[i] = fma((a[i]-mean)*r, g[i], b[i])
	}
}

// portableLayerNormSums returns Σ gain·dy and Σ gain·dy·norm, norm = (x−mean)·r.
func portableLayerNormSums(x, gain, dy *float32, n int, mean, r float32) (sumD, sumDNorm float32) {
	a, g, y := slice(x, n), slice(gain, n), slice(dy, n)
	var s, sn float64
	for i := range a {
		d := float64(g[i] * y[i])
		s += d
		sn += d * float64((a[i]-mean)*r)
	}
	return float32(s), float32(sn)
}

// portableLayerNormBack: dgain += dy·norm; dbias += dy; dx (+)= gain·dy·rstd − a − norm·b.
func portableLayerNormBack(dx, dgain, dbias, x, gain, dy *float32, n int, h layerNormBackArgs, add int) {
	d, dg, db := slice(dx, n), slice(dgain, n), slice(dbias, n)
	xs, g, y := slice(x, n), slice(gain, n), slice(dy, n)
	for i := range d {
		norm := (xs[i] - h.mean) * h.rstd
		old := float32(0)
		if add != 0 {
			old = d[i]
		}
		dg[i] = fma(y[i], norm, dg[i])
		db[i] += y[i]
		d[i] = fma(-h.b, norm, fma(g[i]*y[i], h.rstd, old-h.a))
	}
}

func portableSwiGLU(dst, gate, up *float32, n int) {
	d, g, u := slice(dst, n), slice(gate, n), slice(up, n)
	for i := range d {
		d[i] = g[i] / (1 + exp32(-g[i])) * u[i]
	}
}

func portableSwiGLUBackward(dgate, dup, gate, up, dout *float32, n int) {
	dg, du, g, u, dy := slice(dgate, n), slice(dup, n), slice(gate, n), slice(up, n), slice(dout, n)
	for i := range dg {
		sigma := 1 / (1 + exp32(-g[i]))
		silu := g[i] * sigma // forward: dst = silu·up
		dg[i], du[i] = dy[i]*u[i]*(sigma+silu*(1-sigma)), dy[i]*silu
	}
}

// GELU by the logistic form: (1+tanh t)/2 = 1/(1+e^(−2t)), t = √(2/π)·(x+0.044715·x³).
const (
	geluC1 = 1.5957691216057308 // 2√(2/π)
	geluC3 = geluC1 * 0.044715
)

func geluSigma(x float64) float64 { return 1 / (1 + math.Exp(-x*(geluC1+geluC3*x*x))) }

func portableGELU(dst, x *float32, n int) {
	d, a := slice(dst, n), slice(x, n)
	for i := range d {
		v := float64(a[i])
		d[i] = float32(v * geluSigma(v))
	}
}

func portableGELUBackward(dx, x, dout *float32, n int) {
	d, a, dy := slice(dx, n), slice(x, n), slice(dout, n)
	for i := range d {
		v := float64(a[i])
		s := geluSigma(v) // forward: dst = x·s
		d[i] = dy[i] * float32(s+v*s*(1-s)*(geluC1+3*geluC3*v*v))
	}
}

// portableRope sets (lo, hi) = (lo·cos − hi·sin·sign, hi·cos + lo·sin·sign).
func portableRope(lo, hi, cos, sin *float32, n int, sign float32) {
	a, b, c, s := slice(lo, n), slice(hi, n), slice(cos, n), slice(sin, n)
	for i := range a {
		x, y, t := a[i], b[i], s[i]*sign
		a[i] = fma(-y, t, x*c[i])
		b[i] = fma(x, t, y*c[i])
	}
}

func portableAdamW(w, g, m, v *float32, n int, h adamWArgs) {
	ws, gs, ms, vs := slice(w, n), slice(g, n), slice(m, n), slice(v, n)
	for i := range ws {
		grad := gs[i] * h.gradScale
		ms[i] = fma(grad, h.oneMinusBeta1, ms[i]*h.beta1)
		vs[i] = fma(grad*grad, h.oneMinusBeta2, vs[i]*h.beta2)
		root := float32(math.Sqrt(float64(vs[i])))
		step := ms[i] / fma(root, h.rootCorrection, h.eps)
		ws[i] = fma(-h.rate, step, ws[i]*h.keep)
	}
}
