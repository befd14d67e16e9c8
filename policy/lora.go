package policy

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"agora/policy/checkpoint"
	"agora/policy/graph"
)

// LoRA are the settings of low-rank adaptation (Hu et al. 2021, arXiv:2106.09685), a part of every
// trainer's settings. Instead of a layer's weights W [out, in] two small matrices learn,
//
//	y = x Wᵀ + (alpha/rank)·(x Aᵀ) Bᵀ      A [rank, in], B [out, rank]
//
// and W has no gradient and no optimizer state. B starts at zero, so that the model starts as it was.
type LoRA struct {
	Rank    int      `toml:"lora_rank" json:"lora_rank" unit:"columns" help:"train low-rank changes of this rank to the linear layers, LoRA, instead of all weights; 0 trains all weights"`
	Alpha   float64  `toml:"lora_alpha" json:"lora_alpha" unit:"" help:"the low-rank changes are scaled by lora_alpha/lora_rank"`
	Targets []string `toml:"lora_targets" json:"lora_targets" unit:"" help:"linear layers to change: all those of the blocks, or names such as q_proj, v_proj, down_proj, c_attn; lm_head is the output layer, not in all"`
}

// DefaultLoRA is off; its other settings are those that work where it is on.
func DefaultLoRA() LoRA { return LoRA{Alpha: 16, Targets: []string{allLinear}} }

// Names of lora_targets: every linear layer of the transformer blocks, in PEFT's words too, and the output
// layer, which like PEFT's all-linear neither includes.
const (
	allLinear     = "all"
	allLinearPEFT = "all-linear"
	outputLayer   = "lm_head"
)

// TargetsOutput says whether the output layer, which reward models and critics lack, is to be changed.
func (c LoRA) TargetsOutput() bool { return c.On() && slices.Contains(c.Targets, outputLayer) }

// WithoutOutput leaves the output layer out; if nothing else is named, all other layers take its place.
func (c LoRA) WithoutOutput() LoRA {
	c.Targets = slices.DeleteFunc(slices.Clone(c.Targets), func(name string) bool { return name == outputLayer })
	if len(c.Targets) == 0 {
		c.Targets = []string{allLinear}
	}
	return c
}

// On says whether low-rank changes are trained rather than all weights.
func (c LoRA) On() bool { return c.Rank > 0 }

// Validate names the first setting that makes no sense. Whether a model has the targets is
// known only with the model, see Adapt.
func (c LoRA) Validate() error {
	switch {
	case c.Rank < 0:
		return fmt.Errorf("lora_rank %d must not be negative", c.Rank)
	case !c.On():
		return nil
	case !(c.Alpha > 0) || math.IsInf(c.Alpha, 0):
		return fmt.Errorf("lora_alpha %g must be positive", c.Alpha)
	case len(c.Targets) == 0:
		return fmt.Errorf("lora_targets is empty: name linear layers, or %s", allLinear)
	}
	return nil
}

// Adapter is a low-rank change of a model. Its matrices are parameters of the model's store, in
// which all other weights are frozen.
type Adapter struct {
	LoRA
	scale float64
	parts map[string][]lowRank // by the parameter of the layer
}

// lowRank changes the block of one tensor of the checkpoint, which may be a part of a fused
// parameter (see tensor).
type lowRank struct {
	t    tensor
	a, b *graph.Param // [rank, in], [out, rank]
}

// like is a low-rank change of zeros to the same tensor.
func (l lowRank) like(rank int) lowRank {
	name := l.t.module()
	return lowRank{t: l.t, a: graph.NewParam(name+loraA, rank, l.t.cols), b: graph.NewParam(name+loraB, l.t.rows, rank)}
}

// What PEFT adds to a layer's name for the two matrices.
const loraA, loraB = ".lora_A.weight", ".lora_B.weight"

