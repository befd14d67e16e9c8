package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
)

// DType is a number format by its safetensors name.
type DType string

// The formats that are read; F32 and BF16 are also written.
const (
	F32  DType = "F32"
	BF16 DType = "BF16"
	F16  DType = "F16"
)

// Size is the bytes of one number, 0 for a format that is not supported.
func (d DType) Size() int {
	switch d {
	case F32:
		return 4
	case BF16, F16:
		return 2
	}
	return 0
}

// ParseDType accepts the names that people write: fp32, float32, F32, bf16, bfloat16, BF16.
func ParseDType(name string) (DType, error) {
	switch name {
	case "fp32", "float32", "F32":
		return F32, nil
	case "bf16", "bfloat16", "BF16":
		return BF16, nil
	}
	return "", fmt.Errorf("number format %q: want fp32 or bf16", name)
}

// encode writes src as little-endian numbers to dst, which has len(src)·Size bytes.
func (d DType) encode(dst []byte, src []float32) {
	if d == F32 {
		for i, x := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
		}
		return
	}
	for i, x := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], toBF16(x))
	}
}

// decode is the inverse of encode, and reads F16 too.
func (d DType) decode(dst []float32, src []byte) {
	switch d {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	case F16:
		for i := range dst {
			dst[i] = fromF16(binary.LittleEndian.Uint16(src[2*i:]))
		}
	}
}

// RoundBF16 rounds x to the nearest bf16 number, ties to even.
func RoundBF16(x float32) float32 { return math.Float32frombits(uint32(toBF16(x)) << 16) }

func toBF16(x float32) uint16 {
	bits := math.Float32bits(x)
	if x != x {
		return uint16(bits>>16) | 0x40 // stay a NaN
	}
	return uint16((bits + 0x7FFF + bits>>16&1) >> 16)
}

// fromF16 widens an IEEE half: 1 sign, 5 exponent (bias 15), 10 fraction bits.
func fromF16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10&0x1F), uint32(h&0x3FF)
	switch {
	case exp == 0: // zero or subnormal: frac · 2⁻²⁴
		return math.Float32frombits(sign | math.Float32bits(float32(frac)*0x1p-24))
	case exp == 31: // infinity or NaN
		return math.Float32frombits(sign | 0xFF<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}
