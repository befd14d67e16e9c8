package dpo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/cpu"
	"agora/policy/graph"
	"agora/policy/tokenizer"
	"agora/reward/prefs"
)

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tol {
		t.Errorf("%s = %.12g, want %.12g ± %g", what, got, want, tol)
	}
}

func TestClosedForms(t *testing.T) {
	for _, tt := range []struct {
		loss               Loss
		h, beta, smoothing float64
		want               float64
	}{
		{Sigmoid, 0, .1, 0, math.Ln2}, {Sigmoid, 0, .3, .2, math.Ln2}, {Robust, 0, .1, .2, math.Ln2}, // TRL's trajectory starts at .6931472
		{IPO, 0, .1, 0, 25}, {Hinge, 0, .1, 0, 1},
		{Sigmoid, 10, .1, 0, .3132616875}, {Sigmoid, -10, .1, 0, 1.3132616875}, // log(1+e^∓1)
		{Sigmoid, 10, .1, .1, .9*.3132616875 + .1*1.3132616875},
		{Robust, 10, .1, .1, (.9*.3132616875 - .1*1.3132616875) / .8},
		{IPO, 5, .1, 0, 0}, {IPO, 6, .1, 0, 1}, // least where h = 1/(2β)
		{Hinge, 5, .1, 0, .5}, {Hinge, 20, .1, 0, 0},
		{Sigmoid, -1e5, .1, 0, 1e4},
	} {
		near(t, fmt.Sprintf("%s(%g)", tt.loss, tt.h), tt.loss.Of(tt.h, tt.beta, tt.smoothing), tt.want, 1e-9*math.Max(1, tt.want))
	}
	// Under label noise ε the robust loss has the expectation of the plain loss without noise.
	right, wrong := Robust.Of(7, .1, .2), Robust.Of(-7, .1, .2)
	near(t, "expectation of robust", .8*right+.2*wrong, Sigmoid.Of(7, .1, 0), 1e-12)
}

func TestTracedLosses(t *testing.T) {
	hs := []float32{0, 3, -3, 40, -40, 5.5}
	for _, loss := range []Loss{Sigmoid, Robust, IPO, Hinge} {
		g := graph.New(graph.NewParams())
		rows := g.Dim("rows", len(hs))
		h, w := g.Floats("h", rows, 1), g.Floats("w", rows, 1)
		total := g.WeightedSum(loss.trace(g, h, .2, .1), w)
		d := g.Gradients(total, h)
		prog, err := graph.NewReference(g)
		if err != nil {
			t.Fatal(err)
		}
		var f graph.Feeds
		f.Floats(h, hs)
		f.Floats(w, []float32{1, 1, 1, 1, 1, 1})
		if err := prog.Run(&f); err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for i, x := range hs {
			x := float64(x)
			want += loss.Of(x, .2, .1)
			slope := (loss.Of(x+1e-5, .2, .1) - loss.Of(x-1e-5, .2, .1)) / 2e-5
			near(t, string(loss)+" gradient", prog.Exact(d[0])[i], slope, 1e-6*math.Max(1, math.Abs(slope)))
		}
		near(t, string(loss), prog.Exact(total)[0], want, 1e-6*want)
	}
}

// toyFiles writes a random policy and preferences: cats are better than dogs.
func toyFiles(t *testing.T, dir string) Job {
	t.Helper()
	tok, err := tokenizer.Train(slices.Values([]string{"the cat sat on the mat", "the dog ate the cat", "a cat and a dog sat"}), 280, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := policy.NewModel(policy.Config{Family: policy.Llama, Vocab: tok.Size(), Width: 32, Layers: 2, Heads: 2, KVHeads: 1, HeadDim: 16,
		FFN: 48, Context: 32, Eps: 1e-5, Theta: 1e4, Tied: true, BOS: int(tok.BOS()), EOS: int(tok.EOS())})
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1)
	m.Tokenizer = tok
	job := Job{Job: policy.Job{Policy: filepath.Join(dir, "policy"), Data: []string{filepath.Join(dir, "pairs.jsonl")}}}
	if err := m.Save(job.Policy, checkpoint.Manifest{Kind: "policy"}); err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	for i := range 60 {
		chosen, rejected := " cat", " dog"
		for range i % 4 {
			chosen, rejected = " on"+chosen, " and"+rejected
		}
		fmt.Fprintf(&rows, `{"prompt":"the %c","chosen":%q,"rejected":%q}`+"\n", 'a'+rune(i%26), chosen, rejected)
	}
	rows.WriteString(`{"schema":"ranked/1","prompt_id":"k","prompt":"a","completions":[{"id":"1","text":" dog"},{"id":"2","text":" cat sat"},{"id":"3","text":" cat"}],"ranks":[3,2,1]}` + "\n")
	ranked := rows.String()
	cutAt := strings.Index(ranked, `{"schema"`)
	for path, text := range map[string]string{job.Data[0]: ranked[:cutAt], filepath.Join(dir, "ranked.jsonl"): ranked[cutAt:]} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	job.Data = append(job.Data, filepath.Join(dir, "ranked.jsonl"))
	return job
}

