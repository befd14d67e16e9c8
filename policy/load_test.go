package policy

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"agora/policy/checkpoint"
)

func manifestOf(kind string) checkpoint.Manifest {
	return checkpoint.Manifest{Kind: kind, Parents: map[string]string{}, Data: map[string]string{}, Metrics: map[string]float64{}}
}

// TestConfigRefuses: what agora cannot train is refused by what it is.
func TestConfigRefuses(t *testing.T) {
	const llama = `"model_type":"llama","vocab_size":100,"hidden_size":16,"num_attention_heads":4,"num_hidden_layers":1,"intermediate_size":20`
	for _, c := range []struct{ name, text, want string }{
		{"foreign", `<html>`, "not a config.json"},
		{"no type", `{"vocab_size":5}`, "no model_type"},
		{"mixture", `{"model_type":"mixtral","num_local_experts":8}`, "mixture-of-experts"},
		{"mixture by name", `{"model_type":"qwen2_moe"}`, "mixture-of-experts"},
		{"vision", `{"model_type":"llava","vision_config":{}}`, "vision"},
		{"vision by class", `{"model_type":"mllama","architectures":["MllamaVisionModel"]}`, "vision"},
		{"encoder-decoder", `{"model_type":"t5","is_encoder_decoder":true}`, "encoder-decoder"},
		{"quantised", `{` + llama + `,"quantization_config":{"bits":4}}`, "quantised"},
		{"other", `{"model_type":"mamba"}`, `architecture "mamba"`},
		{"bias", `{` + llama + `,"attention_bias":true}`, "attention_bias true"},
		{"activation", `{` + llama + `,"hidden_act":"relu"}`, "hidden_act"},
		{"rope", `{` + llama + `,"rope_scaling":{"rope_type":"yarn","factor":4}}`, "yarn"},
		{"heads", `{` + llama + `,"num_key_value_heads":3}`, "multiple of num_key_value_heads 3"},
		{"type", `{` + strings.Replace(llama, `"vocab_size":100`, `"vocab_size":"many"`, 1) + `}`, "vocab_size"},
		{"zero", `{` + strings.Replace(llama, `"vocab_size":100`, `"vocab_size":0`, 1) + `}`, "vocab_size is 0"},
		{"huge width", `{"model_type":"llama","hidden_size":1099511627776}`, "hidden_size is 1099511627776, must be at most"},
		{"huge vocabulary", `{` + strings.Replace(llama, `"vocab_size":100`, `"vocab_size":1000000000000`, 1) + `}`, "vocab_size is 1000000000000, must be at most"},
		{"huge heads", `{` + llama + `,"head_dim":1000000000}`, "head_dim is 1000000000, must be at most"},
		{"many layers", `{"model_type":"gpt2","n_layer":1000000000}`, "n_layer is 1000000000, must be at most"},
		{"huge context", `{"model_type":"gpt2","n_positions":10000000000000}`, "n_positions is 10000000000000, must be at most"},
		{"large in all", `{"model_type":"llama","hidden_size":1048576,"num_hidden_layers":16000}`, "parameters, agora takes at most"},
		{"list for a number", `{` + llama + `,"rope_parameters":[1]}`, "rope_parameters is [1], want an object"},
		{"half a token", `{` + strings.Replace(llama, `"vocab_size":100`, `"vocab_size":2.5`, 1) + `}`, "vocab_size is 2.5, want a whole number"},
		{"numbered type", `{"model_type":7}`, "model_type is 7, want a string"},
		{"window", `{` + llama + `,"sliding_window":4096}`, "sliding_window 4096 is not supported, only null"},
	} {
		if _, err := ParseConfig([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "Go value") || strings.HasPrefix(err.Error(), "config.json:") {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	for _, fields := range []string{"", `,"num_local_experts":0`, `,"num_local_experts":1`, `,"num_experts":null`} {
		if _, err := ParseConfig([]byte(`{` + llama + fields + `}`)); err != nil {
			t.Errorf("control%s: %v", fields, err)
		}
	}
}

func TestConfigRoundTrip(t *testing.T) {
	for name, c := range tinyConfigs() {
		got, err := ParseConfig(c.JSON("float32", "plain"))
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%s: %+v came back as %+v (%v)", name, c, got, err)
		}
	}
}

// copyDir copies a flat directory.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// TestLoadRefuses: damaged and mismatched directories give one line that names file and fault.
func TestLoadRefuses(t *testing.T) {
	edit := func(file, old, new string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, file)
			data, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(data), old) {
				t.Fatalf("%s: no %q (%v)", file, old, err)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, new, 1)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	truncate := func(file string, n int64) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, file), n); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(file string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, file)) }
	}
	for _, c := range []struct {
		name  string
		spoil func(*testing.T, string)
		want  string
	}{
		{"wrong width", edit("config.json", `"hidden_size": 24`, `"hidden_size": 32`), "config.json asks for"},
		{"more layers", edit("config.json", `"num_hidden_layers": 2`, `"num_hidden_layers": 3`), "model.layers.2"},
		{"fewer layers", edit("config.json", `"num_hidden_layers": 2`, `"num_hidden_layers": 1`), "model.layers.1"},
		{"small vocabulary", edit("config.json", `"vocab_size": 320`, `"vocab_size": 300`), "asks for [300 24]"},
		{"truncated weights", truncate("model.safetensors", 20000), "truncated"},
		{"no weights", remove("model.safetensors"), "no model.safetensors"},
		{"no config", remove("config.json"), "no config.json"},
		{"no tokenizer", remove("tokenizer.json"), "no tokenizer.json"},
		{"truncated tokenizer", truncate("tokenizer.json", 500), "tokenizer.json"},
		{"unknown template", edit("config.json", `"head_dim"`, `"agora_template": "gemini", "head_dim"`), "gemini"},
	} {
		dir := copyDir(t, filepath.Join("testdata", "llama-bf16"))
		c.spoil(t, dir)
		_, err := Load(dir)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %q", c.name, err, c.want)
		}
	}
	if _, err := Load(copyDir(t, filepath.Join("testdata", "llama-bf16"))); err != nil {
		t.Errorf("control: %v", err)
	}
	if _, err := Load(filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("a directory that is not there was loaded")
	}
}

// TestRewardModelIsNoPolicy: the commands that sample say so instead of sampling nonsense.
func TestRewardModelIsNoPolicy(t *testing.T) {
	m := fixture(t, "gpt2")
	for kind, want := range map[string]string{"policy": "", "reward": "is a reward model"} {
		dir := filepath.Join(t.TempDir(), kind)
		if err := m.Save(dir, manifestOf(kind)); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadPolicy(dir); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", kind, err, want)
		}
	}
}

// TestSaveIsDeterministic: two saves of a model are equal, byte for byte, and change is noticed.
func TestSaveIsDeterministic(t *testing.T) {
	m, err := Load(filepath.Join("testdata", "gpt2"))
	if err != nil {
		t.Fatal(err)
	}
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	for _, dir := range []string{a, b} {
		if err := m.Save(dir, manifestOf("policy")); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(tree(t, a), tree(t, b)) {
		t.Error("two saves differ")
	}
	if err := os.WriteFile(filepath.Join(b, "generation_config.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(b); err == nil || !strings.Contains(err.Error(), "damaged or changed") {
		t.Errorf("a changed file: %v", err)
	}
	again, err := Load(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Params.List() {
		if !slices.Equal(p.Data, again.Params.Get(p.Name).Data) {
			t.Errorf("%s differs after saving and loading", p.Name)
		}
	}
}
