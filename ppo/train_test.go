package ppo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agora/policy"
	"agora/policy/checkpoint"
)

// poison is even until it has been asked n times, then its numbers are NaN.
type poison struct{ n *int }

func (p poison) Rate(ctx context.Context, prompts []Prompt, responses [][]int32) ([]float32, error) {
	out, err := even{}.Rate(ctx, prompts, responses)
	if *p.n--; *p.n < 0 {
		out[0] = float32(math.NaN())
	}
	return out, err
}

// Also without a checkpoint the iteration is named.
func TestDivergingRunNamesItsIteration(t *testing.T) {
	c := toyConfig()
	c.ScoreSamples, c.Episodes = 0, 8
	tr, n := toyTrainer(t, c), 0
	tr.reward = poison{&n}
	run, err := policy.OpenRun(filepath.Join(t.TempDir(), "run"), policy.RunInfo{Kind: "ppo", Config: c}, policy.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	s := &session{run: run, t: tr}
	if _, err := s.finish(t.Context()); !errors.Is(err, policy.ErrNotFinite) || !strings.HasPrefix(err.Error(), "iteration 1: ") {
		t.Errorf("got %v", err)
	}
}

func TestNonFiniteStopsAndKeepsTheCheckpoint(t *testing.T) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), toyConfig()
	c.ScoreSamples, c.Episodes = 0, 8
	tr := toyTrainer(t, c)
	n := 2
	tr.reward = poison{&n}
	run, err := policy.OpenRun(filepath.Join(dir, "run"), policy.RunInfo{Kind: "ppo", Config: c}, policy.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	s := &session{job: job, run: run, t: tr, manifest: checkpoint.Manifest{Kind: "ppo"}}
	_, err = s.finish(context.Background())
	if !errors.Is(err, policy.ErrNotFinite) || !strings.HasPrefix(err.Error(), "iteration 3: ") || !strings.Contains(err.Error(), "keeps iteration 2") {
		t.Fatalf("got %v", err)
	}
	m, err := checkpoint.Verify(run.Checkpoint())
	if err != nil || m.Step != 2 {
		t.Errorf("checkpoint of step %d: %v", m.Step, err)
	}
}

func TestStopKLEndsTheRun(t *testing.T) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), toyConfig()
	c.KLCoef, c.StopKL, c.CheckpointEvery, job.Ptx = 0, .3, 100, nil
	job.Out = filepath.Join(dir, "run")
	var said []string
	job.Say = func(format string, args ...any) { said = append(said, format) }
	if err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	m, err := checkpoint.Verify(filepath.Join(job.Out, policy.CheckpointDir))
	if err != nil || m.Step >= c.Iterations || m.Metrics["objective/kl"] <= .3 {
		t.Errorf("ended at step %d with KL %g: %v", m.Step, m.Metrics["objective/kl"], err)
	}
	if len(said) == 0 {
		t.Error("it ended without a word")
	}
	job.Resume = true
	if err := train(t, context.Background(), c, job, 1); err != nil { // must stay ended
		t.Fatal(err)
	}
	if again, _ := checkpoint.Verify(filepath.Join(job.Out, policy.CheckpointDir)); again.Step != m.Step {
		t.Errorf("resumed to step %d", again.Step)
	}
}

