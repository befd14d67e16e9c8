package reward

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/graph"
	"agora/reward/prefs"
)

// Names of the head's parameters, those of transformers' ...ForSequenceClassification.
const (
	headName  = "score.weight"     // [heads, width]; one head, unless groups have their own
	biasName  = "score.bias"       // [1, heads], set by centring, never trained: the loss does not see it
	logNuName = "score.tie_log_nu" // [1, 1], Davidson's parameter, only with ties = davidson
)

// Model is a reward model: a policy's trunk with a scalar head. The score of a
// text is read at its last token.
type Model struct {
	Trunk        *policy.Model // its output head is the embedding, which nothing reads
	IgnorePrompt bool          // texts are scored without their prompts
	MaxTokens    int           // longest sequence, prompt included
	Heads        []string      // groups with a head of their own; empty: one head for all
	GroupBy      string        // what attribute of a labeler those groups are values of
}

// New puts a fresh head on a copy of a policy's trunk. The head is normal with
// standard deviation 1/√(width+1) (Stiennon et al. 2020), its bias 0.
func New(p *policy.Model, seed uint64) (*Model, error) {
	m, err := empty(p.Config)
	if err != nil {
		return nil, err
	}
	t := m.Trunk
	t.Tokenizer, t.Template, t.Hash = p.Tokenizer, p.Template, p.Hash
	t.CopyWeights(p)
	m.initHead(rsqrtStd(p.Config.Width), seed)
	return m, nil
}

// rsqrtStd is the usual standard deviation of a fresh head.
func rsqrtStd(width int) float64 { return 1 / math.Sqrt(float64(width+1)) }

// initHead draws a head with that standard deviation.
func (m *Model) initHead(std float64, seed uint64) {
	head := m.Head()
	key := graph.Key(seed, 0, hash(headName))
	for i := range head.Data {
		head.Data[i] = float32(std * normal(key, uint64(2*i)))
	}
	head.Changed()
}

// Share puts a head of zeros on a policy's trunk without copying it: the weights are one memory, and
// whoever trains the model must leave them frozen (policy.Model.Adapt).
func Share(p *policy.Model) (*Model, error) {
	m := &Model{Trunk: p.Shared(), MaxTokens: p.Config.Context}
	return m, m.addHead()
}

// empty is a reward model of zeros. An untied output head is left out: the config
// says tied, and transformers' classifiers have no output head either way.
func empty(c policy.Config) (*Model, error) {
	c.Tied = true
	t, err := policy.NewModel(c)
	if err != nil {
		return nil, err
	}
	m := &Model{Trunk: t, MaxTokens: c.Context}
	return m, m.addHead()
}

func (m *Model) addHead() error {
	heads := max(1, len(m.Heads))
	if _, err := m.Trunk.Params.Add(headName, heads, m.Trunk.Config.Width); err != nil {
		return err
	}
	bias, err := m.Trunk.Params.Add(biasName, 1, heads)
	if err != nil {
		return err
	}
	bias.Frozen, bias.NoDecay = true, true
	if len(m.Heads) == 0 {
		return nil
	}
	return m.addMixture()
}

// normal is a draw by Box and Muller (1958) at positions at and at+1 of a key.
func normal(key, at uint64) float64 {
	radius := math.Sqrt(-2 * math.Log(1-graph.Uniform(key, at)))
	return radius * math.Cos(2*math.Pi*graph.Uniform(key, at+1))
}

// Head and Bias are the head's parameters, [heads, width] and [1, heads].
func (m *Model) Head() *graph.Param { return m.Trunk.Params.Get(headName) }
func (m *Model) Bias() *graph.Param { return m.Trunk.Params.Get(biasName) }

// Scores traces hidden states [rows, width] to scores [rows, 1], of several heads as Select says.
func (m *Model) Scores(g *graph.Graph, hidden *graph.Value) *graph.Value {
	scores := g.Linear(hidden, m.Head(), m.Bias())
	if len(m.Heads) > 0 {
		scores = g.Linear(scores, m.Trunk.Params.Get(selectName), nil)
	}
	return scores
}

// Encode turns a prompt and a completion into the tokens to score.
func (m *Model) Encode(prompt []prefs.Message, completion string) ([]int32, error) {
	return m.encoder().tokens(prompt, completion)
}

