package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agora/policy/checkpoint"
)

// TestSecondEndToken: of a list of end tokens every one ends a completion, and every file written lists them.
func TestSecondEndToken(t *testing.T) {
	whole := greedy(t, fixture(t, "llama"))
	second := whole.Tokens[2] // what the model writes third now ends its texts
	for _, file := range []string{"config.json", "generation_config.json"} {
		dir := copyDir(t, filepath.Join("testdata", "llama"))
		replaceIn(t, filepath.Join(dir, file), `"eos_token_id": 0`, fmt.Sprintf(`"eos_token_id": [0, %d, 0]`, second))
		m, err := LoadPolicy(dir)
		if err != nil {
			t.Fatal(err)
		}
		saved, gguf := filepath.Join(t.TempDir(), "saved"), filepath.Join(t.TempDir(), "m.gguf")
		if err := m.Save(saved, manifestOf("policy")); err != nil {
			t.Fatal(err)
		}
		if err := m.WriteGGUF(gguf, "m", checkpoint.GGUFF16); err != nil {
			t.Fatal(err)
		}
		again, err := LoadPolicy(saved)
		if err != nil {
			t.Fatal(err)
		}
		packed, err := LoadGGUF(gguf)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []*Model{m, again, packed} {
			if want := []int32{0, second}; !slices.Equal(m.Ends(), want) {
				t.Errorf("list in %s: ends %v, want %v", file, m.Ends(), want)
			}
		}
		got := greedy(t, again)
		end := slices.Index(whole.Tokens, second)
		if got.Finish != FinishEOS || !slices.Equal(got.Tokens, whole.Tokens[:end+1]) {
			t.Errorf("list in %s: %q %v, want the first %d of %v", file, got.Finish, got.Tokens, end+1, whole.Tokens)
		}
		if text, want := again.Text(got.Tokens), again.Template.Text(again.Tokenizer, whole.Tokens[:end]); text != want {
			t.Errorf("the text is %q, want %q without its end", text, want)
		}
		for _, name := range []string{"config.json", "generation_config.json"} {
			text, err := os.ReadFile(filepath.Join(saved, name))
			if flat := strings.Join(strings.Fields(string(text)), ""); err != nil || !strings.Contains(flat, fmt.Sprintf(`"eos_token_id":[0,%d]`, second)) {
				t.Errorf("%s does not list the end tokens (%v)", name, err)
			}
		}
	}
}

func greedy(t *testing.T, m *Model) Sampled {
	t.Helper()
	s, err := NewSampler(testDevice(t), m, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	return sample(t, s, []Request{{Prompt: m.Template.Prompt(m.Tokenizer, promptOf("It was"))}}, Sampling{MaxNew: 8})[0]
}

// TestEndTokensChecked: each id of a list must be the tokenizer's.
func TestEndTokensChecked(t *testing.T) {
	for list, want := range map[string]string{"[0, 9999]": "eos_token_id of config.json is 9999", "[0, -3]": "-3 is no token", `[0, "a"]`: "want a whole number"} {
		dir := copyDir(t, filepath.Join("testdata", "gpt2"))
		replaceIn(t, filepath.Join(dir, "config.json"), `"eos_token_id": 0`, `"eos_token_id": `+list)
		if _, err := LoadPolicy(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", list, err, want)
		}
	}
	dir := copyDir(t, filepath.Join("testdata", "gpt2"))
	replaceIn(t, filepath.Join(dir, "generation_config.json"), `"eos_token_id": 0`, `"eos_token_id": [0, 400]`)
	if _, err := LoadPolicy(dir); err == nil || !strings.Contains(err.Error(), "is 400, the tokenizer has 320 ids") {
		t.Errorf("generation_config.json: got %v", err)
	}
}

// TestNoEndTokenIsSaid: a fine-tuning says at its start that texts cannot end, or with what they do.
func TestNoEndTokenIsSaid(t *testing.T) {
	for _, c := range []struct{ eos, want string }{
		{"null", `eos_token_id of its config.json is null; texts end with the tokenizer's "<|endoftext|>"`},
		{"0", ""},
	} {
		dir := copyDir(t, filepath.Join("testdata", "gpt2"))
		replaceIn(t, filepath.Join(dir, "config.json"), `"eos_token_id": 0`, `"eos_token_id": `+c.eos)
		var said strings.Builder
		cfg := DefaultSFT()
		cfg.Epochs, cfg.Validation = 1, 0
		_, err := SFT(t.Context(), testDevice(t), cfg, Job{Policy: dir, Out: filepath.Join(t.TempDir(), "run"),
			Data: []string{writeFile(t, "d.jsonl", `{"prompt":"a","completion":"b"}`+"\n")}, Say: func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }})
		if err != nil || c.want != "" && !strings.Contains(said.String(), "this model has no end token: "+c.want) || c.want == "" && strings.Contains(said.String(), "no end token") {
			t.Errorf("eos_token_id %s: said %q (%v)", c.eos, said.String(), err)
		}
	}
	m := tinyModel(t, tinyConfigs()["llama"])
	m.Config.EOS = -1
	if !strings.Contains(m.NoEnd(), "go on up to the limit") {
		t.Errorf("without any: %q", m.NoEnd())
	}
}
