package ppo

import "context"

// RLOOCmd is `agora rloo`, GRPOCmd is `agora grpo`: PPO's loop without a critic.
type RLOOCmd struct {
	Train RLOOTrainCmd `cmd:"" help:"Fine-tune a policy by REINFORCE with a leave-one-out baseline."`
}

// GRPOCmd is `agora grpo`.
type GRPOCmd struct {
	Train GRPOTrainCmd `cmd:"" help:"Fine-tune a policy on advantages normalised among the responses to a prompt."`
}

// RLOOTrainCmd is `agora rloo train`.
type RLOOTrainCmd struct{ trainFlags }

// GRPOTrainCmd is `agora grpo train`.
type GRPOTrainCmd struct{ trainFlags }

// Help implements kong's detailed help.
func (*RLOOTrainCmd) Help() string {
	return `Each prompt gets samples_per_prompt responses; a response is worth its reward minus the mean of the
others' (Ahmadian et al. 2024). KL inside the reward. Everything else is ppo train's.

Example:
  agora rloo train --policy sft --reward rm --prompts prompts.jsonl --out runs/rloo --set samples_per_prompt=4

  agora config schema rloo    # every setting`
}

// Help implements kong's detailed help.
func (*GRPOTrainCmd) Help() string {
	return `Each prompt gets samples_per_prompt responses; a response is worth its reward minus their mean, over
their deviation (Shao et al. 2024). KL in the loss (k3). Everything else is ppo train's.

Example:
  agora grpo train --policy sft --reward rm --prompts prompts.jsonl --out runs/grpo --set samples_per_prompt=8

  agora config schema grpo    # every setting

Dr. GRPO (Liu et al. 2025): --set group_scale=off --set aggregation=seq-mean-token-sum-norm --set kl_coef=0`
}

// Run trains.
func (c *RLOOTrainCmd) Run(ctx context.Context) error { return c.train(ctx, "rloo") }

// Run trains.
func (c *GRPOTrainCmd) Run(ctx context.Context) error { return c.train(ctx, "grpo") }
