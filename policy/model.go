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
	Adapter   *Adapter             // a low-rank change of linear layers; nil for none
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

// Clone copies the weights; tokenizer and template are shared, and with an adapter also the frozen
// weights, so that only the adapter is copied. PPO's reference and average of the policy are clones.
func (m *Model) Clone() (*Model, error) {
	if m.Adapter != nil {
		return m.cloneAdapter(), nil
	}
	c, err := NewModel(m.Config)
	if err != nil {
		return nil, err
	}
	c.Tokenizer, c.Template, c.DType, c.Hash = m.Tokenizer, m.Template, m.DType, m.Hash
	return c, c.Params.CopyFrom(m.Params)
}

// Head is the parameter [vocab, width] that maps hidden states to logits.
func (m *Model) Head() *graph.Param { return m.Params.Get(m.Config.headName()) }

// Output is how the hidden states of an input become logits: the head, with its low-rank change where the
// model's adapter has one.
func (m *Model) Output(in Input) graph.Head {
	h := graph.Head{W: m.Head()}
	if l, ok := m.Adapter.head(); ok {
		h.A, h.B, h.Scale, h.Dropout = l.a, l.b, m.Adapter.scale, in.AdapterDropout
	}
	return h
}

// Input is a token stream on its way into Hidden.
type Input struct {
	IDs     *graph.Value // [tokens] int
	Layout  *graph.Layout
	Dropout float64 // on the embedding and on both branches of every layer; 0 outside of training

	AdapterDropout float64 // on what the low-rank changes of an adapter read; 0 outside of training
	Recompute      bool    // keep only the layers' outputs for the reverse pass, see graph.Recompute

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

// block traces a layer.
func (in Input) block(g *graph.Graph, layer func() *graph.Value) *graph.Value {
	if in.Recompute {
		return g.Recompute(layer)
	}
	return layer()
}

// NewInput declares the inputs "<name>.ids" and "<name>.lens" of a training or scoring graph, with
// room for tokens in seqs segments.
func (m *Model) NewInput(g *graph.Graph, name string, tokens, seqs *graph.Dim) Input {
	return Input{IDs: g.Ints(name+".ids", tokens), Layout: g.Layout(name, tokens, seqs, min(m.Config.Context, tokens.Cap))}
}

// NewCachedInput declares the inputs of a graph that extends cached sequences.
func (m *Model) NewCachedInput(g *graph.Graph, name string, tokens, seqs *graph.Dim, cache *graph.KVCache) Input {
	return Input{IDs: g.Ints(name+".ids", tokens), Layout: g.CachedLayout(name, tokens, seqs, cache)}
}

// Hidden traces the transformer: [tokens] ids → hidden states after the last norm, [tokens, width].
// Logits are what Output makes of them, which the graph's LogProb, CrossEntropy and Sample compute in blocks.
func (m *Model) Hidden(g *graph.Graph, in Input) *graph.Value {
	if m.Config.Family == GPT2 {
		return m.gpt2Hidden(g, in)
	}
	return m.llamaHidden(g, in)
}

// llamaHidden is the decoder of Touvron et al. 2023 (arXiv:2302.13971).
func (m *Model) llamaHidden(g *graph.Graph, in Input) *graph.Value {
	p := m.Params.Get
	x := g.Dropout(g.Embedding(in.IDs, p("model.embed_tokens.weight")), in.Dropout)
	in.watch("embedding", x)
	for i := range m.Config.Layers {
		x = in.block(g, func() *graph.Value { return m.llamaLayer(g, in, x, i) })
		in.watchLayer(i, "residual", x)
	}
	return m.readout(g, in, g.RMSNorm(x, p("model.norm.weight"), m.Config.Eps))
}

func (m *Model) llamaLayer(g *graph.Graph, in Input, x *graph.Value, i int) *graph.Value {
	c, p, l := m.Config, m.Params.Get, fmt.Sprintf("model.layers.%d.", i)
	h := g.RMSNorm(x, p(l+"input_layernorm.weight"), c.Eps)
	h = g.Attention(m.linear(g, in, h, l+"self_attn.qkv_proj"), in.Layout, c.attention(), i)
	in.watchLayer(i, "attention", h)
	x = m.addLinear(g, in, x, h, l+"self_attn.o_proj")

	h = g.RMSNorm(x, p(l+"post_attention_layernorm.weight"), c.Eps)
	h = g.SwiGLU(m.linear(g, in, h, l+"mlp.gate_up_proj"))
	in.watchLayer(i, "feed_forward", h)
	return m.addLinear(g, in, x, h, l+"mlp.down_proj")
}

// gpt2Hidden is the decoder of Radford et al. 2019.
func (m *Model) gpt2Hidden(g *graph.Graph, in Input) *graph.Value {
	p := m.Params.Get
	x := g.PosEmbedding(g.Embedding(in.IDs, p("transformer.wte.weight")), in.Layout, p("transformer.wpe.weight"))
	x = g.Dropout(x, in.Dropout)
	in.watch("embedding", x)
	for i := range m.Config.Layers {
		x = in.block(g, func() *graph.Value { return m.gpt2Layer(g, in, x, i) })
		in.watchLayer(i, "residual", x)
	}
	return m.readout(g, in, m.layerNorm(g, x, "transformer.ln_f"))
}

func (m *Model) gpt2Layer(g *graph.Graph, in Input, x *graph.Value, i int) *graph.Value {
	l := fmt.Sprintf("transformer.h.%d.", i)
	qkv := m.linear(g, in, m.layerNorm(g, x, l+"ln_1"), l+"attn.c_attn")
	h := g.Attention(qkv, in.Layout, m.Config.attention(), i)
	in.watchLayer(i, "attention", h)
	x = m.addLinear(g, in, x, h, l+"attn.c_proj")

	h = g.GELU(m.linear(g, in, m.layerNorm(g, x, l+"ln_2"), l+"mlp.c_fc"))
	in.watchLayer(i, "feed_forward", h)
	return m.addLinear(g, in, x, h, l+"mlp.c_proj")
}

func (m *Model) layerNorm(g *graph.Graph, x *graph.Value, name string) *graph.Value {
	return g.LayerNorm(x, m.Params.Get(name+".weight"), m.Params.Get(name+".bias"), m.Config.Eps)
}

// readout is what the head reads: the normed hidden states, under muP times the factor of the logits.
func (m *Model) readout(g *graph.Graph, in Input, x *graph.Value) *graph.Value {
	in.watch("hidden", x)
	if f := m.Config.outputScale(); f != 1 {
		x = g.Scale(x, f)
	}
	return x
}

// linear is h wᵀ + b of the layer of that name, with its low-rank change where the model has an adapter.
func (m *Model) linear(g *graph.Graph, in Input, h *graph.Value, name string) *graph.Value {
	w := m.Params.Get(name + ".weight")
	return m.Adapter.add(g, g.Linear(h, w, m.Params.Get(name+".bias")), h, w.Name, in.AdapterDropout)
}

// addLinear is x + dropout(linear(h)), fused where nothing is dropped.
func (m *Model) addLinear(g *graph.Graph, in Input, x, h *graph.Value, name string) *graph.Value {
	if in.Dropout > 0 {
		return g.Add(x, g.Dropout(m.linear(g, in, h, name), in.Dropout))
	}
	w := m.Params.Get(name + ".weight")
	return m.Adapter.add(g, g.LinearAdd(x, h, w, m.Params.Get(name+".bias")), h, w.Name, in.AdapterDropout)
}
