package cpu

import "unsafe"

// Alloc returns n zeroed floats that start on a cache line. Large blocks ask for
// huge pages, which makes their first use several times cheaper.
// The garbage collector frees them; it never scans them.
func Alloc(n int) []float32 {
	if n == 0 {
		return nil
	}
	b := make([]float32, n+15)
	skip := int(-uintptr(unsafe.Pointer(&b[0]))&63) / 4
	b = b[skip : skip+n : skip+n]
	adviseHugePages(b)
	return b
}
