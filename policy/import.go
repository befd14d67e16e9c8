package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"agora/policy/checkpoint"
)

// Import reads a GGUF file, or a model directory as transformers writes it, checks it, and writes it
// to dst as a checkpoint of agora's own. parents may say where src came from.
func Import(src, dst string, parents map[string]string) (*Model, error) {
	if err := absent(dst); err != nil {
		return nil, err
	}
	m, format, err := readForeign(src)
	if err != nil {
		return nil, err
	}
	if err := m.checkFinite(); err != nil {
		return nil, fmt.Errorf("%s: %w", src, err)
	}
	manifest := checkpoint.Manifest{
		Kind: "policy", Parents: map[string]string{"source": m.Hash}, Data: map[string]string{},
		Config: map[string]string{"imported": filepath.Base(src), "format": format}, Metrics: map[string]float64{},
	}
	for role, hash := range parents {
		manifest.Parents[role] = hash
	}
	return m, m.Save(dst, manifest)
}

// readForeign loads a model file or directory.
func readForeign(src string) (m *Model, format string, err error) {
	info, err := os.Stat(src)
	switch {
	case err != nil:
		return nil, "", err
	case info.IsDir():
		m, err = loadPolicy(src)
		return m, "hf", err
	case checkpoint.IsGGUF(src):
		m, err = LoadGGUF(src)
		return m, "gguf", err
	}
	return nil, "", fmt.Errorf("%s is neither a GGUF file nor a model directory (config.json, model.safetensors, tokenizer.json)", src)
}

// absent refuses to write over something.
func absent(path string) error {
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s exists already", path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// checkFinite names the first tensor with a number that is none.
func (m *Model) checkFinite() error {
	for _, t := range m.Config.tensors() {
		p := m.Params.Get(t.param)
		for i, x := range p.Data[t.row*p.Cols : (t.row+t.rows)*p.Cols] {
			if x != x || math.IsInf(float64(x), 0) {
				return fmt.Errorf("tensor %s: number %d is %v", t.name, i, x)
			}
		}
	}
	return nil
}
