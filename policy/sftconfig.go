package policy

import (
	"errors"
	"fmt"
	"math"
)

// SFTConfig are the settings of `policy sft`.
type SFTConfig struct {
	Preset          string  `toml:"preset" unit:"default|instructgpt|instructgpt-rl" help:"the published run whose settings are the defaults; instructgpt-rl is the one that PPO starts from"`
	Template        string  `toml:"template" help:"how a prompt becomes text: plain, chatml or hh; empty keeps the policy's"`
	Epochs          float64 `toml:"epochs" unit:"epochs" help:"passes over the examples; 0 leaves the end to max_steps or max_tokens"`
	MaxSteps        int     `toml:"max_steps" unit:"steps" help:"end after so many optimizer steps; 0 for no bound. The first bound that is reached ends the run"`
	MaxTokens       int     `toml:"max_tokens" unit:"tokens" help:"end with the step that has trained on so many tokens, prompts included; 0 for no bound"`
	BatchExamples   int     `toml:"batch_examples" unit:"examples" help:"per optimizer step"`
	MicroTokens     int     `toml:"micro_tokens" unit:"tokens" help:"computed at a time; bounds the memory, changes no result but the last bits; 0 takes what needs about 1 GiB, at most 4096"`
	LearningRate    float64 `toml:"learning_rate" unit:"1/step" help:"peak of the schedule"`
	Floor           float64 `toml:"learning_rate_floor" unit:"share" help:"learning rate at the end as a share of the peak"`
	Warmup          float64 `toml:"warmup" unit:"share" help:"of all steps, linear"`
	Schedule        string  `toml:"schedule" help:"cosine, linear or constant"`
	Beta1           float64 `toml:"beta1" help:"AdamW: decay of the mean gradient"`
	Beta2           float64 `toml:"beta2" help:"AdamW: decay of the mean squared gradient"`
	AdamEps         float64 `toml:"adam_eps" help:"AdamW: added to the root of the mean square"`
	WeightDecay     float64 `toml:"weight_decay" unit:"1/step" help:"decoupled, not on norm gains and biases"`
	ClipNorm        float64 `toml:"clip_norm" help:"global gradient norm; 0 for none"`
	Dropout         float64 `toml:"dropout" unit:"share" help:"on the embedding and on both branches of every layer"`
	Validation      float64 `toml:"validation" unit:"share" help:"of the prompts held out, unless the rows carry a split"`
	EvalEvery       int     `toml:"eval_every" unit:"steps" help:"validation loss; 0 means once an epoch"`
	SelectBest      bool    `toml:"select_best" help:"keep the model of the best evaluation instead of the last"`
	SelectBy        string  `toml:"select_by" help:"what is best: loss, the lowest on the completions held out, or reward, the highest mean score by a reward model (--reward) of the model's own responses to the prompts held out (InstructGPT)"`
	SelectPrompts   int     `toml:"select_prompts" unit:"prompts" help:"select_by reward: how many prompts to respond to"`
	SelectNew       int     `toml:"select_new_tokens" unit:"tokens" help:"select_by reward: longest response"`
	CheckpointEvery int     `toml:"checkpoint_every" unit:"steps" help:"resumable state; 0 only at the end and when interrupted"`
	SampleEvery     int     `toml:"sample_every" unit:"steps" help:"completions for samples.jsonl; 0 only at the end"`
	PtxShare        float64 `toml:"ptx_share" unit:"share" help:"of every batch, and of its loss, that is pretraining text (--ptx) instead of examples; 0 for none"`
	PtxTokens       int     `toml:"ptx_tokens" unit:"tokens" help:"length of a row of pretraining text, at most the policy's context"`
	PtxDocuments    string  `toml:"ptx_documents" unit:"file|line|paragraph" help:"what is one document in a .txt file of pretraining text"`
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
		SelectBest: true, SelectBy: SelectByLoss, SelectPrompts: 128, SelectNew: 64, CheckpointEvery: 200,
		PtxTokens: 128, PtxDocuments: DocumentParagraph, LoRA: DefaultLoRA(),
	}
}

// SFTPresets are the names that ApplyPreset knows.
var SFTPresets = []string{"default", "instructgpt", "instructgpt-rl"}

