package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"agora/policy/checkpoint"
)

// AdapterDir is the part of a checkpoint that holds the adapter of a run with LoRA, in the files and
// under the names of Hugging Face's PEFT, which loads it onto the base model.
const AdapterDir = "adapter"

// Files and names of PEFT.
const (
	adapterConfigFile  = "adapter_config.json"
	adapterWeightsFile = "adapter_model.safetensors"
	adapterPrefix      = "base_model.model."
)

// What an adapter is for, by PEFT's names.
const (
	TaskCausalLM   = "CAUSAL_LM"
	TaskClassifier = "SEQ_CLS" // a reward model
)

// adapterConfig is adapter_config.json. Fields that are not here keep PEFT's defaults.
type adapterConfig struct {
	Base     *string  `json:"base_model_name_or_path"`
	Type     string   `json:"peft_type"`
	Task     string   `json:"task_type"`
	Rank     int      `json:"r"`
	Alpha    float64  `json:"lora_alpha"`
	Dropout  float64  `json:"lora_dropout"`
	Targets  any      `json:"target_modules"` // names, or a pattern
	Saved    []string `json:"modules_to_save"`
	Bias     string   `json:"bias"`
	FanInOut bool     `json:"fan_in_fan_out"` // the base stores [in, out], as GPT-2 does
	RSLoRA   bool     `json:"use_rslora"`     // alpha/√r instead of alpha/r
	DoRA     bool     `json:"use_dora"`
	Inferred bool     `json:"inference_mode"`

	RankPattern  map[string]float64 `json:"rank_pattern"`
	AlphaPattern map[string]float64 `json:"alpha_pattern"`
}

// WriteAdapter writes the adapter for PEFT into a new directory. head are modules that were trained in
// full, such as a reward model's score; base is what the base model is called, "" for no name.
func (m *Model) WriteAdapter(dir, task, base string, head ...checkpoint.Tensor) error {
	a := m.Adapter
	c := adapterConfig{
		Type: "LORA", Task: task, Rank: a.Rank, Alpha: a.scale * float64(a.Rank), Bias: "none", FanInOut: m.Config.Family == GPT2, Inferred: true,
		Targets: a.targets(m.Config), RankPattern: map[string]float64{}, AlphaPattern: map[string]float64{},
	}
	if base != "" {
		c.Base = &base
	}
	tensors := m.adapterTensors(adapterPrefix)
	for _, h := range head {
		h.Name = adapterPrefix + h.Name
		c.Saved = append(c.Saved, moduleOf(h.Name[len(adapterPrefix):]))
		tensors = append(tensors, h)
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, adapterConfigFile), append(data, '\n'), 0o644); err != nil {
		return err
	}
	return checkpoint.WriteSafetensors(filepath.Join(dir, adapterWeightsFile), tensors)
}

