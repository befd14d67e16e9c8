package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"

	"agora/policy/checkpoint"
)

// Import reads a GGUF file, or a model directory as transformers writes it, checks it, and writes it
// to dst as a checkpoint of agora's own. origin may say where src came from, such as hub: owner/name@commit;
// agora.json keeps it among the settings.
func Import(src, dst string, origin map[string]string) (*Model, error) {
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
	config := map[string]string{"imported": filepath.Base(src), "format": format}
	maps.Copy(config, origin)
	return m, m.Save(dst, checkpoint.Manifest{
		Kind: "policy", Parents: map[string]string{"source": m.Hash}, Data: map[string]string{}, Config: config, Metrics: map[string]float64{},
	})
}

// readForeign loads a model file or directory.
func readForeign(src string) (m *Model, format string, err error) {
	info, err := os.Stat(src)
	switch {
	case err != nil:
		return nil, "", err
	case info.IsDir():
		m, err = LoadPolicy(src)
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
