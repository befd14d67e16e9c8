package checkpoint

import (
	"runtime"
	"slices"
	"unsafe"
)

// Mapping is a file in memory that the operating system reads as it is needed, shares among processes
// and can drop again. It is read-only: writing to it ends the program. It lives as long as something
// refers to it.
type Mapping struct{ bytes []byte }

// Map returns the numbers of tensors that are to be one block of float32, read-only in the memory of
// the file, and what has to be kept alive meanwhile. ok is false where the file has them in another number format,
// in another order, or not on a boundary of four bytes, or where the system maps no files: then Read them.
func (t *Tensors) Map(names []string, shapes [][]int) (data []float32, m *Mapping, ok bool) {
	var f *File
	var begin, end int64
	for i, name := range names {
		at := t.where[name]
		if at == nil || i > 0 && at != f {
			return nil, nil, false
		}
		f = at
		h := f.tensors[name]
		if h.DType != F32 || !slices.Equal(h.Shape, shapes[i]) || i > 0 && h.Offsets[0] != end {
			return nil, nil, false
		}
		if i == 0 {
			begin = h.Offsets[0]
		}
		end = h.Offsets[1]
	}
	if (f.data+begin)%4 != 0 || !littleEndian {
		return nil, nil, false
	}
	if f.mapped == nil {
		bytes, err := mapFile(f.f)
		if err != nil {
			return nil, nil, false
		}
		f.mapped = &Mapping{bytes}
		runtime.AddCleanup(f.mapped, unmap, bytes)
	}
	block := f.mapped.bytes[f.data+begin : f.data+end]
	return unsafe.Slice((*float32)(unsafe.Pointer(&block[0])), len(block)/4), f.mapped, true
}

// littleEndian says whether numbers in memory look as in the file.
var littleEndian = func() bool { one := uint16(1); return *(*byte)(unsafe.Pointer(&one)) == 1 }()
