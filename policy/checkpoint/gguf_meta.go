package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Types of metadata by GGUF's numbers.
const (
	ggufU8 = iota
	ggufI8
	ggufU16
	ggufI16
	ggufU32
	ggufI32
	ggufF32
	ggufBool
	ggufString
	ggufArray
	ggufU64
	ggufI64
	ggufF64
)

// value reads one value; integers become int64, floats float64, lists []any.
func (r *ggufReader) value(kind uint32) (any, error) {
	switch kind {
	case ggufU8:
		return int64(r.bytes(1)[0]), nil
	case ggufI8:
		return int64(int8(r.bytes(1)[0])), nil
	case ggufU16:
		return int64(binary.LittleEndian.Uint16(r.bytes(2))), nil
	case ggufI16:
		return int64(int16(binary.LittleEndian.Uint16(r.bytes(2)))), nil
	case ggufU32:
		return int64(r.uint32()), nil
	case ggufI32:
		return int64(int32(r.uint32())), nil
	case ggufF32:
		return float64(math.Float32frombits(r.uint32())), nil
	case ggufBool:
		return r.bytes(1)[0] != 0, nil
	case ggufString:
		return r.string(), nil
	case ggufU64, ggufI64:
		return int64(r.uint64()), nil
	case ggufF64:
		return math.Float64frombits(r.uint64()), nil
	case ggufArray:
		return r.list()
	}
	return nil, fmt.Errorf("unknown type %d", kind)
}

func (r *ggufReader) list() ([]any, error) {
	kind := r.uint32()
	if kind == ggufArray {
		return nil, fmt.Errorf("lists of lists are not supported")
	}
	n := r.count()
	list := make([]any, 0, min(n, 1<<16)) // a damaged count must not allocate
	for range n {
		v, err := r.value(kind)
		if err != nil || r.err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// Has says whether the metadata has a key.
func (g *GGUF) Has(key string) bool { return g.meta[key] != nil }

// Int is an integer of the metadata.
func (g *GGUF) Int(key string) (int, error) {
	n, err := metaValue[int64](g, key, "an integer")
	return int(n), err
}

// Float is a number of the metadata.
func (g *GGUF) Float(key string) (float64, error) { return metaValue[float64](g, key, "a number") }

// Text is a string of the metadata.
func (g *GGUF) Text(key string) (string, error) { return metaValue[string](g, key, "a text") }

// Texts is a list of strings of the metadata.
func (g *GGUF) Texts(key string) ([]string, error) { return metaList[string](g, key, "texts") }

// Ints is a list of integers of the metadata.
func (g *GGUF) Ints(key string) ([]int64, error) { return metaList[int64](g, key, "integers") }

func metaValue[T any](g *GGUF, key, want string) (T, error) {
	var zero T
	raw, ok := g.meta[key]
	if !ok {
		return zero, fmt.Errorf("%s: metadata %s is missing", g.path, key)
	}
	v, ok := raw.(T)
	if !ok {
		return zero, fmt.Errorf("%s: metadata %s is %.40v, want %s", g.path, key, raw, want)
	}
	return v, nil
}

func metaList[T any](g *GGUF, key, want string) ([]T, error) {
	raw, err := metaValue[[]any](g, key, "a list of "+want)
	if err != nil {
		return nil, err
	}
	list := make([]T, len(raw))
	for i, x := range raw {
		v, ok := x.(T)
		if !ok {
			return nil, fmt.Errorf("%s: metadata %s[%d] is %.40v; a list of %s was expected", g.path, key, i, x, want)
		}
		list[i] = v
	}
	return list, nil
}
