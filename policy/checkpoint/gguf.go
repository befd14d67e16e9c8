package checkpoint

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sort"
)

// The GGUF format of llama.cpp (github.com/ggml-org/ggml, docs/gguf.md), little-endian: "GGUF",
// version, counts of tensors and of metadata; the metadata as (key, type, value); for each tensor its
// name, dimensions (the innermost first), type and offset; padding; the numbers.

const (
	ggufMagic     = "GGUF"
	ggufAlignment = 32      // of every tensor, unless general.alignment says otherwise
	maxGGUFString = 1 << 24 // a chat template may be long, but not that long
	maxGGUFCount  = 1 << 24 // entries of a list; vocabularies have at most a few hundred thousand
)

// GGUF is an open GGUF file.
type GGUF struct {
	path    string
	f       *os.File
	meta    map[string]any // int64, float64, bool, string, or []any of these
	tensors map[string]ggufTensor
	data    int64 // offset of the first number
}

type ggufTensor struct {
	shape  []int // the outermost dimension first, as everywhere else
	kind   Quant
	offset int64 // from GGUF.data
}

// OpenGGUF reads metadata and the list of tensors: a truncated or foreign file is refused here.
func OpenGGUF(path string) (*GGUF, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	g := &GGUF{path: path, f: f, meta: make(map[string]any), tensors: make(map[string]ggufTensor)}
	if err := g.readHead(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

// IsGGUF says whether a file begins like one.
func IsGGUF(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, len(ggufMagic))
	_, err = io.ReadFull(f, magic)
	return err == nil && string(magic) == ggufMagic
}

func (g *GGUF) readHead() error {
	info, err := g.f.Stat()
	if err != nil {
		return err
	}
	r := &ggufReader{r: bufio.NewReaderSize(g.f, 1<<20)}
	if magic := string(r.bytes(len(ggufMagic))); magic != ggufMagic {
		return errors.New("not a GGUF file")
	}
	switch version := r.uint32(); {
	case r.err != nil:
		return truncated(r, "its first bytes")
	case version == 2 || version == 3:
	case version&0xFFFF == 0:
		return errors.New("a big-endian GGUF file; only little-endian ones can be read")
	default:
		return fmt.Errorf("GGUF version %d; versions 2 and 3 can be read", version)
	}
	tensors, keys := r.count(), r.count()
	for i := range keys {
		if err := g.readKey(r); err != nil {
			return fmt.Errorf("metadata %d of %d: %w", i+1, keys, err)
		}
	}
	for i := range tensors {
		if err := g.readTensor(r); err != nil {
			return fmt.Errorf("tensor %d of %d: %w", i+1, tensors, err)
		}
	}
	if r.err != nil {
		return truncated(r, "its head")
	}
	align := int64(ggufAlignment)
	if n, err := g.Int("general.alignment"); err == nil && n > 0 {
		align = int64(n)
	}
	g.data = (r.at + align - 1) / align * align
	return g.checkExtent(info.Size())
}

func truncated(r *ggufReader, what string) error {
	if errors.Is(r.err, io.ErrUnexpectedEOF) || errors.Is(r.err, io.EOF) {
		return fmt.Errorf("truncated: the file ends at byte %d, within %s", r.at, what)
	}
	return r.err
}

func (g *GGUF) readKey(r *ggufReader) error {
	key := r.string()
	if r.err != nil {
		return truncated(r, "a key")
	}
	value, err := r.value(r.uint32())
	if r.err != nil {
		return truncated(r, key)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if _, dup := g.meta[key]; dup {
		return fmt.Errorf("%s appears twice", key)
	}
	g.meta[key] = value
	return nil
}

func (g *GGUF) readTensor(r *ggufReader) error {
	name := r.string()
	dims := r.uint32()
	if r.err == nil && (dims < 1 || dims > 4) {
		return fmt.Errorf("%s has %d dimensions", name, dims)
	}
	t := ggufTensor{shape: make([]int, dims)}
	n := uint64(1)
	for i := range dims {
		d := r.uint64()
		if n *= max(d, 1); d > 1<<40 || n > 1<<40 {
			return fmt.Errorf("%s: dimension %d is %d", name, i, d)
		}
		t.shape[len(t.shape)-1-int(i)] = int(d)
	}
	t.kind = Quant(r.uint32())
	offset := r.uint64()
	if r.err != nil {
		return truncated(r, "the list of tensors")
	}
	if offset > math.MaxInt64/2 {
		return fmt.Errorf("%s: offset %d", name, offset)
	}
	t.offset = int64(offset)
	if _, dup := g.tensors[name]; dup {
		return fmt.Errorf("%s appears twice", name)
	}
	g.tensors[name] = t
	return nil
}

// checkExtent finds tensors that end behind the file or have rows that are no whole blocks.
func (g *GGUF) checkExtent(size int64) error {
	for _, name := range g.Names() {
		t := g.tensors[name]
		if !t.kind.known() {
			continue // refused when it is read
		}
		if cols := t.shape[len(t.shape)-1]; cols%t.kind.block() != 0 {
			return fmt.Errorf("tensor %s: rows of %d numbers are no whole blocks of %s", name, cols, t.kind)
		}
		if end := g.data + t.offset + t.bytes(); end > size {
			return fmt.Errorf("truncated: tensor %s ends at byte %d of %d", name, end, size)
		}
	}
	return nil
}

func (t ggufTensor) bytes() int64 {
	return int64(product(t.shape) / t.kind.block() * t.kind.blockBytes())
}

// Names lists the tensors in alphabetical order.
func (g *GGUF) Names() []string {
	names := make([]string, 0, len(g.tensors))
	for name := range g.tensors {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Shape is a tensor's shape, the outermost dimension first; ok is false if there is no such tensor.
func (g *GGUF) Shape(name string) (shape []int, ok bool) {
	t, ok := g.tensors[name]
	return t.shape, ok
}

// Quant is how a tensor is stored.
func (g *GGUF) Quant(name string) Quant { return g.tensors[name].kind }

// CheckShape says what is wrong if there is no tensor of that name and exactly that shape.
func (g *GGUF) CheckShape(name string, shape []int) error {
	t, ok := g.tensors[name]
	if !ok {
		return fmt.Errorf("%s: tensor %s is missing", g.path, name)
	}
	if !slices.Equal(t.shape, shape) {
		return fmt.Errorf("%s: tensor %s has shape %v, the metadata asks for %v", g.path, name, t.shape, shape)
	}
	return nil
}

// Read fills dst with a tensor of exactly this shape, dequantised.
func (g *GGUF) Read(name string, shape []int, dst []float32) error {
	if err := g.CheckShape(name, shape); err != nil {
		return err
	}
	t := g.tensors[name]
	switch {
	case !t.kind.known():
		return fmt.Errorf("%s: tensor %s is stored as %s; F32, F16, BF16, Q8_0, Q4_0 and Q4_1 can be read", g.path, name, t.kind)
	case len(dst) != product(t.shape):
		return fmt.Errorf("%s: tensor %s has %d numbers, want %d", g.path, name, product(t.shape), len(dst))
	}
	size, width := t.kind.blockBytes(), t.kind.block()
	buf := make([]byte, chunk/width*size)
	for at := g.data + t.offset; len(dst) > 0; {
		n := min(chunk, len(dst))
		in := buf[:n/width*size]
		if _, err := g.f.ReadAt(in, at); err != nil {
			return fmt.Errorf("%s: tensor %s: %w", g.path, name, err)
		}
		t.kind.decode(dst[:n], in)
		dst, at = dst[n:], at+int64(len(in))
	}
	return nil
}

// Close closes the file.
func (g *GGUF) Close() error { return g.f.Close() }

// ggufReader reads little-endian values and keeps the first error.
type ggufReader struct {
	r   io.Reader
	at  int64
	err error
}

// bytes reads n bytes; after an error they are zeros.
func (r *ggufReader) bytes(n int) []byte {
	buf := make([]byte, n)
	if r.err == nil {
		var got int
		got, r.err = io.ReadFull(r.r, buf)
		r.at += int64(got)
	}
	return buf
}

func (r *ggufReader) uint32() uint32 { return binary.LittleEndian.Uint32(r.bytes(4)) }
func (r *ggufReader) uint64() uint64 { return binary.LittleEndian.Uint64(r.bytes(8)) }

// count reads a number of entries.
func (r *ggufReader) count() int {
	n := r.uint64()
	if n > maxGGUFCount && r.err == nil {
		r.err = fmt.Errorf("a list of %d entries at byte %d", n, r.at)
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

func (r *ggufReader) string() string {
	n := r.uint64()
	if n > maxGGUFString && r.err == nil {
		r.err = fmt.Errorf("a text of %d bytes at byte %d", n, r.at)
	}
	if r.err != nil {
		return ""
	}
	return string(r.bytes(int(n)))
}
