package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ParseConfig reads Hugging Face's config.json. Only dense text-only decoders of the two families
// are accepted; anything else is refused by what it is.
func ParseConfig(data []byte) (Config, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return Config{}, fmt.Errorf("not a config.json: %w", wrongType(err))
	}
	if err := refuse(raw); err != nil {
		return Config{}, err
	}
	r := &configReader{raw: raw}
	var c Config
	switch family := r.text("model_type", ""); family {
	case Llama:
		c = r.llama()
	case GPT2:
		c = r.gpt2()
	case "":
		if r.err == nil {
			r.err = errors.New("it has no model_type")
		}
		return Config{}, r.err
	default:
		return Config{}, fmt.Errorf("architecture %q is not supported, agora trains %s and %s models", family, Llama, GPT2)
	}
	r.field(mupKey, &c.MuP)
	if r.err != nil {
		return Config{}, r.err
	}
	return c, c.Validate()
}

// refuse names the kinds of model that agora does not train.
func refuse(raw map[string]json.RawMessage) error {
	has := func(keys ...string) bool {
		for _, key := range keys {
			if text := string(raw[key]); text != "" && text != "null" && text != "false" {
				return true
			}
		}
		return false
	}
	many := func(keys ...string) bool { // one expert is a dense model
		return slices.ContainsFunc(keys, func(key string) bool { return has(key) && string(raw[key]) != "0" && string(raw[key]) != "1" })
	}
	about := strings.ToLower(string(raw["model_type"]) + string(raw["architectures"]))
	kind := ""
	switch {
	case many("num_experts", "num_local_experts", "n_routed_experts", "moe_intermediate_size") ||
		strings.Contains(about, "moe") || strings.Contains(about, "mixtral"):
		kind = "a mixture-of-experts model"
	case has("vision_config", "vision_tower", "image_token_id", "image_size") ||
		strings.Contains(about, "vision") || strings.Contains(about, "llava") || strings.Contains(about, "imagegpt"):
		kind = "a vision model"
	case has("audio_config"):
		kind = "an audio model"
	case has("is_encoder_decoder"):
		kind = "an encoder-decoder model"
	case has("quantization_config"):
		kind = "a quantised model"
	}
	if kind == "" {
		return nil
	}
	return fmt.Errorf("this is %s (%s); agora trains dense text-only decoders", kind, strings.Trim(string(raw["model_type"]), `"`))
}

// configReader takes fields out of config.json and keeps the first error.
type configReader struct {
	raw map[string]json.RawMessage
	err error
}

func (r *configReader) field(key string, dst any) bool {
	text, ok := r.raw[key]
	if !ok || string(text) == "null" {
		return false
	}
	err := json.Unmarshal(text, dst)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil || r.err != nil:
	case errors.As(err, &wrong) && wrong.Field == "":
		r.err = fmt.Errorf("%s is %.60s, want %s", key, text, plainType(wrong.Type))
	default:
		r.err = fmt.Errorf("%s %.60s: %w", key, text, wrongType(err))
	}
	return true
}

func (r *configReader) int(key string, otherwise int) int {
	n := otherwise
	r.field(key, &n)
	return n
}

func (r *configReader) number(key string, otherwise float64) float64 {
	x := otherwise
	r.field(key, &x)
	return x
}

func (r *configReader) text(key, otherwise string) string {
	s := otherwise
	r.field(key, &s)
	return s
}

func (r *configReader) bool(key string, otherwise bool) bool {
	b := otherwise
	r.field(key, &b)
	return b
}

// token reads the id of a special token, -1 for none.
func (r *configReader) token(key string) int {
	if all := r.tokens(key); len(all) > 0 {
		return all[0]
	}
	return -1
}

// tokens reads an id or a list of ids.
func (r *configReader) tokens(key string) []int {
	if text := r.raw[key]; len(text) == 0 || text[0] != '[' {
		if id := r.int(key, -1); id >= 0 {
			return []int{id}
		}
		return nil
	}
	var list []int
	r.field(key, &list)
	for _, id := range list {
		if id < 0 && r.err == nil {
			r.err = fmt.Errorf("%s %.60s: %d is no token", key, r.raw[key], id)
		}
	}
	return list
}

// ends reads eos_token_id, an id or a list of ids.
func (r *configReader) ends(c *Config) {
	c.EOS = -1
	if all := r.tokens("eos_token_id"); len(all) > 0 {
		c.EOS, c.MoreEOS = all[0], more(all)
	}
}

