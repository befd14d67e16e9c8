//go:build slow

package reward

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/tokenizer"
	"agora/reward/prefs"
)

// scoreInPython prints the scores that transformers gives plus the bias that the model card says to add.
const scoreInPython = `
import json, sys, torch
from transformers import AutoModelForSequenceClassification
dir, sequences = sys.argv[1], json.loads(sys.argv[2])
model = AutoModelForSequenceClassification.from_pretrained(dir, dtype=torch.float32).eval()
with torch.no_grad():
    print(json.dumps([model(torch.tensor([s])).logits.item() + model.config.score_bias for s in sequences]))
`

// TestLoadedByTransformers needs torch and transformers: AGORA_PYTHON=…/bin/python go test -tags slow ./reward
func TestLoadedByTransformers(t *testing.T) {
	python := os.Getenv("AGORA_PYTHON")
	if python == "" {
		t.Skip("AGORA_PYTHON is not set: python3 -m venv V && V/bin/pip install torch transformers, then AGORA_PYTHON=V/bin/python")
	}
	sequences := [][]int32{{256, 1, 2, 3, 256}, {5}, {7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7}}
	arg, err := json.Marshal(sequences)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []policy.Config{
		{Family: policy.Llama, Vocab: 257, Width: 32, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 8, FFN: 40, Context: 32, Eps: 1e-5, Theta: 10000, BOS: 256, EOS: 256},
		{Family: policy.GPT2, Vocab: 257, Width: 32, Layers: 2, Heads: 4, KVHeads: 4, HeadDim: 8, FFN: 128, Context: 32, Eps: 1e-5, Tied: true, BOS: 256, EOS: 256},
	} {
		t.Run(c.Family, func(t *testing.T) {
			p, err := policy.NewModel(c)
			if err != nil {
				t.Fatal(err)
			}
			p.Init(2)
			if p.Tokenizer, err = tokenizer.Train(slices.Values([]string{"a text"}), c.Vocab, nil); err != nil {
				t.Fatal(err)
			}
			m, err := New(p, 3)
			if err != nil {
				t.Fatal(err)
			}
			m.Bias().Data[0] = .75
			dir := filepath.Join(t.TempDir(), "model")
			if err := m.Save(dir, checkpoint.Manifest{Kind: "reward"}); err != nil {
				t.Fatal(err)
			}
			exported := filepath.Join(t.TempDir(), "exported")
			if err := Export(dir, exported, "rm"); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(python, "-c", scoreInPython, exported, string(arg))
			cmd.Env, cmd.Stderr = append(os.Environ(), "HF_HUB_OFFLINE=1"), os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var want []float64
			if err := json.Unmarshal(out, &want); err != nil {
				t.Fatal(err)
			}
			s, err := NewScorer(device(t), m, 0)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Score(t.Context(), sequences)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if math.Abs(float64(got[i])-want[i]) > 1e-5 { // float32 sums in another order
					t.Errorf("sequence %d: %v, transformers says %v", i, got[i], want[i])
				}
			}
		})
	}
}

