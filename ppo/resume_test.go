package ppo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/cpu"
)

// A run that is stopped and resumed leaves the same bytes as one that was not:
// every file of the checkpoint and of the result, and the logs without clock and
// speed. The runs below use what has state: EMA, an adaptive KL coefficient, a
// pretraining mix, a calibrated score, two optimizers, and a prompt cursor.

func resumeConfig() Config {
	c := toyConfig()
	c.Iterations, c.Episodes, c.ScoreSamples, c.CheckpointEvery = 5, 16, 32, 2
	c.EMADecay, c.KLTarget, c.PtxCoef, c.PtxTokens, c.MicroTokens = .9, 1, .5, 8, 120
	c.Schedule, c.WarmupIterations = DecayLinear, 2
	return c
}

// toyFiles writes the inputs of a run to dir.
func toyFiles(t *testing.T, dir string) Job {
	t.Helper()
	m := toyModel(t, 1)
	job := toyPaths(dir)
	for _, err := range []error{
		m.Save(job.Policy, checkpoint.Manifest{Kind: "policy"}),
		toyReward(t, m, 2).Save(job.Reward, checkpoint.Manifest{Kind: "reward"}),
		toyReward(t, m, 3).Save(job.Judge, checkpoint.Manifest{Kind: "reward"}),
		os.WriteFile(job.Prompts, []byte("the\na cat\ndog\non the mat\nsat\n"), 0o644),
		os.WriteFile(job.Ptx[0], []byte("the cat sat on the mat\n\nthe dog ate the cat\n"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return job
}

// snapshot maps each file that must be reproducible to its content.
func snapshot(t *testing.T, out string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, sub := range []string{policy.CheckpointDir, policy.ResultDir} {
		err := filepath.WalkDir(filepath.Join(out, sub), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			name, _ := filepath.Rel(out, path)
			files[name] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{policy.MetricsFile, policy.SamplesFile} {
		files[name] = timeless(t, filepath.Join(out, name))
	}
	return files
}

// timeless is a log without the fields that depend on clock and speed.
func timeless(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for line := range bytes.Lines(data) {
		var row map[string]json.RawMessage
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for name := range row {
			if Throughput(name) {
				delete(row, name)
			}
		}
		text, _ := json.Marshal(row)
		b.Write(append(text, '\n'))
	}
	return b.String()
}

// different lists the files that differ or that one side lacks.
func different(a, b map[string]string) []string {
	var out []string
	for name := range a {
		if other, ok := b[name]; !ok || other != a[name] {
			out = append(out, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func train(t *testing.T, ctx context.Context, c Config, job Job, workers int) error {
	t.Helper()
	dev, err := cpu.Open(workers)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Train(ctx, dev, c, job)
	return err
}

// stopAt cancels a run when it reports iteration n.
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

func TestResumedRunIsByteEqual(t *testing.T) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), resumeConfig()
	job.Out = filepath.Join(dir, "straight")
	if err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	want := snapshot(t, job.Out)
	for _, name := range []string{"checkpoint/state/ppo.json", "checkpoint/state/policy.safetensors", "checkpoint/state/critic.safetensors",
		"checkpoint/state/ema.safetensors", "checkpoint/agora.json", "model/model.safetensors"} {
		if want[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
	for _, stop := range []int{1, 2, 3, 4} { // before, at and after checkpoints
		job.Out = filepath.Join(dir, "stopped", string(rune('0'+stop)))
		job.Resume = false
		ctx, cancel := context.WithCancel(context.Background())
		job.Sinks = []policy.Sink{stopAt{stop, cancel}}
		err := train(t, ctx, c, job, 2)
		var stopped *policy.Interrupted
		if !errors.As(err, &stopped) {
			t.Fatalf("stop at %d: %v", stop, err)
		}
		if stopped.Step != stop || stopped.Saved != stop/2*2 {
			t.Errorf("stop at %d: message says %v", stop, err)
		}
		job.Sinks, job.Resume = nil, true
		if err := train(t, context.Background(), c, job, 2); err != nil {
			t.Fatalf("resume after %d: %v", stop, err)
		}
		if diff := different(want, snapshot(t, job.Out)); diff != nil {
			t.Errorf("stopped after iteration %d and resumed: %v differ", stop, diff)
		}
	}

	// Resuming a finished run changes nothing.
	if err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	if diff := different(want, snapshot(t, job.Out)); diff != nil {
		t.Errorf("resumed after its end: %v differ", diff)
	}

	// Control: the comparison can fail. Another seed differs in weights and logs,
	// and a state that forgets the optimizer differs after one more iteration.
	job.Out, job.Resume, c.Seed = filepath.Join(dir, "seed"), false, 1
	if err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	diff := different(want, snapshot(t, job.Out))
	for _, name := range []string{"checkpoint/model.safetensors", "checkpoint/agora.json", policy.MetricsFile, policy.SamplesFile} {
		if !slices.Contains(diff, name) {
			t.Errorf("control: another seed gives the same %s", name)
		}
	}
}

// Control: a resume that loses any part of the state is noticed. Each case
// restores a checkpoint, damages one part in memory, and compares one iteration
// with that of an undamaged trainer.
func TestEveryPartOfTheStateMatters(t *testing.T) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), resumeConfig()
	c.Iterations = 4
	job.Out = filepath.Join(dir, "run")
	ctx, cancel := context.WithCancel(context.Background())
	job.Sinks = []policy.Sink{stopAt{2, cancel}}
	if err := train(t, ctx, c, job, 1); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	dev, err := cpu.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	next := func(damage func(tr *Trainer)) string {
		tr, err := job.trainer(dev, c)
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.restore(filepath.Join(job.Out, policy.CheckpointDir)); err != nil {
			t.Fatal(err)
		}
		damage(tr)
		for range 2 {
			if _, err := tr.Update(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		tmp := t.TempDir()
		if err := tr.writeFiles(tmp); err != nil {
			t.Fatal(err)
		}
		hash, err := checkpoint.HashDir(tmp)
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	want := next(func(*Trainer) {})
	if again := next(func(*Trainer) {}); again != want {
		t.Fatal("two equal continuations differ")
	}
	for name, damage := range map[string]func(tr *Trainer){
		"policy moments":    func(tr *Trainer) { m, _ := tr.actor.opt.Moments(tr.models.Policy.Head()); clear(m) },
		"policy step count": func(tr *Trainer) { tr.actor.opt.Steps = 0 },
		"critic moments":    func(tr *Trainer) { _, v := tr.critic.opt.Moments(tr.critic.model.Head()); clear(v) },
		"critic bias":       func(tr *Trainer) { tr.critic.model.Bias().Data[0]++; tr.critic.model.Trunk.Params.Changed() },
		"average":           func(tr *Trainer) { tr.ema.Params.List()[0].Data[0]++ },
		"score rule":        func(tr *Trainer) { tr.state.Score.Std *= 1.01 },
		"KL coefficient":    func(tr *Trainer) { tr.state.KL.Coef *= 1.01 },
		"prompt cursor":     func(tr *Trainer) { tr.state.Episodes++ },
		"step count":        func(tr *Trainer) { tr.state.Steps++ },
	} {
		if next(damage) == want {
			t.Errorf("a resume that loses the %s is not noticed", name)
		}
	}
}

// The same with a real process that is killed without warning.
func TestKilledProcessResumesByteEqual(t *testing.T) {
	if dir := os.Getenv("PPO_TEST_RUN"); dir != "" { // the child
		job := toyPaths(dir)
		job.Out, job.Resume = os.Getenv("PPO_TEST_OUT"), os.Getenv("PPO_TEST_RESUME") != ""
		if err := train(t, context.Background(), killConfig(), job, 1); err != nil {
			t.Fatal(err)
		}
		return
	}
	dir := t.TempDir()
	toyFiles(t, dir)
	child := func(out, resume string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledProcessResumesByteEqual$")
		cmd.Env = append(os.Environ(), "PPO_TEST_RUN="+dir, "PPO_TEST_OUT="+filepath.Join(dir, out), "PPO_TEST_RESUME="+resume)
		return cmd
	}
	if text, err := child("straight", "").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	want := snapshot(t, filepath.Join(dir, "straight"))

	killInTheMiddle(t, dir, child)
	if text, err := child("killed", "yes").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if diff := different(want, snapshot(t, filepath.Join(dir, "killed"))); diff != nil {
		t.Errorf("killed and resumed: %v differ", diff)
	}
}

// killInTheMiddle starts the run "killed" and kills it between its third iteration and its end; a
// child that is faster than this test is started over.
func killInTheMiddle(t *testing.T, dir string, child func(out, resume string) *exec.Cmd) {
	t.Helper()
	for range 5 {
		cmd := child("killed", "")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		log := filepath.Join(dir, "killed", policy.MetricsFile)
		deadline := time.Now().Add(30 * time.Second)
		for {
			data, _ := os.ReadFile(log)
			if bytes.Count(data, []byte("\n")) >= 3 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the child does nothing")
			}
			time.Sleep(time.Millisecond)
		}
		cmd.Process.Kill()
		if cmd.Wait() != nil {
			return
		}
		if err := os.RemoveAll(filepath.Join(dir, "killed")); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the child always finished before it could be killed")
}

func killConfig() Config {
	c := resumeConfig()
	c.Iterations, c.CheckpointEvery = 12, 1
	return c
}

// toyPaths is what toyFiles returns, without writing.
func toyPaths(dir string) Job {
	return Job{Policy: filepath.Join(dir, "policy"), Reward: filepath.Join(dir, "reward"), Judge: filepath.Join(dir, "judge"),
		Prompts: filepath.Join(dir, "prompts.txt"), Ptx: []string{filepath.Join(dir, "corpus.txt")}}
}
