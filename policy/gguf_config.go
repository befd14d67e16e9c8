package policy

import (
	"fmt"
	"strings"

	"agora/policy/checkpoint"
	"agora/policy/tokenizer"
)

// ggufConfig reads the architecture from the metadata. As with config.json, what is no dense
// text-only decoder of the two families is refused by what it is.
func ggufConfig(g *checkpoint.GGUF) (Config, error) {
	arch, err := g.Text("general.architecture")
	if err != nil {
		return Config{}, err
	}
	if n, _ := g.Int("split.count"); n > 1 {
		return Config{}, fmt.Errorf("metadata split.count is %d: this is one part of several; llama-gguf-split --merge joins them", n)
	}
	if err := refuseGGUF(g, arch); err != nil {
		return Config{}, err
	}
	r := &ggufReader{g: g, arch: arch}
	c := Config{
		Family: arch, Width: r.int("embedding_length"), Layers: r.int("block_count"), Context: r.int("context_length"),
		FFN: r.int("feed_forward_length"), Heads: r.int("attention.head_count"),
		Tied: !hasTensor(g, "output.weight"), BOS: r.token("bos"), EOS: r.token("eos"),
	}
	if eot := r.token("eot"); eot >= 0 && c.EOS >= 0 && eot != c.EOS {
		c.MoreEOS = []int{eot}
	}
	c.KVHeads = r.intOr("attention.head_count_kv", c.Heads)
	c.HeadDim = r.intOr("attention.key_length", c.Width/max(c.Heads, 1))
	if arch == Llama {
		c.Eps = r.float("attention.layer_norm_rms_epsilon", 0)
		c.Theta = r.float("rope.freq_base", 10000)
		if n := r.intOr("rope.dimension_count", c.HeadDim); n != c.HeadDim && r.err == nil {
			r.err = fmt.Errorf("metadata llama.rope.dimension_count is %d, only the head's %d is supported", n, c.HeadDim)
		}
		if n := r.intOr("attention.value_length", c.HeadDim); n != c.HeadDim && r.err == nil {
			r.err = fmt.Errorf("metadata llama.attention.value_length is %d, only key_length's %d is supported", n, c.HeadDim)
		}
	} else {
		c.Eps = r.float("attention.layer_norm_epsilon", 0)
	}
	shape, ok := g.Shape("token_embd.weight")
	if !ok || len(shape) != 2 {
		return c, fmt.Errorf("tensor token_embd.weight is missing or no matrix")
	}
	c.Vocab = shape[0]
	if r.err != nil {
		return c, r.err
	}
	return c, c.Validate()
}

func hasTensor(g *checkpoint.GGUF, name string) bool {
	_, ok := g.Shape(name)
	return ok
}

// refuseGGUF names the kinds of model that agora does not train.
func refuseGGUF(g *checkpoint.GGUF, arch string) error {
	kind := ""
	experts, _ := g.Int(arch + ".expert_count")
	switch {
	case experts > 0 || strings.Contains(arch, "moe"):
		kind = "a mixture-of-experts model"
	case arch == "clip" || strings.Contains(arch, "vl") || arch == "mllama":
		kind = "a vision model"
	case strings.HasPrefix(arch, "t5") || strings.Contains(arch, "bert"):
		kind = "an encoder or encoder-decoder model"
	}
	if kind != "" {
		return fmt.Errorf("this is %s (%s); agora trains dense text-only decoders", kind, arch)
	}
	if arch != Llama && arch != GPT2 {
		return fmt.Errorf("architecture %q is not supported, agora trains %s and %s models", arch, Llama, GPT2)
	}
	if kind, err := g.Text(arch + ".rope.scaling.type"); err == nil && kind != "none" {
		return fmt.Errorf("metadata %s.rope.scaling.type is %q, which is not supported", arch, kind)
	}
	if hasTensor(g, "rope_freqs.weight") {
		return fmt.Errorf("tensor rope_freqs.weight: scaled rotary frequencies are not supported")
	}
	return nil
}

// ggufReader takes the metadata of an architecture and keeps the first error.
type ggufReader struct {
	g    *checkpoint.GGUF
	arch string
	err  error
}

func (r *ggufReader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *ggufReader) int(key string) int {
	n, err := r.g.Int(r.arch + "." + key)
	r.keep(err)
	return n
}

func (r *ggufReader) intOr(key string, otherwise int) int {
	if !r.g.Has(r.arch + "." + key) {
		return otherwise
	}
	return r.int(key)
}

// float reads a number as the float32 that the file holds, in its shortest decimal form; 0 for
// otherwise means that it must be there.
func (r *ggufReader) float(key string, otherwise float64) float64 {
	if key = r.arch + "." + key; otherwise != 0 && !r.g.Has(key) {
		return otherwise
	}
	x, err := r.g.Float(key)
	r.keep(err)
	return shortest(x)
}

// shortest turns the float32 nearest to 1e-5 (1.00000000168e-05 as a float64) back into 1e-5.
func shortest(x float64) float64 {
	var y float64
	if _, err := fmt.Sscan(fmt.Sprint(float32(x)), &y); err != nil {
		return x
	}
	return y
}

func (r *ggufReader) token(name string) int {
	key := "tokenizer.ggml." + name + "_token_id"
	if !r.g.Has(key) {
		return -1
	}
	id, err := r.g.Int(key)
	r.keep(err)
	return id
}

// preTokenizers says of llama.cpp's pre-tokenizers whether digits are split off; both go on with the
// GPT-2 pattern.
var preTokenizers = map[string]bool{"gpt2": false, "gpt-2": false, "smollm": true}

// ggufVocabulary reads the tokenizer.
func ggufVocabulary(g *checkpoint.GGUF) (v tokenizer.Vocabulary, err error) {
	model, err := g.Text("tokenizer.ggml.model")
	if err != nil {
		return v, err
	}
	if model != "gpt2" {
		return v, fmt.Errorf("metadata tokenizer.ggml.model is %q; only byte-level BPE (gpt2) is supported", model)
	}
	pre, err := g.Text("tokenizer.ggml.pre")
	if err != nil {
		return v, err
	}
	var known bool
	if v.Digits, known = preTokenizers[pre]; !known {
		return v, fmt.Errorf("metadata tokenizer.ggml.pre is %q; only gpt-2 and smollm are supported", pre)
	}
	if v.Tokens, err = g.Texts("tokenizer.ggml.tokens"); err != nil {
		return v, err
	}
	kinds, err := g.Ints("tokenizer.ggml.token_type")
	if err != nil {
		return v, err
	}
	for _, k := range kinds {
		v.Kinds = append(v.Kinds, tokenizer.Kind(k))
	}
	if v.Merges, err = g.Texts("tokenizer.ggml.merges"); err != nil {
		return v, err
	}
	r := &ggufReader{g: g}
	v.BOS, v.EOS = int32(r.token("bos")), int32(r.token("eos"))
	v.ChatTemplate, _ = g.Text("tokenizer.chat_template")
	return v, r.err
}