// TestCardScoresFromText runs the code of an exported model's card on texts, for every template.
func TestCardScoresFromText(t *testing.T) {
	python := os.Getenv("AGORA_PYTHON")
	if python == "" {
		t.Skip("AGORA_PYTHON is not set: python3 -m venv V && V/bin/pip install torch transformers, then AGORA_PYTHON=V/bin/python")
	}
	user := func(text string) prefs.Message { return prefs.Message{Role: "user", Content: text} }
	type row struct {
		Messages   []prefs.Message `json:"messages"`
		Completion string          `json:"completion"`
	}
	rows := []row{
		{[]prefs.Message{user("It was 3?")}, " the dog"}, {[]prefs.Message{user("It was  ")}, "age\n"}, {[]prefs.Message{user("")}, ""},
		{[]prefs.Message{{Role: "system", Content: "Be brief."}, user("naïve <|endoftext|>"), {Role: "assistant", Content: "It"}, user("best?")}, "<|im_end|> times"},
		{[]prefs.Message{user("the best of times, the worst of times, the age of wisdom and of purses, years and years")}, " it was"},
		{[]prefs.Message{user("it was")}, " the best of times, the worst of times, the age of wisdom and of purses, years and years"},
	}
	arg, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		source   string
		template policy.Template
		ignore   bool
	}{
		{"llama", policy.Plain, false}, {"llama", policy.ChatML, false}, {"llama", policy.HH, false},
		{"gpt2", policy.HH, true}, {"llama", policy.Plain, true}, {"marked", policy.ChatML, false},
	} {
		t.Run(fmt.Sprint(c.source, " ", c.template, " ignore_prompt=", c.ignore), func(t *testing.T) {
			dir := t.TempDir()
			var p *policy.Model
			if c.source == "marked" {
				p = markedPolicy(t, dir)
			} else if p, err = policy.Load(filepath.Join("..", "policy", "testdata", c.source)); err != nil {
				t.Fatal(err)
			}
			p.Template = c.template
			m, err := New(p, 3)
			if err != nil {
				t.Fatal(err)
			}
			m.Bias().Data[0] = .75
			if err := m.Save(filepath.Join(dir, "rm"), checkpoint.Manifest{Kind: "reward", Config: map[string]any{"ignore_prompt": c.ignore, "max_tokens": 48}}); err != nil {
				t.Fatal(err)
			}
			if err := Export(filepath.Join(dir, "rm"), filepath.Join(dir, "exported"), "my model"); err != nil {
				t.Fatal(err)
			}
			card, err := os.ReadFile(filepath.Join(dir, "exported", "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			code := regexp.MustCompile("(?s)```python\n(.*?)```").FindSubmatch(card)
			if code == nil {
				t.Fatalf("no code on the card:\n%s", card)
			}
			cmd := exec.Command(python, "-c", string(code[1])+"\nimport json, sys\nprint(json.dumps([score(**row).item() for row in json.loads(sys.argv[1])]))", string(arg))
			cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), "HF_HUB_OFFLINE=1"), os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(string(out)), "\n") // the first is what the card prints itself
			var want []float64
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &want); err != nil {
				t.Fatal(err)
			}
			if m, err = Load(filepath.Join(dir, "rm")); err != nil {
				t.Fatal(err)
			}
			var sequences [][]int32
			for _, r := range rows {
				ids, err := m.Encode(r.Messages, r.Completion)
				if err != nil {
					t.Fatal(err)
				}
				sequences = append(sequences, ids)
			}
			s, err := NewScorer(device(t), m, 0)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Score(t.Context(), sequences)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if math.Abs(float64(got[i])-want[i]) > 1e-4 {
					t.Errorf("text %d: %v, the card's code says %v", i, got[i], want[i])
				}
			}
		})
	}
}

// markedPolicy is a model whose tokenizer has ChatML's markers as tokens and a chat template with a default system message.
func markedPolicy(t *testing.T, dir string) *policy.Model {
	t.Helper()
	src, copied := filepath.Join("..", "policy", "testdata", "llama"), filepath.Join(dir, "marked")
	if err := os.CopyFS(copied, os.DirFS(src)); err != nil {
		t.Fatal(err)
	}
	for _, edit := range []struct{ file, old, new string }{
		{"tokenizer.json", `"added_tokens": [`, `"added_tokens": [
    {"id": 320, "content": "<|im_start|>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
    {"id": 321, "content": "<|im_end|>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},`},
		{"tokenizer_config.json", "{", `{"chat_template": "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe kind\u00e9.<|im_end|>\n' }}{% endif %}",`},
	} {
		path := filepath.Join(copied, edit.file)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), edit.old) {
			t.Fatalf("%s has no %s", path, edit.old)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(data), edit.old, edit.new, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tok, err := tokenizer.Load(copied)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.NewModel(policy.Config{Family: policy.Llama, Vocab: tok.Size(), Width: 32, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 8, FFN: 40, Context: 64, Eps: 1e-5, Theta: 10000, BOS: 0, EOS: 0})
	if err != nil {
		t.Fatal(err)
	}
	p.Init(2)
	p.Tokenizer = tok
	return p
}
