package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Quant is a number format of GGUF, by its number in ggml.h. The quantised ones store blocks of 32
// numbers that share a scale d (and an offset m), both IEEE halves.
type Quant uint32

// The formats that are read; F32, F16 and Q8_0 are also written.
const (
	GGUFF32  Quant = 0
	GGUFF16  Quant = 1
	GGUFQ4_0 Quant = 2  // d, 32 × 4 bits: x = d·(q-8)
	GGUFQ4_1 Quant = 3  // d, m, 32 × 4 bits: x = d·q + m
	GGUFQ8_0 Quant = 8  // d, 32 × int8: x = d·q
	GGUFBF16 Quant = 30 // upper half of float32
)

// quantBlock is the numbers of a quantised block.
const quantBlock = 32

// otherQuants names formats that are refused, for the message.
var otherQuants = map[Quant]string{
	6: "Q5_0", 7: "Q5_1", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K",
	16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS",
	24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}

func (q Quant) String() string {
	switch q {
	case GGUFF32:
		return "F32"
	case GGUFF16:
		return "F16"
	case GGUFBF16:
		return "BF16"
	case GGUFQ4_0:
		return "Q4_0"
	case GGUFQ4_1:
		return "Q4_1"
	case GGUFQ8_0:
		return "Q8_0"
	}
	if name, ok := otherQuants[q]; ok {
		return name
	}
	return fmt.Sprintf("format %d", uint32(q))
}

func (q Quant) known() bool { return q.blockBytes() > 0 }

// block is the numbers that are stored together.
func (q Quant) block() int {
	switch q {
	case GGUFQ4_0, GGUFQ4_1, GGUFQ8_0:
		return quantBlock
	}
	return 1
}

// blockBytes is the bytes of a block, 0 for a format that is not supported.
func (q Quant) blockBytes() int {
	switch q {
	case GGUFF32:
		return 4
	case GGUFF16, GGUFBF16:
		return 2
	case GGUFQ4_0:
		return 2 + quantBlock/2
	case GGUFQ4_1:
		return 4 + quantBlock/2
	case GGUFQ8_0:
		return 2 + quantBlock
	}
	return 0
}

// decode fills dst from whole blocks. The products are rounded to float32 before the sum, as numpy
// does, so that every machine reads the same numbers.
func (q Quant) decode(dst []float32, src []byte) {
	switch q {
	case GGUFF32:
		F32.decode(dst, src)
	case GGUFF16:
		F16.decode(dst, src)
	case GGUFBF16:
		BF16.decode(dst, src)
	case GGUFQ8_0:
		for ; len(dst) > 0; dst, src = dst[quantBlock:], src[2+quantBlock:] {
			d := fromF16(binary.LittleEndian.Uint16(src))
			for i, b := range src[2 : 2+quantBlock] {
				dst[i] = d * float32(int8(b))
			}
		}
	case GGUFQ4_0:
		for ; len(dst) > 0; dst, src = dst[quantBlock:], src[2+quantBlock/2:] {
			d := fromF16(binary.LittleEndian.Uint16(src))
			for i, b := range src[2 : 2+quantBlock/2] {
				dst[i], dst[i+quantBlock/2] = d*float32(int(b&15)-8), d*float32(int(b>>4)-8)
			}
		}
	case GGUFQ4_1:
		for ; len(dst) > 0; dst, src = dst[quantBlock:], src[4+quantBlock/2:] {
			d, m := fromF16(binary.LittleEndian.Uint16(src)), fromF16(binary.LittleEndian.Uint16(src[2:]))
			for i, b := range src[4 : 4+quantBlock/2] {
				dst[i] = float32(d*float32(b&15)) + m
				dst[i+quantBlock/2] = float32(d*float32(b>>4)) + m
			}
		}
	}
}

// encode writes whole blocks; Q8_0 as ggml's reference does: the largest magnitude becomes ±127.
func (q Quant) encode(dst []byte, src []float32) {
	switch q {
	case GGUFF32:
		F32.encode(dst, src)
	case GGUFF16:
		for i, x := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], toF16(x))
		}
	case GGUFQ8_0:
		for ; len(src) > 0; src, dst = src[quantBlock:], dst[2+quantBlock:] {
			var top float32
			for _, x := range src[:quantBlock] {
				top = max(top, float32(math.Abs(float64(x))))
			}
			d, inverse := top/127, float32(0)
			if d > 0 {
				inverse = 1 / d
			}
			binary.LittleEndian.PutUint16(dst, toF16(d))
			for i, x := range src[:quantBlock] {
				dst[2+i] = byte(int8(math.Round(float64(x * inverse))))
			}
		}
	}
}

// toF16 rounds to the nearest IEEE half, ties to even; what is too large becomes infinite.
func toF16(x float32) uint16 {
	bits := math.Float32bits(x)
	sign := uint16(bits >> 16 & 0x8000)
	bits &= 0x7FFFFFFF
	switch {
	case bits > 0x7F800000:
		return sign | 0x7E00 // NaN
	case bits >= 0x477FF000: // 65520 and more round up to 2¹⁶, which a half does not have
		return sign | 0x7C00
	case bits < 0x38800000: // below 2⁻¹⁴: subnormal, in units of 2⁻²⁴
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(bits))*0x1p24))
	}
	bits += 0xFFF + bits>>13&1
	return sign | uint16((bits-(127-15)<<23)>>13)
}
