package cpu

import (
	"math"
	"unsafe"
)

// Vector functions. The result dst sets the length; the other slices must be at
// least as long, or the call panics. dst may be the same slice as an input, but must
// not overlap one at an offset. NaN and infinities pass through as in scalar code.

// ptr is the first element of x, or nil.
func ptr(x []float32) *float32 { return unsafe.SliceData(x) }

// Scale sets dst = x·s.
func (k *Kernels) Scale(dst, x []float32, s float32) {
	k.scale(ptr(dst), ptr(x[:len(dst)]), len(dst), s)
}

// Axpy adds a·x to dst (fused multiply-add).
func (k *Kernels) Axpy(dst, x []float32, a float32) {
	k.axpy(ptr(dst), ptr(x[:len(dst)]), len(dst), a)
}

// Add sets dst = x + y.
func (k *Kernels) Add(dst, x, y []float32) {
	k.add(ptr(dst), ptr(x[:len(dst)]), ptr(y[:len(dst)]), len(dst))
}

// Sub sets dst = x − y.
func (k *Kernels) Sub(dst, x, y []float32) {
	k.sub(ptr(dst), ptr(x[:len(dst)]), ptr(y[:len(dst)]), len(dst))
}

// Mul sets dst = x·y, element by element.
func (k *Kernels) Mul(dst, x, y []float32) {
	k.mul(ptr(dst), ptr(x[:len(dst)]), ptr(y[:len(dst)]), len(dst))
}

// Div sets dst = x / y, element by element.
func (k *Kernels) Div(dst, x, y []float32) {
	k.div(ptr(dst), ptr(x[:len(dst)]), ptr(y[:len(dst)]), len(dst))
}

// MulAdd adds x·y to dst, element by element (fused multiply-add).
func (k *Kernels) MulAdd(dst, x, y []float32) {
	k.mulAdd(ptr(dst), ptr(x[:len(dst)]), ptr(y[:len(dst)]), len(dst))
}

// Exp sets dst = eˣ, within 1 ulp; denormal results are exact to half a unit.
func (k *Kernels) Exp(dst, x []float32) {
	k.exp(ptr(dst), ptr(x[:len(dst)]), len(dst))
}

// ExpSum sets dst = exp(x·scale + bias) and returns the sum of dst.
func (k *Kernels) ExpSum(dst, x []float32, scale, bias float32) float32 {
	return k.expSum(ptr(dst), ptr(x[:len(dst)]), len(dst), scale, bias)
}

// Max is the largest element of x, NaN if any is NaN, −Inf if x is empty.
func (k *Kernels) Max(x []float32) float32 { return k.maxOf(ptr(x), len(x)) }

// Sum is the sum of x.
func (k *Kernels) Sum(x []float32) float32 { return k.sum(ptr(x), len(x)) }

// SumSquares is the sum of x². For a norm over many elements add up pieces in float64.
func (k *Kernels) SumSquares(x []float32) float32 { return k.sumSquares(ptr(x), len(x)) }

// Dot is the sum of x·y over len(x) elements.
func (k *Kernels) Dot(x, y []float32) float32 {
	return k.dot(ptr(x), ptr(y[:len(x)]), len(x))
}

// LogSumExp is log Σ exp(x), with scratch of at least len(x) overwritten by exp(x − max).
func (k *Kernels) LogSumExp(x, scratch []float32) float32 {
	m := k.Max(x)
	return m + float32(math.Log(float64(k.ExpSum(scratch[:len(x)], x, 1, -m))))
}

// SoftmaxBackward turns ds, the gradient of the probabilities p = softmax(s·scale),
// into the gradient of s: ds = p·(ds − d)·scale, where d = Σ p·ds.
func (k *Kernels) SoftmaxBackward(ds, p []float32, d, scale float32) {
	k.softmaxBackward(ptr(ds), ptr(p[:len(ds)]), len(ds), d, scale)
}
