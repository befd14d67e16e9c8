//go:build slow

package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agora/policy"
	"agora/policy/base"
	"agora/policy/checkpoint"
	"agora/ppo"
	"agora/ppo/oneliners"
)

// kills is how often each stage is killed.
const kills = 20

// TestEveryStageSurvivesKills runs each training as a program of its own and sends it SIGKILL at 20 random
// moments, from its first millisecond on, each time going on with --resume. What is left in the end has the
// hashes of a run that was let alone: the model, the state to resume from, the log and the samples.
func TestEveryStageSurvivesKills(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "agora")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "agora").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	start, data := filepath.Join(dir, "base"), filepath.Join(dir, "data")
	if err := base.WriteModel(start); err != nil {
		t.Fatal(err)
	}
	if err := oneliners.WriteData(data, base.LoadHumour()); err != nil {
		t.Fatal(err)
	}
	few := head(t, filepath.Join(data, oneliners.Pairs), 600)
	file := func(name string) string { return filepath.Join(data, name) }
	rm := filepath.Join(dir, "reward-alone") // what the policies are trained against
	for _, s := range []struct{ name, args string }{
		{"pretrain", "policy pretrain --tokenizer " + start + " --data " + file(oneliners.Mix) +
			" --set layers=2 --set width=32 --set heads=2 --set kv_heads=2 --set ffn=64 --set context=64 --set steps=120 --set batch_sequences=8 --set checkpoint_every=7 --set eval_every=50 --set dropout=0.1"},
		{"sft", "policy sft --policy " + start + " --data " + head(t, file(oneliners.Demos), 600) + " --set epochs=1 --set batch_examples=16 --set checkpoint_every=3 --set dropout=0.1"},
		{"reward", "reward train --policy " + start + " --data " + few + " --set epochs=1 --set batch_prompts=16 --set save_every=3 --set dropout=0.1"},
		{"ppo", "ppo train --policy " + start + " --reward " + rm + " --prompts " + file(oneliners.Prompts) + " --ptx " + file(oneliners.Mix) +
			" --set iterations=8 --set episodes=32 --set max_new_tokens=12 --set ptx_coef=0.1 --set ema_decay=0.9 --set kl_target=1 --set checkpoint_every=1 --set score_samples=32"},
		{"rloo", "rloo train --policy " + start + " --reward " + rm + " --prompts " + file(oneliners.Prompts) +
			" --set iterations=8 --set episodes=32 --set max_new_tokens=12 --set checkpoint_every=1 --set score_samples=32"},
		{"grpo", "grpo train --policy " + start + " --reward " + rm + " --prompts " + file(oneliners.Prompts) +
			" --set iterations=8 --set episodes=32 --set max_new_tokens=12 --set checkpoint_every=1 --set score_samples=32"},
		{"ppo-lora", "ppo train --policy " + start + " --reward " + rm + " --judge " + rm + " --prompts " + file(oneliners.Prompts) +
			" --set lora_rank=4 --set judge_patience=50 --set critic_warmup=2 --set iterations=8 --set episodes=32 --set max_new_tokens=12 --set checkpoint_every=2 --set score_samples=32"},
		{"dpo", "dpo train --policy " + start + " --data " + few + " --set epochs=1 --set batch_pairs=32 --set checkpoint_every=3"},
	} {
		t.Run(s.name, func(t *testing.T) {
			stage := killable{bin: bin, args: strings.Fields(s.args)}
			alone := filepath.Join(dir, s.name+"-alone")
			began := time.Now()
			if err := stage.run(t, alone, 0); err != nil {
				t.Fatal(err)
			}
			killed := filepath.Join(dir, s.name+"-killed")
			stage.kill(t, killed, time.Since(began))
			for _, part := range []string{policy.ResultDir, policy.CheckpointDir} {
				if want, got := hashOf(t, filepath.Join(alone, part)), hashOf(t, filepath.Join(killed, part)); want != got {
					t.Errorf("%s differs: %s alone, %s killed", part, want, got)
				}
			}
			if want, got := numbers(t, alone), numbers(t, killed); want != got {
				t.Errorf("the logs differ:\n%s\n%s", want, got)
			}
			if want, got := samples(t, alone), samples(t, killed); want != got {
				t.Errorf("the samples differ:\n%s\n%s", want, got)
			}
		})
	}
}

// killable is a training that is started over and over.
type killable struct {
	bin  string
	args []string
}

// run starts or goes on with the training in out and kills it after a while; 0 lets it end. Killed is no error.
func (k killable) run(t *testing.T, out string, after time.Duration) error {
	t.Helper()
	args := append(append([]string{}, k.args...), "--out", out, "--workers", "1")
	if _, err := os.Stat(filepath.Join(out, policy.RunFile)); err == nil {
		args = append(args, "--resume")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ctx := t.Context()
	if after > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, after)
		defer cancel()
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, k.bin, args...) // a context that ends kills with SIGKILL
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %s", err, said.String())
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return nil
}

// kill sends the training SIGKILL at random moments of its life until it has died often enough, then lets it end.
// A life that ends before it is killed begins anew, so that every kill meets a run under way.
func (k killable) kill(t *testing.T, out string, whole time.Duration) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, uint64(len(k.args))))
	for n := 0; n < kills; {
		err := k.run(t, out, time.Duration(1+r.Int64N(int64(whole*2/3))))
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			n++
		case err != nil:
			t.Fatalf("after %d kills: %v", n, err)
		default:
			if err := os.RemoveAll(out); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := k.run(t, out, 0); err != nil {
		t.Fatalf("after %d kills: %v", kills, err)
	}
}

func hashOf(t *testing.T, dir string) string {
	t.Helper()
	hash, err := checkpoint.HashDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// samples are the texts that a run wrote along the way.
func samples(t *testing.T, out string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(out, policy.SamplesFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// numbers is a run's log without what tells how fast it was.
func numbers(t *testing.T, out string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(out, policy.MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	for line := range bytes.Lines(b) {
		var row map[string]any
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		maps.DeleteFunc(row, func(name string, _ any) bool { return ppo.Throughput(name) || name == "tokens_per_second" })
		fmt.Fprintln(&log, row)
	}
	return log.String()
}
