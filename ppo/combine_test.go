package ppo

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
	if _, err := combine([]Rater{even{}, flat{}}, CombineSum, []float64{1}); err == nil || !strings.Contains(err.Error(), "1 entries for 2 rewards") {
		t.Errorf("weights that do not fit: %v", err)
	}
}

func TestParseReward(t *testing.T) {
	first, more := rewardsOf([]string{"rm", "exec:./check --fast", "rm2"})
	if first != "rm" || len(more) != 2 || more[0].Command != "./check --fast" || more[1].Dir != "rm2" {
		t.Errorf("%q %v", first, more)
	}
	first, more = rewardsOf([]string{"exec:true", "rm"})
	if first != "" || len(more) != 2 || more[1].Dir != "rm" {
		t.Errorf("%q %v", first, more)
	}
}

// A run on a command alone, and on a command beside two reward models.
func TestTrainOnCommands(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh on this machine")
	}
	const atLength = `while read -r line; do echo "{\"score\": ${#line}}"; done` // long lines are good
	dir := t.TempDir()
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
		job, c := toyFiles(t, dir), toyConfig()
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