// Adapt readies a model for training: an adapter that it came with becomes part of its weights, and
// with LoRA on a fresh one is put on, A uniform in ±1/√in (Kaiming's, as PEFT has it), B zero, and
// everything else frozen. The values depend on the seed and each number's place only.
func (m *Model) Adapt(c LoRA, seed uint64) error {
	m.Merge()
	if !c.On() {
		return nil
	}
	if err := c.Validate(); err != nil {
		return err
	}
	a, err := m.newAdapter(c, c.Alpha/float64(c.Rank))
	if err != nil {
		return err
	}
	m.attach(a)
	for i, l := range a.list() {
		bound := 1 / math.Sqrt(float64(l.a.Cols))
		key := graph.Key(seed, uint64(i), adapterStream)
		for j := range l.a.Data {
			l.a.Data[j] = float32(bound * (2*graph.Uniform(key, uint64(j)) - 1))
		}
		l.a.Changed()
	}
	return nil
}

// adapterStream keeps the random numbers of adapters apart from others.
const adapterStream = 0x6c6f7261

// newAdapter makes an adapter of zeros for the linear layers that the settings name.
func (m *Model) newAdapter(c LoRA, scale float64) (*Adapter, error) {
	a := &Adapter{LoRA: c, scale: scale, parts: map[string][]lowRank{}}
	unused := slices.Clone(c.Targets)
	for _, t := range m.Config.linears() {
		target := t.targetOf(c.Targets)
		if target == "" {
			continue
		}
		if side := min(t.rows, t.cols); c.Rank > side {
			return nil, fmt.Errorf("lora_rank %d is larger than the smaller side of %s, %d: a change of that rank is no smaller than the layer", c.Rank, t.module(), side)
		}
		unused = slices.DeleteFunc(unused, func(name string) bool { return name == target })
		a.parts[t.param] = append(a.parts[t.param], lowRank{t: t}.like(c.Rank))
	}
	if len(unused) > 0 {
		return nil, fmt.Errorf("lora_targets: a %s model has no linear layer %q; it has %s", m.Config.Family, unused[0], strings.Join(m.Config.linearNames(), ", "))
	}
	return a, nil
}

// linears lists the linear layers. The last is the output layer, also where its weights are those of the
// embedding: a change of it leaves the embedding alone.
func (c Config) linears() []tensor {
	all := c.tensors()
	out := slices.DeleteFunc(slices.Clone(all), func(t tensor) bool { return t.kind != matrix && t.kind != residual && t.kind != head })
	if c.Tied {
		out = append(out, c.untied(len(all)))
	}
	return out
}

// untied is the output layer's tensor.
func (c Config) untied(order int) tensor {
	c.Tied = false
	return tensor{name: c.headName(), param: c.headName(), rows: c.Vocab, cols: c.Width, kind: head, order: order}
}

// targetOf is the target that names the tensor, "" if none does: all, the last part of its module's
// name, or more of it, as layers.3.self_attn.q_proj.
func (t tensor) targetOf(targets []string) string {
	for _, name := range targets {
		every := name == allLinear || name == allLinearPEFT
		if every && t.kind != head || t.module() == name || strings.HasSuffix(t.module(), "."+name) {
			return name
		}
	}
	return ""
}

// module is the name of the layer that the tensor is the weight of.
func (t tensor) module() string { return moduleOf(t.name) }

