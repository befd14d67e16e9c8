package cpu

import (
	"fmt"
	"os"
	"sync"
)

// A tile is the block of C that one kernel call computes in registers:
// up to MaxTileRows rows by TileCols columns. Packed matrices are cut into
// panels of TileCols columns on every kernel set.
const (
	MaxTileRows = 14
	TileCols    = 32
)

// Kernels is one implementation of the inner loops: "avx512", "avx2" or "portable".
// The methods in vec*.go and tile.go are its interface.
//
// Every kernel adds its sums in an order that depends only on the length of what it
// sums, so on one kernel set results are bit-identical however work is split. Between
// kernel sets the last bits differ.
type Kernels struct {
	name string
	tile [MaxTileRows + 1]tileFunc // by rows; A rows contiguous in k
	// tileT reads A stored k-major: the rows of one k lie side by side.
	tileT [MaxTileRows + 1]tileFunc

	packCols   packFunc // [k, cols] → [k][32]
	packTrans  packFunc // [cols, k] → [k][32]
	packKMajor packFunc // [k, rows] → [k][16]
	rows       int      // rows of a tile at which the kernels are fastest
	peak       func(n int)
	peakFlops  float64 // floating-point operations of one round of peak

	exp             unaryFunc
	gelu            unaryFunc
	expSum          func(dst, x *float32, n int, scale, bias float32) float32
	maxOf           func(x *float32, n int) float32
	sum, sumSquares func(x *float32, n int) float32
	scale           func(dst, x *float32, n int, s float32)
	axpy            func(dst, x *float32, n int, a float32)
	add, sub, mul   binaryFunc
	div             binaryFunc
	mulAdd          binaryFunc
	swiglu          binaryFunc
	geluBackward    binaryFunc
	dot             func(x, y *float32, n int) float32
	softmaxBackward func(ds, p *float32, n int, d, scale float32)
	swigluBackward  func(dgate, dup, gate, up, dout *float32, n int)
	normApply       func(dst, x, gain *float32, n int, r float32)
	centerSquares   func(x *float32, n int, mean float32) float32
	layerNormApply  func(dst, x, gain, bias *float32, n int, mean, r float32)
	dot3            func(x, y, z *float32, n int) float32
	rmsNormBackward func(dx, dgain, x, gain, dy *float32, n int, r, c float32, add int)
	layerNormSums   func(x, gain, dy *float32, n int, mean, r float32) (sumD, sumDNorm float32)
	layerNormBack   func(dx, dgain, dbias, x, gain, dy *float32, n int, h layerNormBackArgs, add int)
	rope            func(lo, hi, cos, sin *float32, n int, sign float32)
	adamW           func(w, g, m, v *float32, n int, h adamWArgs)
}

type (
	unaryFunc  func(dst, x *float32, n int)
	binaryFunc func(dst, x, y *float32, n int)
	// packFunc copies between layouts, ld floats from row to row of src, zeros in what is missing.
	packFunc func(dst, src *float32, ld, k, cols int)
	// tileFunc: C[rows,32] = Base + A·B, without Base if base is nil. as, ldc and ldBase are
	// strides in floats: as from row to row of A (tile) or from k to k (tileT). B is one
	// panel, [k][32]. Meanwhile 16·k floats at next are fetched into the cache.
	tileFunc func(k int, a *float32, as int, b, c *float32, ldc int, base *float32, ldBase int, next *float32)
)

// Name is the kernel set's name: "avx512", "avx2" or "portable".
func (k *Kernels) Name() string { return k.name }

// Default is the kernel set for this machine, chosen once per process: the fastest
// that CPU and operating system support, or the one that AGORA_CPU names.
// An unknown or unsupported name is an error.
var Default = sync.OnceValues(func() (*Kernels, error) { return choose(os.Getenv("AGORA_CPU")) })

// choose returns the kernel set called name; "" means the fastest available one.
func choose(name string) (*Kernels, error) {
	usable := Available()
	if name == "" {
		return usable[0], nil
	}
	var names []string
	for _, k := range usable {
		if k.name == name {
			return k, nil
		}
		names = append(names, k.name)
	}
	for _, known := range []string{"avx512", "avx2", "portable"} {
		if name == known {
			return nil, fmt.Errorf("AGORA_CPU=%s: this machine supports only %v", name, names)
		}
	}
	return nil, fmt.Errorf("AGORA_CPU=%s: unknown; use avx512, avx2 or portable", name)
}