func toyConfig() Config {
	c := DefaultConfig()
	c.Epochs, c.BatchPairs, c.MicroTokens, c.LearningRate, c.CheckpointEvery, c.EvalEvery = 2, 12, 120, 3e-3, 4, 3
	return c
}

func train(t *testing.T, ctx context.Context, c Config, job Job, workers int) (policy.Result, error) {
	t.Helper()
	dev, err := cpu.Open(workers)
	if err != nil {
		t.Fatal(err)
	}
	return Train(ctx, dev, c, job)
}

// rows are the metrics of a run.
func metrics(t *testing.T, out string) []map[string]float64 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(out, policy.MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]float64
	for line := range bytes.Lines(data) {
		var mixed map[string]any
		if err := json.Unmarshal(line, &mixed); err != nil {
			t.Fatal(err)
		}
		row := map[string]float64{}
		for name, v := range mixed {
			if x, ok := v.(float64); ok {
				row[name] = x
			}
		}
		all = append(all, row)
	}
	return all
}

func TestLearnsPreferences(t *testing.T) {
	dir := t.TempDir()
	job := toyFiles(t, dir)
	for loss, first := range map[Loss]float64{Sigmoid: math.Ln2, Robust: math.Ln2, IPO: 25, Hinge: 1} {
		c := toyConfig()
		c.Loss = loss
		if loss == Robust {
			c.LabelSmoothing = .1
		}
		if loss == Hinge { // one of them by low-rank changes
			c.LoRA.Rank, c.LearningRate = 8, 3*c.LearningRate
		}
		job.Out = filepath.Join(dir, string(loss))
		res, err := train(t, context.Background(), c, job, 1)
		if err != nil {
			t.Fatal(err)
		}
		all := metrics(t, job.Out)
		// The policy is its own reference before the first step, to the last bit.
		near(t, string(loss)+" loss of step 1", all[0]["loss/train"], first, 1e-14*first)
		for _, name := range []string{"rewards/margins", "rewards/chosen", "rewards/rejected"} {
			if all[0][name] != 0 {
				t.Errorf("%s: %s = %g in step 1, want exactly 0", loss, name, all[0][name])
			}
		}
		last := all[len(all)-1]
		for _, m := range Metrics {
			if _, ok := last[m.Name]; !ok && !strings.HasPrefix(m.Name, "eval_") {
				t.Errorf("%s is documented and not logged", m.Name)
			}
		}
		t.Logf("%s: loss %.3f → %.3f, margin %.3f, held out %.2f", loss, first, last["loss/train"], last["rewards/margins"], last["eval_rewards/accuracies"])
		if last["rewards/accuracies"] < .9 || last["eval_rewards/accuracies"] < .9 || last["loss/train"] > .9*first {
			t.Errorf("%s has not learned: %v", loss, last)
		}
		if last["logps/chosen"] >= 0 || res.Metrics["rewards/accuracies"] != last["rewards/accuracies"] {
			t.Errorf("%s: result %v, last step %v", loss, res.Metrics, last)
		}
	}
}

