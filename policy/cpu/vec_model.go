package cpu

import "math"

// Rows of layers: norms, gated activations, rotary embedding. Conventions as in vec.go.

// RMSNorm sets dst = x·gain/√(mean(x²)+eps) (Zhang and Sennrich 2019, arXiv:1910.07467)
// and returns the factor 1/√(mean(x²)+eps), which the backward pass needs.
func (k *Kernels) RMSNorm(dst, x, gain []float32, eps float32) (rstd float32) {
	n := len(dst)
	x, gain = x[:n], gain[:n]
	rstd = float32(1 / math.Sqrt(float64(k.SumSquares(x))/float64(n)+float64(eps)))
	k.normApply(ptr(dst), ptr(x), ptr(gain), n, rstd)
	return rstd
}

// RMSNormBackward computes the gradients of RMSNorm for one row:
//
//	dgain += dy·x·rstd
//	dx     = gain·dy·rstd − x·rstd³·mean(gain·dy·x)   added to dx if add is set
func (k *Kernels) RMSNormBackward(dx, dgain, x, gain, dy []float32, rstd float32, add bool) {
	n := len(dx)
	dgain, x, gain, dy = dgain[:n], x[:n], gain[:n], dy[:n]
	c := rstd * rstd * rstd / float32(n) * k.dot3(ptr(x), ptr(gain), ptr(dy), n)
	k.rmsNormBackward(ptr(dx), ptr(dgain), ptr(x), ptr(gain), ptr(dy), n, rstd, c, flag(add))
}

// LayerNorm sets dst = (x−mean)·rstd·gain + bias (Ba et al. 2016, arXiv:1607.06450)
// with rstd = 1/√(variance+eps), and returns what the backward pass needs.
func (k *Kernels) LayerNorm(dst, x, gain, bias []float32, eps float32) (mean, rstd float32) {
	n := len(dst)
	x, gain, bias = x[:n], gain[:n], bias[:n]
	mean = k.Sum(x) / float32(n)
	variance := float64(k.centerSquares(ptr(x), n, mean)) / float64(n)
	rstd = float32(1 / math.Sqrt(variance+float64(eps)))
	k.layerNormApply(ptr(dst), ptr(x), ptr(gain), ptr(bias), n, mean, rstd)
	return mean, rstd
}

// layerNormBackArgs are the scalars of a layer norm's backward pass; the assembly
// reads them by name from its frame.
type layerNormBackArgs struct {
	mean, rstd float32
	a, b       float32 // rstd·mean(gain·dy) and rstd·mean(gain·dy·norm)
}

// LayerNormBackward computes the gradients of LayerNorm for one row, with
// norm = (x−mean)·rstd:
//
//	dgain += dy·norm
//	dbias += dy
//	dx     = rstd·(gain·dy − mean(gain·dy) − norm·mean(gain·dy·norm))   added to dx if add is set
func (k *Kernels) LayerNormBackward(dx, dgain, dbias, x, gain, dy []float32, mean, rstd float32, add bool) {
	n := len(dx)
	dgain, dbias, x, gain, dy = dgain[:n], dbias[:n], x[:n], gain[:n], dy[:n]
	sumD, sumDNorm := k.layerNormSums(ptr(x), ptr(gain), ptr(dy), n, mean, rstd)
	h := layerNormBackArgs{mean: mean, rstd: rstd, a: rstd * sumD / float32(n), b: rstd * sumDNorm / float32(n)}
	k.layerNormBack(ptr(dx), ptr(dgain), ptr(dbias), ptr(x), ptr(gain), ptr(dy), n, h, flag(add))
}

// SwiGLU sets dst = silu(gate)·up with silu(x) = x/(1+e⁻ˣ) (Shazeer 2020, arXiv:2002.05202).
func (k *Kernels) SwiGLU(dst, gate, up []float32) {
	k.swiglu(ptr(dst), ptr(gate[:len(dst)]), ptr(up[:len(dst)]), len(dst))
}

// SwiGLUBackward sets dgate and dup from dout. dgate may be gate and dup may be up.
//
//	dup   = dout·silu(gate)
//	dgate = dout·up·σ(gate)·(1 + gate·(1−σ(gate)))
func (k *Kernels) SwiGLUBackward(dgate, dup, gate, up, dout []float32) {
	n := len(dgate)
	k.swigluBackward(ptr(dgate), ptr(dup[:n]), ptr(gate[:n]), ptr(up[:n]), ptr(dout[:n]), n)
}

// GELU sets dst = x·(1+tanh(√(2/π)·(x+0.044715·x³)))/2, the approximation GPT-2 uses
// (Hendrycks and Gimpel 2016, arXiv:1606.08415).
func (k *Kernels) GELU(dst, x []float32) {
	k.gelu(ptr(dst), ptr(x[:len(dst)]), len(dst))
}

// GELUBackward sets dx = dout·GELU'(x). dx may be x or dout.
func (k *Kernels) GELUBackward(dx, x, dout []float32) {
	k.geluBackward(ptr(dx), ptr(x[:len(dx)]), ptr(dout[:len(dx)]), len(dx))
}

// Rope rotates the pairs (x[i], x[i+h]) with h = len(x)/2 by the angles whose cosine
// and sine are given (Su et al. 2021, arXiv:2104.09864, in the half-split layout of
// Hugging Face). sign +1 is forward, −1 backward.
func (k *Kernels) Rope(x, cos, sin []float32, sign float32) {
	half := len(x) / 2
	k.rope(ptr(x), ptr(x[half:]), ptr(cos[:half]), ptr(sin[:half]), half, sign)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
