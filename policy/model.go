package policy

import (
	"fmt"

	"agora/policy/checkpoint"
	"agora/policy/graph"
	"agora/policy/tokenizer"
)

// Model is a policy: architecture, weights, and how text becomes tokens. Arithmetic is float32.
type Model struct {
	Config    Config
	Params    *graph.Params
	Tokenizer *tokenizer.Tokenizer // nil in benchmarks and some tests
	Template  Template
	DType     checkpoint.DType // how Save stores the weights
	Hash      string           // of the directory it was loaded from, "" for a new model
}

// NewModel allocates a model of zeros; use Init for random weights or Load to read some.
func NewModel(c Config) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m := &Model{Config: c, Params: graph.NewParams(), Template: Plain, DType: checkpoint.F32}
	rows := make(map[string]int)
	for _, t := range c.tensors() {
		rows[t.param] = max(rows[t.param], t.row+t.rows)
	}
	for _, t := range c.tensors() {
		if t.row > 0 {
			continue // a further block of a fused parameter
		}
		p, err := m.Params.Add(t.param, rows[t.param], t.cols)
		if err != nil {
			return nil, err
		}
		p.NoDecay = t.kind == gain || t.kind == bias
		if mult := c.widthMult(t); mult != 1 { // muP: slower by m, and as much weight decay per step as before
			p.LRScale, p.DecayScale = float32(1/mult), float32(mult)
		}
	}
	return m, nil
}

// Clone copies the weights; tokenizer and template are shared. PPO's reference is a clone.
func (m *Model) Clone() (*Model, error) {
	c, err := NewModel(m.Config)
	if err != nil {
		return nil, err
	}
	c.Tokenizer, c.Template, c.DType, c.Hash = m.Tokenizer, m.Template, m.DType, m.Hash
	return c, c.Params.CopyFrom(m.Params)
}

// Head is the parameter [vocab, width] that maps hidden states to logits.
func (m *Model) Head() *graph.Param { return m.Params.Get(m.Config.headName()) }

// Input is a token stream on its way into Hidden.
type Input struct {
	IDs     *graph.Value // [tokens] int
	Layout  *graph.Layout
	Dropout float64 // on the embedding and on both branches of every layer; 0 outside of training

	// Watch, if not nil, is shown the activations while Hidden traces them: embedding, layer.<i>.attention
	// (before its output projection), layer.<i>.feed_forward (likewise), layer.<i>.residual, hidden.
	Watch func(name string, x *graph.Value)
}

func (in Input) watch(name string, x *graph.Value) {
	if in.Watch != nil {
		in.Watch(name, x)
	}
}

func (in Input) watchLayer(i int, name string, x *graph.Value) {
	if in.Watch != nil {
		in.Watch(fmt.Sprintf("layer.%d.%s", i, name), x)
	}
}

// NewInput declares the inputs "<name>.ids" and "<name>.lens" of a training or scoring graph, with
// room for tokens in seqs segments.
func (m *Model) NewInput(g *graph.Graph, name string, tokens, seqs *graph.Dim) Input {
	return Input{IDs: g.Ints(name+".ids", tokens), Layout: g.Layout(name, tokens, seqs, m.Config.Context)}
}

// NewCachedInput declares the inputs of a graph that extends cached sequences.
func (m *Model) NewCachedInput(g *graph.Graph, name string, tokens, seqs *graph.Dim, cache *graph.KVCache) Input {
	return Input{IDs: g.Ints(name+".ids", tokens), Layout: g.CachedLayout(name, tokens, seqs, cache)}
}

// Hidden traces the transformer: [tokens] ids → hidden states after the last norm, [tokens, width].
// Logits are Hidden · Headᵀ, which the graph's LogProb, CrossEntropy and Sample compute in blocks.
func (m *Model) Hidden(g *graph.Graph, in Input) *graph.Value {
	if m.Config.Family == GPT2 {
		return m.gpt2Hidden(g, in)
	}
	return m.llamaHidden(g, in)
}

// llamaHidden is the decoder of Touvron et al. 2023 (arXiv:2302.13971).
func (m *Model) llamaHidden(g *graph.Graph, in Input) *graph.Value {
	c, p := m.Config, m.Params.Get
	x := g.Dropout(g.Embedding(in.IDs, p("model.embed_tokens.weight")), in.Dropout)
	in.watch("embedding", x)
	for i := range c.Layers {
		l := fmt.Sprintf("model.layers.%d.", i)
		h := g.RMSNorm(x, p(l+"input_layernorm.weight"), c.Eps)
		qkv := g.Linear(h, p(l+"self_attn.qkv_proj.weight"), nil)
		h = g.Attention(qkv, in.Layout, c.attention(), i)
		in.watchLayer(i, "attention", h)
		x = addLinear(g, x, h, p(l+"self_attn.o_proj.weight"), nil, in.Dropout)

		h = g.RMSNorm(x, p(l+"post_attention_layernorm.weight"), c.Eps)
		h = g.SwiGLU(g.Linear(h, p(l+"mlp.gate_up_proj.weight"), nil))
		in.watchLayer(i, "feed_forward", h)
		x = addLinear(g, x, h, p(l+"mlp.down_proj.weight"), nil, in.Dropout)
		in.watchLayer(i, "residual", x)
	}
	return m.readout(g, in, g.RMSNorm(x, p("model.norm.weight"), c.Eps))
}

// gpt2Hidden is the decoder of Radford et al. 2019.
func (m *Model) gpt2Hidden(g *graph.Graph, in Input) *graph.Value {
	c, p := m.Config, m.Params.Get
	norm := func(x *graph.Value, name string) *graph.Value {
		return g.LayerNorm(x, p(name+".weight"), p(name+".bias"), c.Eps)
	}
	x := g.PosEmbedding(g.Embedding(in.IDs, p("transformer.wte.weight")), in.Layout, p("transformer.wpe.weight"))
	x = g.Dropout(x, in.Dropout)
	in.watch("embedding", x)
	for i := range c.Layers {
		l := fmt.Sprintf("transformer.h.%d.", i)
		qkv := g.Linear(norm(x, l+"ln_1"), p(l+"attn.c_attn.weight"), p(l+"attn.c_attn.bias"))
		h := g.Attention(qkv, in.Layout, c.attention(), i)
		in.watchLayer(i, "attention", h)
		x = addLinear(g, x, h, p(l+"attn.c_proj.weight"), p(l+"attn.c_proj.bias"), in.Dropout)

		h = g.GELU(g.Linear(norm(x, l+"ln_2"), p(l+"mlp.c_fc.weight"), p(l+"mlp.c_fc.bias")))
		in.watchLayer(i, "feed_forward", h)
		x = addLinear(g, x, h, p(l+"mlp.c_proj.weight"), p(l+"mlp.c_proj.bias"), in.Dropout)
		in.watchLayer(i, "residual", x)
	}
	return m.readout(g, in, norm(x, "transformer.ln_f"))
}

// readout is what the head reads: the normed hidden states, under muP times the factor of the logits.
func (m *Model) readout(g *graph.Graph, in Input, x *graph.Value) *graph.Value {
	in.watch("hidden", x)
	if f := m.Config.outputScale(); f != 1 {
		x = g.Scale(x, f)
	}
	return x
}

// addLinear is x + dropout(h wᵀ + b), fused where nothing is dropped.
func addLinear(g *graph.Graph, x, h *graph.Value, w, b *graph.Param, rate float64) *graph.Value {
	if rate == 0 {
		return g.LinearAdd(x, h, w, b)
	}
	return g.Add(x, g.Dropout(g.Linear(h, w, b), rate))
}
