package cpu

import (
	"math"
	"unsafe"
)

// Portable twins of the vector kernels. Sums run in float64 in index order, so they
// also serve as the reference for the assembly.

func slice(p *float32, n int) []float32 { return unsafe.Slice(p, n) }

func portableScale(dst, x *float32, n int, s float32) {
	d, a := slice(dst, n), slice(x, n)
	for i := range d {
		d[i] = a[i] * s
	}
}

func portableAxpy(dst, x *float32, n int, s float32) {
	d, a := slice(dst, n), slice(x, n)
	for i := range d {
		d[i] = fma(a[i], s, d[i])
	}
}

func portableAdd(dst, x, y *float32, n int) {
	d, a, b := slice(dst, n), slice(x, n), slice(y, n)
	for i := range d {
		d[i] = a[i] + b[i]
	}
}

func portableSub(dst, x, y *float32, n int) {
	d, a, b := slice(dst, n), slice(x, n), slice(y, n)
	for i := range d {
		d[i] = a[i] - b[i]
	}
}

func portableMul(dst, x, y *float32, n int) {
	d, a, b := slice(dst, n), slice(x, n), slice(y, n)
	for i := range d {
		d[i] = a[i] * b[i]
	}
}

func portableDiv(dst, x, y *float32, n int) {
	d, a, b := slice(dst, n), slice(x, n), slice(y, n)
	for i := range d {
		d[i] = a[i] / b[i]
	}
}

func portableMulAdd(dst, x, y *float32, n int) {
	d, a, b := slice(dst, n), slice(x, n), slice(y, n)
	for i := range d {
		d[i] = fma(a[i], b[i], d[i])
	}
}

// fma is a·b + c. The product is exact in float64, so this differs from a true fused
// multiply-add only by a rare double rounding, the same one on every machine.
func fma(a, b, c float32) float32 { return float32(float64(a)*float64(b) + float64(c)) }

func exp32(x float32) float32 { return float32(math.Exp(float64(x))) }

func portableExp(dst, x *float32, n int) {
	d, a := slice(dst, n), slice(x, n)
	for i := range d {
		d[i] = exp32(a[i])
	}
}

func portableExpSum(dst, x *float32, n int, scale, bias float32) float32 {
	d, a := slice(dst, n), slice(x, n)
	sum := 0.0
	for i := range d {
		d[i] = exp32(fma(a[i], scale, bias))
		sum += float64(d[i])
	}
	return float32(sum)
}

func portableMax(x *float32, n int) float32 {
	m := float32(math.Inf(-1))
	for _, v := range slice(x, n) {
		m = max(m, v) // the built-in returns NaN if either is NaN
	}
	return m
}

func portableSum(x *float32, n int) float32 {
	sum := 0.0
	for _, v := range slice(x, n) {
		sum += float64(v)
	}
	return float32(sum)
}

func portableSumSquares(x *float32, n int) float32 { return portableDot(x, x, n) }

func portableDot(x, y *float32, n int) float32 {
	a, b := slice(x, n), slice(y, n)
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return float32(sum)
}

// portableDot3 is Σ x·y·z.
func portableDot3(x, y, z *float32, n int) float32 {
	a, b, c := slice(x, n), slice(y, n), slice(z, n)
	sum := 0.0
	for i := range a {
		sum += float64(a[i]*b[i]) * float64(c[i])
	}
	return float32(sum)
}

// portableCenterSquares is Σ (x−mean)².
func portableCenterSquares(x *float32, n int, mean float32) float32 {
	sum := 0.0
	for _, v := range slice(x, n) {
		c := float64(v - mean)
		sum += c * c
	}
	return float32(sum)
}

func portableSoftmaxBackward(ds, p *float32, n int, d, scale float32) {
	g, q := slice(ds, n), slice(p, n)
	for i := range g {
		g[i] = q[i] * scale * (g[i] - d)
	}
}
