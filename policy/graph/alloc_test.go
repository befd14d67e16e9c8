package graph

import (
	"testing"
	"unsafe"
)

func TestAllocIsAlignedAndZero(t *testing.T) {
	for _, n := range []int{0, 1, 15, 1000, hugePage / 8, hugePage/4 + 3} {
		x := Alloc(n)
		if len(x) != n || cap(x) != n {
			t.Fatalf("Alloc(%d) has length %d, capacity %d", n, len(x), cap(x))
		}
		if n == 0 {
			continue
		}
		align := uintptr(64)
		if 4*n >= hugePage/2 {
			align = hugePage
		}
		if at := uintptr(unsafe.Pointer(&x[0])); at%align != 0 {
			t.Errorf("Alloc(%d) starts at %#x, not a multiple of %d", n, at, align)
		}
		for i, v := range x {
			if v != 0 {
				t.Fatalf("Alloc(%d)[%d] = %g", n, i, v)
			}
		}
	}
}
