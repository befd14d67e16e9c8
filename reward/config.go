package reward

import (
	"errors"
	"fmt"
	"math"

	"agora/policy"
)

// TrainConfig are the settings of `reward train`.
type TrainConfig struct {
	Preset string `toml:"preset" json:"preset" unit:"default|instructgpt|tldr" help:"the published run whose settings are the defaults"`

	Epochs       float64 `toml:"epochs" json:"epochs" unit:"passes" help:"passes over the training rankings; more than one usually overfits"`
	BatchPrompts int     `toml:"batch_prompts" json:"batch_prompts" unit:"prompts/step" help:"prompts per optimizer step, each with all of its comparisons (sets of texts, where one prompt has very many); 0 is 64, down to 8 where the run would have fewer than 100 steps"`
	MicroTokens  int     `toml:"micro_tokens" json:"micro_tokens" unit:"tokens" help:"tokens forwarded at a time; a step accumulates gradients until its prompts are done; 0 takes what needs about 1 GiB, at most 8192"`
	MaxTokens    int     `toml:"max_tokens" json:"max_tokens" unit:"tokens" help:"longest prompt and completion, longer ones lose the start of the prompt; 0 is the model's context"`

	LearningRate float64 `toml:"learning_rate" json:"learning_rate" unit:"1/step" help:"peak of the schedule; 0 is 1e-3·(128/width)^1.5·√(batch/64): 1e-3 for tiny models, 5.5e-6 at width 4096"`
	Schedule     string  `toml:"schedule" json:"schedule" unit:"" help:"cosine, linear or constant after the warm-up"`
	Floor        float64 `toml:"learning_rate_floor" json:"learning_rate_floor" unit:"share" help:"share of the peak that is left at the end"`
	WarmupShare  float64 `toml:"warmup_share" json:"warmup_share" unit:"share" help:"share of the steps in which the learning rate rises"`
	Beta1        float64 `toml:"beta1" json:"beta1" unit:"" help:"Adam's first decay"`
	Beta2        float64 `toml:"beta2" json:"beta2" unit:"" help:"Adam's second decay"`
	AdamEpsilon  float64 `toml:"adam_epsilon" json:"adam_epsilon" unit:"" help:"added to the root of the mean square"`
	WeightDecay  float64 `toml:"weight_decay" json:"weight_decay" unit:"1/step" help:"decoupled; not for norms and biases"`
	ClipNorm     float64 `toml:"clip_norm" json:"clip_norm" unit:"" help:"gradients are scaled down to this norm; 0 never"`
	Dropout      float64 `toml:"dropout" json:"dropout" unit:"probability" help:"on the embedding and on both branches of every layer"`

	Recompute bool `toml:"gradient_checkpointing" json:"gradient_checkpointing" unit:"" help:"keep only the layers' outputs for the backward pass and compute the rest again: much less memory, a third slower, the same bits"`
	policy.LoRA
	AdapterDropout float64 `toml:"lora_dropout" json:"lora_dropout" unit:"probability" help:"on what the low-rank changes read"`

	HeadInit string `toml:"head_init" json:"head_init" unit:"" help:"the head at the start: rsqrt, normal with standard deviation 1/√(width+1), zero, or a number, the standard deviation"`

	Loss           string  `toml:"loss" json:"loss" unit:"kwise|plackett-luce" help:"of a ranking: the mean over its pairs (InstructGPT), or the likelihood of the whole order"`
	LabelSmoothing float64 `toml:"label_smoothing" json:"label_smoothing" unit:"share" help:"of the labels taken to be wrong; kwise only"`
	MarginCoef     float64 `toml:"margin_coef" json:"margin_coef" unit:"score" help:"the better score must be ahead by this times the row's margin column, or its strength (1 slightly, 2 clearly); 0 = no margins; kwise only"`
	CenterCoef     float64 `toml:"center_coef" json:"center_coef" unit:"1/score²" help:"adds this times the mean of (better + worse score)² to the loss, so that scores stay around 0 in training (TRL: .01); 0 = off; kwise only"`
	ScoreL2        float64 `toml:"score_l2" json:"score_l2" unit:"1/score²" help:"adds this times the mean of ½(better² + worse²) to the loss, so that scores stay small (Open-Assistant: .001); 0 = off; kwise only"`

	GroupBy    string  `toml:"group_by" json:"group_by" unit:"name" help:"group attribute of the labelers, a key of the rankings' groups such as gender, for group_heads and robust_rate"`
	GroupHeads bool    `toml:"group_heads" json:"group_heads" unit:"" help:"a head for each group on one trunk: DIR#GROUP is that group's reward, DIR their mean; kwise only"`
	RobustRate float64 `toml:"robust_rate" json:"robust_rate" unit:"1/nat" help:"how fast weight moves to the group with the highest loss (group DRO), .01 … 1; 0 = every ranking counts alike; kwise only"`

	Ties         string `toml:"ties" json:"ties" unit:"" help:"what a tie teaches: drop nothing, half equal scores, davidson a third outcome"`
	IgnorePrompt bool   `toml:"ignore_prompt" json:"ignore_prompt" unit:"" help:"score completions without their prompts"`

	Split      string  `toml:"split" json:"split" unit:"" help:"auto, field (the rows' own split), hash, or none"`
	ValPrompts float64 `toml:"val_prompts" json:"val_prompts" unit:"share" help:"share of the prompts kept for validation"`
	ValWorkers float64 `toml:"val_workers" json:"val_workers" unit:"share" help:"share of the labelers kept for validation, where there are ten or more"`
	ValTexts   float64 `toml:"val_texts" json:"val_texts" unit:"share" help:"share of the texts kept for validation; pairs of a kept and another text are dropped. 0 lets texts recur"`

	EvalEvery int    `toml:"eval_every" json:"eval_every" unit:"steps" help:"validate every so many steps; 0 ten times a run"`
	SaveEvery int    `toml:"save_every" json:"save_every" unit:"steps" help:"write a checkpoint to resume from every so many steps; 0 ten times a run"`
	Seed      uint64 `toml:"seed" json:"seed" unit:"" help:"of the head, the order, the dropout and the split"`
}

