package policy

import (
	"fmt"
	"strings"

	"agora/policy/checkpoint"
	"agora/policy/tokenizer"
)

// LoadGGUF reads a model of llama.cpp's format; quantised weights become the float32 numbers that
// they stand for.
func LoadGGUF(path string) (*Model, error) {
	g, err := checkpoint.OpenGGUF(path)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	c, err := ggufConfig(g)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, t := range c.tensors() { // before anything of that size is reserved
		if err := g.CheckShape(ggufName(t.name), t.ggufShape()); err != nil {
			return nil, err
		}
	}
	m, err := NewModel(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := m.loadGGUFWeights(g); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	v, err := ggufVocabulary(g)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if m.Tokenizer, err = tokenizer.New(v); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if m.Tokenizer.Size() > c.Vocab {
		return nil, fmt.Errorf("%s: the tokenizer has %d ids, token_embd.weight has %d rows", path, m.Tokenizer.Size(), c.Vocab)
	}
	m.Template = templateOf(m.Tokenizer)
	m.Hash, err = checkpoint.HashFile(path)
	return m, err
}

// loadGGUFWeights fills the parameters. Every tensor of the file must have its place.
func (m *Model) loadGGUFWeights(g *checkpoint.GGUF) error {
	used := make(map[string]bool)
	for _, t := range m.Config.tensors() {
		name := ggufName(t.name)
		used[name] = true
		p := m.Params.Get(t.param)
		block := p.Data[t.row*p.Cols : (t.row+t.rows)*p.Cols]
		if err := g.Read(name, t.ggufShape(), block); err != nil {
			return err
		}
		if heads := m.Config.rotaryHeads(t); heads > 0 {
			copy(block, splitHalves(block, heads, t.cols))
		}
	}
	for _, name := range g.Names() {
		if !used[name] {
			return fmt.Errorf("tensor %s has no place in a %s model", name, m.Config.Family)
		}
	}
	m.Params.Changed()
	return nil
}

// ggufShape is the tensor's shape in GGUF, where GPT-2's linear weights are [out, in] as here.
func (t tensor) ggufShape() []int {
	if t.kind == gain || t.kind == bias {
		return []int{t.cols}
	}
	return []int{t.rows, t.cols}
}

// ggufNames gives the names of llama.cpp for those of Hugging Face, layers without their number.
var ggufNames = map[string]string{
	"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
	"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
	"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
	"mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",

	"transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm",
	"ln_1": "attn_norm", "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
	"mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
}

// ggufName turns model.layers.3.mlp.up_proj.weight into blk.3.ffn_up.weight.
func ggufName(name string) string {
	for _, prefix := range []string{"model.layers.", "transformer.h."} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			layer, rest, _ := strings.Cut(rest, ".")
			return "blk." + layer + "." + ggufName(rest)
		}
	}
	dot := strings.LastIndexByte(name, '.')
	return ggufNames[name[:dot]] + name[dot:]
}

// rotaryHeads is the number of heads whose rows llama.cpp keeps in another order, 0 for other tensors.
func (c Config) rotaryHeads(t tensor) int {
	switch {
	case strings.HasSuffix(t.name, "self_attn.q_proj.weight"):
		return c.Heads
	case strings.HasSuffix(t.name, "self_attn.k_proj.weight"):
		return c.KVHeads
	}
	return 0
}

// splitHalves undoes llama.cpp's order of the rows of q and k, which keeps the two numbers that are
// rotated together side by side: rows a0 b0 a1 b1 … of each head become a0 a1 … b0 b1 …
func splitHalves(x []float32, heads, cols int) []float32 {
	out := make([]float32, len(x))
	forRotaryRows(len(x)/cols/heads, heads, func(halves, pairs int) {
		copy(out[halves*cols:(halves+1)*cols], x[pairs*cols:])
	})
	return out
}

// joinPairs is the inverse of splitHalves.
func joinPairs(x []float32, heads, cols int) []float32 {
	out := make([]float32, len(x))
	forRotaryRows(len(x)/cols/heads, heads, func(halves, pairs int) {
		copy(out[pairs*cols:(pairs+1)*cols], x[halves*cols:])
	})
	return out
}

// forRotaryRows calls row with every row's place in both orders.
func forRotaryRows(headDim, heads int, row func(halves, pairs int)) {
	for h := range heads {
		for i := range headDim / 2 {
			for half := range 2 {
				row(h*headDim+half*headDim/2+i, h*headDim+2*i+half)
			}
		}
	}
}
