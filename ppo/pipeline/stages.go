package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"agora/policy"
	"agora/policy/cpu"
	"agora/ppo"
	"agora/ppo/dpo"
	"agora/reward"
	"agora/reward/prefs"
)

// defaultConfigs are the settings of each kind before anybody changed them.
func defaultConfigs() map[string]any {
	pretrain, sft, rm := policy.DefaultPretrain(), policy.DefaultSFT(), reward.DefaultTrainConfig()
	p, d, score := ppo.DefaultConfig(), dpo.DefaultConfig(), defaultScoreConfig()
	return map[string]any{KindPretrain: &pretrain, KindSFT: &sft, KindReward: &rm, KindPPO: &p,
		KindRLOO: profile(KindRLOO), KindGRPO: profile(KindGRPO), KindDPO: &d, KindScore: &score}
}

// profile is a method of ppo by its name.
func profile(kind string) *ppo.Config {
	c, err := ppo.Profile(kind)
	if err != nil {
		panic(err) // the names are this package's own
	}
	return &c
}

// device opens the worker's device once.
func (w *Worker) device() (*cpu.Device, error) {
	if w.dev == nil {
		dev, err := cpu.Open(w.Threads)
		if err != nil {
			return nil, err
		}
		w.dev = dev
	}
	return w.dev, nil
}

// sinks are the database and whoever else listens.
func (w *Worker) sinks(sink *dbSink) []policy.Sink { return append([]policy.Sink{sink}, w.Sinks...) }

// begun says whether a run's folder holds an earlier attempt to go on with.
func begun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, policy.RunFile))
	return !errors.Is(err, fs.ErrNotExist)
}

func (w *Worker) policyJob(job Job, sink *dbSink, data string) policy.Job {
	return policy.Job{Data: []string{data}, Policy: job.Inputs["policy"].Path, Tokenizer: job.Inputs["tokenizer"].Path, Reward: job.Inputs["reward"].Path, Judge: reward.OpenJudge, Out: job.Dir,
		Resume: begun(job.Dir), Sinks: w.sinks(sink), Say: w.say(sink)}
}

// trainPretrain trains a policy from scratch on the input "data".
func trainPretrain(ctx context.Context, w *Worker, job Job, sink *dbSink) (map[string]any, error) {
	dev, err := w.device()
	if err != nil {
		return nil, err
	}
	c := policy.DefaultPretrain()
	if err := policy.LoadConfig(&c, "", job.sets()); err != nil {
		return nil, err
	}
	result, err := policy.Pretrain(ctx, dev, c, w.policyJob(job, sink, job.Inputs["data"].Path))
	if err != nil {
		return nil, err
	}
	return map[string]any{"checkpoint": result.Dir, "steps": result.Steps, "metrics": result.Metrics}, nil
}

// trainSFT fine-tunes the input "policy" on demonstrations; the input "reward", if there is one, selects the best
// model (select_by), and "pretrain" is text to mix in (ptx_share).
func trainSFT(ctx context.Context, w *Worker, job Job, sink *dbSink) (map[string]any, error) {
	dev, err := w.device()
	if err != nil {
		return nil, err
	}
	c := policy.DefaultSFT()
	if err := policy.LoadConfig(&c, "", job.sets()); err != nil {
		return nil, err
	}
	sft := w.policyJob(job, sink, job.Inputs["data"].Path)
	if path := job.Inputs["pretrain"].Path; path != "" {
		sft.Ptx = []string{path}
	}
	result, err := policy.SFT(ctx, dev, c, sft)
	if err != nil {
		return nil, err
	}
	return map[string]any{"checkpoint": result.Dir, "steps": result.Steps, "metrics": result.Metrics}, nil
}

// trainReward trains a reward model on the trunk of the input "policy".
func trainReward(ctx context.Context, w *Worker, job Job, sink *dbSink) (map[string]any, error) {
	dev, err := w.device()
	if err != nil {
		return nil, err
	}
	c := reward.DefaultTrainConfig()
	if err := policy.LoadConfig(&c, "", job.sets()); err != nil {
		return nil, err
	}
	var demos []string
	if path := job.Inputs["demos"].Path; path != "" {
		demos = []string{path}
	}
	data, err := reward.ReadData([]string{job.Inputs["data"].Path}, demos, prefs.Auto)
	if err != nil {
		return nil, err
	}
	p, err := policy.LoadFrozenPolicy(job.Inputs["policy"].Path)
	if err != nil {
		return nil, err
	}
	result, err := reward.Train(ctx, dev, p, data, c, job.Dir, policy.RunOptions{Resume: begun(job.Dir), Sinks: w.sinks(sink)})
	if err != nil {
		return nil, err
	}
	out := map[string]any{"checkpoint": filepath.Join(job.Dir, policy.ResultDir), "steps": result.Steps, "split": result.Split.How}
	if v := result.Val; v != nil {
		out["accuracy"], out["ci95"], out["n"] = v.Accuracy, v.CI95, v.N
		for name, x := range v.References.Metrics("") {
			out[name] = x
		}
	}
	if v := result.NewWorkers; v != nil {
		out["accuracy_new_labelers"], out["n_new_labelers"] = v.Accuracy, v.N
		for name, x := range v.References.Metrics("new_labelers_") {
			out[name] = x
		}
	}
	return out, nil
}

// trainPPO trains the input "policy" against the input "reward", by PPO, RLOO or GRPO. "judge" only
// watches; "pretrain" is the text of the pretraining mix.
func trainPPO(ctx context.Context, w *Worker, job Job, sink *dbSink) (map[string]any, error) {
	dev, err := w.device()
	if err != nil {
		return nil, err
	}
	c := defaultConfigs()[job.Kind].(*ppo.Config)
	if err := policy.LoadConfig(c, "", job.sets()); err != nil {
		return nil, err
	}
	in := func(role string) string { return job.Inputs[role].Path }
	var mix []string
	if in("pretrain") != "" {
		mix = []string{in("pretrain")}
	}
	result, err := ppo.Train(ctx, dev, *c, ppo.Job{
		Policy: in("policy"), Reward: in("reward"), Judge: in("judge"), Prompts: in("prompts"), Ptx: mix,
		Out: job.Dir, Resume: begun(job.Dir), Sinks: w.sinks(sink), Say: w.say(sink),
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"checkpoint": result.Dir, "iterations": result.Iterations, "episodes": result.Episodes, "metrics": result.Metrics}, nil
}

// trainDPO fine-tunes the input "policy" on the project's answers, or the file "data", without a reward
// model. The reference is the policy as it starts, unless the input "reference" names another.
func trainDPO(ctx context.Context, w *Worker, job Job, sink *dbSink) (map[string]any, error) {
	dev, err := w.device()
	if err != nil {
		return nil, err
	}
	c := dpo.DefaultConfig()
	if err := policy.LoadConfig(&c, "", job.sets()); err != nil {
		return nil, err
	}
	result, err := dpo.Train(ctx, dev, c, dpo.Job{Job: w.policyJob(job, sink, job.Inputs["data"].Path), Reference: job.Inputs["reference"].Path, Format: prefs.Auto})
	if err != nil {
		return nil, err
	}
	return map[string]any{"checkpoint": result.Dir, "steps": result.Steps, "metrics": result.Metrics}, nil
}
