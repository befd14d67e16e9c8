package policy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"agora/policy/checkpoint"
	"agora/policy/tokenizer"
)

// Load reads a model directory as transformers writes it, or one of agora's own: a checkpoint, or a
// run directory, whose result is taken. Files that agora.json lists are verified first.
func Load(dir string) (*Model, error) { return load(dir, false) }

// LoadFrozen is Load for weights that only are read: a reference, a reward model, the base of an adapter.
// Nothing of them is trained, and what the file has as float32 in the right order, as agora writes it,
// stays there: it is mapped into memory, which processes share and the system can take back.
func LoadFrozen(dir string) (*Model, error) { return load(dir, true) }

func load(dir string, frozen bool) (*Model, error) {
	dir, err := Resolve(dir)
	if err != nil {
		return nil, err
	}
	if _, err := checkpoint.Verify(dir); err != nil {
		return nil, err
	}
	if IsAdapter(dir) {
		return loadAdapted(dir)
	}
	m, err := loadConfig(dir)
	if err != nil {
		return nil, err
	}
	if frozen {
		m.freeze()
	}
	if err := m.loadWeights(dir); err != nil {
		return nil, err
	}
	if err := m.checkFinite(); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := m.loadTokenizer(dir); err != nil {
		return nil, err
	}
	m.Hash, err = checkpoint.HashDir(dir)
	return m, err
}

// Resolve finds the model directory that dir means: itself if it has a config.json, else the result
// of the run that it is the directory of, else that run's newest checkpoint.
func Resolve(dir string) (string, error) {
	if info, err := os.Stat(dir); err != nil {
		return "", err
	} else if !info.IsDir() {
		return "", fmt.Errorf("%s is a file, want a model directory", dir)
	}
	for _, sub := range []string{".", ResultDir, CheckpointDir} {
		path := filepath.Join(dir, sub)
		if sub != "." {
			if err := checkpoint.Recover(path); err != nil {
				return "", err
			}
		}
		if _, err := os.Stat(filepath.Join(path, "config.json")); err == nil || IsAdapter(path) {
			return path, nil
		}
	}
	if IsAdapter(filepath.Join(dir, CheckpointDir, AdapterDir)) {
		return "", fmt.Errorf("%s holds a run with LoRA that has not finished: resume it first", dir)
	}
	return "", fmt.Errorf("%s holds no model: no config.json in it, in %s or in %s", dir, ResultDir, CheckpointDir)
}

// loadConfig makes a model of zeros from config.json.
func loadConfig(dir string) (*Model, error) {
	path := filepath.Join(dir, "config.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := ParseConfig(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := c.addGenerationEnds(filepath.Join(dir, "generation_config.json")); err != nil {
		return nil, err
	}
	if err := c.checkShapes(dir); err != nil { // before anything of that size is reserved
		return nil, err
	}
	m, err := NewModel(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var own map[string]json.RawMessage
	var name string
	_ = json.Unmarshal(data, &own) // ParseConfig has read it already
	if text, ok := own[templateKey]; ok {
		if err := json.Unmarshal(text, &name); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, templateKey, err)
		}
	}
	if m.Template, err = ParseTemplate(name); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", path, templateKey, err)
	}
	if name == "" {
		m.Template = "" // to be guessed from the tokenizer
	}
	return m, nil
}

func (m *Model) loadWeights(dir string) error {
	ts, err := checkpoint.OpenTensors(dir)
	if err != nil {
		return err
	}
	defer ts.Close()
	prefix := m.Config.leftOut(ts)
	used := make(map[string]bool)
	mapped := m.mapWeights(ts)
	for _, t := range m.Config.tensors() {
		name := strings.TrimPrefix(t.name, prefix)
		used[name] = true
		if mapped[t.param] {
			continue
		}
		block := m.block(t)
		if err := ts.Read(name, t.shape(), block); err != nil {
			return err
		}
		if t.transposed && t.kind != bias {
			copy(block, transpose(block, t.cols, t.rows))
		}
		m.Config.unfold(t, block)
		if ts.DType(name) == checkpoint.BF16 { // halves have bits that bf16 lacks: they become float32
			m.DType = checkpoint.BF16
		}
	}
	for _, name := range ts.Names() {
		if !used[name] && !ignorable(name) {
			return fmt.Errorf("%s: tensor %s has no place in the %s model of config.json", dir, name, m.Config.Family)
		}
	}
	return nil
}

// leftOut is what the names of the tensors lack: OpenAI's GPT-2 release on the hub has them without their first part.
func (c Config) leftOut(ts *checkpoint.Tensors) string {
	if c.Family == GPT2 && !ts.Has("transformer.wte.weight") && ts.Has("wte.weight") {
		return "transformer."
	}
	return ""
}

