package dpo

import (
	"fmt"
	"math"

	"agora/policy"
	"agora/reward"
)

// Config are the settings of `dpo train`.
type Config struct {
	Loss           Loss    `toml:"loss" unit:"sigmoid|robust|ipo|hinge" help:"of a pair; see agora dpo train --help"`
	Beta           float64 `toml:"beta" unit:"1/nat" help:"how strongly the policy is held to the reference: smaller lets it move further"`
	LabelSmoothing float64 `toml:"label_smoothing" unit:"share" help:"of the labels taken to be wrong; sigmoid and robust only"`

	Epochs       float64 `toml:"epochs" unit:"passes" help:"over the pairs"`
	BatchPairs   int     `toml:"batch_pairs" unit:"pairs" help:"per optimizer step"`
	MicroTokens  int     `toml:"micro_tokens" unit:"tokens" help:"computed at a time; bounds the memory, changes no result but the last bits; 0 takes what needs about 1 GiB, at most 8192"`
	LearningRate float64 `toml:"learning_rate" unit:"1/step" help:"peak of the schedule"`
	Floor        float64 `toml:"learning_rate_floor" unit:"share" help:"learning rate at the end as a share of the peak"`
	Warmup       float64 `toml:"warmup" unit:"share" help:"of all steps, linear"`
	Schedule     string  `toml:"schedule" unit:"cosine|linear|constant" help:"learning rate after warm-up"`
	AdamBeta1    float64 `toml:"adam_beta1" help:"decay of the mean gradient"`
	AdamBeta2    float64 `toml:"adam_beta2" help:"decay of the mean squared gradient"`
	AdamEpsilon  float64 `toml:"adam_epsilon" help:"added to the root of the mean square"`
	WeightDecay  float64 `toml:"weight_decay" unit:"1/step" help:"decoupled, not on norm gains and biases"`
	ClipNorm     float64 `toml:"clip_norm" help:"global gradient norm; 0 for none"`

	Recompute bool `toml:"gradient_checkpointing" json:"gradient_checkpointing" help:"keep only the layers' outputs for the backward pass and compute the rest again: much less memory, a third slower, the same bits"`
	policy.LoRA

	Split      string  `toml:"split" unit:"auto|field|hash|none" help:"how validation pairs are chosen: by the rows' own split, or by hash"`
	ValPrompts float64 `toml:"val_prompts" unit:"share" help:"of the prompts kept for validation"`
	ValWorkers float64 `toml:"val_workers" unit:"share" help:"of the labelers kept for validation, where there are ten or more"`

	EvalEvery       int    `toml:"eval_every" unit:"steps" help:"validate every so many steps; 0 ten times a run"`
	SelectBest      bool   `toml:"select_best" help:"keep the model with the lowest validation loss instead of the last"`
	CheckpointEvery int    `toml:"checkpoint_every" unit:"steps" help:"resumable state; 0 only at the end and when interrupted"`
	SampleEvery     int    `toml:"sample_every" unit:"steps" help:"completions for samples.jsonl; 0 only at the end"`
	Seed            uint64 `toml:"seed" help:"of data order and split"`
}

// DefaultConfig is one pass with settings that suit models of a few million parameters.
func DefaultConfig() Config {
	return Config{
		Loss: Sigmoid, Beta: .1,
		Epochs: 1, BatchPairs: 32, LearningRate: 1e-4, Floor: .1, Warmup: .1, Schedule: "cosine",
		AdamBeta1: .9, AdamBeta2: .95, AdamEpsilon: 1e-8, ClipNorm: 1,
		Split: "auto", ValPrompts: .1, ValWorkers: .1, CheckpointEvery: 50, LoRA: policy.DefaultLoRA(),
	}
}

// Validate names the first setting that cannot work.
func (c *Config) Validate() error {
	switch c.Loss {
	case Sigmoid, Robust, IPO, Hinge:
	default:
		return fmt.Errorf("loss %q is none of sigmoid, robust, ipo, hinge", c.Loss)
	}
	switch {
	case !(c.Beta > 0):
		return fmt.Errorf("beta %g must be positive", c.Beta)
	case !(c.LabelSmoothing >= 0 && c.LabelSmoothing < .5):
		return fmt.Errorf("label_smoothing %g is outside [0, 0.5)", c.LabelSmoothing)
	case c.LabelSmoothing > 0 && (c.Loss == IPO || c.Loss == Hinge):
		return fmt.Errorf("label_smoothing %g has no meaning with loss %s", c.LabelSmoothing, c.Loss)
	case !(c.Epochs > 0):
		return fmt.Errorf("epochs %g must be positive", c.Epochs)
	case c.BatchPairs < 1:
		return fmt.Errorf("batch_pairs %d must be at least 1", c.BatchPairs)
	case c.BatchPairs > 1<<20:
		return fmt.Errorf("batch_pairs %d must be at most %d", c.BatchPairs, 1<<20)
	case c.MicroTokens < 0:
		return fmt.Errorf("micro_tokens %d must not be negative", c.MicroTokens)
	case c.Warmup < 0 || c.Warmup > 1:
		return fmt.Errorf("warmup %g is outside [0, 1]", c.Warmup)
	case c.EvalEvery < 0 || c.CheckpointEvery < 0 || c.SampleEvery < 0:
		return fmt.Errorf("eval_every, checkpoint_every and sample_every must not be negative")
	}
	if err := c.LoRA.Validate(); err != nil {
		return err
	}
	if err := c.split().Validate(); err != nil {
		return err
	}
	return c.optimizer(1).Validate()
}

// split are the settings by which reward models split rankings.
func (c *Config) split() reward.TrainConfig {
	s := reward.DefaultTrainConfig()
	s.Split, s.ValPrompts, s.ValWorkers, s.Seed = c.Split, c.ValPrompts, c.ValWorkers, c.Seed
	return s
}

// steps is the length of a run on so many pairs, where checkSteps has let them pass.
func (c *Config) steps(pairs int) int {
	return max(int(math.Ceil(c.Epochs*float64(pairs)/float64(c.BatchPairs))), 1)
}

func (c *Config) checkSteps(pairs int) error {
	return policy.CheckSteps(c.Epochs, math.Ceil(c.Epochs*float64(pairs)/float64(c.BatchPairs)))
}

func (c *Config) optimizer(steps int) policy.OptimizerConfig {
	return policy.OptimizerConfig{
		Schedule: policy.Schedule{Peak: c.LearningRate, Floor: c.Floor, Warmup: int(c.Warmup * float64(steps)), Steps: steps, Shape: c.Schedule},
		Beta1:    c.AdamBeta1, Beta2: c.AdamBeta2, Eps: c.AdamEpsilon, WeightDecay: c.WeightDecay, Clip: c.ClipNorm,
	}
}