func TestCalibrate(t *testing.T) {
	c := toyConfig()
	c.ScoreSamples = 200
	tr := toyTrainer(t, c)
	value := func() []float32 {
		roll, err := tr.sample(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.score(context.Background(), roll); err != nil {
			t.Fatal(err)
		}
		return roll.Value
	}
	before := value()
	if err := tr.Calibrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	after, rule := value(), tr.state.Score
	for i := range before { // the critic moved to the score's scale with it
		near(t, "value", float64(after[i]), (float64(before[i])-rule.Mean)/rule.Std, 1e-4)
	}
	s, err := tr.Update(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mean score of fresh samples", s.Scores, 0, .5) // 64 of deviation 1: 4 standard errors

	tr = toyTrainer(t, c)
	tr.reward = flat{}
	if err := tr.Calibrate(context.Background()); err == nil || !strings.Contains(err.Error(), "does not tell texts apart") {
		t.Errorf("a constant reward: %v", err)
	}
}

type flat struct{}

func (flat) Rate(_ context.Context, _ []Prompt, responses [][]int32) ([]float32, error) {
	return make([]float32, len(responses)), nil
}

// How a minibatch is split into micro-batches changes rounding only.
func TestMicroBatchesAddUp(t *testing.T) {
	weights := func(micro int) []float32 {
		c := toyConfig()
		c.Iterations, c.MicroTokens, c.PtxCoef, c.PtxTokens, c.LearningRate = 1, micro, 1, 8, 1e-3
		tr := toyTrainer(t, c)
		tr.reward = even{}
		run(t, tr)
		return tr.models.Policy.Head().Data
	}
	whole, parts := weights(1<<20), weights(60)
	worst := 0.0
	for i := range whole {
		worst = math.Max(worst, math.Abs(float64(whole[i]-parts[i])))
	}
	// Adam's first steps have the size of the learning rate whatever the gradient's
	// size, so a gradient near 0 can turn its sign by rounding: allow a tenth of a step.
	if worst > 1e-4 {
		t.Errorf("weights differ by %g", worst)
	}
	if worst == 0 {
		t.Error("control: both were the same computation")
	}
}

// The pretraining mix keeps the loss on its text down while the reward pulls elsewhere.
func TestPretrainingMix(t *testing.T) {
	lossAfter := func(coef float64) float64 {
		c := toyConfig()
		c.PtxCoef, c.PtxTokens, c.KLCoef = coef, 8, 0
		tr := toyTrainer(t, c)
		tr.reward = even{}
		s := run(t, tr)
		if s[0].Ptx == nil {
			t.Fatal("loss/ptx is not logged")
		}
		return *s[len(s)-1].Ptx
	}
	with, barely := lossAfter(1), lossAfter(1e-6)
	t.Logf("loss on the mix: %.2f with weight 1, %.2f with weight 1e-6", with, barely)
	if with > barely-1 {
		t.Errorf("the mix changes the loss from %.2f to %.2f only", barely, with)
	}
}

func TestMixRows(t *testing.T) {
	m := mix{policy.Corpus{Tokens: []int32{0, 1, 2, 0, 3, 4, 5, 0}, Starts: []bool{true, false, false, true, false, false, false, true}}}
	rows := m.part(nil, 1, 7) // 1 2 | 0 3 4 5
	if len(rows) != 2 || rows[0][len(rows[0])-1] != 0 || rows[1][0] != 0 || rows[1][len(rows[1])-1] != 5 {
		t.Errorf("rows %v: want [1 2 0] and [0 3 4 5]", rows)
	}
	c := DefaultConfig()
	if got := m.rows(c, 4, 0); got != nil {
		t.Errorf("rows without a mix: %v", got)
	}
	c.PtxCoef, c.PtxTokens = 1, 100 // longer than the text
	for _, row := range m.rows(c, 4, 0) {
		if len(row) < 2 {
			t.Errorf("row %v predicts nothing", row)
		}
	}
}

func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	good := toyFiles(t, dir)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := []struct {
		want   string
		change func(*Job, *Config)
	}{
		{"no-such-policy", func(j *Job, _ *Config) { j.Policy = filepath.Join(dir, "no-such-policy") }},
		{"is a reward model, this command needs a policy", func(j *Job, _ *Config) { j.Policy = j.Reward }},
		{"is not a reward model", func(j *Job, _ *Config) { j.Reward = j.Policy }},
		{"no-prompts.txt", func(j *Job, _ *Config) { j.Prompts = filepath.Join(dir, "no-prompts.txt") }},
		{"no prompts", func(j *Job, _ *Config) { j.Prompts = write("empty.txt", "") }},
		{"broken.jsonl", func(j *Job, _ *Config) { j.Prompts = write("broken.jsonl", "{\"prompt\": \"a\"\n") }},
		{"none of its 5 prompts leaves room for 24 new tokens", func(_ *Job, c *Config) { c.MaxNewTokens = 24 }},
		{"no pretraining text is given", func(j *Job, c *Config) { j.Ptx, c.PtxCoef = nil, 1 }},
		{"ptx_coef is 0", func(_ *Job, c *Config) { c.PtxCoef = 0 }},
		{"episodes 15 is not a multiple", func(_ *Job, c *Config) { c.Episodes = 15 }},
		{"holds no run to resume", func(j *Job, _ *Config) { j.Resume = true }},
	}
	for _, tt := range tests {
		job, c := good, resumeConfig()
		job.Out = filepath.Join(t.TempDir(), "run")
		tt.change(&job, &c)
		err := train(t, context.Background(), c, job, 1)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want one line with %q, got %v", tt.want, err)
		}
		if _, err := os.Stat(filepath.Join(job.Out, policy.RunFile)); err == nil {
			t.Errorf("%s: a run is left behind", tt.want)
		}
	}
}