// checkShapes compares what config.json asks for with the tensors that are there, without reading them.
func (c Config) checkShapes(dir string) error {
	ts, err := checkpoint.OpenTensors(dir)
	if err != nil {
		return err
	}
	defer ts.Close()
	prefix := c.leftOut(ts)
	for _, t := range c.tensors() {
		if err := ts.CheckShape(strings.TrimPrefix(t.name, prefix), t.shape()); err != nil {
			return err
		}
	}
	return nil
}

// freeze marks all weights as not to be trained.
func (m *Model) freeze() {
	for _, t := range m.Config.tensors() {
		m.Params.Get(t.param).Frozen = true
	}
}

// mapWeights lets frozen parameters have their numbers in the file, where it has them as they are in memory.
// It returns which do.
func (m *Model) mapWeights(ts *checkpoint.Tensors) map[string]bool {
	blocks := map[string][]tensor{}
	for _, t := range m.Config.tensors() {
		blocks[t.param] = append(blocks[t.param], t)
	}
	mapped := map[string]bool{}
	for name, parts := range blocks {
		p := m.Params.Get(name)
		var names []string
		var shapes [][]int
		same := p.Frozen
		for _, t := range parts {
			f, _ := m.Config.stored(t)
			same = same && f == 1 && (!t.transposed || t.kind == bias)
			names, shapes = append(names, t.name), append(shapes, t.shape())
		}
		if !same {
			continue
		}
		if data, file, ok := ts.Map(names, shapes); ok {
			p.Data, p.Backing = data, file
			mapped[name] = true
		}
	}
	return mapped
}

// ignorable are tensors that older versions of transformers saved though they can be computed, the
// copy of a tied head, and a reward model's head, which package reward reads.
func ignorable(name string) bool {
	for _, suffix := range []string{".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias", "lm_head.weight"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return strings.HasPrefix(name, "score.")
}

// LoadPolicy is Load for whoever needs a language model: a reward model, agora's or another program's
// classifier, is refused by that name. It would load, since its trunk is a language model's, and then
// sample nonsense.
func LoadPolicy(dir string) (*Model, error) { return loadPolicy(dir, false) }

// LoadPolicyFor is LoadPolicy for a training: with LoRA the weights are frozen, see LoadFrozen.
func LoadPolicyFor(c LoRA, dir string) (*Model, error) { return loadPolicy(dir, c.On()) }

// LoadFrozenPolicy is LoadPolicy with weights that are only read, see LoadFrozen.
func LoadFrozenPolicy(dir string) (*Model, error) { return loadPolicy(dir, true) }

func loadPolicy(dir string, frozen bool) (*Model, error) {
	m, err := load(dir, frozen)
	if err != nil {
		return nil, err
	}
	scores, err := isRewardModel(dir)
	if err != nil {
		return nil, err
	}
	if scores {
		return nil, fmt.Errorf("%s is a reward model, this command needs a policy", dir)
	}
	return m, nil
}

func isRewardModel(dir string) (bool, error) {
	dir, err := Resolve(dir)
	if err != nil {
		return false, err
	}
	if manifest, ok, err := checkpoint.ReadManifest(dir); err != nil || ok && manifest.Kind == "reward" {
		return err == nil, err
	}
	if IsAdapter(dir) {
		c, err := readAdapterConfig(dir)
		return c.Task == TaskClassifier, err
	}
	ts, err := checkpoint.OpenTensors(dir)
	if err != nil {
		return false, err
	}
	defer ts.Close()
	return ts.Has("score.weight"), nil
}

// transpose turns [rows, cols] into [cols, rows].
func transpose(x []float32, rows, cols int) []float32 {
	out := make([]float32, len(x))
	for i := range rows {
		for j := range cols {
			out[j*rows+i] = x[i*cols+j]
		}
	}
	return out
}

func (m *Model) loadTokenizer(dir string) error {
	tok, err := tokenizer.Load(dir)
	if err != nil {
		return err
	}
	if tok.Size() > m.Config.Vocab {
		return fmt.Errorf("%s: the tokenizer has %d ids, the model's vocab_size is %d: they do not belong together", dir, tok.Size(), m.Config.Vocab)
	}
	if id := m.Config.BOS; id >= tok.Size() {
		return fmt.Errorf("%s: bos_token_id of config.json is %d, the tokenizer has %d ids: they do not belong together", dir, id, tok.Size())
	}
	for _, id := range append([]int{m.Config.EOS}, m.Config.MoreEOS...) {
		if id >= tok.Size() {
			return fmt.Errorf("%s: eos_token_id of config.json is %d, the tokenizer has %d ids: they do not belong together", dir, id, tok.Size())
		}
	}
	m.Tokenizer = tok
	if m.Template == "" {
		m.Template = templateOf(tok)
	}
	return nil
}
