package policy

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// spoilNumber overwrites a number of the first tensor in a safetensors file.
func spoilNumber(t *testing.T, path string, x float32) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := 8 + binary.LittleEndian.Uint64(data) + 40
	binary.LittleEndian.PutUint32(data[at:], math.Float32bits(x))
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func replaceIn(t *testing.T, path, old, new string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), old) {
		t.Fatalf("%s: no %q (%v)", path, old, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestForeignModelsRefused: what is wrong with a downloaded model is said in one line that names it.
func TestForeignModelsRefused(t *testing.T) {
	for _, c := range []struct {
		name, model string
		spoil       func(dir string)
		want        string
	}{
		{"NaN", "llama", func(dir string) {
			spoilNumber(t, filepath.Join(dir, "model-00001-of-00002.safetensors"), float32(math.NaN()))
		}, "tensor model.embed_tokens.weight: number 10 is NaN"},
		{"infinity", "gpt2", func(dir string) {
			spoilNumber(t, filepath.Join(dir, "model.safetensors"), float32(math.Inf(1)))
		}, "number 10 is +Inf"},
		{"a missing shard", "llama", func(dir string) {
			os.Remove(filepath.Join(dir, "model-00002-of-00002.safetensors"))
		}, "model-00002-of-00002.safetensors is missing, one of the 2 files that model.safetensors.index.json names"},
		{"another tokenizer", "gpt2", func(dir string) {
			replaceIn(t, filepath.Join(dir, "tokenizer.json"), `"added_tokens": [`, `"added_tokens": [{"id": 400, "content": "<x>", "special": true},`)
		}, "they do not belong together"},
		{"an end token that the tokenizer has not", "gpt2", func(dir string) {
			replaceIn(t, filepath.Join(dir, "config.json"), `"eos_token_id": 0`, `"eos_token_id": 50256`)
		}, "eos_token_id of config.json is 50256, the tokenizer has 320 ids"},
		{"a vocabulary that the file has not", "llama", func(dir string) {
			replaceIn(t, filepath.Join(dir, "config.json"), `"vocab_size": 320`, `"vocab_size": 16000000`)
		}, "tensor model.embed_tokens.weight has shape [320 24], config.json asks for [16000000 24]"},
		{"layers that the file has not", "gpt2", func(dir string) {
			replaceIn(t, filepath.Join(dir, "config.json"), `"n_layer": 2`, `"n_layer": 16000`)
		}, "tensor transformer.h.2.ln_1.weight is missing"},
		{"shards without an index", "llama", func(dir string) {
			os.Remove(filepath.Join(dir, "model.safetensors.index.json"))
		}, "model.safetensors.index.json is missing, which says what the 2 shards hold"},
		{"a tokenizer that is a list", "gpt2", func(dir string) {
			os.WriteFile(filepath.Join(dir, "tokenizer.json"), []byte("[]"), 0o644)
		}, "tokenizer.json: not a tokenizer.json: it is a JSON array, want an object"},
		{"mixture of experts", "llama", func(dir string) {
			replaceIn(t, filepath.Join(dir, "config.json"), `"model_type": "llama"`, `"model_type": "mixtral", "num_local_experts": 8`)
		}, "this is a mixture-of-experts model (mixtral)"},
		{"vision", "llama", func(dir string) {
			replaceIn(t, filepath.Join(dir, "config.json"), `"model_type": "llama"`, `"model_type": "llava", "vision_config": {}`)
		}, "this is a vision model (llava)"},
		{"encoder-decoder", "llama", func(dir string) {
			replaceIn(t, filepath.Join(dir, "config.json"), `"model_type": "llama"`, `"model_type": "t5", "is_encoder_decoder": true`)
		}, "this is an encoder-decoder model (t5)"},
	} {
		for _, load := range []func(string) (*Model, error){Load, LoadFrozen} {
			dir := copyDir(t, filepath.Join("testdata", c.model))
			c.spoil(dir)
			if _, err := load(dir); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: got %v, want one line with %q", c.name, err, c.want)
			}
		}
	}
}

// TestEndIsPadding: a model whose padding token is its end token, as GPT-2's is, learns to end all the
// same. agora pads nothing, so nothing is left out of the loss on the padding's account.
func TestEndIsPadding(t *testing.T) {
	dir := copyDir(t, filepath.Join("testdata", "gpt2"))
	replaceIn(t, filepath.Join(dir, "config.json"), `"eos_token_id": 0`, `"pad_token_id": 0, "eos_token_id": 0`)
	m, err := LoadPolicy(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := Join(m.Template.Prompt(m.Tokenizer, promptOf("It was")), m.Template.Completion(m.Tokenizer, " the"))
	var b Batch
	b.Add(s)
	if last := b.Targets[len(b.Targets)-1]; last != 0 {
		t.Errorf("the last token learned is %d, not the end token 0", last)
	}
}

// TestHugePassIsRefused: a pass that the machine cannot hold is refused before it is reserved, and leaves no run behind.
func TestHugePassIsRefused(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("how much memory a machine has is known on Linux only")
	}
	cfg := DefaultSFT()
	cfg.MicroTokens = 1 << 32
	out := filepath.Join(t.TempDir(), "run")
	_, err := SFT(context.Background(), testDevice(t), cfg, Job{Policy: filepath.Join("testdata", "gpt2"), Out: out,
		Data: []string{writeFile(t, "demos.jsonl", `{"prompt":"a","completion":"b"}`+"\n")}})
	if err == nil || !strings.Contains(err.Error(), "GB of memory, the machine has") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("a run directory is left behind (%v)", err)
	}
}

// TestAwkwardExamples: an empty completion demonstrates nothing and is left out; what is longer than the context is left out
// and said so; with nothing left there is nothing to do.
func TestAwkwardExamples(t *testing.T) {
	long := strings.Repeat("word ", 200)
	for _, c := range []struct{ name, rows, say, want string }{
		{"an empty completion", `{"prompt":"a","completion":""}` + "\n" + `{"prompt":"a","completion":"b"}` + "\n", "1 rows without a completion are left out\n1 examples to train on", ""},
		{"empty completions only", `{"prompt":"a","completion":""}` + "\n", "", "no example in it, only 1 rows without a completion"},
		{"an empty prompt", `{"prompt":"","completion":"a"}` + "\n", "1 examples to train on", ""},
		{"one too long", `{"prompt":"a","completion":"b"}` + "\n" + `{"prompt":"` + long + `","completion":"b"}` + "\n", "1 of 2 examples are left out: longer than the policy's context of 64 tokens", ""},
		{"all too long", `{"prompt":"` + long + `","completion":"b"}` + "\n", "", "no example to train on: 1 read, 1 too long"},
		{"no rows", "\n", "", "demos.jsonl"},
	} {
		var said strings.Builder
		cfg := DefaultSFT()
		cfg.Epochs, cfg.Validation = 1, 0
		_, err := SFT(context.Background(), testDevice(t), cfg, Job{Policy: filepath.Join("testdata", "gpt2"), Out: filepath.Join(t.TempDir(), "run"),
			Data: []string{writeFile(t, "demos.jsonl", c.rows)}, Say: func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		case !strings.Contains(said.String(), c.say):
			t.Errorf("%s: it said %q, want %q", c.name, said.String(), c.say)
		}
	}
}
