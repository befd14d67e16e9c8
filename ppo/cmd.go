package ppo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"agora/policy"
	"agora/policy/cpu"
)

// PPOCmd is `agora ppo`.
type PPOCmd struct {
	Train   TrainCmd   `cmd:"" help:"Fine-tune a policy against a reward model by PPO."`
	Metrics MetricsCmd `cmd:"" help:"What every logged number means: formula, unit, healthy range."`
}

// trainFlags are the flags of every command that trains on rollouts.
type trainFlags struct {
	Policy      string        `required:"" placeholder:"DIR" help:"Model to train, usually fine-tuned on demonstrations."`
	Reward      []string      `required:"" sep:"none" placeholder:"DIR" help:"Reward model, or exec:COMMAND (JSON lines in and out); may be repeated, see reward_combine. PPO's critic starts from the first model."`
	ExecTimeout time.Duration `default:"10m" help:"What an exec: reward has to answer a batch; 0 for as long as it takes. Does not change the results."`
	Judge       string        `placeholder:"DIR" help:"Second reward model, never learned from: shows over-optimisation."`
	Prompts     string        `required:"" placeholder:"FILE" help:"Prompts: prompt, ranked or other records, or the lines of a .txt file; also .gz."`
	Ptx         []string      `placeholder:"FILE" help:"Text for the pretraining mix: .txt, or .jsonl with a text field; weighted by ptx_coef."`
	Out         string        `required:"" placeholder:"DIR" help:"Run directory: run.json, metrics.jsonl, samples.jsonl, checkpoint and model."`
	Config      string        `placeholder:"FILE" help:"Settings, a TOML file."`
	Set         []string      `sep:"none" placeholder:"KEY=VALUE" help:"One setting; can be repeated."`
	Resume      bool          `help:"Go on with the run in --out; give the same settings and inputs."`
	Force       bool          `help:"Start even if the machine has not the memory for it."`

	AcceptDifferentBits bool `help:"Resume on a machine whose kernels round differently."`
	Workers             int  `help:"Worker threads; 0 means one per core. Results do not depend on it."`
	JSON                bool `name:"json" help:"Print the result as one JSON object."`
}

// TrainCmd is `agora ppo train`.
type TrainCmd struct {
	trainFlags
	Profile string `placeholder:"NAME" help:"Settings of a published run: default, instructgpt, tldr or lhp2019."`
}

// Help implements kong's detailed help.
func (c *TrainCmd) Help() string {
	return `Each iteration samples responses, scores them, and takes a few clipped steps. Stopped runs
(Ctrl-C, kill) resume with --resume to the same bits.

Example:
  agora ppo train --policy sft --reward rm --judge judge --prompts prompts.jsonl --out runs/ppo \
      --set iterations=20 --set kl_coef=0.1 --ptx corpus.txt --set ptx_coef=1
  agora ppo train --policy sft --reward exec:"python3 check.py" --prompts gsm8k.jsonl --out runs/maths --set critic_init=policy
  agora ppo train --policy smollm2 --reward rm --prompts prompts.jsonl --out runs/lora --set lora_rank=16 --set learning_rate=2e-4

With lora_rank, policy and reference share their weights, and critic and reward model theirs; only low-rank
changes are trained. Without, gradient_checkpointing=true and a smaller micro_tokens save memory.

  agora config schema ppo --json    # every setting with unit, default and meaning`
}

// Run trains.
func (c *TrainCmd) Run(ctx context.Context) error { return c.train(ctx, c.Profile) }

// train runs with a profile's settings, then those of the file, then those of --set.
func (c *trainFlags) train(ctx context.Context, profile string) error {
	cfg, err := c.settings(profile)
	if err != nil {
		return err
	}
	dev, err := cpu.Open(c.Workers)
	if err != nil {
		return err
	}
	console := policy.NewConsole(os.Stderr, cfg.Estimator.kind())
	job := Job{
		Policy: c.Policy, Judge: c.Judge, Prompts: c.Prompts, Ptx: c.Ptx, Out: c.Out,
		Resume: c.Resume, AcceptDifferentBits: c.AcceptDifferentBits, Force: c.Force, Sinks: []policy.Sink{console}, Say: console.Say,
	}
	job.Reward, job.Rewards = rewardsOf(c.Reward, c.ExecTimeout)
	res, err := Train(ctx, dev, cfg, job)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(res)
	}
	fmt.Printf("%s: score %.3f, KL %.2f nats, after %d iterations and %d episodes\n",
		res.Dir, res.Metrics["objective/scores"], res.Metrics["objective/kl"], res.Iterations, res.Episodes)
	return nil
}

func (c *trainFlags) settings(profile string) (Config, error) {
	cfg, err := Profile(profile)
	if err != nil {
		return cfg, err
	}
	return cfg, policy.LoadConfig(&cfg, c.Config, c.Set)
}

// rewardsOf splits what --reward says into the first, if it is a model, and the others.
func rewardsOf(flags []string, timeout time.Duration) (first string, more []RewardSource) {
	for i, flag := range flags {
		if s := ParseReward(flag); i == 0 && s.Dir != "" {
			first = s.Dir
		} else {
			s.Timeout = timeout
			more = append(more, s)
		}
	}
	return first, more
}

// MetricsCmd is `agora ppo metrics`.
type MetricsCmd struct {
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Help implements kong's detailed help.
func (c *MetricsCmd) Help() string {
	return `The names are those of metrics.jsonl and of the charts.

Example:
  agora ppo metrics --json | jq 'select(.name == "objective/kl")'`
}

// Run prints the table of Metrics.
func (c *MetricsCmd) Run(context.Context) error { return WriteMetrics(os.Stdout, Metrics, c.JSON) }

// WriteMetrics prints what numbers mean, for people or as one JSON object a line.
func WriteMetrics(w io.Writer, all []Metric, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		for _, m := range all {
			if err := out.Encode(m); err != nil {
				return err
			}
		}
		return nil
	}
	for _, m := range all {
		fmt.Fprintf(w, "%s  [%s]\n    %s\n", m.Name, orDash(m.Unit), m.Formula)
		if m.Healthy != "" {
			fmt.Fprintf(w, "    healthy: %s\n", m.Healthy)
		}
		if m.Trouble != "" {
			fmt.Fprintf(w, "    trouble: %s\n", m.Trouble)
		}
	}
	return nil
}

func orDash(unit string) string {
	if unit == "" {
		return "–"
	}
	return unit
}