func (m *Model) encoder() *encoder {
	return &encoder{tok: m.Trunk.Tokenizer, template: m.Trunk.Template, maxTokens: m.MaxTokens, ignorePrompt: m.IgnorePrompt}
}

// Save writes the model's directory, whole or not at all.
func (m *Model) Save(dir string, manifest checkpoint.Manifest) error {
	manifest.ScoreBias = m.biases()
	return checkpoint.Commit(dir, func(tmp string) error {
		if err := m.writeFiles(tmp); err != nil {
			return err
		}
		return checkpoint.WriteManifest(tmp, manifest)
	})
}

// The files of a saved model.
const trunkShard, headShard = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"

// writeFiles writes what transformers loads as LlamaForSequenceClassification or
// GPT2ForSequenceClassification: the trunk, and the head as a second shard.
func (m *Model) writeFiles(dir string) error {
	if err := m.Trunk.WriteFiles(dir); err != nil {
		return err
	}
	if err := m.classifierConfig(filepath.Join(dir, "config.json")); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, "model.safetensors"), filepath.Join(dir, trunkShard)); err != nil {
		return err
	}
	if err := checkpoint.WriteSafetensors(filepath.Join(dir, headShard), m.headTensors()); err != nil {
		return err
	}
	if m.Trunk.Adapter != nil {
		if err := m.writeAdapter(dir); err != nil {
			return err
		}
	}
	return writeIndex(dir, trunkShard, headShard)
}

// headTensors are the score's weight and bias, and the parameter of ties.
func (m *Model) headTensors() []checkpoint.Tensor {
	tensors := []checkpoint.Tensor{
		{Name: headName, Shape: []int{m.Head().Rows, m.Trunk.Config.Width}, Data: m.Head().Data, DType: checkpoint.F32},
		{Name: biasName, Shape: []int{m.Bias().Cols}, Data: m.Bias().Data, DType: checkpoint.F32},
	}
	if nu := m.Trunk.Params.Get(logNuName); nu != nil {
		tensors = append(tensors, checkpoint.Tensor{Name: logNuName, Shape: []int{1}, Data: nu.Data, DType: checkpoint.F32})
	}
	return tensors
}

// classifierConfig turns a language model's config.json into a one-label
// classifier's. It names no padding token: transformers reads the score at the
// last token that is not padding, and a padding token equal to the end token
// would move it one token too far to the left. Without one it reads the last
// token, and refuses batches.
func (m *Model) classifierConfig(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(data, &config); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	name := "LlamaForSequenceClassification"
	if config["model_type"] == policy.GPT2 {
		name = "GPT2ForSequenceClassification"
	}
	maps.Copy(config, map[string]any{
		"architectures": []string{name}, "id2label": map[string]string{"0": "reward"}, "label2id": map[string]int{"reward": 0},
		"pad_token_id": nil, biasKey: m.biasField(),
	})
	if len(m.Heads) > 0 {
		labels, ids := map[string]string{}, map[string]int{}
		for h, name := range m.Heads {
			labels[fmt.Sprint(h)], ids[name] = name, h
		}
		maps.Copy(config, map[string]any{"id2label": labels, "label2id": ids, "score_heads": m.Heads})
	}
	return writeJSON(path, config)
}