// DefaultTrainConfig is one epoch with the settings that work on small models.
func DefaultTrainConfig() TrainConfig {
	return TrainConfig{
		Preset: "default", Epochs: 1,
		Schedule: "cosine", Floor: .1, WarmupShare: .03, Beta1: .9, Beta2: .95, AdamEpsilon: 1e-8, ClipNorm: 1, Dropout: .1,
		LoRA: policy.DefaultLoRA(), HeadInit: HeadRsqrt,
		Loss: LossKwise, Ties: string(TiesDrop), Split: "auto", ValPrompts: .1, ValWorkers: .1,
	}
}

// Validate names the first setting that makes no sense.
func (c TrainConfig) Validate() error {
	share := func(name string, v float64) error {
		if !(v >= 0 && v < 1) {
			return fmt.Errorf("reward: %s %v is outside [0, 1)", name, v)
		}
		return nil
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"dropout", c.Dropout}, {"lora_dropout", c.AdapterDropout}, {"warmup_share", c.WarmupShare}, {"val_prompts", c.ValPrompts},
		{"val_workers", c.ValWorkers}, {"val_texts", c.ValTexts}, {"beta1", c.Beta1}, {"beta2", c.Beta2}} {
		if err := share(f.name, f.value); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"epochs", c.Epochs}, {"learning_rate", c.LearningRate}, {"learning_rate_floor", c.Floor}, {"adam_epsilon", c.AdamEpsilon},
		{"weight_decay", c.WeightDecay}, {"clip_norm", c.ClipNorm}, {"margin_coef", c.MarginCoef}, {"center_coef", c.CenterCoef},
		{"score_l2", c.ScoreL2}, {"robust_rate", c.RobustRate}} {
		if math.IsNaN(f.value) || math.IsInf(f.value, 0) {
			return fmt.Errorf("reward: %s %v is not a finite number", f.name, f.value)
		}
	}
	if err := c.LoRA.Validate(); err != nil {
		return fmt.Errorf("reward: %w", err)
	}
	if c.LoRA.TargetsOutput() {
		return errors.New("reward: lora_targets: a reward model has no output layer lm_head; its score head is trained in full")
	}
	if _, err := parseHeadInit(c.HeadInit, 1); err != nil {
		return err
	}
	switch {
	case c.Epochs <= 0:
		return fmt.Errorf("reward: epochs %v must be positive", c.Epochs)
	case c.BatchPrompts < 0:
		return fmt.Errorf("reward: batch_prompts %d must not be negative", c.BatchPrompts)
	case c.MicroTokens < 0 || c.MaxTokens < 0 || c.EvalEvery < 0 || c.SaveEvery < 0:
		return fmt.Errorf("reward: micro_tokens, max_tokens, eval_every and save_every must not be negative")
	case c.LearningRate < 0:
		return fmt.Errorf("reward: learning_rate %v must not be negative", c.LearningRate)
	case c.AdamEpsilon <= 0:
		return fmt.Errorf("reward: adam_epsilon %v must be positive", c.AdamEpsilon)
	case c.WeightDecay < 0 || c.ClipNorm < 0:
		return fmt.Errorf("reward: weight_decay and clip_norm must not be negative")
	case c.Floor < 0 || c.Floor > 1:
		return fmt.Errorf("reward: learning_rate_floor %v is outside [0, 1]", c.Floor)
	case c.Schedule != "cosine" && c.Schedule != "linear" && c.Schedule != "constant":
		return fmt.Errorf("reward: schedule %q must be cosine, linear or constant", c.Schedule)
	case c.Ties != string(TiesDrop) && c.Ties != string(TiesHalf) && c.Ties != string(TiesDavidson):
		return fmt.Errorf("reward: ties %q must be drop, half or davidson", c.Ties)
	case c.Loss != LossKwise && c.Loss != LossPlackettLuce:
		return fmt.Errorf("reward: loss %q must be %s or %s", c.Loss, LossKwise, LossPlackettLuce)
	case !(c.LabelSmoothing >= 0 && c.LabelSmoothing < .5):
		return fmt.Errorf("reward: label_smoothing %v is outside [0, 0.5)", c.LabelSmoothing)
	case c.MarginCoef < 0:
		return fmt.Errorf("reward: margin_coef %v must not be negative", c.MarginCoef)
	case c.CenterCoef < 0 || c.ScoreL2 < 0:
		return fmt.Errorf("reward: center_coef %v and score_l2 %v must not be negative", c.CenterCoef, c.ScoreL2)
	case c.Loss == LossPlackettLuce && (c.CenterCoef > 0 || c.ScoreL2 > 0):
		return fmt.Errorf("reward: center_coef and score_l2 are of pairs: they belong to loss = %s", LossKwise)
	case c.Loss == LossPlackettLuce && (c.Ties != string(TiesDrop) || c.LabelSmoothing > 0 || c.MarginCoef > 0):
		return fmt.Errorf("reward: loss %s ranks whole lists: ties = %s, label_smoothing and margin_coef belong to %s", c.Loss, c.Ties, LossKwise)
	case c.RobustRate < 0:
		return fmt.Errorf("reward: robust_rate %v must not be negative", c.RobustRate)
	case c.GroupBy == "" && (c.GroupHeads || c.RobustRate > 0):
		return fmt.Errorf("reward: group_heads and robust_rate need group_by, the name of a group attribute")
	case c.GroupBy != "" && !c.GroupHeads && c.RobustRate == 0:
		return fmt.Errorf("reward: group_by %q does nothing without group_heads or robust_rate", c.GroupBy)
	case c.GroupBy != "" && (c.Loss != LossKwise || c.Ties == string(TiesDavidson)):
		return fmt.Errorf("reward: group_heads and robust_rate go with loss = %s and ties = drop or half", LossKwise)
	case c.Ties == string(TiesDavidson) && c.MarginCoef > 0:
		return fmt.Errorf("reward: margin_coef %v does not go with ties = davidson", c.MarginCoef)
	case c.Split != "auto" && c.Split != "field" && c.Split != "hash" && c.Split != "none":
		return fmt.Errorf("reward: split %q must be auto, field, hash or none", c.Split)
	}
	return nil
}

// What a ranking teaches as a whole.
const (
	LossKwise        = "kwise"
	LossPlackettLuce = "plackett-luce"
)

// rule is what lines teach under these settings.
func (c TrainConfig) rule() rule {
	return rule{ties: TiePolicy(c.Ties), margin: c.MarginCoef, stages: c.Loss == LossPlackettLuce}
}

// batch resolves the default for a number of prompts: InstructGPT's 64, less
// where that would leave too few steps to learn anything.
func (c TrainConfig) batch(prompts int) int {
	if c.BatchPrompts > 0 {
		return c.BatchPrompts
	}
	return int(min(max(c.Epochs*float64(prompts)/100, 8), 64))
}

// learningRate resolves the default for a model's width and a batch. The exponent
// joins what works for tiny models to InstructGPT's 9e-6 at 6B (width 4096).
func (c TrainConfig) learningRate(width, batch int) float64 {
	if c.LearningRate > 0 {
		return c.LearningRate
	}
	return 1e-3 * math.Pow(128/float64(width), 1.5) * math.Sqrt(float64(batch)/64)
}

// microTokens resolves the default for a model.
func (c TrainConfig) microTokens(m policy.Config) int {
	return m.MicroTokens(c.MicroTokens, 8192, c.Recompute)
}
