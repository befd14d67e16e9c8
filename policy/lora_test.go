package policy

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agora/policy/graph"
)

// adapted is a tiny model with an adapter whose both matrices are livelier than at the start.
func adapted(t testing.TB, c Config, l LoRA) *Model {
	t.Helper()
	m := tinyModel(t, c)
	move(t, m, l)
	return m
}

// move puts an adapter that changes something on a model.
func move(t testing.TB, m *Model, l LoRA) {
	t.Helper()
	if err := m.Adapt(l, 3); err != nil {
		t.Fatal(err)
	}
	for i, part := range m.Adapter.list() {
		for j := range part.b.Data {
			part.b.Data[j] = float32(.1 * (graph.Uniform(uint64(i+1), uint64(j)) - .5))
		}
		part.b.Changed()
	}
}

func loraOf(rank int, targets ...string) LoRA {
	c := DefaultLoRA()
	c.Rank = rank
	if len(targets) > 0 {
		c.Targets = targets
	}
	return c
}

func scoresOf(t testing.TB, m *Model) [][]float32 {
	t.Helper()
	s, err := NewScorer(testDevice(t), m, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	var seqs []Sequence
	for _, r := range requests() {
		seqs = append(seqs, Join(r.Prompt, []int32{7, 8, 9, 60}))
	}
	scores, err := s.Score(context.Background(), seqs)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]float32
	for _, s := range scores {
		out = append(out, s.LogProbs)
	}
	return out
}

func largestGap(a, b [][]float32) float64 {
	gap := 0.0
	for i := range a {
		for j := range a[i] {
			gap = max(gap, math.Abs(float64(a[i][j]-b[i][j])))
		}
	}
	return gap
}

// TestAdapterStartsAtZero: a fresh adapter changes no bit, a trained one does, and switched off it
// leaves the base as it was.
func TestAdapterStartsAtZero(t *testing.T) {
	for name, c := range tinyConfigs() {
		plain := scoresOf(t, tinyModel(t, c))
		fresh := tinyModel(t, c)
		if err := fresh.Adapt(loraOf(4), 1); err != nil {
			t.Fatal(err)
		}
		if largestGap(plain, scoresOf(t, fresh)) != 0 {
			t.Errorf("%s: a fresh adapter changes the model", name)
		}
		trained := adapted(t, c, loraOf(4))
		if largestGap(plain, scoresOf(t, trained)) < .01 {
			t.Errorf("%s: an adapter has no effect", name)
		}
		if largestGap(plain, scoresOf(t, trained.Base())) != 0 {
			t.Errorf("%s: switched off, the adapter leaves another model", name)
		}
	}
}

// TestMergedEqualsAdapted: merging, saving, cloning and copying keep what the model computes.
func TestMergedEqualsAdapted(t *testing.T) {
	for _, name := range []string{"llama", "gpt2"} {
		for _, targets := range [][]string{{"all"}, {"all", "lm_head"}, {"lm_head"}} {
			t.Run(name+" "+strings.Join(targets, " "), func(t *testing.T) { mergedEqualsAdapted(t, name, loraOf(4, targets...)) })
		}
	}
}

func mergedEqualsAdapted(t *testing.T, name string, l LoRA) {
	m := fixture(t, name)
	plain := scoresOf(t, m)
	move(t, m, l)
	want := scoresOf(t, m)
	if largestGap(want, plain) < 1e-3 {
		t.Errorf("the adapter has no effect")
	}
	dir := filepath.Join(t.TempDir(), "merged")
	if err := m.Save(dir, manifestOf("policy")); err != nil {
		t.Fatal(err)
	}
	saved, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if gap := largestGap(want, scoresOf(t, saved)); gap > 1e-5 {
		t.Errorf("%s: the saved model differs by %g", name, gap)
	}
	clone, err := m.Clone()
	if err != nil {
		t.Fatal(err)
	}
	if clone.Head() != m.Head() || largestGap(want, scoresOf(t, clone)) != 0 {
		t.Errorf("%s: a clone has its own frozen weights, or other values", name)
	}
	copied := fixture(t, name)
	if l.TargetsOutput() {
		copied.untie()
	}
	copied.CopyWeights(m)
	if gap := largestGap(want, scoresOf(t, copied)); gap > 1e-5 {
		t.Errorf("%s: copied weights differ by %g", name, gap)
	}
	own := 0 // output layers that are no longer the embedding
	if l.TargetsOutput() && m.Config.Tied {
		own = 1
	}
	m.Merge()
	if gap := largestGap(want, scoresOf(t, m)); gap > 1e-5 {
		t.Errorf("%s: merged, the model differs by %g", name, gap)
	}
	if m.Head().Frozen || len(m.Params.List()) != len(clone.Params.List())-2*len(clone.Adapter.list())+own {
		t.Errorf("%s: merged, the model is frozen or keeps the adapter", name)
	}
}

