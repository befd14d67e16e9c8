package policy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"agora/policy/checkpoint"
)

// writeText makes a small corpus of 120 documents, one a line.
func writeText(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	animals := []string{"cat", "dog", "hen", "fox", "owl"}
	places := []string{"mat", "hill", "roof", "road"}
	for i := range 120 {
		fmt.Fprintf(&b, "The %s sat on the %s and saw %d birds.\n", animals[i%5], places[i%4], i%7+2)
	}
	path := filepath.Join(dir, "corpus.txt")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// smallPretrain are settings that train in a second.
func smallPretrain() PretrainConfig {
	c := DefaultPretrain()
	c.Vocab, c.Layers, c.Width, c.Heads, c.FFN, c.Context = 300, 1, 32, 2, 48, 24
	c.Documents, c.BatchSequences, c.Steps, c.WarmupSteps = DocumentLine, 4, 12, 3
	c.Dropout, c.Validation, c.EvalEvery, c.CheckpointEvery, c.SampleEvery = .1, .1, 5, 4, 6
	return c
}

// stopAt is a sink that stops a run at a step: by cancelling it, or with an error, as if it had
// crashed before it could save anything.
type stopAt struct {
	step   int
	cancel func()
	crash  error
}

func (s stopAt) Metrics(step int, _ map[string]float64) error {
	if step == s.step && s.cancel != nil {
		s.cancel()
	}
	if step == s.step {
		return s.crash
	}
	return nil
}
func (s stopAt) Sample(int, map[string]any) error { return nil }
func (s stopAt) Progress(int, int)                {}

// trainer runs some kind of training with a job.
type trainer func(ctx context.Context, job Job) (Result, error)

// checkResume compares a run that was stopped and resumed with one that was not: every file of
// checkpoint and model byte for byte, metrics and samples without clock and speed.
func checkResume(t *testing.T, train trainer) {
	t.Helper()
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole")
	if _, err := train(context.Background(), Job{Out: whole}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		steps []int // where it is stopped, one after another
		crash error
	}{
		{"interrupted", []int{3, 7}, nil},
		{"crashed", []int{2, 6, 11}, errors.New("power cut")},
	} {
		out := filepath.Join(dir, c.name)
		for i, step := range c.steps {
			ctx, cancel := context.WithCancel(context.Background())
			stop := stopAt{step: step, crash: c.crash}
			if c.crash == nil {
				stop.cancel = cancel
			}
			_, err := train(ctx, Job{Out: out, Resume: i > 0, Sinks: []Sink{stop}})
			cancel()
			if c.crash == nil && !errors.Is(err, context.Canceled) || c.crash != nil && !errors.Is(err, c.crash) {
				t.Fatalf("%s at step %d: %v", c.name, step, err)
			}
		}
		if _, err := train(context.Background(), Job{Out: out, Resume: true}); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for _, sub := range []string{CheckpointDir, ResultDir} {
			if a, b := tree(t, filepath.Join(whole, sub)), tree(t, filepath.Join(out, sub)); !reflect.DeepEqual(a, b) {
				t.Errorf("%s: %s differs from the run that was not stopped: %s", c.name, sub, difference(a, b))
			}
		}
		for _, log := range []string{MetricsFile, SamplesFile} {
			a, b := logLines(t, filepath.Join(whole, log)), logLines(t, filepath.Join(out, log))
			if len(a) == 0 || !reflect.DeepEqual(a, b) {
				t.Errorf("%s: %s differs:\n%v\n%v", c.name, log, a, b)
			}
		}
	}
	checkCutOff(t, train, whole)
	if _, err := train(context.Background(), Job{Out: whole}); err == nil || !strings.Contains(err.Error(), "--resume") {
		t.Errorf("a second run in the same directory: %v", err)
	}
}

// countdown is a context that is cancelled when its Err was asked n times: in a step, in the middle of
// an evaluation or of a sample.
type countdown struct {
	context.Context
	n *int
}

func (c countdown) Err() error {
	if *c.n--; *c.n < 0 {
		return context.Canceled
	}
	return nil
}

// checkCutOff stops a run at many places, wherever they fall, until it gets to the end.
func checkCutOff(t *testing.T, train trainer, whole string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "cut-off")
	for i, n := 0, 7; ; i, n = i+1, n+31 {
		left := n
		_, err := train(countdown{context.Background(), &left}, Job{Out: out, Resume: i > 0})
		var stopped *Interrupted
		if err == nil {
			break
		} else if !errors.As(err, &stopped) {
			t.Fatalf("cut off at check %d: %v", n, err)
		}
	}
	if a, b := tree(t, filepath.Join(whole, CheckpointDir)), tree(t, filepath.Join(out, CheckpointDir)); !reflect.DeepEqual(a, b) {
		t.Errorf("cut off: checkpoint differs: %s", difference(a, b))
	}
	if a, b := logLines(t, filepath.Join(whole, MetricsFile)), logLines(t, filepath.Join(out, MetricsFile)); !reflect.DeepEqual(a, b) {
		t.Errorf("cut off: metrics differ:\n%v\n%v", a, b)
	}
	if a, b := logLines(t, filepath.Join(whole, SamplesFile)), logLines(t, filepath.Join(out, SamplesFile)); !reflect.DeepEqual(a, b) {
		t.Errorf("cut off: samples differ:\n%v\n%v", a, b)
	}
}

