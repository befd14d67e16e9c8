//go:build slow

package policy

import (
	"encoding/json"
	"math"
	"path/filepath"
	"testing"
)

// logitsInPEFT prints the logits after the last of some ids, of a base model with an adapter.
const logitsInPEFT = `
import json, sys, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
base, adapter, ids = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapter).eval()
with torch.no_grad():
    print(json.dumps(model(torch.tensor([ids])).logits[0, -1].tolist()))
`

// makeInPEFT writes an adapter of all linear layers, or of some and the output layer, with random numbers
// and prints the same.
const makeInPEFT = `
import json, sys, torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
base, out, ids, targets = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])
torch.manual_seed(3)
model = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules=targets)).eval()
with torch.no_grad():
    for n, p in model.named_parameters():
        if "lora_B" in n: p.copy_(torch.randn_like(p) * .1)
    print(json.dumps(model(torch.tensor([ids])).logits[0, -1].tolist()))
model.save_pretrained(out)
`

// TestPEFTBothWays: PEFT computes agora's logits with agora's adapter, and agora PEFT's with PEFT's.
func TestPEFTBothWays(t *testing.T) {
	ids := []int32{0, 40, 41, 42, 43, 7}
	arg, err := json.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, theirs string
		ours         []string
	}{
		{"llama", `"all-linear"`, []string{"all"}},
		{"gpt2", `"all-linear"`, []string{"all"}},
		{"llama", `["q_proj", "lm_head"]`, []string{"q_proj", "lm_head"}},
		{"gpt2", `["c_proj", "lm_head"]`, []string{"all", "lm_head"}}, // tied: the embedding stays as it is
	} {
		name := c.name
		base, dir := filepath.Join("testdata", name), t.TempDir()
		ours := fixture(t, name)
		move(t, ours, loraOf(4, c.ours...))
		if err := ours.WriteAdapter(filepath.Join(dir, "ours"), TaskCausalLM, base); err != nil {
			t.Fatal(err)
		}
		compareLogits(t, name+", agora's adapter", ours, ids, python(t, logitsInPEFT, "torch, transformers, peft", base, filepath.Join(dir, "ours"), string(arg)))

		out := python(t, makeInPEFT, "torch, transformers, peft", base, filepath.Join(dir, "theirs"), string(arg), c.theirs)
		theirs, err := LoadAdapter(base, filepath.Join(dir, "theirs"))
		if err != nil {
			t.Fatal(err)
		}
		compareLogits(t, name+", PEFT's adapter", theirs, ids, out)
	}
}

func compareLogits(t *testing.T, what string, m *Model, ids []int32, printed []byte) {
	t.Helper()
	var want []float64
	if err := json.Unmarshal(printed, &want); err != nil {
		t.Fatal(err)
	}
	got, err := Logits(testDevice(t), m, ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range got {
		if math.Abs(float64(x)-want[i]) > 1e-4 {
			t.Fatalf("%s: logit %d is %v, PEFT says %v", what, i, x, want[i])
		}
	}
}
