//go:build slow

package reward

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"agora/policy"
	"agora/policy/checkpoint"
)

// scoreInPython prints the scores that transformers gives; the head's bias is a
// tensor of the directory that its class has no place for.
const scoreInPython = `
import json, os, sys, torch
from safetensors import safe_open
from transformers import AutoModelForSequenceClassification
dir, sequences = sys.argv[1], json.loads(sys.argv[2])
model = AutoModelForSequenceClassification.from_pretrained(dir, dtype=torch.float32).eval()
bias = safe_open(os.path.join(dir, "model-00002-of-00002.safetensors"), "pt").get_tensor("score.bias").item()
with torch.no_grad():
    print(json.dumps([model(torch.tensor([s])).logits.item() + bias for s in sequences]))
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
			m, err := New(p, 3)
			if err != nil {
				t.Fatal(err)
			}
			m.Bias().Data[0] = .75
			dir := filepath.Join(t.TempDir(), "model")
			if err := m.Save(dir, checkpoint.Manifest{Kind: "reward"}); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(python, "-c", scoreInPython, dir, string(arg))
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
