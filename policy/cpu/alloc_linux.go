package cpu

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of a transparent huge page on amd64 and on arm64 with 4 KiB pages.
const hugePage = 2 << 20

// adviseHugePages asks for huge pages in the part of b that can hold them.
// It is a hint: a kernel built without them refuses, and that is fine.
func adviseHugePages(b []float32) {
	if len(b) < 2*hugePage/4 {
		return
	}
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&b[0])), 4*len(b))
	skip := int(-uintptr(unsafe.Pointer(&raw[0])) & (hugePage - 1))
	_ = unix.Madvise(raw[skip:skip+(len(raw)-skip)/hugePage*hugePage], unix.MADV_HUGEPAGE)
}
