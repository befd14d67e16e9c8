package policy

import "fmt"

// tensor says where one tensor of a Hugging Face checkpoint lies in the parameters. Linear weights
// are [out, in] on both sides, except GPT-2's, which are stored [in, out]. Projections that read the
// same input are fused here: q, k and v in one parameter, gate and up in another, one below the
// other, so that each stored tensor is a block of rows.
type tensor struct {
	name       string // in the checkpoint
	param      string // in graph.Params
	row        int    // first row within the parameter
	rows, cols int    // of this block, as the parameter has them
	kind       kind
	transposed bool // stored [cols, rows]

	order    int  // in the checkpoint
	readsFFN bool // its input is the feed-forward layer, not the residual stream or the heads
	queries  int  // numbers at its beginning that make queries
	lastNorm bool // before the head
}

// kind decides initial values and weight decay.
type kind int

const (
	embedding kind = iota
	position
	matrix
	residual // a matrix whose product is added to the residual stream
	head
	gain // one-dimensional: norm gains, start at 1
	bias // one-dimensional, start at 0
)

// shape is the tensor's shape in the checkpoint.
func (t tensor) shape() []int {
	switch {
	case t.kind == gain || t.kind == bias:
		return []int{t.cols}
	case t.transposed:
		return []int{t.cols, t.rows}
	}
	return []int{t.rows, t.cols}
}

// tensors lists the checkpoint in the order of the forward pass.
func (c Config) tensors() []tensor {
	if c.Family == GPT2 {
		return c.gpt2Tensors()
	}
	return c.llamaTensors()
}

// headName is the parameter that maps hidden states to logits.
func (c Config) headName() string {
	switch {
	case !c.Tied:
		return "lm_head.weight"
	case c.Family == GPT2:
		return "transformer.wte.weight"
	}
	return "model.embed_tokens.weight"
}

func (c Config) llamaTensors() []tensor {
	d, q, kv := c.Width, c.qWidth(), c.kvWidth()
	list := []tensor{{name: "model.embed_tokens.weight", rows: c.Vocab, cols: d, kind: embedding}}
	for i := range c.Layers {
		l := fmt.Sprintf("model.layers.%d.", i)
		qkv, gateUp := l+"self_attn.qkv_proj.weight", l+"mlp.gate_up_proj.weight"
		list = append(list,
			tensor{name: l + "input_layernorm.weight", rows: 1, cols: d, kind: gain},
			tensor{name: l + "self_attn.q_proj.weight", param: qkv, rows: q, cols: d, kind: matrix, queries: q * d},
			tensor{name: l + "self_attn.k_proj.weight", param: qkv, row: q, rows: kv, cols: d, kind: matrix},
			tensor{name: l + "self_attn.v_proj.weight", param: qkv, row: q + kv, rows: kv, cols: d, kind: matrix},
			tensor{name: l + "self_attn.o_proj.weight", rows: d, cols: q, kind: residual},
			tensor{name: l + "post_attention_layernorm.weight", rows: 1, cols: d, kind: gain},
			tensor{name: l + "mlp.gate_proj.weight", param: gateUp, rows: c.FFN, cols: d, kind: matrix},
			tensor{name: l + "mlp.up_proj.weight", param: gateUp, row: c.FFN, rows: c.FFN, cols: d, kind: matrix},
			tensor{name: l + "mlp.down_proj.weight", rows: d, cols: c.FFN, kind: residual, readsFFN: true},
		)
	}
	list = append(list, tensor{name: "model.norm.weight", rows: 1, cols: d, kind: gain, lastNorm: true})
	return c.withHead(list)
}

func (c Config) gpt2Tensors() []tensor {
	d := c.Width
	list := []tensor{
		{name: "transformer.wte.weight", rows: c.Vocab, cols: d, kind: embedding},
		{name: "transformer.wpe.weight", rows: c.Context, cols: d, kind: position},
	}
	norm := func(name string) []tensor {
		return []tensor{{name: name + ".weight", rows: 1, cols: d, kind: gain}, {name: name + ".bias", rows: 1, cols: d, kind: bias}}
	}
	linear := func(name string, in, out int, k kind) []tensor {
		return []tensor{{name: name + ".weight", rows: out, cols: in, kind: k, transposed: true},
			{name: name + ".bias", rows: 1, cols: out, kind: bias}}
	}
	for i := range c.Layers {
		l := fmt.Sprintf("transformer.h.%d.", i)
		list = append(list, norm(l+"ln_1")...)
		qkv := linear(l+"attn.c_attn", d, 3*d, matrix)
		qkv[0].queries, qkv[1].queries = d*d, d
		list = append(list, qkv...)
		list = append(list, linear(l+"attn.c_proj", d, d, residual)...)
		list = append(list, norm(l+"ln_2")...)
		list = append(list, linear(l+"mlp.c_fc", d, c.FFN, matrix)...)
		down := linear(l+"mlp.c_proj", c.FFN, d, residual)
		down[0].readsFFN = true
		list = append(list, down...)
	}
	last := norm("transformer.ln_f")
	last[0].lastNorm, last[1].lastNorm = true, true
	return c.withHead(append(list, last...))
}

// withHead adds an untied head and names the parameters that hold one tensor after it.
func (c Config) withHead(list []tensor) []tensor {
	if !c.Tied {
		list = append(list, tensor{name: c.headName(), rows: c.Vocab, cols: c.Width, kind: head})
	}
	for i := range list {
		list[i].order = i
		if list[i].param == "" {
			list[i].param = list[i].name
		}
	}
	return list
}