// linearNames lists what lora_targets can name.
func (c Config) linearNames() []string {
	var names []string
	for _, t := range c.linears() {
		if name := t.module()[strings.LastIndexByte(t.module(), '.')+1:]; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// attach puts an adapter on the model and freezes the weights. The number format becomes float32, as
// bfloat16 would round small changes of merged weights away.
func (m *Model) attach(a *Adapter) {
	m.freeze()
	for _, l := range a.list() {
		m.Params.Share(l.a)
		m.Params.Share(l.b)
	}
	m.Adapter, m.DType = a, checkpoint.F32
}

// list is the low-rank changes in the order of the checkpoint's tensors.
func (a *Adapter) list() []lowRank {
	var out []lowRank
	for _, parts := range a.parts {
		out = append(out, parts...)
	}
	slices.SortFunc(out, func(x, y lowRank) int { return x.t.order - y.t.order })
	return out
}

// add traces the changes of a layer onto its product y, for the layer's input x.
func (a *Adapter) add(g *graph.Graph, y, x *graph.Value, param string, dropout float64) *graph.Value {
	if a == nil {
		return y
	}
	parts := a.parts[param]
	if len(parts) > 0 {
		x = g.Dropout(x, dropout)
	}
	for _, l := range parts {
		y = g.LowRank(y, x, l.a, l.b, a.scale, l.t.row)
	}
	return y
}

// cloneAdapter is Clone of a model with an adapter.
func (m *Model) cloneAdapter() *Model {
	c := *m
	c.Params, c.Adapter = graph.NewParams(), nil
	for _, t := range m.Config.tensors() {
		c.Params.Share(m.Params.Get(t.param)) // again for further blocks: no harm
	}
	a := &Adapter{LoRA: m.Adapter.LoRA, scale: m.Adapter.scale, parts: map[string][]lowRank{}}
	for _, l := range m.Adapter.list() {
		fresh := l.like(l.a.Rows)
		copy(fresh.a.Data, l.a.Data)
		copy(fresh.b.Data, l.b.Data)
		a.parts[l.t.param] = append(a.parts[l.t.param], fresh)
	}
	c.attach(a)
	return &c
}

// Base is the model with its adapter switched off: the same weights in the same memory. PPO and DPO
// take it as their reference.
func (m *Model) Base() *Model {
	base := *m
	base.Adapter = nil
	return &base
}

// Shared is the base in a store of its own, to which parameters can be added: the weights are the same
// memory. An output head that is not the embedding is left out.
func (m *Model) Shared() *Model {
	s := *m
	s.Params, s.Adapter, s.Config.Tied = graph.NewParams(), nil, true
	for _, t := range s.Config.tensors() {
		s.Params.Share(m.Params.Get(t.param))
	}
	return &s
}

// Merge makes the adapter part of the weights, which train again from then on.
func (m *Model) Merge() {
	a := m.Adapter
	if a == nil {
		return
	}
	if _, ok := a.head(); ok {
		m.untie()
	}
	for _, l := range a.list() {
		l.addTo(m.block(l.t), a.scale)
		m.Params.Remove(l.a)
		m.Params.Remove(l.b)
	}
	for _, t := range m.Config.tensors() {
		p := m.Params.Get(t.param)
		p.Frozen = false
		p.Changed()
	}
	m.Adapter = nil
}

// addTo adds scale·B A to a block [out, in]; sums in float64.
func (l lowRank) addTo(block []float32, scale float64) {
	row := make([]float64, l.a.Cols)
	for i := range l.b.Rows {
		clear(row)
		for r, b := range l.b.Row(i) {
			for j, a := range l.a.Row(r) {
				row[j] += float64(b) * float64(a)
			}
		}
		w := block[i*len(row) : (i+1)*len(row)]
		for j, d := range row {
			w[j] = float32(float64(w[j]) + scale*d)
		}
	}
}

// untie gives a model whose output layer is the embedding one of its own with the same weights.
func (m *Model) untie() {
	if !m.Config.Tied {
		return
	}
	t := m.Config.untied(0)
	p := graph.NewParam(t.param, t.rows, t.cols)
	copy(p.Data, m.Head().Data)
	m.Params.Share(p)
	m.Config.Tied = false
}

// saved is the architecture of the merged model: that of the model, untied by a change of its output layer.
func (m *Model) saved() Config {
	c := m.Config
	if _, ok := m.Adapter.head(); ok {
		c.Tied = false
	}
	return c
}

// head returns the low-rank change of the output layer, if there is one.
func (a *Adapter) head() (lowRank, bool) {
	if a != nil {
		for _, parts := range a.parts {
			if parts[0].t.kind == head {
				return parts[0], true
			}
		}
	}
	return lowRank{}, false
}

// change returns the low-rank change of a tensor, if there is one.
func (a *Adapter) change(t tensor) (lowRank, bool) {
	if a != nil {
		for _, l := range a.parts[t.param] {
			if l.t.name == t.name {
				return l, true
			}
		}
	}
	return lowRank{}, false
}

// CopyWeights takes over the weights of another model of the same architecture, as far as both have
// them (a reward model has no output head), its adapter merged in.
func (m *Model) CopyWeights(src *Model) {
	for _, t := range m.Config.tensors() {
		block := m.block(t)
		copy(block, src.block(t))
		if l, ok := src.Adapter.change(t); ok {
			l.addTo(block, src.Adapter.scale)
		}
		m.Params.Get(t.param).Changed()
	}
}