// writeIndex says which shard holds which tensor.
func writeIndex(dir string, shards ...string) error {
	where := map[string]string{}
	var size int64
	for _, shard := range shards {
		f, err := checkpoint.OpenSafetensors(filepath.Join(dir, shard))
		if err != nil {
			return err
		}
		for _, name := range f.Names() {
			where[name] = shard
			shape, _ := f.Shape(name)
			n := int64(f.DType(name).Size())
			for _, d := range shape {
				n *= int64(d)
			}
			size += n
		}
		f.Close()
	}
	return writeJSON(filepath.Join(dir, "model.safetensors.index.json"),
		map[string]any{"metadata": map[string]any{"total_size": size}, "weight_map": where})
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// Load reads a reward model's directory, or the directory of the run that made it. Of a model with a
// head for each group, DIR#GROUP is that group's reward and DIR the mean of all.
func Load(dir string) (*Model, error) { return load(dir, policy.Load) }

// LoadFrozen is Load for a model that only scores: its trunk's weights stay in the file, see policy.LoadFrozen.
func LoadFrozen(dir string) (*Model, error) { return load(dir, policy.LoadFrozen) }

func load(dir string, trunk trunkLoader) (*Model, error) {
	dir, head := CutHead(dir)
	m, err := loadHeads(dir, trunk)
	if err != nil {
		return nil, err
	}
	if err := m.collapse(head); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return m, nil
}

// CutHead takes DIR#GROUP apart; a directory whose name has the sign itself stays whole.
func CutHead(dir string) (path, head string) {
	at := strings.LastIndexByte(dir, '#')
	if at < 0 {
		return dir, ""
	}
	if _, err := os.Stat(dir); err == nil {
		return dir, ""
	}
	return dir[:at], dir[at+1:]
}

// LoadHeads is Load with all heads.
func LoadHeads(dir string) (*Model, error) { return loadHeads(dir, policy.Load) }

// trunkLoader is policy.Load or policy.LoadFrozen.
type trunkLoader func(dir string) (*policy.Model, error)

func loadHeads(dir string, load trunkLoader) (*Model, error) {
	dir, err := policy.Resolve(dir)
	if err != nil {
		return nil, err
	}
	if policy.IsAdapter(dir) {
		return nil, fmt.Errorf("%s is a LoRA adapter without its base: merge it with PEFT's merge_and_unload first", dir)
	}
	trunk, err := load(dir)
	if err != nil {
		return nil, err
	}
	m := &Model{Trunk: trunk, MaxTokens: trunk.Config.Context}
	if m.Heads, err = headsOf(dir); err != nil {
		return nil, err
	}
	if err := m.addHead(); err != nil {
		return nil, err
	}
	ts, err := checkpoint.OpenTensors(dir)
	if err != nil {
		return nil, err
	}
	defer ts.Close()
	if !ts.Has(headName) {
		return nil, fmt.Errorf("%s is not a reward model: it has no %s", dir, headName)
	}
	if err := ts.Read(headName, []int{m.Head().Rows, trunk.Config.Width}, m.Head().Data); err != nil {
		return nil, err
	}
	if ts.Has(biasName) { // an exported or a foreign classifier has none
		if err := ts.Read(biasName, []int{m.Bias().Cols}, m.Bias().Data); err != nil {
			return nil, err
		}
	}
	if !ts.Has(biasName) {
		if err := m.readBias(dir); err != nil {
			return nil, err
		}
	}
	if ts.Has(logNuName) {
		nu := m.addTies()
		if err := ts.Read(logNuName, []int{1}, nu.Data); err != nil {
			return nil, err
		}
	}
	trunk.Params.Changed()
	for _, p := range []*graph.Param{m.Head(), m.Bias()} {
		for i, x := range p.Data {
			if x-x != 0 { // NaN or infinite
				return nil, fmt.Errorf("%s: tensor %s: number %d is %v", dir, p.Name, i, x)
			}
		}
	}
	return m, m.readSettings(dir)
}

// headsOf are the groups with a head of their own, from a model's config.json.
func headsOf(dir string) ([]string, error) {
	path := filepath.Join(dir, "config.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var config struct {
		Heads []string `json:"score_heads"`
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return config.Heads, nil
}

// addTies adds Davidson's parameter, ν = 1 at first: equal texts tie one time in three.
func (m *Model) addTies() *graph.Param {
	nu := m.Trunk.Params.MustAdd(logNuName, 1, 1)
	nu.NoDecay = true
	return nu
}

// readSettings takes from agora.json how texts were encoded in training.
func (m *Model) readSettings(dir string) error {
	manifest, ok, err := checkpoint.ReadManifest(dir)
	if err != nil || !ok {
		return err
	}
	data, err := json.Marshal(manifest.Config)
	if err != nil {
		return err
	}
	var c struct {
		IgnorePrompt bool   `json:"ignore_prompt"`
		MaxTokens    int    `json:"max_tokens"`
		GroupBy      string `json:"group_by"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("%s: config: %w", filepath.Join(dir, checkpoint.ManifestFile), err)
	}
	m.IgnorePrompt, m.GroupBy = c.IgnorePrompt, c.GroupBy
	if c.MaxTokens > 0 {
		m.MaxTokens = min(c.MaxTokens, m.MaxTokens)
	}
	return nil
}