// more is a list of tokens without its first and without repetitions, nil if nothing is left.
func more(ids []int) []int {
	var out []int
	for _, id := range ids[1:] {
		if id != ids[0] && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// only refuses a setting that changes the computation in a way that is not implemented.
func (r *configReader) only(key string, allowed ...string) {
	text, ok := r.raw[key]
	if !ok || string(text) == "null" || r.err != nil {
		return
	}
	for _, a := range allowed {
		if string(text) == a {
			return
		}
	}
	if len(allowed) == 0 {
		allowed = []string{"null"}
	}
	r.err = fmt.Errorf("%s %.60s is not supported, only %s", key, text, strings.Join(allowed, " or "))
}

func (r *configReader) llama() Config {
	r.only("hidden_act", `"silu"`)
	r.only("attention_bias", "false")
	r.only("mlp_bias", "false")
	r.only("sliding_window")
	c := Config{
		Family: Llama, Vocab: r.int("vocab_size", 32000), Width: r.int("hidden_size", 4096),
		Layers: r.int("num_hidden_layers", 32), Heads: r.int("num_attention_heads", 32),
		FFN: r.int("intermediate_size", 11008), Context: r.int("max_position_embeddings", 2048),
		Eps: r.number("rms_norm_eps", 1e-6), Theta: r.number("rope_theta", 10000),
		Tied: r.bool("tie_word_embeddings", false), BOS: r.token("bos_token_id"),
	}
	r.ends(&c)
	c.KVHeads = r.int("num_key_value_heads", c.Heads)
	c.HeadDim = r.int("head_dim", c.Width/max(c.Heads, 1))
	r.rope(&c)
	return c
}

// rope reads the settings of transformers 4 (rope_scaling) and 5 (rope_parameters).
func (r *configReader) rope(c *Config) {
	for _, key := range []string{"rope_scaling", "rope_parameters"} {
		var rope struct {
			Theta *float64 `json:"rope_theta"`
			Type  string   `json:"rope_type"`
			Old   string   `json:"type"`
		}
		r.field(key, &rope)
		if kind := rope.Type + rope.Old; kind != "" && kind != "default" && r.err == nil {
			r.err = fmt.Errorf("%s of type %q is not supported", key, kind)
		}
		if rope.Theta != nil {
			c.Theta = *rope.Theta
		}
	}
}

func (r *configReader) gpt2() Config {
	r.only("activation_function", `"gelu_new"`, `"gelu_pytorch_tanh"`)
	r.only("scale_attn_weights", "true")
	r.only("scale_attn_by_inverse_layer_idx", "false")
	r.only("add_cross_attention", "false")
	c := Config{
		Family: GPT2, Vocab: r.int("vocab_size", 50257), Width: r.int("n_embd", 768),
		Layers: r.int("n_layer", 12), Heads: r.int("n_head", 12), Context: r.int("n_positions", 1024),
		Eps: r.number("layer_norm_epsilon", 1e-5), Tied: r.bool("tie_word_embeddings", true),
		BOS: r.token("bos_token_id"),
	}
	r.ends(&c)
	c.KVHeads = c.Heads
	c.HeadDim = c.Width / max(c.Heads, 1)
	c.FFN = r.int("n_inner", 4*c.Width)
	return c
}

// JSON is config.json as transformers reads it, with the name of agora's prompt template. dtype is
// "float32" or "bfloat16".
func (c Config) JSON(dtype, template string) []byte {
	fields := map[string]any{
		"model_type": c.Family, "vocab_size": c.Vocab, "tie_word_embeddings": c.Tied, "torch_dtype": dtype,
		"bos_token_id": orNull(c.BOS), "eos_token_id": c.eosField(), "use_cache": true,
	}
	if template != "" {
		fields[templateKey] = template
	}
	if c.MuP.On() {
		fields[mupKey] = c.MuP
	}
	switch c.Family {
	case Llama:
		add(fields, map[string]any{
			"architectures": []string{"LlamaForCausalLM"}, "hidden_size": c.Width, "intermediate_size": c.FFN,
			"num_hidden_layers": c.Layers, "num_attention_heads": c.Heads, "num_key_value_heads": c.KVHeads,
			"head_dim": c.HeadDim, "max_position_embeddings": c.Context, "rms_norm_eps": c.Eps, "rope_theta": c.Theta,
			"hidden_act": "silu", "attention_bias": false, "mlp_bias": false, "attention_dropout": 0.0, "initializer_range": initStd,
		})
	case GPT2:
		add(fields, map[string]any{
			"architectures": []string{"GPT2LMHeadModel"}, "n_embd": c.Width, "n_inner": c.FFN, "n_layer": c.Layers,
			"n_head": c.Heads, "n_positions": c.Context, "layer_norm_epsilon": c.Eps, "activation_function": "gelu_new",
			"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0, "initializer_range": initStd,
		})
	}
	data, err := json.MarshalIndent(fields, "", "  ")
	if err != nil {
		panic(err) // plain values only
	}
	return append(data, '\n')
}

// The fields of config.json that are agora's own; transformers ignores them.
const (
	templateKey = "agora_template"
	mupKey      = "agora_mup" // see MuP
)

func add(dst, src map[string]any) {
	for key, value := range src {
		dst[key] = value
	}
}

// eosField is the end token, null or a list.
func (c Config) eosField() any {
	if c.EOS >= 0 && len(c.MoreEOS) > 0 {
		return append([]int{c.EOS}, c.MoreEOS...)
	}
	return orNull(c.EOS)
}

func orNull(id int) any {
	if id < 0 {
		return nil
	}
	return id
}
