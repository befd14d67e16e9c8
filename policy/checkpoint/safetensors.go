// Package checkpoint stores models: safetensors and GGUF files, and directories that appear whole or
// not at all, carry the hash of every file in agora.json and are verified when they are read. Nothing in a
// checkpoint depends on the clock, the host, the process or a path.
package checkpoint

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
)

// The safetensors format: 8 bytes little-endian length of the header, the header as JSON
// {"name":{"dtype","shape","data_offsets":[begin,end]},…,"__metadata__":{…}}, then the numbers.

// maxHeader guards against reading a foreign file as a header of absurd length.
const maxHeader = 100 << 20

// cacheLine is where the numbers begin: at a multiple of so many bytes.
const cacheLine = 64

// chunk is how many numbers are converted at a time.
const chunk = 1 << 16

// Tensor is one tensor to be written, row-major.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32 // its length is the product of Shape
	DType DType     // how it is stored
}

type header struct {
	DType   DType    `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// WriteSafetensors writes tensors in the given order, so that what a program has side by side lies side
// by side in the file, too, and can be mapped (see Tensors.Map).
func WriteSafetensors(path string, tensors []Tensor) (err error) {
	head, err := headerFor(tensors)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := binary.Write(w, binary.LittleEndian, uint64(len(head))); err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, t := range tensors {
		if err := writeNumbers(w, t); err != nil {
			return err
		}
	}
	return w.Flush()
}

func headerFor(tensors []Tensor) ([]byte, error) {
	head := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var at int64
	for _, t := range tensors {
		n := product(t.Shape)
		if t.DType != F32 && t.DType != BF16 {
			return nil, fmt.Errorf("tensor %s: cannot write %q", t.Name, t.DType)
		}
		if n != len(t.Data) {
			return nil, fmt.Errorf("tensor %s: shape %v has %d numbers, data has %d", t.Name, t.Shape, n, len(t.Data))
		}
		if _, dup := head[t.Name]; dup {
			return nil, fmt.Errorf("tensor %s appears twice", t.Name)
		}
		end := at + int64(n*t.DType.Size())
		head[t.Name] = header{t.DType, t.Shape, [2]int64{at, end}}
		at = end
	}
	data, err := json.Marshal(head)    // map keys come sorted
	for (8+len(data))%cacheLine != 0 { // the format allows spaces here
		data = append(data, ' ')
	}
	return data, err
}

func writeNumbers(w io.Writer, t Tensor) error {
	buf := make([]byte, chunk*t.DType.Size())
	for data := t.Data; len(data) > 0; {
		n := min(chunk, len(data))
		out := buf[:n*t.DType.Size()]
		t.DType.encode(out, data[:n])
		if _, err := w.Write(out); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// File is an open safetensors file.
type File struct {
	path    string
	f       *os.File
	tensors map[string]header
	data    int64 // offset of the first number
	mapped  *Mapping
}

// lfsPointer is what the text that Git keeps instead of a large file begins with, "version ", as a length.
const lfsPointer = 0x206e6f6973726576

// OpenSafetensors reads and checks the header: a truncated or foreign file is refused here.
func OpenSafetensors(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	file := &File{path: path, f: f}
	if err := file.readHeader(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

func (f *File) readHeader() error {
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	var length uint64
	if err := binary.Read(f.f, binary.LittleEndian, &length); err != nil {
		return fmt.Errorf("not a safetensors file: %d bytes", info.Size())
	}
	if length == lfsPointer {
		return errors.New("a Git LFS pointer, not the weights: git lfs pull brings those")
	}
	if length > maxHeader {
		return fmt.Errorf("not a safetensors file: header length %d", length)
	}
	if f.data = 8 + int64(length); f.data > info.Size() {
		return fmt.Errorf("truncated: the header wants %d bytes, the file has %d", f.data, info.Size())
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(f.f, data); err != nil {
		return err
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("not a safetensors file: header: %w", err)
	}
	delete(raw, "__metadata__")
	f.tensors = make(map[string]header, len(raw))
	for name, text := range raw {
		var h header
		if json.Unmarshal(text, &h) != nil {
			return fmt.Errorf("tensor %s: its header %.80s is not dtype, shape and two offsets", name, text)
		}
		if err := h.check(info.Size() - f.data); err != nil {
			return fmt.Errorf("tensor %s: %w", name, err)
		}
		f.tensors[name] = h
	}
	return f.checkOverlap()
}

// checkOverlap refuses tensors that share bytes.
func (f *File) checkOverlap() error {
	names := f.Names()
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(f.tensors[a].Offsets[0], f.tensors[b].Offsets[0]) })
	last := ""
	for _, name := range names {
		h := f.tensors[name]
		if h.Offsets[0] == h.Offsets[1] {
			continue
		}
		if last != "" && h.Offsets[0] < f.tensors[last].Offsets[1] {
			return fmt.Errorf("tensor %s begins at byte %d, within tensor %s, which ends at %d", name, h.Offsets[0], last, f.tensors[last].Offsets[1])
		}
		last = name
	}
	return nil
}

func (h header) check(available int64) error {
	for _, n := range h.Shape {
		if n < 0 {
			return fmt.Errorf("shape %v", h.Shape)
		}
	}
	begin, end := h.Offsets[0], h.Offsets[1]
	if begin < 0 || end < begin {
		return fmt.Errorf("offsets %v", h.Offsets)
	}
	if end > available {
		return fmt.Errorf("truncated: it ends at byte %d of %d", end, available)
	}
	if size := h.DType.Size(); size > 0 && end-begin != int64(product(h.Shape)*size) {
		return fmt.Errorf("%d bytes for shape %v of %s", end-begin, h.Shape, h.DType)
	}
	return nil
}

// Names lists the tensors in alphabetical order.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.tensors))
	for name := range f.tensors {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Shape is a tensor's shape; ok is false if there is no such tensor.
func (f *File) Shape(name string) (shape []int, ok bool) {
	h, ok := f.tensors[name]
	return h.Shape, ok
}

// DType is how a tensor is stored.
func (f *File) DType(name string) DType { return f.tensors[name].DType }

// Read fills dst with a tensor of exactly that many numbers.
func (f *File) Read(name string, dst []float32) error {
	h, ok := f.tensors[name]
	if !ok {
		return fmt.Errorf("%s: no tensor %s", f.path, name)
	}
	size := h.DType.Size()
	if size == 0 {
		return fmt.Errorf("%s: tensor %s is stored as %s; F32, BF16 and F16 can be read", f.path, name, h.DType)
	}
	if n := product(h.Shape); n != len(dst) {
		return fmt.Errorf("%s: tensor %s has shape %v, %d numbers, want %d", f.path, name, h.Shape, n, len(dst))
	}
	buf := make([]byte, chunk*size)
	for at := f.data + h.Offsets[0]; len(dst) > 0; {
		n := min(chunk, len(dst))
		in := buf[:n*size]
		if _, err := f.f.ReadAt(in, at); err != nil {
			return fmt.Errorf("%s: tensor %s: %w", f.path, name, err)
		}
		h.DType.decode(dst[:n], in)
		dst, at = dst[n:], at+int64(len(in))
	}
	return nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
