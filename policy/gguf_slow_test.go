//go:build slow

package policy

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"agora/policy/checkpoint"
	"agora/reward/prefs"
)

// python runs a script with packages that may be missing; the message says what to install.
func python(t *testing.T, script, packages string, args ...string) []byte {
	t.Helper()
	bin := os.Getenv("AGORA_PYTHON")
	if bin == "" {
		t.Skipf("AGORA_PYTHON is not set: python3 -m venv V && V/bin/pip install torch transformers xllamacpp, then AGORA_PYTHON=V/bin/python")
	}
	if err := exec.Command(bin, "-c", "import "+packages).Run(); err != nil {
		t.Skipf("%s has no %s: %s -m pip install torch transformers xllamacpp", bin, packages, bin)
	}
	cmd := exec.Command(bin, append([]string{"-c", script}, args...)...)
	cmd.Env, cmd.Stderr = append(os.Environ(), "HF_HUB_OFFLINE=1"), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// continueInLlamaCpp prints what llama.cpp makes greedily of prompts of ids, and of one of text.
const continueInLlamaCpp = `
import json, sys, xllamacpp
p = xllamacpp.CommonParams()
p.model.path, p.n_ctx, p.n_parallel, p.warmup, p.cpuparams.n_threads = sys.argv[1], 512, 1, False, 2
server = xllamacpp.Server(p)
prompts = json.loads(sys.argv[2])
print(json.dumps([server.handle_completions({"prompt": x, "n_predict": 24, "temperature": 0})["choices"][0]["text"] for x in prompts]))
`

// TestLoadedByLlamaCpp exports SmolLM2 and has llama.cpp itself (the binding xllamacpp) continue texts:
// as F16 it writes what transformers writes in fp32, from ids and from text.
func TestLoadedByLlamaCpp(t *testing.T) {
	m, err := LoadGGUF(shared(t, "models", "SmolLM2-135M-Instruct.Q4_1.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	rows := smolRows(t)
	for _, kind := range []checkpoint.Quant{checkpoint.GGUFF16, checkpoint.GGUFQ8_0} {
		path := filepath.Join(t.TempDir(), "m.gguf")
		if err := m.WriteGGUF(path, "smollm2", kind); err != nil {
			t.Fatal(err)
		}
		prompts, err := json.Marshal([]any{rows[0].IDs, rows[0].Text, rows[3].IDs})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := json.Unmarshal(python(t, continueInLlamaCpp, "xllamacpp", path, string(prompts)), &got); err != nil {
			t.Fatal(err)
		}
		for i, row := range []smolRow{rows[0], rows[0], rows[3]} {
			answer := row.Greedy
			if end := slices.Index(answer, 2); end >= 0 { // llama.cpp stops there
				answer = answer[:end]
			}
			want := m.Tokenizer.Text(answer)
			if kind == checkpoint.GGUFQ8_0 { // rounds the weights: the beginning must be the same
				want, got[i] = want[:7], got[i][:min(7, len(got[i]))]
			}
			if got[i] != want {
				t.Errorf("%s, %q: llama.cpp writes %q, transformers %q", kind, row.Text, got[i], want)
			}
		}
	}
}

// TestGPT2LoadedByLlamaCpp does the same with a small model of the other family, against agora's own
// tokens for the same F16 weights.
func TestGPT2LoadedByLlamaCpp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := fixture(t, "gpt2").WriteGGUF(path, "gpt2", checkpoint.GGUFF16); err != nil {
		t.Fatal(err)
	}
	m, err := LoadGGUF(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := json.Unmarshal(python(t, continueInLlamaCpp, "xllamacpp", path, "[[41,82,5,300]]"), &got); err != nil {
		t.Fatal(err)
	}
	ours := sample(t, sampler(t, m, 1), []Request{{Prompt: []int32{41, 82, 5, 300}}}, Sampling{MaxNew: 24})[0]
	if want := m.Tokenizer.Text(ours.Tokens); got[0] != want || want == "" {
		t.Errorf("llama.cpp writes %q, agora %q", got[0], want)
	}
}

// TestMergedAdapterInLlamaCpp: llama.cpp continues a model with an adapter of every linear layer, merged on
// export, as agora does with the same file, whose logits are those of the adapter beside the weights; also
// where the adapter gives a tied output layer weights of its own.
func TestMergedAdapterInLlamaCpp(t *testing.T) {
	prompt := []int32{41, 82, 5, 300}
	for _, targets := range [][]string{{"all"}, {"all", "lm_head"}} {
		for _, name := range []string{"llama", "gpt2"} {
			dir := t.TempDir()
			var written [2]string
			for i, trained := range []bool{false, true} {
				half := filepath.Join(dir, "base.gguf") // weights that F16 holds exactly
				if err := fixture(t, name).WriteGGUF(half, name, checkpoint.GGUFF16); err != nil {
					t.Fatal(err)
				}
				m, err := LoadGGUF(half)
				if err != nil {
					t.Fatal(err)
				}
				if trained {
					move(t, m, loraOf(4, targets...))
					for _, l := range m.Adapter.list() { // so much that other tokens come first
						for j := range l.b.Data {
							l.b.Data[j] *= 10
						}
						l.b.Changed()
					}
				}
				path := filepath.Join(dir, "m.gguf")
				if err := m.WriteGGUF(path, name, checkpoint.GGUFF16); err != nil {
					t.Fatal(err)
				}
				var got []string
				if err := json.Unmarshal(python(t, continueInLlamaCpp, "xllamacpp", path, "[[41,82,5,300]]"), &got); err != nil {
					t.Fatal(err)
				}
				merged, err := LoadGGUF(path)
				if err != nil {
					t.Fatal(err)
				}
				if gap := logitGap(t, m, merged, prompt); gap > .02 {
					t.Errorf("%s %v: the merged file's logits differ by %g", name, targets, gap)
				}
				ours := sample(t, sampler(t, merged, 1), []Request{{Prompt: prompt}}, Sampling{MaxNew: 24})[0]
				got[0], written[i] = oneSign(got[0]), oneSign(m.Tokenizer.Text(ours.Tokens))
				if got[0] != written[i] {
					t.Errorf("%s %v, trained %v: llama.cpp writes %q, agora %q", name, targets, trained, got[0], written[i])
				}
			}
			if written[0] == written[1] {
				t.Errorf("%s %v: the adapter changes nothing", name, targets)
			}
		}
	}
}

// oneSign makes one sign of a run of bytes that are no text, which the two decoders count differently.
func oneSign(s string) string { return regexp.MustCompile("\uFFFD+").ReplaceAllString(s, "\uFFFD") }

// logitGap is the largest difference of logits after a prompt, relative to the largest logit.
func logitGap(t *testing.T, a, b *Model, prompt []int32) float64 {
	t.Helper()
	var z [2][]float32
	for i, m := range []*Model{a, b} {
		var err error
		if z[i], err = Logits(testDevice(t), m, prompt); err != nil {
			t.Fatal(err)
		}
	}
	gap, top := 0.0, 0.0
	for i := range z[0] {
		gap, top = max(gap, math.Abs(float64(z[0][i]-z[1][i]))), max(top, math.Abs(float64(z[0][i])))
	}
	return gap / top
}

// TestImportLoadedByTransformers imports SmolLM2 and has transformers load the directory: the same
// ids, digits included, and the same logits.
func TestImportLoadedByTransformers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "smollm2")
	m, err := Import(shared(t, "models", "SmolLM2-135M-Instruct.Q4_1.gguf"), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := json.Marshal([]string{"The capital of France is", "In 1987, 3 bears — naïve ones.\n\n  Yes", "don't they're 2+2=4"})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Rows []referenceRow `json:"rows"`
		EOS  int32          `json:"eos"`
	}
	if err := json.Unmarshal(python(t, loadInPython, "torch, transformers", dir, string(texts)), &got); err != nil {
		t.Fatal(err)
	}
	checkAgainst(t, m, got.Rows)
	if got.EOS != 2 {
		t.Errorf("end token %d, want 2", got.EOS)
	}
	// The prompt that agora composes is the one of the model's own chat template.
	var prompt []int32
	if err := json.Unmarshal(python(t, `
import json, sys
from transformers import AutoTokenizer
tok = AutoTokenizer.from_pretrained(sys.argv[1])
out = tok.apply_chat_template([{"role": "user", "content": "What is 12 + 30?"}], add_generation_prompt=True, tokenize=False)
print(json.dumps(tok(out, add_special_tokens=False)["input_ids"]))
`, "transformers", dir), &prompt); err != nil {
		t.Fatal(err)
	}
	if ours := m.Template.Prompt(m.Tokenizer, prefs.Plain("What is 12 + 30?")); !slices.Equal(ours, prompt) {
		t.Errorf("prompt %v, the chat template gives %v", ours, prompt)
	}
}

// TestExportedTemplates: transformers' chat template of an exported directory composes prompts as agora
// does.
func TestExportedTemplates(t *testing.T) {
	turns := []prefs.Message{{Role: "system", Content: "Be kind."}, {Role: "user", Content: "What is 2+2?"}, {Role: "assistant", Content: "Four."}, {Role: "user", Content: "Sure?"}}
	arg, err := json.Marshal(turns)
	if err != nil {
		t.Fatal(err)
	}
	for _, template := range []Template{Plain, ChatML, HH} {
		m := fixture(t, "llama")
		m.Template = template
		src, dst := filepath.Join(t.TempDir(), "m"), filepath.Join(t.TempDir(), "out")
		if err := m.Save(src, manifestOf("policy")); err != nil {
			t.Fatal(err)
		}
		if err := m.exportHF(src, dst, "m"); err != nil {
			t.Fatal(err)
		}
		var got string
		if err := json.Unmarshal(python(t, `
import json, sys
from transformers import AutoTokenizer
tok = AutoTokenizer.from_pretrained(sys.argv[1])
print(json.dumps(tok.apply_chat_template(json.loads(sys.argv[2]), add_generation_prompt=True, tokenize=False)))
`, "transformers", dst, string(arg)), &got); err != nil {
			t.Fatal(err)
		}
		if want := m.Tokenizer.Decode(template.Prompt(m.Tokenizer, turns)); got != want {
			t.Errorf("%s: transformers composes %q, agora %q", template, got, want)
		}
	}
}
