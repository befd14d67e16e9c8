package graph

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// adviseHugePages asks for huge pages under b, its last, partly used one included. It is
// a hint that harms no neighbour; a kernel built without huge pages refuses it.
func adviseHugePages(b []float32) {
	size := (4*uintptr(len(b)) + hugePage - 1) &^ (hugePage - 1)
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(unsafe.Pointer(&b[0])), size, unix.MADV_HUGEPAGE)
}
