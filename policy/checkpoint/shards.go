package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
)

// Tensors are the weights of a model directory, in one safetensors file or in shards.
type Tensors struct {
	dir   string
	files []*File
	where map[string]*File
}

// OpenTensors opens model.safetensors, or every shard that model.safetensors.index.json names.
func OpenTensors(dir string) (*Tensors, error) {
	names, index, err := shardNames(dir)
	if err != nil {
		return nil, err
	}
	t := &Tensors{dir: dir, where: make(map[string]*File)}
	for _, name := range names {
		f, err := OpenSafetensors(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s: %s is missing, one of the %d files that model.safetensors.index.json names", dir, name, len(names))
		}
		if err != nil {
			t.Close()
			return nil, err
		}
		t.files = append(t.files, f)
		for _, tensor := range f.Names() {
			t.where[tensor] = f
		}
	}
	for tensor, shard := range index {
		if t.where[tensor] == nil {
			t.Close()
			return nil, fmt.Errorf("%s: tensor %s is missing from shard %s", dir, tensor, shard)
		}
	}
	return t, nil
}

func shardNames(dir string) (names []string, index map[string]string, err error) {
	if _, err := os.Stat(filepath.Join(dir, "model.safetensors")); err == nil {
		return []string{"model.safetensors"}, nil, nil
	}
	path := filepath.Join(dir, "model.safetensors.index.json")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, "pytorch_model.bin")); err == nil {
			return nil, nil, fmt.Errorf("%s: weights are a pickle (pytorch_model.bin); only safetensors are read", dir)
		}
		if shards, _ := filepath.Glob(filepath.Join(dir, "model-*.safetensors")); len(shards) > 0 {
			return nil, nil, fmt.Errorf("%s: model.safetensors.index.json is missing, which says what the %d shards hold", dir, len(shards))
		}
		return nil, nil, fmt.Errorf("%s: no model.safetensors", dir)
	} else if err != nil {
		return nil, nil, err
	}
	var file struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	seen := make(map[string]bool)
	for tensor, shard := range file.WeightMap {
		if shard != filepath.Base(shard) {
			return nil, nil, fmt.Errorf("%s: tensor %s: shard %q is not a plain file name", path, tensor, shard)
		}
		if !seen[shard] {
			seen[shard] = true
			names = append(names, shard)
		}
	}
	sort.Strings(names)
	return names, file.WeightMap, nil
}

// Names lists all tensors in alphabetical order.
func (t *Tensors) Names() []string {
	names := make([]string, 0, len(t.where))
	for name := range t.where {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Has says whether there is such a tensor.
func (t *Tensors) Has(name string) bool { return t.where[name] != nil }

// CheckShape says what is wrong if there is no tensor of that name and exactly that shape.
func (t *Tensors) CheckShape(name string, shape []int) error {
	f := t.where[name]
	if f == nil {
		return fmt.Errorf("%s: tensor %s is missing", t.dir, name)
	}
	if got, _ := f.Shape(name); !slices.Equal(got, shape) {
		return fmt.Errorf("%s: tensor %s has shape %v, config.json asks for %v", t.dir, name, got, shape)
	}
	return nil
}

// Read fills dst with a tensor that must have exactly this shape.
func (t *Tensors) Read(name string, shape []int, dst []float32) error {
	if err := t.CheckShape(name, shape); err != nil {
		return err
	}
	return t.where[name].Read(name, dst)
}

// DType is how a tensor is stored, "" if there is none.
func (t *Tensors) DType(name string) DType {
	if f := t.where[name]; f != nil {
		return f.DType(name)
	}
	return ""
}

// Close closes every file.
func (t *Tensors) Close() {
	for _, f := range t.files {
		f.Close()
	}
}
