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
	MoreEOS []int   // further tokens that end a text, where eos_token_id is a list
	MuP     MuP     // how it was and is trained; zero: the standard parametrisation
}

// Validate names the first field that makes no model.
func (c Config) Validate() error {
	for _, f := range []struct {
		llama, gpt2 string
		value, most int // beyond most lie damaged files
	}{
		{"vocab_size", "vocab_size", c.Vocab, 1 << 24}, {"hidden_size", "n_embd", c.Width, 1 << 20}, {"num_hidden_layers", "n_layer", c.Layers, 1 << 14},
		{"num_attention_heads", "n_head", c.Heads, 1 << 16}, {"num_key_value_heads", "n_head", c.KVHeads, 1 << 16}, {"head_dim", "n_embd / n_head", c.HeadDim, 1 << 16},
		{"intermediate_size", "n_inner", c.FFN, 1 << 24}, {"max_position_embeddings", "n_positions", c.Context, 1 << 28},
	} {
		name := f.llama
		if c.Family == GPT2 {
			name = f.gpt2
		}
		if f.value < 1 {
			return fmt.Errorf("model config: %s is %d, must be at least 1", name, f.value)
		}
		if f.value > f.most {
			return fmt.Errorf("model config: %s is %d, must be at most %d", name, f.value, f.most)
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
	if n := c.size(); n > maxParams {
		return fmt.Errorf("model config: %d layers of width %d and a vocabulary of %d make %.2g parameters, agora takes at most %.2g", c.Layers, c.Width, c.Vocab, n, maxParams)
	}
	return c.MuP.validate()
}

// maxParams bounds a model's parameters, so that none of their counts overflows.
const maxParams = 1e12

// size is about the number of parameters, as a float, which does not overflow.
func (c Config) size() float64 {
	width, heads := float64(c.Width), float64(c.Heads+c.KVHeads)*float64(c.HeadDim)
	n := 2*float64(c.Vocab)*width + float64(c.Layers)*width*(2*heads+3*float64(c.FFN))
	if c.Family == GPT2 {
		n += float64(c.Context) * width
	}
	return n
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
