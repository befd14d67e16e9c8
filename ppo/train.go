package ppo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/cpu"
	"agora/ppo/guard"
	"agora/reward"
)

// Job is what a run reads and writes, beside its settings.
type Job struct {
	Policy  string         // directory of the model to train, usually fine-tuned
	Reward  string         // directory of the reward model; "" if Rewards has all
	Rewards []RewardSource // further rewards, combined as reward_combine says
	Judge   string         // directory of a second reward model, only logged; "" for none
	Prompts string         // file: records of any kind, or plain lines
	Ptx     []string       // files of the pretraining mix

	Out                 string // run directory
	Resume              bool   // go on with the run in Out
	Force               bool   // start even if there is not enough memory
	AcceptDifferentBits bool
	Sinks               []policy.Sink
	Say                 func(format string, args ...any) // one-line news, nil for none
}

// Result is what a run made.
type Result struct {
	Dir        string             `json:"dir"`        // of the trained policy
	Checkpoint string             `json:"checkpoint"` // of the newest resumable state
	Iterations int                `json:"iterations"`
	Episodes   int                `json:"episodes"`
	Stopped    bool               `json:"stopped"` // by stop_kl or judge_patience
	Metrics    map[string]float64 `json:"metrics"` // of the last iteration
}

func (j Job) say(format string, args ...any) {
	if j.Say != nil {
		j.Say(format, args...)
	}
}

// Train runs PPO, RLOO or GRPO from where it stands to its last iteration.
func Train(ctx context.Context, dev *cpu.Device, c Config, job Job) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	inputs, err := job.hashes()
	if err != nil {
		return Result{}, err
	}
	for _, why := range c.idle() {
		job.say("%s", why)
	}
	t, err := job.trainer(dev, c) // before the run exists: bad input leaves nothing behind
	if err != nil {
		return Result{}, err
	}
	if err := policy.CheckMemory(job.Say, job.Force); err != nil {
		return Result{}, err
	}
	if job.Say != nil {
		job.Sinks = append(slices.Clone(job.Sinks), &guard.Teller{Kind: c.Estimator.kind(), Unit: "iteration", Log: filepath.Join(job.Out, policy.MetricsFile), Say: job.Say})
	}
	run, err := policy.OpenRun(job.Out, policy.RunInfo{Kind: c.Estimator.kind(), Config: c, Inputs: inputs, Kernels: dev.Kernels(), DType: "fp32"},
		policy.RunOptions{Resume: job.Resume, AcceptDifferentBits: job.AcceptDifferentBits, Sinks: job.Sinks})
	if err != nil {
		return Result{}, err
	}
	defer run.Close()
	s := &session{job: job, run: run, t: t, manifest: checkpoint.Manifest{Kind: c.Estimator.kind(), Config: c,
		Parents: parentsOf(inputs), Data: dataOf(inputs)}}
	if err := s.begin(ctx); err != nil {
		return Result{}, err
	}
	return s.finish(ctx)
}

// trainer loads models and data.
func (j Job) trainer(dev *cpu.Device, c Config) (*Trainer, error) {
	var m Models
	var err error
	if m.Policy, err = policy.LoadPolicyFor(c.LoRA, j.Policy); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if !c.LoRA.On() {
		if m.Reference, err = policy.LoadFrozen(j.Policy); err != nil {
			return nil, fmt.Errorf("reference: %w", err)
		}
	}
	if j.Reward != "" {
		if m.Reward, err = reward.LoadFrozen(j.Reward); err != nil {
			return nil, fmt.Errorf("reward model: %w", err)
		}
	}
	for _, s := range j.Rewards {
		r, err := s.open()
		if err != nil {
			return nil, fmt.Errorf("reward: %w", err)
		}
		m.More = append(m.More, r)
	}
	if j.Judge != "" {
		if m.Judge, err = reward.LoadFrozen(j.Judge); err != nil {
			return nil, fmt.Errorf("judge: %w", err)
		}
	}
	if text := m.Policy.NoEnd(); text != "" {
		j.say("%s", text)
	}
	prompts, tooLong, err := LoadPrompts(j.Prompts, m.Policy, c.MaxNewTokens)
	if err != nil {
		return nil, err
	}
	if tooLong > 0 {
		j.say("%d prompts are left out: with %d new tokens they exceed the context of %d", tooLong, c.MaxNewTokens, m.Policy.Config.Context)
	}
	corpus, err := j.corpus(c, m.Policy)
	if err != nil {
		return nil, err
	}
	return NewTrainer(dev, c, m, prompts, corpus)
}

