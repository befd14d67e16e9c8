package ppo

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agora/policy"
	"agora/policy/cpu"
	"agora/reward"
)

func TestCombine(t *testing.T) {
	r := []float32{1, -2, 4}
	for _, tt := range []struct {
		how     Combine
		weights []float64
		want    float64
	}{
		{CombineSum, nil, 3}, {CombineMean, nil, 1}, {CombineWorst, nil, -2},
		{CombineSum, []float64{2, 1, .5}, 2}, {CombineMean, []float64{2, 1, 1}, 1}, {CombineWorst, []float64{1, 1, -1}, -4},
	} {
		near(t, string(tt.how), float64(tt.how.Of(r, tt.weights)), tt.want, 1e-6)
	}
	if _, err := combine([]Rater{even{}, flat{}}, CombineSum, []float64{1}, nil); err == nil || !strings.Contains(err.Error(), "1 entries for 2 rewards") {
		t.Errorf("weights that do not fit: %v", err)
	}
}

func TestParseReward(t *testing.T) {
	first, more := rewardsOf([]string{"rm", "exec:./check --fast", "rm2"}, time.Minute)
	if first != "rm" || len(more) != 2 || more[0].Command != "./check --fast" || more[0].Timeout != time.Minute || more[1].Dir != "rm2" {
		t.Errorf("%q %v", first, more)
	}
	first, more = rewardsOf([]string{"exec:true", "rm"}, 0)
	if first != "" || len(more) != 2 || more[1].Dir != "rm" {
		t.Errorf("%q %v", first, more)
	}
}

func TestCommandTimeout(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh on this machine")
	}
	m := toyModel(t, 1)
	ask := func(ctx context.Context, command string, timeout time.Duration) error {
		r := commandRater{reward.Command(command), m, timeout}
		_, err := r.Rate(ctx, toyPrompts(m)[:1], [][]int32{{1}})
		return err
	}
	const quick, slow = `echo '{"score":1}'`, `exec sleep 20`
	for _, timeout := range []time.Duration{0, time.Minute} {
		if err := ask(t.Context(), quick, timeout); err != nil {
			t.Errorf("%v: %v", timeout, err)
		}
	}
	if err := ask(t.Context(), slow, 50*time.Millisecond); err == nil || !strings.Contains(err.Error(), "no answer to a batch of 1 within 50ms") || !strings.Contains(err.Error(), "--exec-timeout") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // the run's own end is no fault of the command
	defer cancel()
	if err := ask(ctx, slow, time.Minute); !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "--exec-timeout") {
		t.Errorf("%v", err)
	}
}

// A run on a command alone, and on a command beside two reward models.
func TestTrainOnCommands(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh on this machine")
	}
	const atLength = `awk "{print \"{\\\"score\\\": \" length(\$0) \"}\"}"` // long lines are good
	dir := t.TempDir()
	files := toyFiles(t, dir)
	for _, tt := range []struct {
		name    string
		rewards []string
		change  func(*Config)
		want    string
	}{
		{"alone", []string{"exec:" + atLength}, func(c *Config) { c.CriticInit = CriticFromPolicy }, ""},
		{"no critic to start from", []string{"exec:" + atLength}, func(c *Config) {}, "critic cannot start from a command"},
		{"ensemble", []string{"reward", "judge", "exec:" + atLength}, func(c *Config) { c.RewardCombine, c.RewardWeights = CombineMean, []float64{1, 1, .1} }, ""},
		{"worst", []string{"reward", "judge"}, func(c *Config) { c.RewardCombine = CombineWorst }, ""},
		{"failing", []string{"reward", "exec:exit 1"}, func(c *Config) {}, "exit status 1"},
		{"none", nil, func(c *Config) {}, "no reward"},
	} {
		job, c := files, toyConfig()
		job.Ptx, job.Reward, job.Judge = nil, "", ""
		for _, flag := range tt.rewards {
			s := ParseReward(flag)
			if s.Dir != "" {
				s.Dir = filepath.Join(dir, s.Dir)
			}
			job.Rewards = append(job.Rewards, s)
		}
		c.Iterations, c.Episodes, c.ScoreSamples = 1, 8, 8
		tt.change(&c)
		job.Out = filepath.Join(dir, "run-"+tt.name)
		err := train(t, context.Background(), c, job, 1)
		if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: want %q, got %v", tt.name, tt.want, err)
		}
	}
}

// The critic starts from one of several rewards, and on the scale of the score.
func TestCriticOfSeveralRewards(t *testing.T) {
	dev, err := cpu.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	m, c := toyModel(t, 1), toyConfig()
	c.RewardWeights = []float64{3, -20}
	tr, err := NewTrainer(dev, c, Models{Policy: m, Reward: toyReward(t, m, 2), More: []Reward{{Model: toyReward(t, m, 3)}}}, toyPrompts(m), policy.Corpus{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := tr.Calibrate(ctx); err != nil {
		t.Fatal(err)
	}
	roll, err := tr.sample(ctx)
	if err != nil {
		t.Fatal(err)
	}
	critic, err := newRater(dev, tr.critic.model, m, tr.room.tokens)
	if err != nil {
		t.Fatal(err)
	}
	values, err := critic.Rate(ctx, roll.Prompts, roll.Responses) // at the end of each text, where rewards are read
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mean value of finished texts", Mean(values), 0, .6) // 64 of deviation about 1
	if v := Variance(values, WhitenPopulation); v < .3 || v > 3 {
		t.Errorf("their variance is %g", v)
	}
}
