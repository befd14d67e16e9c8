package reward

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"agora/policy"
	"agora/policy/cpu"
	"agora/policy/graph"
	"agora/policy/tokenizer"
	"agora/reward/prefs"
)

func device(t testing.TB) *cpu.Device {
	t.Helper()
	dev, err := cpu.Open(2)
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// tinyPolicy has a tokenizer trained on a few sentences and random weights.
func tinyPolicy(t testing.TB, texts []string, vocab, width, layers int) *policy.Model {
	t.Helper()
	tok, err := tokenizer.Train(slices.Values(texts), vocab, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := policy.NewModel(policy.Config{Family: policy.Llama, Vocab: tok.Size(), Width: width, Layers: layers,
		Heads: width / 16, KVHeads: width / 16, HeadDim: 16, FFN: 3 * width, Context: 128, Eps: 1e-5, Theta: 10000,
		BOS: int(tok.BOS()), EOS: int(tok.EOS())})
	if err != nil {
		t.Fatal(err)
	}
	m.Tokenizer, m.Hash = tok, "sha256:test"
	m.Init(1)
	return m
}

// toyRankings: in every ranking of three, more exclamation marks are better; some
// tie. Two labelers judge each prompt.
func toyRankings(n int) []*prefs.Ranked {
	var lines []*prefs.Ranked
	for i := range n {
		r := &prefs.Ranked{PromptID: fmt.Sprintf("p%d", i), Prompt: prefs.Plain(fmt.Sprintf("Say number %d.", i))}
		for k := range 3 {
			text := fmt.Sprintf(" The number is %d", i*7%100)
			for range (k + i) % 3 {
				text += "!"
			}
			r.Completions = append(r.Completions, prefs.Completion{ID: fmt.Sprint(k), Text: text})
			rank := 3 - (k+i)%3
			if i%10 == 0 && rank == 3 {
				rank = 2
			}
			r.Ranks = append(r.Ranks, &rank)
		}
		for w := range 2 {
			line := *r
			line.Worker = fmt.Sprintf("w%02d", (i+w)%20)
			lines = append(lines, &line)
		}
	}
	return lines
}

func toyTexts(lines []*prefs.Ranked) []string {
	var texts []string
	for _, r := range lines {
		for _, c := range r.Completions {
			texts = append(texts, r.Prompt[0].Content+c.Text)
		}
	}
	return texts
}

func toyConfig() TrainConfig {
	c := DefaultTrainConfig()
	c.Epochs, c.BatchPrompts, c.MicroTokens, c.LearningRate, c.Seed = 4, 16, 300, 3e-3, 7
	return c
}

func train(ctx context.Context, t testing.TB, dir string, c TrainConfig, opt policy.RunOptions) (*Result, error) {
	t.Helper()
	lines := toyRankings(200)
	if c.GroupBy != "" {
		lines = opposed(200, 4)
	}
	return Train(ctx, device(t), tinyPolicy(t, toyTexts(lines), 300, 32, 2), Data{Rankings: lines}, c, dir, opt)
}

func TestTrainLearnsRankings(t *testing.T) {
	for _, ties := range []TiePolicy{TiesDrop, TiesHalf, TiesDavidson} {
		c := toyConfig()
		c.Ties = string(ties)
		dir := t.TempDir()
		r, err := train(t.Context(), t, dir, c, policy.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Val == nil || r.NewWorkers == nil || r.Val.Accuracy < .95 || r.NewWorkers.Accuracy < .9 {
			t.Errorf("ties %s: validation %v, new labelers %v", ties, r.Val, r.NewWorkers)
		}
		steps := metricsOf(t, dir)
		for _, prefix := range []string{"eval_", "eval_new_labelers_"} {
			if last := steps[len(steps)-1]; last[prefix+"accuracy"] == 0 || last[prefix+"rater_agreement"] != 1 || last[prefix+"others_majority"] != 1 { // all toy labelers agree
				t.Errorf("ties %s: people agree on %g beside accuracy %g", ties, last[prefix+"rater_agreement"], last[prefix+"accuracy"])
			}
		}
		loaded, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		a, b := scoreToy(t, r.Model), scoreToy(t, loaded)
		if !slices.Equal(a, b) {
			t.Errorf("ties %s: the saved model scores differently", ties)
		}
	}
}

func scoreToy(t *testing.T, m *Model) []float32 {
	t.Helper()
	s, err := NewScorer(device(t), m, 0)
	if err != nil {
		t.Fatal(err)
	}
	var seqs [][]int32
	for _, r := range toyRankings(20) {
		for _, c := range r.Completions {
			ids, err := m.Encode(r.Prompt, c.Text)
			if err != nil {
				t.Fatal(err)
			}
			seqs = append(seqs, ids)
		}
	}
	out, err := s.Score(t.Context(), seqs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The mean score of what the model is centred on is 0.
func TestCentring(t *testing.T) {
	c := toyConfig()
	c.Epochs = .5
	lines := toyRankings(200)
	demos := []*prefs.Demo{{PromptID: "p1", Prompt: prefs.Plain("Say number 1."), Completion: " One!!"},
		{PromptID: "p2", Prompt: prefs.Plain("Say number 2."), Completion: " The number is 2"}}
	r, err := Train(t.Context(), device(t), tinyPolicy(t, toyTexts(lines), 300, 32, 2), Data{Rankings: lines, Demos: demos}, c, t.TempDir(), policy.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewScorer(device(t), r.Model, 0)
	if err != nil {
		t.Fatal(err)
	}
	var seqs [][]int32
	for _, d := range demos {
		ids, _ := r.Model.Encode(d.Prompt, d.Completion)
		seqs = append(seqs, ids)
	}
	scores, err := s.Score(t.Context(), seqs)
	if err != nil {
		t.Fatal(err)
	}
	if mean := (scores[0] + scores[1]) / 2; math.Abs(float64(mean)) > 1e-6 || r.Centred != "demonstrations" {
		t.Errorf("demonstrations score %v on average (%s)", mean, r.Centred)
	}
}

// A score has the same bits alone, in any batch, and on any number of threads.
func TestScoresDoNotDependOnTheBatch(t *testing.T) {
	lines := toyRankings(30)
	m, err := New(tinyPolicy(t, toyTexts(lines), 300, 32, 2), 3)
	if err != nil {
		t.Fatal(err)
	}
	whole := scoreToy(t, m)
	one, err := cpu.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewScorer(one, m, 128)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for _, r := range toyRankings(20) {
		for _, c := range r.Completions {
			ids, _ := m.Encode(r.Prompt, c.Text)
			alone, err := s.Score(t.Context(), [][]int32{ids})
			if err != nil {
				t.Fatal(err)
			}
			if alone[0] != whole[i] {
				t.Fatalf("text %d: %v alone, %v in a batch", i, alone[0], whole[i])
			}
			i++
		}
	}
}

var unequal = regexp.MustCompile(`"(time|tokens_per_second)":[^,}]*,?`)

// snapshot reads what a resumed run must equal: every checkpoint file, and the
// metrics without clock and throughput.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == policy.RunFile {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(unequal.ReplaceAll(data, nil))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// fuse is a context that ends when it has been asked n times.
type fuse struct {
	context.Context
	left int
}

func (f *fuse) Err() error {
	if f.left--; f.left <= 0 {
		return context.Canceled
	}
	return nil
}

// A run stopped anywhere, in a step, in validation, while centring, and resumed
// leaves the same files as one that went through.
func TestResumeIsBitEqual(t *testing.T) {
	c := toyConfig()
	c.Epochs, c.SaveEvery, c.EvalEvery = 1, 5, 3
	checkResume(t, c)
	c.LoRA.Rank, c.AdapterDropout, c.Recompute = 4, .1, true
	checkResume(t, c)
	c.LoRA.Rank, c.AdapterDropout, c.Recompute = 0, 0, false
	c.GroupBy, c.GroupHeads, c.RobustRate = "side", true, .2
	checkResume(t, c)
}

func checkResume(t *testing.T, c TrainConfig) {
	t.Helper()
	whole, parts := t.TempDir(), t.TempDir()
	if _, err := train(t.Context(), t, whole, c, policy.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	stops := 0
	for ; ; stops++ {
		_, err := train(&fuse{t.Context(), 5 + 8*stops}, t, parts, c, policy.RunOptions{Resume: stops > 0})
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stop %d: %v", stops, err)
		}
	}
	if stops < 3 {
		t.Errorf("only %d stops", stops)
	}
	a, b := snapshot(t, whole), snapshot(t, parts)
	if !slices.Equal(slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b))) {
		t.Fatalf("files %v and %v", slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)))
	}
	for name := range a {
		if a[name] != b[name] {
			t.Errorf("%s differs between the resumed and the uninterrupted run", name)
		}
	}
	c.Seed++ // the control: another seed gives other files
	other := t.TempDir()
	if _, err := train(t.Context(), t, other, c, policy.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	if o := snapshot(t, other); o["metrics.jsonl"] == a["metrics.jsonl"] || len(a["metrics.jsonl"]) == 0 {
		t.Error("another seed gives the same metrics")
	}
}

// One thread or two, one pass a step or several: the first gives the same bits, the
// second the same loss up to rounding.
func TestThreadsGiveTheSameBits(t *testing.T) {
	c := toyConfig()
	c.Epochs = .4
	lines := toyRankings(200)
	run := func(threads int, c TrainConfig) []float32 {
		dev, err := cpu.Open(threads)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Train(t.Context(), dev, tinyPolicy(t, toyTexts(lines), 300, 32, 2), Data{Rankings: lines}, c, t.TempDir(), policy.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Model.Head().Data
	}
	one, two := run(1, c), run(2, c)
	if !slices.Equal(one, two) {
		t.Error("the head differs between one and two threads")
	}
	c.Dropout = 0 // its masks depend on the place in the pass
	whole := c
	whole.MicroTokens = 4096
	parts, joined := run(2, c), run(2, whole)
	for i := range parts {
		if math.Abs(float64(parts[i]-joined[i])) > 1e-6 {
			t.Fatalf("head[%d] is %v with many passes a step, %v with one", i, parts[i], joined[i])
		}
	}
}

// Finite differences through trunk, head and loss, for the reference interpreter
// (float64) and for the device.
func TestGradientThroughTheWholeModel(t *testing.T) {
	checkGradients(t, toyConfig(), toyRankings(4))
	c := toyConfig()
	c.CenterCoef, c.ScoreL2, c.HeadInit = .3, .2, "2" // scores large enough for the penalty to count
	checkGradients(t, c, toyRankings(4))
	c.Ties = string(TiesDavidson)
	checkGradients(t, c, toyRankings(4))
	c.GroupBy, c.GroupHeads, c.MarginCoef, c.Ties = "side", true, .5, string(TiesDrop)
	checkGradients(t, c, withStrength(opposed(4, 2)))
}

func checkGradients(t *testing.T, c TrainConfig, lines []*prefs.Ranked) {
	t.Helper()
	p := tinyPolicy(t, toyTexts(lines), 280, 32, 1)
	tr := &trainer{dev: device(t), cfg: c, data: Data{Rankings: lines}}
	tr.cfg.Dropout, tr.cfg.Split, tr.cfg.MicroTokens = 0, "none", 4096
	if err := tr.prepare(p); err != nil {
		t.Fatal(err)
	}
	g := tr.trace()
	batch := []*group{&tr.groups[0], &tr.groups[1], &tr.groups[2]}
	passes := split(batch, tr.limits)
	if len(passes) != 1 {
		t.Fatalf("%d passes", len(passes))
	}
	tr.feed(passes[0], 0, 0)
	ref, err := graph.NewReference(g)
	if err != nil {
		t.Fatal(err)
	}
	prog, err := tr.dev.Compile(g, tr.loss)
	if err != nil {
		t.Fatal(err)
	}
	lossAt := func(x *float32, v float32) float64 {
		old := *x
		*x = v
		defer func() { *x = old }()
		if err := ref.Run(&tr.feeds); err != nil {
			t.Fatal(err)
		}
		return ref.Exact(tr.loss)[0]
	}
	for _, p := range tr.model.Trunk.Params.List() {
		if p.Frozen {
			continue
		}
		at := len(p.Data) / 3
		x := &p.Data[at]
		up, down := *x+1.0/512, *x-1.0/512
		want := (lossAt(x, up) - lossAt(x, down)) / float64(up-down)
		lossAt(x, *x)
		exact := ref.ExactGrad(p)[at]
		if err := prog.Run(&tr.feeds); err != nil {
			t.Fatal(err)
		}
		got := float64(p.Grad[at])
		if math.Abs(exact-want) > 2e-4*math.Max(math.Abs(want), .01) {
			t.Errorf("%s: reference gradient %.3g, finite difference %.3g", p.Name, exact, want)
		}
		if math.Abs(got-exact) > 1e-4*math.Max(math.Abs(exact), .01) {
			t.Errorf("%s: device gradient %.6g, reference %.6g", p.Name, got, exact)
		}
	}
}