// corpus reads the pretraining mix.
func (j Job) corpus(c Config, m *policy.Model) (policy.Corpus, error) {
	switch {
	case len(j.Ptx) == 0 && c.PtxCoef > 0:
		return policy.Corpus{}, fmt.Errorf("ppo: ptx_coef is %g, but no pretraining text is given (--ptx)", c.PtxCoef)
	case len(j.Ptx) == 0:
		return policy.Corpus{}, nil
	case c.PtxCoef == 0:
		return policy.Corpus{}, errors.New("ppo: pretraining text is given, but ptx_coef is 0")
	}
	docs, err := policy.ReadDocuments(j.Ptx, c.PtxDocuments)
	if err != nil {
		return policy.Corpus{}, err
	}
	return policy.NewCorpus(m.Tokenizer, docs), nil
}

// hashes maps the role of every input to its hash.
func (j Job) hashes() (map[string]string, error) {
	out := map[string]string{}
	for role, dir := range map[string]string{"policy": j.Policy, "reward": j.Reward, "judge": j.Judge} {
		if dir == "" {
			continue
		}
		var err error
		if out[role], err = hashReward(dir); err != nil {
			return nil, fmt.Errorf("%s: %w", role, err)
		}
	}
	for i, s := range j.Rewards {
		role := fmt.Sprintf("reward.%d", i)
		var err error
		if out[role], err = s.hash(); err != nil {
			return nil, fmt.Errorf("%s: %w", role, err)
		}
	}
	files := map[string]string{"prompts": j.Prompts}
	for i, file := range j.Ptx {
		files[fmt.Sprintf("ptx.%d", i)] = file
	}
	for role, file := range files {
		hash, err := checkpoint.HashFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", role, err)
		}
		out[role] = hash
	}
	return out, nil
}

// parentsOf is what of a run's inputs the model is made from: policy and rewards.
func parentsOf(inputs map[string]string) map[string]string {
	parents := maps.Clone(inputs)
	maps.DeleteFunc(parents, func(role, _ string) bool { return role != "policy" && !isReward(role) })
	return parents
}

// dataOf is what of a run's inputs is data rather than a model.
func dataOf(inputs map[string]string) map[string]string {
	data := maps.Clone(inputs)
	maps.DeleteFunc(data, func(role, _ string) bool { return role == "policy" || role == "judge" || isReward(role) })
	return data
}

func isReward(role string) bool { return role == "reward" || strings.HasPrefix(role, "reward.") }

// session is a trainer writing to a run directory.
type session struct {
	job      Job
	run      *policy.RunDir
	t        *Trainer
	manifest checkpoint.Manifest
	saved    int // iteration of the newest checkpoint
}

// begin restores the newest checkpoint, or calibrates the score of a new run.
func (s *session) begin(ctx context.Context) error {
	if !s.run.Resumed {
		if err := s.t.Calibrate(ctx); err != nil {
			return s.interrupted(err)
		}
		return nil
	}
	if err := s.t.restore(s.run.Checkpoint()); err != nil {
		return err
	}
	m, _, err := checkpoint.ReadManifest(s.run.Checkpoint())
	if err != nil {
		return err
	}
	s.saved, s.manifest.Metrics = s.t.state.Iteration, m.Metrics
	s.job.say("resuming after iteration %d of %d", s.saved, s.t.cfg.Iterations)
	return nil
}

