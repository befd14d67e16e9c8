package ppo

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"agora/policy"
	"agora/policy/cpu"
)

// With LoRA policy and reference are one memory, and so are critic and reward model; only the
// changes and the critic's head learn, and they learn what the reward pays for.
func TestRewardRisesWithLoRA(t *testing.T) {
	c := toyConfig()
	c.KLCoef, c.LoRA.Rank, c.LearningRate = .05, 8, 2e-2
	m := toyModel(t, 1)
	for i := range m.Head().Data { // a frozen head of initial size could hardly prefer a token
		m.Head().Data[i] *= 6
	}
	dev, err := cpu.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := NewTrainer(dev, c, Models{Policy: m, Reward: toyReward(t, m, 2)}, toyPrompts(m), policy.Corpus{})
	if err != nil {
		t.Fatal(err)
	}
	frozen := map[string][]float32{}
	for _, p := range tr.models.Policy.Params.List() {
		if p.Frozen {
			frozen[p.Name] = append([]float32(nil), p.Data...)
		}
	}
	for _, name := range []string{"model.embed_tokens.weight", "model.layers.0.mlp.down_proj.weight"} {
		if tr.critic.model.Trunk.Params.Get(name) != tr.models.Reward.Trunk.Params.Get(name) {
			t.Errorf("critic and reward model have a %s each", name)
		}
	}
	tr.reward = even{}
	s := run(t, tr)
	if s[0].KL != 0 {
		t.Errorf("KL is %g before the first step, must be exactly 0: the reference is the policy without its adapter", s[0].KL)
	}
	if first, last := s[0], s[len(s)-1]; last.Raw < first.Raw+.08 || last.KL <= 0 {
		t.Errorf("reward %.3f → %.3f, KL %.3f", first.Raw, last.Raw, last.KL)
	}
	for name, before := range frozen {
		p := tr.models.Policy.Params.Get(name)
		if p.Grad != nil {
			t.Errorf("%s is frozen and has a gradient", name)
		}
		for i, x := range before {
			if p.Data[i] != x {
				t.Fatalf("%s is frozen and has changed", name)
			}
		}
	}
	if m, _ := tr.critic.opt.Moments(tr.critic.model.Head()); m == nil {
		t.Error("the critic's head does not learn")
	}
}

// A run with LoRA resumes to the same bytes. Its checkpoints hold the changes without the frozen
// weights; its result is the merged model, and the changes beside it for PEFT.
func TestResumedLoRARunIsByteEqual(t *testing.T) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), resumeConfig()
	c.LoRA.Rank, c.LoRA.Targets, c.Recompute = 4, []string{"all", "lm_head"}, true // of the policy; the critic has no lm_head
	job.Out = filepath.Join(dir, "straight")
	if err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	want := snapshot(t, job.Out)
	for name, there := range map[string]bool{"checkpoint/adapter/adapter_model.safetensors": true, "checkpoint/model.safetensors": false,
		"model/adapter/adapter_model.safetensors": true, "model/model.safetensors": true} {
		if (want[name] != "") != there {
			t.Errorf("%s exists: %v", name, !there)
		}
	}
	for i, stop := range []int{1, 4} {
		job.Out, job.Resume = filepath.Join(dir, "stopped", string(rune('0'+stop))), false
		ctx, cancel := context.WithCancel(context.Background())
		job.Sinks = []policy.Sink{stopAt{stop, cancel}}
		if err := train(t, ctx, c, job, 1+i); !errors.Is(err, context.Canceled) {
			t.Fatalf("stop at %d: %v", stop, err)
		}
		job.Sinks, job.Resume = nil, true
		if err := train(t, context.Background(), c, job, 2); err != nil {
			t.Fatalf("resume after %d: %v", stop, err)
		}
		if diff := different(want, snapshot(t, job.Out)); diff != nil {
			t.Errorf("stopped after iteration %d and resumed: %v differ", stop, diff)
		}
	}
}
