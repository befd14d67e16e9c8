//go:build slow

package policy

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"agora/policy/tokenizer"
)

// loadInPython prints what transformers makes of a directory that agora wrote.
const loadInPython = `
import json, sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
dir, texts = sys.argv[1], json.loads(sys.argv[2])
tok, model = AutoTokenizer.from_pretrained(dir), AutoModelForCausalLM.from_pretrained(dir, dtype=torch.float32).eval()
rows = []
for text in texts:
    ids = tok(text, add_special_tokens=False)["input_ids"]
    assert tok.decode(ids, clean_up_tokenization_spaces=False) == text, (text, ids)
    with torch.no_grad():
        rows.append({"text": text, "ids": ids, "logits": model(torch.tensor([ids])).logits[0, -1].tolist()})
print(json.dumps({"rows": rows, "eos": tok.eos_token_id, "model_eos": model.config.eos_token_id}))
`

// TestLoadedByTransformers needs torch and transformers: AGORA_PYTHON=…/bin/python go test -tags slow ./policy
func TestLoadedByTransformers(t *testing.T) {
	python := os.Getenv("AGORA_PYTHON")
	if python == "" {
		t.Skip("AGORA_PYTHON is not set: python3 -m venv V && V/bin/pip install torch transformers, then AGORA_PYTHON=V/bin/python")
	}
	texts := []string{"The cat sat on the mat.", "  two  spaces\n\n and 1234 — naïve 日本 \U0001f600 ", "don't they're"}
	tok, err := tokenizer.Train(slices.Values(append(texts, "the the the cat cat sat sat on on mat mat")), 290, nil)
	if err != nil {
		t.Fatal(err)
	}
	configs := tinyConfigs()
	maps.Copy(configs, mupConfigs())
	for name, c := range configs {
		t.Run(name, func(t *testing.T) {
			c.Vocab, c.BOS, c.EOS, c.Context = tok.Size(), int(tok.BOS()), int(tok.EOS()), 64
			m := tinyModel(t, c)
			m.Tokenizer = tok
			dir := filepath.Join(t.TempDir(), "model")
			if err := m.Save(dir, manifestOf("policy")); err != nil {
				t.Fatal(err)
			}
			arg, err := json.Marshal(texts)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(python, "-c", loadInPython, dir, string(arg))
			cmd.Env = append(os.Environ(), "HF_HUB_OFFLINE=1")
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Rows     []referenceRow `json:"rows"`
				EOS      int32          `json:"eos"`
				ModelEOS int32          `json:"model_eos"`
			}
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			checkAgainst(t, m, got.Rows)
			if got.EOS != tok.EOS() || got.ModelEOS != tok.EOS() {
				t.Errorf("end token %d and %d, want %d", got.EOS, got.ModelEOS, tok.EOS())
			}
		})
	}
}
