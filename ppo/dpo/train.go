package dpo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/cpu"
	"agora/ppo/guard"
	"agora/reward/prefs"
)

// Job is what a run reads and writes, beside its settings.
type Job struct {
	policy.Job              // Policy, the model to train; Data, preference files; Out …
	Reference  string       // directory of the reference; "" for the policy as it starts
	Format     prefs.Format // of the files
}

// Train fits the policy to the preferences. Before the first step the policy is its
// own reference (with LoRA, its adapter switched off), and so every pair's loss is the one at h = 0, to the last bit: the
// device scores and trains alike.
func Train(ctx context.Context, dev *cpu.Device, c Config, job Job) (policy.Result, error) {
	if err := c.Validate(); err != nil {
		return policy.Result{}, err
	}
	m, err := policy.LoadPolicyFor(c.LoRA, job.Policy)
	if err != nil {
		return policy.Result{}, fmt.Errorf("policy: %w", err)
	}
	if err := m.Adapt(c.LoRA, c.Seed); err != nil {
		return policy.Result{}, err
	}
	reference, parents, err := job.reference(m)
	if err != nil {
		return policy.Result{}, fmt.Errorf("reference: %w", err)
	}
	pairs, err := load(c, m, job.Data, job.Format, job.say)
	if err != nil {
		return policy.Result{}, err
	}
	if err := c.checkSteps(len(pairs.train)); err != nil {
		return policy.Result{}, err
	}
	if err := pairs.refer(ctx, dev, reference); err != nil {
		return policy.Result{}, err
	}
	if job.Say != nil {
		job.Sinks = append(slices.Clone(job.Sinks), &guard.Teller{Kind: "dpo", Unit: "step", Log: filepath.Join(job.Out, policy.MetricsFile), Say: job.Say})
	}
	fit := policy.Fit{Job: job.Job, Kind: "dpo", Config: c, Inputs: parents, Model: m, Optimizer: c.optimizer(c.steps(len(pairs.train))),
		Prompts: prompts(pairs), EvalEvery: c.EvalEvery, CheckpointEvery: c.CheckpointEvery, SampleEvery: c.SampleEvery, SelectBest: c.SelectBest}
	if fit.EvalEvery == 0 {
		fit.EvalEvery = (fit.Optimizer.Steps + 9) / 10
	}
	l, err := newLearner(dev, m, c, longest(pairs.train))
	if err != nil {
		return policy.Result{}, err
	}
	deal := policy.NewDealer(len(pairs.train), c.Seed)
	fit.Learn = func(step int) (policy.Learned, error) {
		batch := make([]pair, min(c.BatchPairs, len(pairs.train)))
		for i := range batch {
			batch[i] = pairs.train[deal.At(step*c.BatchPairs+i)]
		}
		return l.learn(batch)
	}
	if fit.Evaluate, err = evaluator(dev, m, c, pairs); err != nil {
		return policy.Result{}, err
	}
	return fit.Run(ctx, dev)
}

// reference is the model that log-ratios are taken to; parents holds its hash if it
// is another one than the policy.
func (j Job) reference(m *policy.Model) (ref *policy.Model, parents map[string]string, err error) {
	if j.Reference == "" {
		return m.Base(), nil, nil
	}
	if ref, err = policy.LoadPolicy(j.Reference); err != nil {
		return nil, nil, err
	}
	if ref.Config.Vocab != m.Config.Vocab || ref.Template != m.Template {
		return nil, nil, errors.New("reads other tokens than the policy")
	}
	dir, err := policy.Resolve(j.Reference)
	if err != nil {
		return nil, nil, err
	}
	hash, err := checkpoint.HashDir(dir)
	return ref, map[string]string{"reference": hash}, err
}

func (j Job) say(format string, args ...any) {
	if j.Say != nil {
		j.Say(format, args...)
	}
}

func longest(pairs []pair) int {
	n := 0
	for _, p := range pairs {
		n = max(n, p.tokens())
	}
	return n
}

// prompts are up to four to sample completions of.
func prompts(d data) [][]int32 {
	var out [][]int32
	seen := map[string]bool{}
	for _, p := range append(d.val[:len(d.val):len(d.val)], d.train...) {
		prompt := p.chosen.seq.Tokens[:p.chosen.seq.From]
		if key := fmt.Sprint(prompt); len(prompt) > 0 && !seen[key] && len(out) < 4 {
			seen[key] = true
			out = append(out, prompt)
		}
	}
	return out
}
