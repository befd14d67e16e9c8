package graph

import "unsafe"

// hugePage is the size of a transparent huge page on amd64 and on arm64 with 4 KiB pages.
const hugePage = 2 << 20

// Alloc returns n zero floats that start on a cache line. Blocks from half a huge page on
// start on a huge page and ask for such pages: walking through the weights of a 14 M
// parameter model, as each decoding step does, is up to twice as fast then. Kernels do
// not read past the end.
func Alloc(n int) []float32 {
	if n == 0 {
		return nil
	}
	align := 64
	if 4*n >= hugePage/2 {
		align = hugePage
	}
	b := make([]float32, n+align/4)
	skip := int(-uintptr(unsafe.Pointer(&b[0]))&uintptr(align-1)) / 4
	b = b[skip : skip+n : skip+n]
	if align == hugePage {
		adviseHugePages(b)
	}
	return b
}