// targets names the layers for PEFT.
func (a *Adapter) targets(c Config) []string {
	var names []string
	for _, name := range a.Targets {
		if name == allLinear || name == allLinearPEFT {
			names = append(names, slices.DeleteFunc(c.linearNames(), func(n string) bool { return n == outputLayer })...)
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// adapterTensors lists the adapter's matrices under prefix. As a checkpoint's queries under muP, those of B
// have the factor of the scores in them.
func (m *Model) adapterTensors(prefix string) []checkpoint.Tensor {
	var out []checkpoint.Tensor
	for _, l := range m.Adapter.list() {
		b := l.b.Data
		if f, n := m.Config.stored(l.t); f != 1 {
			b = slices.Clone(b)
			multiply(b[:n/l.t.cols*l.b.Cols], f)
		}
		out = append(out,
			checkpoint.Tensor{Name: prefix + l.a.Name, Shape: []int{l.a.Rows, l.a.Cols}, Data: l.a.Data, DType: checkpoint.F32},
			checkpoint.Tensor{Name: prefix + l.b.Name, Shape: []int{l.b.Rows, l.b.Cols}, Data: b, DType: checkpoint.F32})
	}
	return out
}

// readAdapter fills the adapter's matrices from the directory that WriteAdapter or PEFT wrote.
func (m *Model) readAdapter(dir string) error {
	f, err := checkpoint.OpenSafetensors(filepath.Join(dir, adapterWeightsFile))
	if err != nil {
		return err
	}
	defer f.Close()
	for _, l := range m.Adapter.list() {
		if err := f.Read(adapterPrefix+l.a.Name, l.a.Data); err != nil {
			return err
		}
		if err := f.Read(adapterPrefix+l.b.Name, l.b.Data); err != nil {
			return err
		}
		if f, n := m.Config.stored(l.t); f != 1 {
			multiply(l.b.Data[:n/l.t.cols*l.b.Cols], 1/f)
		}
		l.a.Changed()
		l.b.Changed()
	}
	return nil
}

// WriteCheckpoint writes what a run needs to go on with the model: all of it, or with an adapter that
// alone, as the rest is the model that the run started from.
func (m *Model) WriteCheckpoint(dir string) error {
	if m.Adapter == nil {
		return m.WriteFiles(dir)
	}
	return m.WriteAdapter(filepath.Join(dir, AdapterDir), TaskCausalLM, "")
}

// ReadCheckpoint is the inverse of WriteCheckpoint.
func (m *Model) ReadCheckpoint(dir string) error {
	if m.Adapter == nil {
		if err := m.loadWeights(dir); err != nil {
			return err
		}
		m.Params.Changed()
		return nil
	}
	return m.readAdapter(filepath.Join(dir, AdapterDir))
}

// exportAdapter writes the adapter of a run with LoRA by itself, with the name of its base model.
func exportAdapter(dir, dst, base string) error {
	from, err := Resolve(dir)
	if err != nil {
		return err
	}
	if !IsAdapter(filepath.Join(from, AdapterDir)) {
		return fmt.Errorf("%s has no adapter: it was trained without lora_rank", dir)
	}
	src := filepath.Join(from, AdapterDir)
	data, err := os.ReadFile(filepath.Join(src, adapterConfigFile))
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(data, &config); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(src, adapterConfigFile), err)
	}
	if base != "" {
		config["base_model_name_or_path"] = base
	}
	if data, err = json.MarshalIndent(config, "", "  "); err != nil {
		return err
	}
	weights, err := os.ReadFile(filepath.Join(src, adapterWeightsFile))
	if err != nil {
		return err
	}
	return checkpoint.Commit(dst, func(tmp string) error {
		if err := os.WriteFile(filepath.Join(tmp, adapterConfigFile), append(data, '\n'), 0o644); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(tmp, adapterWeightsFile), weights, 0o644)
	})
}

// IsAdapter says whether a directory holds a PEFT adapter without its base model.
func IsAdapter(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, adapterConfigFile))
	return err == nil
}