// TestAdapterGradients: only the adapter has a gradient, and it is the one of the merged weights by
// the chain rule: dB = scale·dW Aᵀ, dA = scale·Bᵀ dW.
func TestAdapterGradients(t *testing.T) {
	for name, c := range tinyConfigs() {
		m, full := initial(t, c), initial(t, c)
		move(t, m, loraOf(3, "all", "lm_head"))
		full.untie()
		full.CopyWeights(m)
		for _, model := range []*Model{m, full} {
			learnOnce(t, model, Input{})
		}
		for _, p := range m.Params.List() {
			if p.Frozen && p.Grad != nil {
				t.Errorf("%s: %s is frozen and has a gradient", name, p.Name)
			}
		}
		for _, l := range m.Adapter.list() {
			w := full.Params.Get(l.t.param)
			dW := w.Grad[l.t.row*w.Cols : (l.t.row+l.t.rows)*w.Cols]
			for i := range l.b.Rows {
				for r := range l.b.Cols {
					want := 0.0
					for j := range w.Cols {
						want += m.Adapter.scale * float64(dW[i*w.Cols+j]) * float64(l.a.Row(r)[j])
					}
					if got := float64(l.b.Grad[i*l.b.Cols+r]); math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
						t.Fatalf("%s: gradient of %s [%d, %d] is %g, want %g", name, l.b.Name, i, r, got, want)
					}
				}
			}
		}
	}
}

// initial is a tiny model as training begins with it: its numbers are small, and so are rounding errors.
func initial(t *testing.T, c Config) *Model {
	t.Helper()
	m, err := NewModel(c)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1)
	return m
}

func learnOnce(t *testing.T, m *Model, how Input) {
	t.Helper()
	l, err := newPickLoss(testDevice(t), m, pickRoom{200, 8}, how)
	if err != nil {
		t.Fatal(err)
	}
	var batch []Sequence
	for _, r := range requests() {
		batch = append(batch, Join(r.Prompt, []int32{7, 8, 9, 60}))
	}
	if _, err := l.step(batch, 1, 1); err != nil {
		t.Fatal(err)
	}
}

// TestRecompute: computing layers again changes no bit of any gradient, with dropout and adapters too,
// and takes less memory.
func TestRecompute(t *testing.T) {
	for name, c := range tinyConfigs() {
		c.Layers = 5
		for _, rank := range []int{0, 2} {
			var grads [2][]float32
			for i, again := range []bool{false, true} {
				m := tinyModel(t, c)
				if rank > 0 {
					m = adapted(t, c, loraOf(rank, "all", "lm_head"))
				}
				learnOnce(t, m, Input{Dropout: .1, AdapterDropout: .2, Recompute: again})
				for _, p := range m.Params.List() {
					grads[i] = append(grads[i], p.Grad...)
				}
			}
			if !slices.Equal(grads[0], grads[1]) {
				t.Errorf("%s, rank %d: recomputed gradients differ", name, rank)
			}
		}
	}
}

