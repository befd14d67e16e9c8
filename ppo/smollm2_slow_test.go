//go:build slow

package ppo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/cpu"
	"agora/reward"
)

// Full PPO on SmolLM2-135M, no adapter: policy, reference, reward model and critic of 135 million
// parameters each, two optimizers, in less than 12 GB at any moment. Reference and reward are mapped files.
func TestSmolLM2TrainsInTwelveGigabytes(t *testing.T) {
	root := os.Getenv("AGORA_TESTDATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	gguf := filepath.Join(root, "models", "SmolLM2-135M-Instruct.Q4_1.gguf")
	if _, err := os.Stat(gguf); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	job := Job{Policy: filepath.Join(dir, "policy"), Reward: filepath.Join(dir, "reward"), Prompts: filepath.Join(dir, "prompts.txt"), Out: filepath.Join(dir, "run")}
	makeSmolLM2(t, gguf, job)
	var prompts strings.Builder
	for i := range 32 {
		fmt.Fprintf(&prompts, "Write one short sentence about the number %d, one about a river and one about the weather of tomorrow, please.\n", i)
	}
	if err := os.WriteFile(job.Prompts, []byte(prompts.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	dev, err := cpu.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig()
	c.Iterations, c.Episodes, c.Minibatches, c.Epochs, c.MaxNewTokens, c.ScoreSamples = 1, 16, 1, 1, 16, 0
	c.LearningRate, c.MissingEOS = 1e-6, EOSIgnore
	res, err := Train(context.Background(), dev, c, job)
	if err != nil {
		t.Fatal(err)
	}
	if kl := res.Metrics["objective/kl"]; kl != 0 {
		t.Errorf("KL before the first step is %g: the mapped reference is not the policy", kl)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	var peak float64 // kB
	if _, after, ok := strings.Cut(string(status), "VmHWM:"); ok {
		fmt.Sscan(after, &peak)
	}
	t.Logf("peak resident memory %.1f GB", peak/1e6)
	if peak > 12e6 {
		t.Errorf("peak resident memory is %.1f GB, want less than 12", peak/1e6)
	}
}

// makeSmolLM2 writes the policy and a reward model with a fresh head on the same trunk.
func makeSmolLM2(t *testing.T, gguf string, job Job) {
	t.Helper()
	m, err := policy.Import(gguf, job.Policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := reward.New(m, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Save(job.Reward, checkpoint.Manifest{Kind: "reward"}); err != nil {
		t.Fatal(err)
	}
}