func TestLoadPrompts(t *testing.T) {
	m := toyModel(t, 1)
	path := filepath.Join(t.TempDir(), "prompts.jsonl")
	ranked := func(id, prompt, worker string) string {
		return fmt.Sprintf(`{"schema":"ranked/1","prompt_id":%q,"prompt":%q,"completions":[{"id":"x","text":" sat"},{"id":"y","text":" ate"}],"ranks":[1,2],"worker":%q}`+"\n",
			id, prompt, worker)
	}
	lines := ranked("p1", "the cat", "v") + ranked("p2", "a dog", "v") + ranked("p2", "a dog", "w") + ranked("p3", strings.Repeat("mat ", 30), "v")
	if err := os.WriteFile(path, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	got, tooLong, err := LoadPrompts(path, m, 8)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].ID != "p1" || got[1].ID != "p2" || tooLong != 1 {
		t.Errorf("%v and %d too long, want p1, p2 and 1", got, tooLong)
	}
	if text := m.Tokenizer.Text(got[0].Tokens); text != "the cat" {
		t.Errorf("p1 reads %q", text)
	}
}

// A run says what stands out, and a resumed one knows what was said.
func TestTrainWarns(t *testing.T) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), toyConfig()
	job.Ptx = nil
	c.Iterations, c.Episodes, c.ScoreSamples, c.MaxNewTokens = 4, 8, 8, 2 // two tokens: few have an end
	var said []string
	job.Say = func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); strings.Contains(text, "end by themselves") {
			said = append(said, text)
		}
	}
	job.Out = filepath.Join(dir, "run")
	ctx, cancel := context.WithCancel(context.Background())
	job.Sinks = []policy.Sink{stopAt{2, cancel}}
	if err := train(t, ctx, c, job, 1); err == nil {
		t.Fatal("was not stopped")
	}
	job.Sinks, job.Resume = nil, true
	if err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	if len(said) != 1 || !strings.HasPrefix(said[0], "iteration 1: only ") {
		t.Errorf("%q", said)
	}
}

func TestTrainSaysWhatHasNoEffect(t *testing.T) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), toyConfig()
	job.Ptx, job.Out = nil, filepath.Join(dir, "run")
	c.Estimator, c.SamplesPerPrompt, c.Lambda, c.Iterations, c.Episodes, c.ScoreSamples = RLOO, 2, .5, 1, 8, 0
	var said []string
	job.Say = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	if err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	if len(said) == 0 || said[0] != "lambda 0.5 has no effect: estimator rloo has no critic" {
		t.Errorf("%q", said)
	}
}
