package policy

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agora/policy/cpu"
	"agora/reward/prefs"
)

// fakeJudge scores by a function of the text, or of how often it was asked.
type fakeJudge struct {
	score func(call int, text string) float64
	calls int
}

func (j *fakeJudge) Score(_ context.Context, prompts [][]prefs.Message, completions []string) ([]float64, error) {
	var out []float64
	for _, c := range completions {
		out = append(out, j.score(j.calls, c))
	}
	j.calls++
	return out, nil
}

func judgeBy(score func(call int, text string) float64) OpenJudge {
	return func(*cpu.Device, string) (Judge, error) { return &fakeJudge{score: score}, nil }
}

// TestSFTBudgets: the first of epochs, steps and tokens that is used up ends the run, at that step.
func TestSFTBudgets(t *testing.T) {
	policy, data := base(t), writeDemos(t)
	for _, c := range []struct {
		name  string
		set   func(*SFTConfig)
		steps int // 0: by the tokens in the log
	}{
		{"steps", func(c *SFTConfig) { c.Epochs, c.MaxSteps = 0, 3 }, 3},
		{"steps before epochs", func(c *SFTConfig) { c.MaxSteps = 2 }, 2},
		{"epochs before steps", func(c *SFTConfig) { c.Epochs, c.MaxSteps = .5, 50 }, 3},
		{"tokens", func(c *SFTConfig) { c.Epochs, c.MaxTokens = 0, 500 }, 0},
	} {
		cfg := smallSFT()
		cfg.SelectBest = false
		c.set(&cfg)
		out := filepath.Join(t.TempDir(), "sft")
		r, err := SFT(context.Background(), testDevice(t), cfg, Job{Policy: policy, Data: []string{data}, Out: out})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if c.steps > 0 {
			if r.Steps != c.steps {
				t.Errorf("%s: %d steps, want %d", c.name, r.Steps, c.steps)
			}
			continue
		}
		log := logLines(t, filepath.Join(out, MetricsFile))
		last, before := log[len(log)-1][MetricTokens].(float64), log[len(log)-2][MetricTokens].(float64)
		if last < 500 || before >= 500 {
			t.Errorf("%s: ended at %v tokens, a step after %v", c.name, last, before)
		}
	}
}

// TestSFTSelectsByReward: the model that is kept is the one whose responses the judge likes best, not the one
// of the lowest loss; a run that stops and resumes keeps the same one.
func TestSFTSelectsByReward(t *testing.T) {
	policy, data := base(t), writeDemos(t)
	train := func(judge OpenJudge, by string, job Job) (Result, error) {
		c := smallSFT()
		c.SelectBy, c.SelectNew = by, 8
		job.Policy, job.Data, job.Reward, job.Judge = policy, []string{data}, policy, judge // any directory has a hash
		return SFT(context.Background(), testDevice(t), c, job)
	}
	worseEveryTime := judgeBy(func(call int, _ string) float64 { return -float64(call) })
	first, err := train(worseEveryTime, SelectByReward, Job{Out: filepath.Join(t.TempDir(), "reward")})
	if err != nil {
		t.Fatal(err)
	}
	byLoss, err := train(worseEveryTime, SelectByLoss, Job{Out: filepath.Join(t.TempDir(), "loss")})
	if err != nil {
		t.Fatal(err)
	}
	if first.Steps != 5 || byLoss.Steps == 5 || first.Metrics[MetricValReward] != 0 {
		t.Errorf("kept step %d %v by reward, %d by loss; want 5 and a later one", first.Steps, first.Metrics, byLoss.Steps)
	}
	checkResume(t, func(ctx context.Context, job Job) (Result, error) {
		c := smallSFT()
		c.SelectBy, c.SelectNew = SelectByReward, 8
		job.Policy, job.Data, job.Reward = policy, []string{data}, policy
		job.Judge = judgeBy(func(_ int, text string) float64 { return float64(len(text)) })
		return SFT(ctx, testDevice(t), c, job)
	})
}

func TestSFTSelectionRefuses(t *testing.T) {
	policy, data := base(t), writeDemos(t)
	run := func(change func(*SFTConfig, *Job)) error {
		c, job := smallSFT(), Job{Policy: policy, Data: []string{data}, Out: filepath.Join(t.TempDir(), "out")}
		c.SelectBy = SelectByReward
		job.Reward, job.Judge = policy, judgeBy(func(int, string) float64 { return 0 })
		change(&c, &job)
		_, err := SFT(context.Background(), testDevice(t), c, job)
		return err
	}
	for want, change := range map[string]func(*SFTConfig, *Job){
		"needs a reward model: --reward DIR": func(_ *SFTConfig, j *Job) { j.Reward = "" },
		"no prompt is held out":              func(c *SFTConfig, _ *Job) { c.Validation = 0 },
	} {
		if err := run(change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for want, sets := range map[string][]string{
		"one of them must say when to end": {"epochs=0"},
		`select_by "people"`:               {"select_by=people"},
		"max_steps -1":                     {"max_steps=-1"},
		"dropout NaN":                      {"dropout=nan"},
		"adam_eps +Inf":                    {"adam_eps=inf"},
		"epochs +Inf":                      {"epochs=inf"},
	} {
		c := DefaultSFT()
		if err := LoadConfig(&c, "", sets); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", sets, err, want)
		}
	}
	c := DefaultSFT()
	c.Epochs = 1e300
	if n, err := c.steps(sftText{examples: make([]Sequence, 5)}); err == nil {
		t.Errorf("1e300 epochs are %d steps", n)
	}
}

// TestJudgedPrompts: each prompt once, none that leaves no room for a response, no more than asked for.
func TestJudgedPrompts(t *testing.T) {
	m := fixture(t, "llama")
	ask := func(text string) Example { return Example{Prompt: prefs.Plain(text), Completion: "x"} }
	got, err := judgedPrompts(m, []Example{ask("a"), ask("b"), ask("a"), ask(strings.Repeat("long ", 200)), {Completion: "no prompt"}, ask("c"), ask("d")}, 3)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, p := range got {
		texts = append(texts, p[0].Content)
	}
	if !slices.Equal(texts, []string{"a", "b", "c"}) {
		t.Errorf("%q", texts)
	}
}
