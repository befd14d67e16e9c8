package policy

import (
	"fmt"

	"agora/policy/graph"
)

// Families of architectures, by the model_type of Hugging Face's config.json.
const (
	Llama = "llama" // RMSNorm, rotary positions, grouped-query attention, SwiGLU, no biases
	GPT2  = "gpt2"  // LayerNorm, learned positions, GELU, biases
)

// Config is an architecture. The JSON of transformers (config.json) is read and written by
// ParseConfig and Config.JSON.
type Config struct {
	Family  string // Llama or GPT2
	Vocab   int    // ids, 0 … Vocab-1
	Width   int    // of the residual stream (hidden_size)
	Layers  int
	Heads   int
	KVHeads int     // heads of keys and values, each shared by Heads/KVHeads query heads
	HeadDim int     // width of one head
	FFN     int     // width of the feed-forward layer (intermediate_size)
	Context int     // tokens a sequence may have (max_position_embeddings)
	Eps     float64 // of the norms
	Theta   float64 // base of the rotary embedding; Llama only
	Tied    bool    // the output head is the embedding
	BOS     int     // -1 for none
	EOS     int     // -1 for none
	MuP     MuP     // how it was and is trained; zero: the standard parametrisation
}

// Validate names the first field that makes no model.
func (c Config) Validate() error {
	for _, f := range []struct {
		name  string
		value int
	}{
		{"vocab_size", c.Vocab}, {"hidden_size", c.Width}, {"num_hidden_layers", c.Layers},
		{"num_attention_heads", c.Heads}, {"num_key_value_heads", c.KVHeads}, {"head_dim", c.HeadDim},
		{"intermediate_size", c.FFN}, {"max_position_embeddings", c.Context},
	} {
		if f.value < 1 {
			return fmt.Errorf("model config: %s is %d, must be at least 1", f.name, f.value)
		}
	}
	switch {
	case c.Family != Llama && c.Family != GPT2:
		return fmt.Errorf("model config: family %q, must be %s or %s", c.Family, Llama, GPT2)
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("model config: num_attention_heads %d is not a multiple of num_key_value_heads %d", c.Heads, c.KVHeads)
	case c.Family == GPT2 && (c.KVHeads != c.Heads || c.HeadDim*c.Heads != c.Width):
		return fmt.Errorf("model config: n_embd %d is not a multiple of n_head %d", c.Width, c.Heads)
	case c.Family == Llama && c.HeadDim%2 != 0:
		return fmt.Errorf("model config: head_dim %d must be even for rotary embedding", c.HeadDim)
	case c.Family == Llama && c.Theta <= 0:
		return fmt.Errorf("model config: rope_theta is %g, must be positive", c.Theta)
	case c.Eps <= 0:
		return fmt.Errorf("model config: the norms' epsilon is %g, must be positive", c.Eps)
	}
	return c.MuP.validate()
}

// attention describes the heads for the graph.
func (c Config) attention() graph.Attn {
	a := graph.Attn{Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim, Scale: c.scoreScale()}
	if c.Family == Llama {
		a.RopeTheta = c.Theta
	}
	return a
}

// MicroTokens is how many tokens a training pass takes at a time: those that are asked for, or where
// that is 0 as many as need about 1 GiB for what the backward pass reads, between 256 and most.
// A token keeps about 14 rows of the width and 3 of the feed-forward width in each layer; when layers
// are computed again, one row in each and all that in one layer.
func (c Config) MicroTokens(asked, most int, recompute bool) int {
	if asked > 0 {
		return asked
	}
	layer := 4 * (14*c.Width + 3*c.FFN)
	bytes := c.Layers * layer
	if recompute {
		bytes = 4*c.Layers*c.Width + layer
	}
	return min(max((1<<30)/bytes, 256), most)
}

// qWidth and kvWidth are the columns of the queries and of the keys (or values) of all heads.
func (c Config) qWidth() int  { return c.Heads * c.HeadDim }
func (c Config) kvWidth() int { return c.KVHeads * c.HeadDim }

// FlopsPerToken is the multiply-adds of the weights, counted as 6 operations per weight and trained
// token (forward 2, backward 4), the head included and the input embedding not.
func (c Config) FlopsPerToken() float64 {
	var n int
	for _, t := range c.tensors() {
		if t.kind == matrix || t.kind == residual || t.kind == head || t.kind == embedding && c.Tied {
			n += t.rows * t.cols
		}
	}
	return 6 * float64(n)
}