// TestSFTWithLoRA: training with an adapter stops and resumes to the same bits, learns, keeps the
// base's weights, and leaves a merged model beside PEFT's files.
func TestSFTWithLoRA(t *testing.T) {
	policy, data := base(t), writeDemos(t)
	c := smallSFT()
	c.LoRA, c.AdapterDropout, c.Recompute = loraOf(4, "all", "lm_head"), .1, true
	checkResume(t, func(ctx context.Context, job Job) (Result, error) {
		job.Policy, job.Data = policy, []string{data}
		return SFT(ctx, testDevice(t), c, job)
	})
	c.Epochs, c.Dropout, c.AdapterDropout, c.LearningRate = 20, 0, 0, 1e-2
	out := filepath.Join(t.TempDir(), "sft")
	r, err := SFT(context.Background(), testDevice(t), c, Job{Policy: policy, Data: []string{data}, Out: out})
	if err != nil {
		t.Fatal(err)
	}
	if first := logLines(t, filepath.Join(out, MetricsFile))[0][MetricLoss].(float64); r.Metrics[MetricValLoss] > first-1.5 {
		t.Errorf("validation loss %v, the first step had %v", r.Metrics[MetricValLoss], first)
	}
	merged, err := Load(out)
	if err != nil {
		t.Fatal(err)
	}
	joined, err := LoadAdapter(policy, filepath.Join(out, ResultDir, AdapterDir))
	if err != nil {
		t.Fatal(err)
	}
	seqs := []Sequence{Join(merged.Template.Prompt(merged.Tokenizer, promptOf("The owl number 3 says")), merged.Template.Completion(merged.Tokenizer, " hoo"))}
	var logps [2]float64
	for i, m := range []*Model{merged, joined} {
		s, err := NewScorer(testDevice(t), m, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		scores, err := s.Score(context.Background(), seqs)
		if err != nil {
			t.Fatal(err)
		}
		logps[i] = scores[0].Sum()
	}
	if math.Abs(logps[0]-logps[1]) > 1e-4 {
		t.Errorf("the merged model says %g, base and adapter %g", logps[0], logps[1])
	}
	if _, err := os.Stat(filepath.Join(out, CheckpointDir, "model.safetensors")); err == nil {
		t.Error("the checkpoint holds the frozen weights, too")
	}
}

// TestLoRASettings: the settings are those of the kind of training that has them, with lists as people write them.
func TestLoRASettings(t *testing.T) {
	for _, set := range []string{"lora_targets=q_proj, v_proj", `lora_targets=["q_proj","v_proj"]`} {
		c := DefaultSFT()
		if err := LoadConfig(&c, "", []string{"lora_rank=8", set}); err != nil || c.Rank != 8 || !slices.Equal(c.Targets, []string{"q_proj", "v_proj"}) {
			t.Errorf("%s: %+v, %v", set, c.LoRA, err)
		}
	}
	c := DefaultSFT()
	if err := LoadConfig(&c, "", []string{"lora_rank=8", "store=bf16"}); err == nil || !strings.Contains(err.Error(), "store bf16") {
		t.Errorf("bf16: %v", err)
	}
}

func TestAdapterRefuses(t *testing.T) {
	m := tinyModel(t, tinyConfigs()["llama"])
	for _, c := range []struct {
		lora LoRA
		want string
	}{
		{LoRA{Rank: -1}, "lora_rank -1"},
		{LoRA{Rank: 4, Targets: []string{"all"}}, "lora_alpha 0"},
		{LoRA{Rank: 4, Alpha: 8}, "lora_targets is empty"},
	} {
		if err := c.lora.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.lora, err, c.want)
		}
	}
	if err := m.Adapt(loraOf(4, "q_proj", "c_attn"), 0); err == nil || !strings.Contains(err.Error(), `no linear layer "c_attn"; it has q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, lm_head`) {
		t.Errorf("a target of another family: %v", err)
	}
	for name, text := range map[string]string{
		"peft_type \"IA3\"": `{"peft_type":"IA3"}`,
		"use_dora":          `{"peft_type":"LORA","r":4,"lora_alpha":8,"use_dora":true}`,
		"bias \"all\"":      `{"peft_type":"LORA","r":4,"lora_alpha":8,"bias":"all"}`,
		"r 0":               `{"peft_type":"LORA"}`,
		"adapter for someone/model, which is no directory here": `{"peft_type":"LORA","r":4,"lora_alpha":8,"base_model_name_or_path":"someone/model"}`,
		"without the name of its base model":                    `{"peft_type":"LORA","r":4,"lora_alpha":8}`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, adapterConfigFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPEFTAdapters: what PEFT made (testdata/make_peft.py) is loaded, the base found where the adapter says,
// and computes PEFT's logits; so does what Import merges of it, and what is exported again.
func TestPEFTAdapters(t *testing.T) {
	for _, c := range []struct{ dir, base string }{{"llama", "llama"}, {"gpt2", "gpt2"}, {"gpt2-head", "gpt2"}} {
		dir, name := filepath.Join("testdata", "peft", c.dir), c.base
		data, err := os.ReadFile(filepath.Join(dir, "reference.json"))
		if err != nil {
			t.Fatal(err)
		}
		var rows []referenceRow
		if err := json.Unmarshal(data, &rows); err != nil {
			t.Fatal(err)
		}
		m, err := LoadPolicy(dir)
		if err != nil {
			t.Fatal(err)
		}
		checkAgainst(t, m, rows)

		merged := filepath.Join(t.TempDir(), "merged")
		if err := ImportAdapter(filepath.Join("testdata", name), dir, merged); err != nil {
			t.Fatal(err)
		}
		again := filepath.Join(t.TempDir(), "adapter")
		if err := exportAdapter(merged, again, "a/base"); err != nil {
			t.Fatal(err)
		}
		if m, err = Load(merged); err != nil {
			t.Fatal(err)
		}
		checkAgainst(t, m, rows)
		if m, err = LoadAdapter(filepath.Join("testdata", name), again); err != nil {
			t.Fatal(err)
		}
		checkAgainst(t, m, rows)
		if err := exportAdapter(filepath.Join("testdata", name), filepath.Join(t.TempDir(), "none"), ""); err == nil || !strings.Contains(err.Error(), "trained without lora_rank") {
			t.Errorf("exporting the adapter of a model without one: %v", err)
		}
	}
	other := filepath.Join("testdata", "gpt2")
	if _, err := LoadAdapter(other, filepath.Join("testdata", "peft", "llama")); err == nil || !strings.Contains(err.Error(), "has no place in a gpt2 model of 2 layers") {
		t.Errorf("an adapter on another family: %v", err)
	}
}

// TestAdapterOfMuP: a checkpoint has muP's factors folded into the weights, and so has the adapter beside
// it: the two together are the merged checkpoint.
func TestAdapterOfMuP(t *testing.T) {
	for _, name := range []string{"llama", "gpt2"} {
		c := tinyConfigs()[name]
		c.MuP = MuP{BaseWidth: 12, BaseFFN: 18, BaseHeadDim: 3, Output: 2}
		m := initial(t, c)
		move(t, m, loraOf(3, "all", "lm_head"))
		files := map[string][]float32{}
		for _, f := range m.adapterTensors("") {
			files[f.Name] = f.Data
		}
		for _, l := range m.Adapter.list() {
			merged, base := m.folded(l.t), m.Base().folded(l.t)
			b, cols := files[l.b.Name], l.t.cols
			for i := range l.t.rows {
				for j := range cols {
					want := float64(base[i*cols+j])
					for r := range l.a.Rows {
						want += m.Adapter.scale * float64(b[i*l.a.Rows+r]) * float64(l.a.Row(r)[j])
					}
					if math.Abs(want-float64(merged[i*cols+j])) > 1e-6 {
						t.Fatalf("%s: %s [%d, %d] is %g merged, %g from base and adapter", name, l.t.name, i, j, merged[i*cols+j], want)
					}
				}
			}
		}
		dir := t.TempDir()
		if err := m.WriteAdapter(dir, TaskCausalLM, ""); err != nil {
			t.Fatal(err)
		}
		again := initial(t, c)
		if err := again.Adapt(loraOf(3, "all", "lm_head"), 9); err != nil {
			t.Fatal(err)
		}
		if err := again.readAdapter(dir); err != nil {
			t.Fatal(err)
		}
		for i, l := range again.Adapter.list() {
			for j, x := range l.b.Data {
				if math.Abs(float64(x-m.Adapter.list()[i].b.Data[j])) > 1e-6 {
					t.Fatalf("%s: %s comes back as another", name, l.b.Name)
				}
			}
		}
	}
}
