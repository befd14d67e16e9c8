package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"agora/policy/checkpoint"
	"agora/policy/graph"
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

// ImportAdapter joins a base model and a PEFT adapter into a model directory, merged.
func ImportAdapter(base, src, dst string) error {
	if err := absent(dst); err != nil {
		return err
	}
	if !IsAdapter(src) {
		return fmt.Errorf("%s holds no %s: --base goes with a PEFT adapter", src, adapterConfigFile)
	}
	if c, err := readAdapterConfig(src); err != nil {
		return err
	} else if c.Task == TaskClassifier {
		return fmt.Errorf("%s is the adapter of a classifier, a reward model: merge it with PEFT's merge_and_unload and import that", src)
	}
	m, err := LoadAdapter(base, src)
	if err != nil {
		return err
	}
	if err := m.checkFinite(); err != nil {
		return fmt.Errorf("%s: %w", src, err)
	}
	return m.Save(dst, checkpoint.Manifest{
		Kind: "policy", Parents: map[string]string{"source": m.Hash}, Data: map[string]string{},
		Config: map[string]string{"imported": filepath.Base(src), "format": "peft"}, Metrics: map[string]float64{},
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
		if IsAdapter(src) {
			return m, "peft", err
		}
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
		if err := finiteNumbers(t.name, m.block(t)); err != nil {
			return err
		}
	}
	if m.Adapter == nil {
		return nil
	}
	for _, l := range m.Adapter.list() {
		for _, p := range []*graph.Param{l.a, l.b} {
			if err := finiteNumbers(p.Name, p.Data); err != nil {
				return err
			}
		}
	}
	return nil
}

func finiteNumbers(name string, data []float32) error {
	for i, x := range data {
		if x-x != 0 { // NaN or infinite
			return fmt.Errorf("tensor %s: number %d is %v", name, i, x)
		}
	}
	return nil
}
