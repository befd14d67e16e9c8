package experiment

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"agora/policy"
	"agora/ppo"
	"agora/ppo/dpo"
	"agora/reward"
	"agora/reward/prefs"
)

// pretrain trains a policy from nothing on a text file, with another model's tokenizer.
func (l *lab) pretrain(ctx context.Context, title string, s Settings, tokenizer, data string) (string, error) {
	c := policy.DefaultPretrain()
	if err := policy.LoadConfig(&c, "", policy.Sets(s)); err != nil {
		return "", err
	}
	t := training{"pretrain", title, c, map[string]string{"tokenizer": tokenizer, "data": data}}
	return l.trained(ctx, t, func(dir string, resume bool, console *policy.Console) (map[string]float64, error) {
		r, err := policy.Pretrain(ctx, l.dev, c, policy.Job{Data: []string{data}, Tokenizer: tokenizer, Out: dir, Resume: resume, Sinks: []policy.Sink{console}, Say: console.Say})
		return r.Metrics, err
	})
}

// sft fine-tunes a policy on demonstrations.
func (l *lab) sft(ctx context.Context, title string, s Settings, from, data string) (string, error) {
	c := policy.DefaultSFT()
	if err := policy.LoadConfig(&c, "", policy.Sets(s)); err != nil {
		return "", err
	}
	t := training{"sft", title, c, map[string]string{"policy": from, "data": data}}
	return l.trained(ctx, t, func(dir string, resume bool, console *policy.Console) (map[string]float64, error) {
		r, err := policy.SFT(ctx, l.dev, c, policy.Job{Data: []string{data}, Policy: from, Out: dir, Resume: resume, Sinks: []policy.Sink{console}, Say: console.Say})
		return r.Metrics, err
	})
}

// reward trains a reward model on a policy's trunk.
func (l *lab) reward(ctx context.Context, title string, s Settings, trunk, data string) (string, error) {
	c := reward.DefaultTrainConfig()
	if err := policy.LoadConfig(&c, "", policy.Sets(s)); err != nil {
		return "", err
	}
	t := training{"reward", title, c, map[string]string{"policy": trunk, "data": data}}
	return l.trained(ctx, t, func(dir string, resume bool, console *policy.Console) (map[string]float64, error) {
		p, err := policy.LoadPolicy(trunk)
		if err != nil {
			return nil, err
		}
		d, err := reward.ReadData([]string{data}, nil, prefs.Auto)
		if err != nil {
			return nil, err
		}
		r, err := reward.Train(ctx, l.dev, p, d, c, dir, policy.RunOptions{Resume: resume, Sinks: []policy.Sink{console}})
		if err != nil || r.Val == nil {
			return nil, err
		}
		return map[string]float64{"accuracy": r.Val.Accuracy}, nil
	})
}

// dpo fits a policy to preferences directly.
func (l *lab) dpo(ctx context.Context, title string, s Settings, from, data string) (string, error) {
	c := dpo.DefaultConfig()
	if err := policy.LoadConfig(&c, "", policy.Sets(s)); err != nil {
		return "", err
	}
	t := training{"dpo", title, c, map[string]string{"policy": from, "data": data}}
	return l.trained(ctx, t, func(dir string, resume bool, console *policy.Console) (map[string]float64, error) {
		job := dpo.Job{Job: policy.Job{Data: []string{data}, Policy: from, Out: dir, Resume: resume, Sinks: []policy.Sink{console}, Say: console.Say}, Format: prefs.Auto}
		r, err := dpo.Train(ctx, l.dev, c, job)
		return r.Metrics, err
	})
}

// rl is what a run on rollouts reads.
type rl struct {
	policy, reward, judge, prompts string
	more                           []string // further rewards: directories or exec:COMMAND
	ptx                            string   // text of the pretraining mix; "" where ptx_coef is 0
}

func (in rl) inputs() map[string]string {
	all := map[string]string{"policy": in.policy, "reward": in.reward, "judge": in.judge, "prompts": in.prompts, "ptx": in.ptx}
	maps.DeleteFunc(all, func(_, path string) bool { return path == "" })
	return all
}

// rl trains a policy on its own rollouts: PPO, RLOO or GRPO, as the settings' preset says.
func (l *lab) rl(ctx context.Context, title string, s Settings, in rl) (string, error) {
	c := ppo.DefaultConfig()
	if err := policy.LoadConfig(&c, "", policy.Sets(s)); err != nil {
		return "", err
	}
	job := ppo.Job{Policy: in.policy, Reward: in.reward, Judge: in.judge, Prompts: in.prompts}
	if c.PtxCoef > 0 {
		job.Ptx = []string{in.ptx}
	} else {
		in.ptx = ""
	}
	inputs := in.inputs()
	var commands []string
	for i, r := range in.more {
		source := ppo.ParseReward(r)
		job.Rewards = append(job.Rewards, source)
		if source.Dir != "" {
			dir, head := reward.CutHead(source.Dir)
			inputs[fmt.Sprintf("reward.%d#%s", i, head)] = dir
		} else {
			_, what, _ := strings.Cut(r, "' ") // where the program lies decides nothing
			commands = append(commands, what)
		}
	}
	t := training{string(c.Estimator), title, []any{c, commands}, inputs}
	return l.trained(ctx, t, func(dir string, resume bool, console *policy.Console) (map[string]float64, error) {
		job.Out, job.Resume, job.Sinks, job.Say = dir, resume, []policy.Sink{console}, console.Say
		r, err := ppo.Train(ctx, l.dev, c, job)
		return r.Metrics, err
	})
}