func readAdapterConfig(dir string) (c adapterConfig, err error) {
	path := filepath.Join(dir, adapterConfigFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("%s: %w", path, wrongType(err))
	}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// check refuses what changes the computation in a way that is not implemented.
func (c adapterConfig) check() error {
	switch {
	case c.Type != "LORA":
		return fmt.Errorf("peft_type %q is not supported, only LORA", c.Type)
	case c.DoRA:
		return errors.New("use_dora is not supported")
	case c.Bias != "" && c.Bias != "none":
		return fmt.Errorf("bias %q is not supported, only none", c.Bias)
	case len(c.RankPattern) > 0 || len(c.AlphaPattern) > 0:
		return errors.New("rank_pattern and alpha_pattern are not supported")
	case c.Rank < 1 || !(c.Alpha > 0):
		return fmt.Errorf("r %d and lora_alpha %g must be positive", c.Rank, c.Alpha)
	}
	return nil
}

// scale is the factor of the low-rank product.
func (c adapterConfig) scale() float64 {
	if c.RSLoRA {
		return c.Alpha / math.Sqrt(float64(c.Rank))
	}
	return c.Alpha / float64(c.Rank)
}

// moduleOf is the name of the layer that a weight belongs to.
func moduleOf(weight string) string { return strings.TrimSuffix(weight, ".weight") }

// loadAdapted loads a PEFT adapter on its base model: a directory that adapter_config.json names, by
// itself or relative to the adapter's.
func loadAdapted(dir string) (*Model, error) {
	c, err := readAdapterConfig(dir)
	if err != nil {
		return nil, err
	}
	if c.Base == nil || *c.Base == "" {
		return nil, fmt.Errorf("%s holds a LoRA adapter without the name of its base model: agora model import %s DIR --base MODEL joins the two", dir, dir)
	}
	for _, base := range []string{*c.Base, filepath.Join(dir, *c.Base)} {
		if _, err := Resolve(base); err == nil {
			return LoadAdapter(base, dir)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s holds a LoRA adapter for %s, which is no directory here: agora model import %s DIR --base MODEL joins the two", dir, *c.Base, dir)
}

// LoadAdapter loads the model in base and puts the PEFT adapter in dir on it.
func LoadAdapter(base, dir string) (*Model, error) {
	c, err := readAdapterConfig(dir)
	if err != nil {
		return nil, err
	}
	m, err := Load(base)
	if err != nil {
		return nil, err
	}
	m.Merge() // the base of an adapter may be one itself
	a, err := m.foreignAdapter(c, filepath.Join(dir, adapterWeightsFile))
	if err != nil {
		return nil, err
	}
	m.attach(a)
	if err := m.readAdapter(dir); err != nil {
		return nil, err
	}
	hash, err := checkpoint.HashDir(dir)
	m.Hash = checkpoint.HashBytes([]byte(m.Hash + hash))
	return m, err
}

// foreignAdapter makes an adapter of zeros for the tensors of a file.
func (m *Model) foreignAdapter(c adapterConfig, path string) (*Adapter, error) {
	f, err := checkpoint.OpenSafetensors(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a := &Adapter{LoRA: LoRA{Rank: c.Rank, Alpha: c.Alpha}, scale: c.scale(), parts: map[string][]lowRank{}}
	used := map[string]bool{}
	for _, h := range c.Saved {
		used[adapterPrefix+h+".weight"] = true
	}
	for _, t := range m.Config.linears() {
		name := adapterPrefix + t.module() + loraA
		shape, ok := f.Shape(name)
		if !ok || t.kind == head && c.Task == TaskClassifier {
			continue
		}
		if want := []int{c.Rank, t.cols}; !slices.Equal(shape, want) {
			return nil, fmt.Errorf("%s: %s has shape %v, the base model wants %v", path, name, shape, want)
		}
		l := lowRank{t: t}.like(c.Rank)
		used[adapterPrefix+l.a.Name], used[adapterPrefix+l.b.Name] = true, true
		a.parts[t.param] = append(a.parts[t.param], l)
		a.Targets = append(a.Targets, t.module())
	}
	if err := m.sameAsBase(f, path, used); err != nil {
		return nil, err
	}
	for _, name := range f.Names() {
		if !used[name] {
			return nil, fmt.Errorf("%s: %s has no place in a %s model of %d layers: linear layers can be changed, their weights only", path, name, m.Config.Family, m.Config.Layers)
		}
	}
	if len(a.parts) == 0 {
		return nil, fmt.Errorf("%s changes no layer", path)
	}
	return a, nil
}

// sameAsBase accepts what PEFT saves of the base model itself, which it does with the embedding and the
// output layer as soon as the latter has an adapter: the numbers must be those of the base here.
func (m *Model) sameAsBase(f *checkpoint.File, path string, used map[string]bool) error {
	for _, t := range append(m.Config.tensors(), m.Config.linears()...) {
		if t.transposed {
			continue
		}
		for _, name := range []string{adapterPrefix + t.name, adapterPrefix + t.module() + ".base_layer.weight"} {
			shape, ok := f.Shape(name)
			if !ok || used[name] {
				continue
			}
			used[name] = true
			data, want := make([]float32, t.rows*t.cols), m.folded(t)
			if slices.Equal(shape, t.shape()) {
				if err := f.Read(name, data); err != nil {
					return err
				}
			}
			if !slices.Equal(data, want) {
				return fmt.Errorf("%s: %s is not the base model's: an adapter that also replaces weights (a resized vocabulary, or another base) is not supported", path, name)
			}
		}
	}
	return nil
}