// ApplyPreset implements Presetter. Learning rate and batch are those of the smallest model of the source.
func (c *SFTConfig) ApplyPreset(name string) error {
	*c = DefaultSFT()
	if name == "default" {
		return nil
	}
	c.Floor, c.Warmup, c.Schedule, c.BatchExamples = .1, 0, "cosine", 32
	c.Beta1, c.Beta2 = .9, .95
	c.SelectBest = false // the loss on held-out demonstrations is lowest after the first epoch, people's judgement is not
	switch name {
	case "instructgpt": // Ouyang et al. 2022, appendix C
		c.Epochs, c.LearningRate, c.Dropout = 16, 9.65e-6, .2
	case "instructgpt-rl": // the same appendix, the models that PPO began with; no schedule and no dropout is known of them
		c.Epochs, c.LearningRate, c.Dropout = 2, 5e-6, 0
		c.PtxShare, c.PtxTokens = .1, 2048
	default:
		return fmt.Errorf("preset %q is none of %q", name, SFTPresets)
	}
	c.Preset = name
	return nil
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
	case !(c.Epochs >= 0) || c.MaxSteps < 0 || c.MaxTokens < 0:
		return fmt.Errorf("epochs %g, max_steps %d and max_tokens %d must not be negative", c.Epochs, c.MaxSteps, c.MaxTokens)
	case c.Epochs == 0 && c.MaxSteps == 0 && c.MaxTokens == 0:
		return errors.New("epochs, max_steps and max_tokens are all 0: one of them must say when to end")
	case c.SelectBy != SelectByLoss && c.SelectBy != SelectByReward:
		return fmt.Errorf("select_by %q must be loss or reward", c.SelectBy)
	case c.SelectBy == SelectByReward && (c.SelectPrompts < 1 || c.SelectNew < 1):
		return fmt.Errorf("select_prompts %d and select_new_tokens %d must be at least 1", c.SelectPrompts, c.SelectNew)
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
	case !(c.PtxShare >= 0 && c.PtxShare < 1):
		return fmt.Errorf("ptx_share %g is outside [0, 1)", c.PtxShare)
	case math.Ceil(c.PtxShare*float64(c.BatchExamples)) >= float64(c.BatchExamples):
		return fmt.Errorf("ptx_share %g leaves some steps of batch_examples %d without an example", c.PtxShare, c.BatchExamples)
	case c.PtxTokens < 1:
		return fmt.Errorf("ptx_tokens %d must be at least 1", c.PtxTokens)
	case c.PtxDocuments != DocumentFile && c.PtxDocuments != DocumentLine && c.PtxDocuments != DocumentParagraph:
		return fmt.Errorf("ptx_documents %q must be file, line or paragraph", c.PtxDocuments)
	case c.Store != "" && c.Store != "fp32" && c.Store != "bf16":
		return fmt.Errorf("store %q must be fp32, bf16 or empty", c.Store)
	}
	return nil
}

// selectBy is the metric by which the best model is known, "" to keep the last.
func (c *SFTConfig) selectBy() string {
	switch {
	case !c.SelectBest:
		return ""
	case c.SelectBy == SelectByReward:
		return MetricValReward
	}
	return MetricValLoss
}

// perEpoch is how many steps a pass over the examples takes.
func (c *SFTConfig) perEpoch(train []Sequence) float64 {
	return float64(len(train)) / (float64(c.BatchExamples) * (1 - c.PtxShare))
}

// steps is how long a run lasts: until the first budget is used up.
func (c *SFTConfig) steps(text sftText) (int, error) {
	n := math.Inf(1)
	if c.Epochs > 0 {
		n = max(math.Ceil(c.Epochs*c.perEpoch(text.examples)), 1)
	}
	if c.MaxSteps > 0 {
		n = min(n, float64(c.MaxSteps))
	}
	batches := text.batches(*c)
	for step, tokens := 0, 0; c.MaxTokens > 0 && float64(step) < n; {
		batch, ptx := batches.at(step)
		tokens += tokensOf(batch) + tokensOf(ptx)
		if step++; tokens >= c.MaxTokens {
			n = float64(step)
		}
	}
	return int(n), CheckSteps(c.Epochs, n)
}

func (c *SFTConfig) optimizer(steps int) OptimizerConfig {
	return OptimizerConfig{
		Schedule: Schedule{Peak: c.LearningRate, Floor: c.Floor, Warmup: int(c.Warmup * float64(steps)), Steps: steps, Shape: c.Schedule},
		Beta1:    c.Beta1, Beta2: c.Beta2, Eps: c.AdamEps, WeightDecay: c.WeightDecay, Clip: c.ClipNorm,
	}
}