// Two people for every judgment of the files, and one against it: two agree on a third of the pairs of
// judgments, and whoever is with the two finds the rest divided.
func TestPeopleBesideAccuracy(t *testing.T) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), toyConfig()
	rows, err := os.ReadFile(job.Data[0])
	if err != nil {
		t.Fatal(err)
	}
	against := filepath.Join(dir, "against.jsonl")
	if err := os.WriteFile(against, []byte(strings.NewReplacer(`"chosen"`, `"rejected"`, `"rejected"`, `"chosen"`).Replace(string(rows))), 0o644); err != nil {
		t.Fatal(err)
	}
	job.Data, job.Out, c.Epochs = []string{job.Data[0], job.Data[0], against}, filepath.Join(dir, "run"), .1
	res, err := train(t, context.Background(), c, job, 1)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "rater agreement", res.Metrics["eval_rater_agreement"], 1./3, .1) // some pairs are in the file twice
	near(t, "the others' majority", res.Metrics["eval_others_majority"], 1./3, .1)
	if text := peopleOn(res.Metrics); !strings.Contains(text, "two agree on 3") || !strings.Contains(text, "pairs") {
		t.Errorf("said: %s", text)
	}
	if text := peopleOn(nil); text != "no pair was judged by two" {
		t.Errorf("said of nothing: %s", text)
	}
}

// stopAt cancels a run when it reports step n.
type stopAt struct {
	n      int
	cancel context.CancelFunc
}

func (s stopAt) Metrics(step int, _ map[string]float64) error {
	if step == s.n {
		s.cancel()
	}
	return nil
}
func (stopAt) Sample(int, map[string]any) error { return nil }
func (stopAt) Progress(int, int)                {}