func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir)] = string(data)
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", dir, len(files), err)
	}
	return files
}

func difference(a, b map[string]string) string {
	var names []string
	for name := range a {
		if a[name] != b[name] {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// logLines are the rows of a log without what depends on the clock.
func logLines(t *testing.T, path string) []map[string]any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	for sc := bufio.NewScanner(bytes.NewReader(data)); sc.Scan(); {
		var row map[string]any
		if err := json.Unmarshal(sc.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		for name := range row {
			if name == "time" || strings.HasPrefix(name, "perf/") {
				delete(row, name)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func TestPretrainResumes(t *testing.T) {
	data := writeText(t, t.TempDir())
	for _, store := range []string{"fp32", "bf16"} {
		c := smallPretrain()
		c.Store = store
		checkResume(t, func(ctx context.Context, job Job) (Result, error) {
			job.Data = []string{data}
			return Pretrain(ctx, testDevice(t), c, job)
		})
	}
}

// base pretrains a small model once and returns its run directory.
func base(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "base")
	c := smallPretrain()
	c.Steps, c.EvalEvery, c.CheckpointEvery = 40, 0, 0
	if _, err := Pretrain(context.Background(), testDevice(t), c, Job{Data: []string{writeText(t, t.TempDir())}, Out: out}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestPretrainLearns: the loss starts at ln V and falls well below it, and the saved model has the
// loss that the run reports.
func TestPretrainLearns(t *testing.T) {
	out := base(t)
	rows := logLines(t, filepath.Join(out, MetricsFile))
	first, last := rows[0][MetricLoss].(float64), rows[len(rows)-1][MetricLoss].(float64)
	m, err := Load(out)
	if err != nil {
		t.Fatal(err)
	}
	if want := math.Log(float64(m.Config.Vocab)); math.Abs(first-want) > .2 || last > first-1.5 {
		t.Errorf("loss went from %.2f to %.2f, ln V is %.2f", first, last, want)
	}
	manifest, err := checkpoint.Verify(filepath.Join(out, ResultDir))
	if err != nil {
		t.Fatal(err)
	}
	c := smallPretrain()
	docs, err := ReadDocuments([]string{writeText(t, t.TempDir())}, DocumentLine)
	if err != nil {
		t.Fatal(err)
	}
	_, held, err := pretrainCorpus(c, m.Tokenizer, docs)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewScorer(testDevice(t), m, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Evaluate(context.Background(), s, held.sequences(c.Context), nil)
	if err != nil || e.Loss != manifest.Metrics[MetricValLoss] {
		t.Errorf("the saved model has loss %v, its manifest says %v (%v)", e.Loss, manifest.Metrics[MetricValLoss], err)
	}
}

// writeDemos makes 60 demonstrations: the prompt names an animal, the completion its voice.
func writeDemos(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	voices := map[int][2]string{0: {"cat", "mew"}, 1: {"dog", "bow"}, 2: {"hen", "cluck"}, 3: {"owl", "hoo"}}
	for i := range 60 {
		v := voices[i%4]
		fmt.Fprintf(&b, `{"schema":"demo/1","prompt_id":"p%d","prompt":[{"role":"user","content":"The %s number %d says"}],"completion":" %s"}`+"\n", i, v[0], i, v[1])
	}
	path := filepath.Join(t.TempDir(), "demos.jsonl")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func smallSFT() SFTConfig {
	c := DefaultSFT()
	c.Epochs, c.BatchExamples, c.MicroTokens, c.LearningRate = 2, 8, 40, 5e-3
	c.Validation, c.EvalEvery, c.CheckpointEvery, c.SampleEvery = .2, 5, 4, 6
	return c
}

func TestSFTResumes(t *testing.T) {
	policy, data := base(t), writeDemos(t)
	checkResume(t, func(ctx context.Context, job Job) (Result, error) {
		job.Policy, job.Data = policy, []string{data}
		return SFT(ctx, testDevice(t), smallSFT(), job)
	})
}

// TestSFTLearns: after training the model says what the demonstrations say and stops there.
func TestSFTLearns(t *testing.T) {
	c := smallSFT()
	c.Epochs, c.Dropout, c.LearningRate = 20, 0, 1e-2
	out := filepath.Join(t.TempDir(), "sft")
	r, err := SFT(context.Background(), testDevice(t), c, Job{Policy: base(t), Data: []string{writeDemos(t)}, Out: out})
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load(out)
	if err != nil {
		t.Fatal(err)
	}
	reqs := []Request{{Prompt: m.Template.Prompt(m.Tokenizer, promptOf("The owl number 3 says"))}}
	got := sample(t, sampler(t, m, 1), reqs, Sampling{MaxNew: 6})[0]
	if text := m.Template.Text(m.Tokenizer, got.Tokens); text != " hoo" || got.Finish != FinishEOS {
		t.Errorf("the owl says %q (%s), validation loss %v", text, got.Finish, r.Metrics)
	}
}

// TestMicroBatches: cutting a batch into parts changes the gradient by rounding only.
func TestMicroBatches(t *testing.T) {
	var grads [2][]float32
	for i, tokens := range []int{200, 40} {
		m := tinyModel(t, tinyConfigs()["llama"])
		l, err := newPickLoss(testDevice(t), m, pickRoom{tokens, 8}, Input{})
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
		for _, p := range m.Params.List() {
			grads[i] = append(grads[i], p.Grad...)
		}
	}
	for i, x := range grads[0] {
		if y := grads[1][i]; math.Abs(float64(x-y)) > 1e-5*(1+math.Abs(float64(x))) {
			t.Fatalf("gradient %d: %v in one part, %v in several", i, x, y)
		}
	}
}

// TestPretrainRefusesEndlessEpochs, and leaves nothing behind.
func TestPretrainRefusesEndlessEpochs(t *testing.T) {
	c, out := smallPretrain(), filepath.Join(t.TempDir(), "out")
	c.Steps, c.Epochs = 0, 1e300
	_, err := Pretrain(context.Background(), testDevice(t), c, Job{Data: []string{writeText(t, t.TempDir())}, Out: out})
	if err == nil || !strings.Contains(err.Error(), "epochs 1e+300") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(out, RunFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a run is left behind: %v", err)
	}
}
