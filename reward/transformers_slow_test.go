//go:build slow

package reward

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/tokenizer"
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
