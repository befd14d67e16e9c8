package policy

import (
	"fmt"

	"agora/policy/checkpoint"
	"agora/policy/tokenizer"
)

// WriteGGUF writes the model for llama.cpp. Matrices are stored as kind (GGUFF16 or GGUFQ8_0; those
// whose rows are no whole blocks as F16), norms, biases and position embeddings as F32.
func (m *Model) WriteGGUF(path, name string, kind checkpoint.Quant) error {
	if m.Tokenizer == nil {
		return fmt.Errorf("%s: the model has no tokenizer", path)
	}
	if kind != checkpoint.GGUFF16 && kind != checkpoint.GGUFQ8_0 {
		return fmt.Errorf("%s: weights are written as F16 or Q8_0, not as %s", path, kind)
	}
	var tensors []checkpoint.GGUFTensor
	for _, t := range m.saved().tensors() {
		block := m.folded(t)
		heads := m.Config.rotaryHeads(t)
		tensors = append(tensors, checkpoint.GGUFTensor{
			Name: ggufName(t.name), Shape: t.ggufShape(), Kind: t.ggufKind(kind),
			Data: func() []float32 {
				if heads > 0 {
					return joinPairs(block, heads, t.cols)
				}
				return block
			},
		})
	}
	return checkpoint.WriteGGUF(path, m.ggufMeta(name, kind), tensors)
}

func (t tensor) ggufKind(kind checkpoint.Quant) checkpoint.Quant {
	switch {
	case t.kind == gain || t.kind == bias || t.kind == position:
		return checkpoint.GGUFF32
	case t.cols%32 != 0:
		return checkpoint.GGUFF16
	}
	return kind
}

// fileTypes are llama.cpp's numbers for what most of a file's tensors are.
var fileTypes = map[checkpoint.Quant]uint32{checkpoint.GGUFF16: 1, checkpoint.GGUFQ8_0: 7}

func (m *Model) ggufMeta(name string, kind checkpoint.Quant) []checkpoint.Meta {
	c := m.Config
	meta := []checkpoint.Meta{
		{Key: "general.architecture", Value: c.Family}, {Key: "general.type", Value: "model"}, {Key: "general.name", Value: name},
		{Key: "general.file_type", Value: fileTypes[kind]}, {Key: "general.quantization_version", Value: uint32(2)},
	}
	add := func(key string, value any) {
		meta = append(meta, checkpoint.Meta{Key: c.Family + "." + key, Value: value})
	}
	add("vocab_size", uint32(c.Vocab))
	add("context_length", uint32(c.Context))
	add("embedding_length", uint32(c.Width))
	add("block_count", uint32(c.Layers))
	add("feed_forward_length", uint32(c.FFN))
	add("attention.head_count", uint32(c.Heads))
	add("attention.head_count_kv", uint32(c.KVHeads))
	if c.Family == Llama {
		add("attention.key_length", uint32(c.HeadDim))
		add("attention.value_length", uint32(c.HeadDim))
		add("attention.layer_norm_rms_epsilon", float32(c.Eps))
		add("rope.dimension_count", uint32(c.HeadDim))
		add("rope.freq_base", float32(c.Theta))
	} else {
		add("attention.layer_norm_epsilon", float32(c.Eps))
	}
	return append(meta, m.ggufTokenizer()...)
}

// ggufTokenizer writes the vocabulary, padded with unused tokens to the rows of the embedding.
func (m *Model) ggufTokenizer() []checkpoint.Meta {
	v := m.Tokenizer.Vocabulary()
	for id := len(v.Tokens); id < m.Config.Vocab; id++ {
		v.Tokens, v.Kinds = append(v.Tokens, fmt.Sprintf("[PAD%d]", id)), append(v.Kinds, tokenizer.Unused)
	}
	kinds := make([]int32, len(v.Kinds))
	for i, k := range v.Kinds {
		kinds[i] = int32(k)
	}
	pre := "gpt-2"
	if v.Digits {
		pre = "smollm"
	}
	meta := []checkpoint.Meta{
		{Key: "tokenizer.ggml.model", Value: "gpt2"}, {Key: "tokenizer.ggml.pre", Value: pre},
		{Key: "tokenizer.ggml.tokens", Value: v.Tokens}, {Key: "tokenizer.ggml.token_type", Value: kinds},
		{Key: "tokenizer.ggml.merges", Value: v.Merges},
		{Key: "tokenizer.ggml.add_bos_token", Value: m.Template != ChatML && v.BOS >= 0},
		{Key: "tokenizer.ggml.add_space_prefix", Value: false},
	}
	eot := int32(-1) // llama.cpp stops there too; it has a place for one more
	if ends := m.Ends(); len(ends) > 1 {
		eot = ends[1]
	}
	for _, end := range []struct {
		key string
		id  int32
	}{{"bos", v.BOS}, {"eos", m.Template.End(m.Tokenizer)}, {"eot", eot}, {"padding", v.EOS}} {
		if end.id >= 0 {
			meta = append(meta, checkpoint.Meta{Key: "tokenizer.ggml." + end.key + "_token_id", Value: uint32(end.id)})
		}
	}
	chat := v.ChatTemplate
	if chat == "" && m.Template == ChatML {
		chat = m.Template.jinja()
	}
	if chat != "" {
		meta = append(meta, checkpoint.Meta{Key: "tokenizer.chat_template", Value: chat})
	}
	return meta
}
