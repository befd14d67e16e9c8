package checkpoint

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Meta is one entry of a GGUF file's metadata. Value is a uint32, int32, uint64, float32, bool, string,
// []string or []int32.
type Meta struct {
	Key   string
	Value any
}

// GGUFTensor is one tensor to be written, row-major.
type GGUFTensor struct {
	Name  string
	Shape []int // the outermost dimension first
	Kind  Quant // GGUFF32, GGUFF16 or GGUFQ8_0
	Data  func() []float32
}

// WriteGGUF writes a file that appears whole or not at all. The data of a tensor is asked for when
// its turn comes.
func WriteGGUF(path string, meta []Meta, tensors []GGUFTensor) error {
	head, err := ggufHead(meta, tensors)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	if err := writeGGUF(tmp, head, tensors); err != nil {
		os.Remove(tmp)
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

func writeGGUF(tmp string, head []byte, tensors []GGUFTensor) error {
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, t := range tensors {
		if err := t.write(w); err != nil {
			return fmt.Errorf("tensor %s: %w", t.Name, err)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

func (t GGUFTensor) bytes() int { return product(t.Shape) / t.Kind.block() * t.Kind.blockBytes() }

func (t GGUFTensor) write(w io.Writer) error {
	data := t.Data()
	if len(data) != product(t.Shape) {
		return fmt.Errorf("shape %v, data has %d numbers", t.Shape, len(data))
	}
	buf := make([]byte, chunk/t.Kind.block()*t.Kind.blockBytes())
	for len(data) > 0 {
		n := min(chunk, len(data))
		out := buf[:n/t.Kind.block()*t.Kind.blockBytes()]
		t.Kind.encode(out, data[:n])
		if _, err := w.Write(out); err != nil {
			return err
		}
		data = data[n:]
	}
	_, err := w.Write(make([]byte, aligned(t.bytes())-t.bytes()))
	return err
}

func aligned(n int) int { return (n + ggufAlignment - 1) / ggufAlignment * ggufAlignment }

func ggufHead(meta []Meta, tensors []GGUFTensor) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(ggufMagic)
	putNumber(&b, uint32(3))
	putNumber(&b, uint64(len(tensors)))
	putNumber(&b, uint64(len(meta)))
	for _, m := range meta {
		putText(&b, m.Key)
		if err := putValue(&b, m.Value); err != nil {
			return nil, fmt.Errorf("metadata %s: %w", m.Key, err)
		}
	}
	at := 0
	for _, t := range tensors {
		if t.Kind != GGUFF32 && t.Kind != GGUFF16 && t.Kind != GGUFQ8_0 {
			return nil, fmt.Errorf("tensor %s: cannot write %s", t.Name, t.Kind)
		}
		if cols := t.Shape[len(t.Shape)-1]; cols%t.Kind.block() != 0 {
			return nil, fmt.Errorf("tensor %s: rows of %d numbers are no whole blocks of %s", t.Name, cols, t.Kind)
		}
		putText(&b, t.Name)
		putNumber(&b, uint32(len(t.Shape)))
		for i := range t.Shape {
			putNumber(&b, uint64(t.Shape[len(t.Shape)-1-i]))
		}
		putNumber(&b, uint32(t.Kind))
		putNumber(&b, uint64(at))
		at += aligned(t.bytes())
	}
	b.Write(make([]byte, aligned(b.Len())-b.Len()))
	return b.Bytes(), nil
}

func putNumber(b *bytes.Buffer, v any) {
	if err := binary.Write(b, binary.LittleEndian, v); err != nil {
		panic(err) // fixed-size numbers into memory
	}
}

func putText(b *bytes.Buffer, s string) {
	putNumber(b, uint64(len(s)))
	b.WriteString(s)
}

func putValue(b *bytes.Buffer, value any) error {
	switch v := value.(type) {
	case uint32:
		putNumber(b, uint32(ggufU32))
		putNumber(b, v)
	case int32:
		putNumber(b, uint32(ggufI32))
		putNumber(b, v)
	case uint64:
		putNumber(b, uint32(ggufU64))
		putNumber(b, v)
	case float32:
		putNumber(b, uint32(ggufF32))
		putNumber(b, v)
	case bool:
		putNumber(b, uint32(ggufBool))
		putNumber(b, v)
	case string:
		putNumber(b, uint32(ggufString))
		putText(b, v)
	case []string:
		putNumber(b, [2]uint32{ggufArray, ggufString})
		putNumber(b, uint64(len(v)))
		for _, s := range v {
			putText(b, s)
		}
	case []int32:
		putNumber(b, [2]uint32{ggufArray, ggufI32})
		putNumber(b, uint64(len(v)))
		putNumber(b, v)
	default:
		return fmt.Errorf("cannot write a %T", value)
	}
	return nil
}
