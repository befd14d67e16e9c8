package policy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"agora/policy/checkpoint"
)

// Save writes the model to dir, whole or not at all. The manifest's kind, step, parents and so on
// go to agora.json.
func (m *Model) Save(dir string, manifest checkpoint.Manifest) error {
	manifest.Config = Named(manifest.Config)
	return checkpoint.Commit(dir, func(tmp string) error {
		if err := m.WriteFiles(tmp); err != nil {
			return err
		}
		return checkpoint.WriteManifest(tmp, manifest)
	})
}

// WriteFiles writes what transformers loads, config.json, generation_config.json, model.safetensors
// and the tokenizer, into a directory that checkpoint.Commit prepared. An adapter is merged into the
// weights, and also written by itself, for PEFT. The caller may add files of its own before it writes
// the manifest.
func (m *Model) WriteFiles(dir string) error {
	dtype := "float32"
	if m.DType == checkpoint.BF16 {
		dtype = "bfloat16"
	}
	files := map[string][]byte{
		"config.json":            m.saved().JSON(dtype, string(m.Template)),
		"generation_config.json": m.Config.generationJSON(),
	}
	if m.Tokenizer != nil {
		for name, data := range m.Tokenizer.Files(m.Config.Context) {
			files[name] = data
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	if err := checkpoint.WriteSafetensors(filepath.Join(dir, "model.safetensors"), m.tensorData(m.DType)); err != nil || m.Adapter == nil {
		return err
	}
	return m.WriteAdapter(filepath.Join(dir, AdapterDir), TaskCausalLM, "")
}

// tensorData lists the weights under their Hugging Face names.
func (m *Model) tensorData(dtype checkpoint.DType) []checkpoint.Tensor {
	var out []checkpoint.Tensor
	for _, t := range m.saved().tensors() {
		data := m.folded(t)
		if t.transposed && t.kind != bias {
			data = transpose(data, t.rows, t.cols)
		}
		out = append(out, checkpoint.Tensor{Name: t.name, Shape: t.shape(), Data: data, DType: dtype})
	}
	return out
}

// block is a tensor's place in the parameters, folded the numbers that a checkpoint has for it, a
// copy where they differ.
func (m *Model) block(t tensor) []float32 {
	p := m.Params.Get(t.param)
	if t.kind == head {
		p = m.Head() // the embedding, where the two are one
	}
	return p.Data[t.row*p.Cols : (t.row+t.rows)*p.Cols]
}

func (m *Model) folded(t tensor) []float32 {
	block := m.block(t)
	f, _ := m.Config.stored(t)
	l, changed := m.Adapter.change(t)
	if f == 1 && !changed {
		return block
	}
	block = slices.Clone(block)
	if changed {
		l.addTo(block, m.Adapter.scale)
	}
	m.Config.fold(t, block)
	return block
}

// Round rounds the weights to what Save would store, so that the model in memory and the saved one
// compute the same.
func (m *Model) Round() {
	if m.DType != checkpoint.BF16 {
		return
	}
	for _, t := range m.Config.tensors() {
		m.Config.fold(t, m.block(t))
	}
	for _, p := range m.Params.List() {
		for i, x := range p.Data {
			p.Data[i] = checkpoint.RoundBF16(x)
		}
	}
	for _, t := range m.Config.tensors() {
		m.Config.unfold(t, m.block(t))
	}
	m.Params.Changed()
}

func (c Config) generationJSON() []byte {
	text := "{\n"
	if c.BOS >= 0 {
		text += fmt.Sprintf("  \"bos_token_id\": %d,\n", c.BOS)
	}
	if c.EOS >= 0 {
		ends, _ := json.Marshal(c.eosField()) // numbers
		text += fmt.Sprintf("  \"eos_token_id\": %s,\n  \"pad_token_id\": %d,\n", ends, c.EOS)
	}
	return []byte(text + "  \"do_sample\": true,\n  \"temperature\": 1.0,\n  \"top_k\": 0\n}\n")
}