// snapshot holds every file of a run but run.json, without what depends on the clock.
func snapshot(t *testing.T, out string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(out, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == policy.RunFile {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(out, path)
		if files[name] = string(data); name == policy.MetricsFile {
			files[name] = ""
			for line := range bytes.Lines(data) {
				var row map[string]json.RawMessage
				_ = json.Unmarshal(line, &row)
				delete(row, "time")
				delete(row, policy.MetricRate)
				text, _ := json.Marshal(row)
				files[name] += string(text) + "\n"
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func different(a, b map[string]string) (out []string) {
	for name := range a {
		if b[name] != a[name] {
			out = append(out, name)
		}
	}
	if len(a) != len(b) {
		out = append(out, fmt.Sprintf("%d files against %d", len(a), len(b)))
	}
	return out
}

func TestResumedRunIsByteEqual(t *testing.T) {
	checkResume(t, toyConfig())
	c := toyConfig()
	c.LoRA.Rank, c.Recompute = 4, true
	checkResume(t, c)
}

func checkResume(t *testing.T, c Config) {
	t.Helper()
	dir := t.TempDir()
	job := toyFiles(t, dir)
	job.Out = filepath.Join(dir, "straight")
	if _, err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	want := snapshot(t, job.Out)
	for _, stop := range []int{1, 4} {
		job.Out, job.Resume = filepath.Join(dir, fmt.Sprint("stopped", stop)), false
		ctx, cancel := context.WithCancel(context.Background())
		job.Sinks = []policy.Sink{stopAt{stop, cancel}}
		if _, err := train(t, ctx, c, job, 1); !errors.Is(err, context.Canceled) {
			t.Fatalf("stop at %d: %v", stop, err)
		}
		job.Sinks, job.Resume = nil, true
		if _, err := train(t, context.Background(), c, job, 2); err != nil {
			t.Fatal(err)
		}
		if diff := different(want, snapshot(t, job.Out)); diff != nil {
			t.Errorf("stopped after step %d and resumed: %v differ", stop, diff)
		}
	}
	// The control: another order of the pairs gives other bits.
	job.Out, job.Resume, c.Seed = filepath.Join(dir, "seed"), false, 1
	if _, err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	if diff := different(want, snapshot(t, job.Out)); len(diff) < 3 {
		t.Errorf("control: another seed changes %v only", diff)
	}
}

// How a step's pairs are split into micro-batches changes rounding only.
func TestMicroBatchesAddUp(t *testing.T) {
	dir := t.TempDir()
	job := toyFiles(t, dir)
	var first [2]map[string]float64
	for i, micro := range []int{1, 1 << 20} { // a pair at a time, or all at once
		c := toyConfig()
		c.MicroTokens = micro
		job.Out = filepath.Join(dir, fmt.Sprint(micro))
		if _, err := train(t, context.Background(), c, job, 1); err != nil {
			t.Fatal(err)
		}
		first[i] = metrics(t, job.Out)[0]
	}
	for _, name := range []string{"loss/train", "grad_norm"} {
		if a, b := first[0][name], first[1][name]; math.Abs(a-b) > 1e-5*math.Abs(b) {
			t.Errorf("%s of the first step is %g pair by pair and %g at once", name, a, b)
		}
	}
}

// A reference of its own shifts the margins, and is part of what a run is resumed with.
func TestOtherReference(t *testing.T) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), toyConfig()
	m, err := policy.Load(job.Policy)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(9)
	job.Reference = filepath.Join(dir, "reference")
	if err := m.Save(job.Reference, checkpoint.Manifest{Kind: "policy"}); err != nil {
		t.Fatal(err)
	}
	job.Out = filepath.Join(dir, "run")
	if _, err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	if first := metrics(t, job.Out)[0]; first["rewards/margins"] == 0 {
		t.Error("the reference is not read")
	}
	job.Resume, job.Reference = true, ""
	if _, err := train(t, context.Background(), c, job, 1); err == nil || !strings.Contains(err.Error(), "reference") {
		t.Errorf("resumed with another reference: %v", err)
	}
}

// TestIdenticalTexts: pairs of one text twice are left out and counted, pairs with an empty text are learned from.
func TestIdenticalTexts(t *testing.T) {
	dir := t.TempDir()
	job := toyFiles(t, dir)
	rows := ""
	for i, texts := range [][2]string{{" dog", " dog"}, {" dog", ""}, {"", ""}} {
		rows += fmt.Sprintf(`{"prompt":"a%d","chosen":%q,"rejected":%q}`+"\n", i, texts[0], texts[1])
	}
	file := filepath.Join(dir, "twice.jsonl")
	if err := os.WriteFile(file, []byte(rows), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := policy.LoadPolicy(job.Policy)
	if err != nil {
		t.Fatal(err)
	}
	c, said := toyConfig(), ""
	c.ValPrompts = 0
	got, err := load(c, m, []string{file}, prefs.Auto, func(format string, args ...any) { said += fmt.Sprintf(format+"\n", args...) })
	if err != nil || len(got.train) != 1 || !strings.Contains(said, "2 pairs are left out: the same text twice") {
		t.Errorf("%d pairs, said %q (%v)", len(got.train), said, err)
	}
}

func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	good := toyFiles(t, dir)
	tied := filepath.Join(dir, "tied.jsonl")
	row := `{"schema":"ranked/1","prompt_id":"k","prompt":"a","completions":[{"id":"1","text":" dog"},{"id":"2","text":" cat"}],"ranks":[1,1]}` + "\n"
	if err := os.WriteFile(tied, []byte(row), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		want   string
		change func(*Job, *Config)
	}{
		{"no-policy", func(j *Job, _ *Config) { j.Policy = "no-policy" }},
		{"none with two different completions of different rank", func(j *Job, _ *Config) { j.Data = []string{tied} }},
		{"beta 0 must be positive", func(_ *Job, c *Config) { c.Beta = 0 }},
		{"has no meaning with loss ipo", func(_ *Job, c *Config) { c.Loss, c.LabelSmoothing = IPO, .1 }},
		{"epochs 1e+300 would be", func(_ *Job, c *Config) { c.Epochs = 1e300 }},
		{"none of 61 rankings has a split", func(_ *Job, c *Config) { c.Split = "field" }},
		{"loss \"kto\" is none of", func(_ *Job, c *Config) { c.Loss = "kto" }},
	} {
		job, c := good, toyConfig()
		job.Out = filepath.Join(dir, "bad")
		tt.change(&job, &c)
		if _, err := train(t, context.Background(), c, job, 1); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("want %q, got %v", tt.want, err)
		}
		if _, err := os.Stat(filepath.Join(job.Out, policy.RunFile)); err == nil {
			t.Errorf("%s: a run is left behind", tt.want)
		}
	}
}
