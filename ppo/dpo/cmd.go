package dpo

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"agora/policy"
	"agora/policy/cpu"
	"agora/ppo"
	"agora/reward/prefs"
)

// Cmd is `agora dpo`.
type Cmd struct {
	Train   TrainCmd   `cmd:"" help:"Fine-tune a policy on preferences directly, without a reward model."`
	Metrics MetricsCmd `cmd:"" help:"What every logged number means: formula, unit, healthy range."`
}

// MetricsCmd is `agora dpo metrics`.
type MetricsCmd struct {
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Help implements kong's detailed help.
func (*MetricsCmd) Help() string {
	return `The names are those of metrics.jsonl and of the charts.

Example:
  agora dpo metrics --json | jq 'select(.name == "rewards/margins")'`
}

// Run prints the table of Metrics.
func (c *MetricsCmd) Run(context.Context) error { return ppo.WriteMetrics(os.Stdout, Metrics, c.JSON) }

// TrainCmd is `agora dpo train`.
type TrainCmd struct {
	Policy    string   `required:"" placeholder:"DIR" help:"Model to train, usually fine-tuned on demonstrations."`
	Data      []string `required:"" placeholder:"FILE" help:"Preference file: ranked, trl, trl-implicit, hh or humour, .gz or not; may be repeated."`
	Format    string   `default:"auto" help:"Format of --data; auto looks at the first row."`
	Reference string   `placeholder:"DIR" help:"Model that log-ratios are taken to, instead of the policy as it starts."`
	Out       string   `required:"" placeholder:"DIR" help:"Run directory to create; the model ends up in DIR/model."`
	Config    string   `placeholder:"FILE" help:"Settings, a TOML file."`
	Set       []string `sep:"none" placeholder:"KEY=VALUE" help:"One setting; may be repeated."`
	Resume    bool     `help:"Go on with the run in --out; give the same settings and inputs."`
	Force     bool     `help:"Start even if the machine has not the memory for it."`

	AcceptDifferentBits bool `help:"Resume on a machine whose kernels round differently."`
	Workers             int  `help:"Worker threads; 0 means one per core. Results do not depend on it."`
	JSON                bool `name:"json" help:"Print the result as one JSON object."`
}

// Help implements kong's detailed help.
func (*TrainCmd) Help() string {
	return `Rankings count by their pairs. The reference's log-probabilities are computed once, at the start.
An empty completion is a text as any other, its probability that of the end token; pairs of one text twice are left out.
Losses: sigmoid (DPO; with label_smoothing the conservative variant), robust, ipo, hinge.

Example:
  agora dpo train --policy sft --data answers.jsonl --out runs/dpo --set beta=0.1
  agora dpo train --policy sft --data pairs.jsonl.gz --out runs/ipo --set loss=ipo --set epochs=2
  agora dpo train --policy smollm2 --data pairs.jsonl.gz --out runs/lora --set lora_rank=16 --set learning_rate=2e-4

  agora config schema dpo    # every setting`
}

// Run trains.
func (c *TrainCmd) Run(ctx context.Context) error {
	cfg := DefaultConfig()
	if err := policy.LoadConfig(&cfg, c.Config, c.Set); err != nil {
		return err
	}
	format, err := prefs.ParseFormat(c.Format)
	if err != nil {
		return fmt.Errorf("--format: %w", err)
	}
	dev, err := cpu.Open(c.Workers)
	if err != nil {
		return err
	}
	console := policy.NewConsole(os.Stderr, "dpo")
	res, err := Train(ctx, dev, cfg, Job{Reference: c.Reference, Format: format, Job: policy.Job{
		Policy: c.Policy, Data: c.Data, Out: c.Out, Resume: c.Resume, AcceptDifferentBits: c.AcceptDifferentBits, Force: c.Force,
		Sinks: []policy.Sink{console}, Say: console.Say,
	}})
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(res)
	}
	fmt.Printf("%s: after %d steps loss %.4f, %.1f %% of the pairs in order, margin %.3f\n", res.Dir, res.Steps,
		res.Metrics[policy.MetricLoss], 100*res.Metrics["rewards/accuracies"], res.Metrics["rewards/margins"])
	if v, ok := res.Metrics["eval_rewards/accuracies"]; ok {
		fmt.Printf("held out: loss %.4f, %.1f %% in order; people: %s\n", res.Metrics[policy.MetricValLoss], 100*v, peopleOn(res.Metrics))
	}
	return nil
}

// peopleOn says how far people agree on the held-out pairs.
func peopleOn(m map[string]float64) string {
	n, ok := m["eval_rater_pairs"]
	if !ok {
		return "no pair was judged by two"
	}
	return fmt.Sprintf("two agree on %.1f %%, the majority of the others is right on %.1f %%, of n = %.0f pairs", 100*m["eval_rater_agreement"], 100*m["eval_others_majority"], n)
}
