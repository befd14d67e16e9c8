package policy

import "fmt"

// SFTConfig are the settings of `policy sft`.
type SFTConfig struct {
	Template        string  `toml:"template" help:"how a prompt becomes text: plain, chatml or hh; empty keeps the policy's"`
	Epochs          float64 `toml:"epochs" unit:"epochs" help:"passes over the examples"`
	BatchExamples   int     `toml:"batch_examples" unit:"examples" help:"per optimizer step"`
	MicroTokens     int     `toml:"micro_tokens" unit:"tokens" help:"computed at a time; bounds the memory, changes no result but the last bits; 0 takes what needs about 1 GiB, at most 4096"`
	LearningRate    float64 `toml:"learning_rate" unit:"1/step" help:"peak of the schedule"`
	Floor           float64 `toml:"learning_rate_floor" unit:"share" help:"learning rate at the end as a share of the peak"`
	Warmup          float64 `toml:"warmup" unit:"share" help:"of all steps, linear"`
	Schedule        string  `toml:"schedule" help:"cosine, linear or constant"`
	Beta1           float64 `toml:"beta1" help:"AdamW"`
	Beta2           float64 `toml:"beta2" help:"AdamW"`
	AdamEps         float64 `toml:"adam_eps" help:"AdamW"`
	WeightDecay     float64 `toml:"weight_decay" unit:"1/step" help:"decoupled, not on norm gains and biases"`
	ClipNorm        float64 `toml:"clip_norm" help:"global gradient norm; 0 for none"`
	Dropout         float64 `toml:"dropout" unit:"share" help:"on the embedding and on both branches of every layer"`
	Validation      float64 `toml:"validation" unit:"share" help:"of the prompts held out, unless the rows carry a split"`
	EvalEvery       int     `toml:"eval_every" unit:"steps" help:"validation loss; 0 means once an epoch"`
	SelectBest      bool    `toml:"select_best" help:"keep the model with the lowest validation loss instead of the last"`
	CheckpointEvery int     `toml:"checkpoint_every" unit:"steps" help:"resumable state; 0 only at the end and when interrupted"`
	SampleEvery     int     `toml:"sample_every" unit:"steps" help:"completions for samples.jsonl; 0 only at the end"`
	Recompute       bool    `toml:"gradient_checkpointing" help:"keep only the layers' outputs for the backward pass and compute the rest again: much less memory, a third slower, the same bits"`
	LoRA
	AdapterDropout float64 `toml:"lora_dropout" unit:"share" help:"on what the low-rank changes read"`
	Store          string  `toml:"store" help:"number format of the saved weights: fp32 or bf16; empty keeps the policy's"`
	Seed           int     `toml:"seed" help:"of data order, split and dropout"`
}

// DefaultSFT suits models of a few million parameters.
func DefaultSFT() SFTConfig {
	return SFTConfig{
		Epochs: 3, BatchExamples: 32, LearningRate: 1e-3, Floor: .1, Warmup: .05, Schedule: "cosine",
		Beta1: .9, Beta2: .95, AdamEps: 1e-8, WeightDecay: .1, ClipNorm: 1, Dropout: .1, Validation: .05,
		SelectBest: true, CheckpointEvery: 200, LoRA: DefaultLoRA(),
	}
}

// maxBatch bounds what a step takes, in examples and in tokens: beyond it lie typing errors.
const maxBatch = 1 << 20

// Validate implements Validator.
func (c *SFTConfig) Validate() error {
	if err := c.optimizer(1).Validate(); err != nil {
		return err
	}
	if _, err := ParseTemplate(c.Template); err != nil {
		return err
	}
	if err := c.LoRA.Validate(); err != nil {
		return err
	}
	switch {
	case !(c.Epochs > 0):
		return fmt.Errorf("epochs %g must be positive", c.Epochs)
	case c.BatchExamples < 1:
		return fmt.Errorf("batch_examples %d must be at least 1", c.BatchExamples)
	case c.BatchExamples > maxBatch:
		return fmt.Errorf("batch_examples %d must be at most %d", c.BatchExamples, maxBatch)
	case c.MicroTokens < 0 || c.MicroTokens > maxBatch:
		return fmt.Errorf("micro_tokens %d is outside [0, %d]", c.MicroTokens, maxBatch)
	case c.Warmup < 0 || c.Warmup > 1:
		return fmt.Errorf("warmup %g is outside [0, 1]", c.Warmup)
	case c.Dropout < 0 || c.Dropout >= 1:
		return fmt.Errorf("dropout %g is outside [0, 1)", c.Dropout)
	case c.AdapterDropout < 0 || c.AdapterDropout >= 1:
		return fmt.Errorf("lora_dropout %g is outside [0, 1)", c.AdapterDropout)
	case c.LoRA.On() && c.Store == "bf16":
		return fmt.Errorf("store bf16 would round the small changes of lora_rank %d away: train with fp32", c.Rank)
	case c.Validation < 0 || c.Validation >= 1:
		return fmt.Errorf("validation %g is outside [0, 1)", c.Validation)
	case c.Store != "" && c.Store != "fp32" && c.Store != "bf16":
		return fmt.Errorf("store %q must be fp32, bf16 or empty", c.Store)
	}
	return nil
}

func (c *SFTConfig) optimizer(steps int) OptimizerConfig {
	return OptimizerConfig{
		Schedule: Schedule{Peak: c.LearningRate, Floor: c.Floor, Warmup: int(c.Warmup * float64(steps)), Steps: steps, Shape: c.Schedule},
		Beta1:    c.Beta1, Beta2: c.Beta2, Eps: c.AdamEps, WeightDecay: c.WeightDecay, Clip: c.ClipNorm,
	}
}