// finish runs to the last iteration and writes the result.
func (s *session) finish(ctx context.Context) (Result, error) {
	t := s.t
	for t.state.Iteration < t.cfg.Iterations && !t.state.Stopped {
		s.run.Progress(t.state.Iteration, t.cfg.Iterations)
		if err := s.iterate(ctx); err != nil {
			return Result{}, s.interrupted(err)
		}
	}
	s.run.Progress(t.cfg.Iterations, t.cfg.Iterations)
	m := s.manifest
	m.Kind, m.Step = "policy", t.state.Iteration
	if err := t.result().Save(s.run.Result(), m); err != nil {
		return Result{}, err
	}
	return Result{Dir: s.run.Result(), Checkpoint: s.run.Checkpoint(), Iterations: t.state.Iteration,
		Episodes: t.state.Episodes, Stopped: t.state.Stopped, Metrics: m.Metrics}, nil
}

// iterate runs one iteration, reports it and saves it where that is due.
func (s *session) iterate(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t, start, n := s.t, time.Now(), s.t.state.Iteration+1
	stats, err := t.Update(ctx)
	if err != nil {
		return fmt.Errorf("iteration %d: %w", n, err)
	}
	step := t.state.Iteration
	if t.cfg.StopKL > 0 && stats.KLLogRatio > t.cfg.StopKL {
		t.state.Stopped = true
		s.job.say("iteration %d: KL %.1f exceeds stop_kl %g: the run ends here", step, stats.KLLogRatio, t.cfg.StopKL)
	}
	if why, yes := t.spent(); yes {
		t.state.Stopped = true
		s.job.say("iteration %d: %s", step, why)
	}
	values := t.metrics(stats)
	s.manifest.Metrics = maps.Clone(values)
	for name, x := range stats.Times {
		values[name] = x
	}
	values["eps"] = float64(stats.Episodes) / time.Since(start).Seconds()
	if err := s.run.Metrics(step, values); err != nil {
		return err
	}
	if err := s.samples(step); err != nil {
		return err
	}
	last := step == t.cfg.Iterations || t.state.Stopped
	if step%t.cfg.CheckpointEvery != 0 && !last {
		return nil
	}
	s.manifest.Step = step
	if err := s.run.Commit(s.manifest, t.writeFiles); err != nil {
		return err
	}
	s.saved = step
	return nil
}

// samples reports the first responses of the newest rollout.
func (s *session) samples(step int) error {
	r, m := s.t.last, s.t.models.Policy
	for i := range min(s.t.cfg.SampleRows, len(r.Responses)) {
		row := map[string]any{
			"episode": s.t.state.Episodes - len(r.Responses) + i, "prompt_id": r.Prompts[i].ID,
			"prompt": m.Tokenizer.Text(r.Prompts[i].Tokens), "completion": m.Text(r.Responses[i]),
			"score": r.Score[i], "reward": r.Raw[i], "kl": r.sum(r.LogP, i) - r.sum(r.Ref, i), "tokens": len(r.Responses[i]), "ended": r.Ended[i],
		}
		if r.Judge != nil {
			row["judge"] = r.Judge[i]
		}
		if len(r.Read[i]) < len(r.Responses[i]) {
			row["read"] = m.Template.Text(m.Tokenizer, r.Read[i]) // up to truncate_token
		}
		if err := s.run.Sample(step, row); err != nil {
			return err
		}
	}
	return nil
}

// interrupted turns a cancelled context into the message of what is saved, and
// says of any other failure that the last checkpoint is good.
func (s *session) interrupted(err error) error {
	if errors.Is(err, context.Canceled) {
		return &policy.Interrupted{Dir: s.run.Checkpoint(), Step: s.t.state.Iteration, Steps: s.t.cfg.Iterations, Saved: s.saved}
	}
	if s.saved > 0 {
		return fmt.Errorf("%w; %s keeps iteration %d", err, s.run.Checkpoint(), s.saved)
	}
	return err
}
