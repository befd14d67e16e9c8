package policy

import (
	"fmt"
	"math"

	"agora/policy/checkpoint"
)

// PretrainConfig are the settings of `policy pretrain`.
type PretrainConfig struct {
	Preset string `toml:"preset" help:"named sizes: tiny, S, M or L; what else is set overrides it"`

	Family  string `toml:"family" help:"architecture: llama or gpt2"`
	Vocab   int    `toml:"vocab" unit:"tokens" help:"vocabulary of the tokenizer that is trained on the data; ignored with --tokenizer"`
	Layers  int    `toml:"layers" unit:"layers" help:"transformer layers"`
	Width   int    `toml:"width" unit:"columns" help:"width of the residual stream"`
	Heads   int    `toml:"heads" unit:"heads" help:"attention heads"`
	KVHeads int    `toml:"kv_heads" unit:"heads" help:"heads of keys and values; 0 means as many as heads"`
	FFN     int    `toml:"ffn" unit:"columns" help:"width of the feed-forward layer"`
	Context int    `toml:"context" unit:"tokens" help:"longest sequence, and the length of a training window"`
	Tied    bool   `toml:"tied" help:"use the embedding as output head"`

	Parametrization  string  `toml:"parametrization" help:"standard, or mup: learning rates that are good at base_width stay good at every width"`
	BaseWidth        int     `toml:"base_width" unit:"columns" help:"mup: the width at which it equals the standard parametrization"`
	BaseFFN          int     `toml:"base_ffn" unit:"columns" help:"mup: width of the feed-forward layer at base_width; 0 means in proportion"`
	BaseHeads        int     `toml:"base_heads" unit:"heads" help:"mup: attention heads at base_width; 0 means heads as wide as here"`
	OutputMultiplier float64 `toml:"output_multiplier" help:"mup: of the logits, beside base_width/width"`
	InitRule         string  `toml:"init_rule" help:"constant: init_std at every width (GPT-2); fan_in: matrices have init_std at base_width and less as 1/√fan-in (PyTorch); mup has a rule of its own"`
	InitStd          float64 `toml:"init_std" help:"standard deviation of fresh weights; what adds to the residual stream is divided by √(2·layers)"`
	ZeroReadout      bool    `toml:"zero_readout" help:"start the output head at zero; needs an untied head"`
	ZeroQuery        bool    `toml:"zero_query" help:"start the query projections at zero"`

	Documents       string  `toml:"documents" help:"what is one document in a .txt file: file, line or paragraph"`
	Steps           int     `toml:"steps" unit:"steps" help:"optimizer steps; 0 means as epochs says"`
	Epochs          float64 `toml:"epochs" unit:"epochs" help:"passes over the data"`
	BatchSequences  int     `toml:"batch_sequences" unit:"sequences" help:"windows of context tokens per step"`
	LearningRate    float64 `toml:"learning_rate" unit:"1/step" help:"peak of the schedule"`
	Floor           float64 `toml:"learning_rate_floor" unit:"share" help:"learning rate at the end as a share of the peak"`
	WarmupSteps     int     `toml:"warmup_steps" unit:"steps" help:"linear warm-up"`
	Schedule        string  `toml:"schedule" help:"cosine, linear or constant"`
	Beta1           float64 `toml:"beta1" help:"AdamW: decay of the mean gradient"`
	Beta2           float64 `toml:"beta2" help:"AdamW: decay of the mean squared gradient"`
	AdamEps         float64 `toml:"adam_eps" help:"AdamW: added to the root of the mean square"`
	WeightDecay     float64 `toml:"weight_decay" unit:"1/step" help:"decoupled, not on norm gains and biases"`
	ClipNorm        float64 `toml:"clip_norm" help:"global gradient norm; 0 for none"`
	Dropout         float64 `toml:"dropout" unit:"share" help:"on the embedding and on both branches of every layer"`
	Validation      float64 `toml:"validation" unit:"share" help:"of the data held out"`
	EvalEvery       int     `toml:"eval_every" unit:"steps" help:"validation loss; 0 only at the end"`
	CheckpointEvery int     `toml:"checkpoint_every" unit:"steps" help:"resumable state; 0 only at the end and when interrupted"`
	SampleEvery     int     `toml:"sample_every" unit:"steps" help:"texts for samples.jsonl; 0 only at the end"`
	Store           string  `toml:"store" help:"number format of the saved weights: fp32 or bf16; arithmetic is fp32"`
	Seed            int     `toml:"seed" help:"of weights, data order and dropout"`
}

// DefaultPretrain is the preset tiny.
func DefaultPretrain() PretrainConfig {
	c := PretrainConfig{
		Family: Llama, Tied: true, Parametrization: Standard, BaseWidth: 128, OutputMultiplier: 1, InitRule: InitConstant, InitStd: initStd, Documents: DocumentFile, Epochs: 1, Floor: .1, WarmupSteps: 50, Schedule: "cosine",
		Beta1: .9, Beta2: .95, AdamEps: 1e-8, WeightDecay: .1, ClipNorm: 1, Validation: .02,
		EvalEvery: 100, CheckpointEvery: 200, SampleEvery: 200, Store: "fp32",
	}
	if err := c.ApplyPreset("tiny"); err != nil {
		panic(err) // the name is right
	}
	return c
}

// ApplyPreset implements Presetter. S, M and L are the sizes of the benchmarks.
func (c *PretrainConfig) ApplyPreset(name string) error {
	set := func(layers, width, heads, kv, ffn, vocab, context, batch int, lr float64) {
		c.Layers, c.Width, c.Heads, c.KVHeads, c.FFN = layers, width, heads, kv, ffn
		c.Vocab, c.Context, c.BatchSequences, c.LearningRate = vocab, context, batch, lr
	}
	switch name {
	case "tiny":
		set(4, 128, 4, 0, 344, 2048, 128, 32, 3e-3)
	case "S":
		set(2, 128, 4, 0, 344, 1024, 128, 16, 3e-3)
	case "M":
		set(6, 384, 6, 0, 1024, 8192, 256, 8, 1e-3)
	case "L":
		set(30, 576, 9, 3, 1536, 49152, 256, 2, 6e-4)
	default:
		return fmt.Errorf("preset %q: must be tiny, S, M or L", name)
	}
	c.Preset = name
	return nil
}

// Validate implements Validator.
func (c *PretrainConfig) Validate() error {
	if err := c.model(1).Validate(); err != nil {
		return err
	}
	if err := c.optimizer(1).Validate(); err != nil {
		return err
	}
	if _, err := checkpoint.ParseDType(c.Store); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	switch {
	case c.Width%c.Heads != 0:
		return fmt.Errorf("width %d is not a multiple of heads %d", c.Width, c.Heads)
	case c.Parametrization != Standard && c.Parametrization != Mup:
		return fmt.Errorf("parametrization %q must be %s or %s", c.Parametrization, Standard, Mup)
	case c.Parametrization == Mup && (c.BaseWidth < 1 || c.BaseFFN < 0 || c.BaseHeads < 0):
		return fmt.Errorf("base_width %d must be at least 1, base_ffn %d and base_heads %d must not be negative", c.BaseWidth, c.BaseFFN, c.BaseHeads)
	case c.Parametrization == Mup && c.BaseHeads > 0 && c.BaseWidth%c.BaseHeads != 0:
		return fmt.Errorf("base_width %d is not a multiple of base_heads %d", c.BaseWidth, c.BaseHeads)
	case c.InitRule != InitConstant && c.InitRule != InitFanIn:
		return fmt.Errorf("init_rule %q must be %s or %s", c.InitRule, InitConstant, InitFanIn)
	case c.InitRule == InitFanIn && (c.Parametrization == Mup || c.BaseWidth < 1 || c.BaseFFN < 0):
		return fmt.Errorf("init_rule fan_in is for the standard parametrization, with base_width %d at least 1", c.BaseWidth)
	case !(c.InitStd > 0) || math.IsInf(c.InitStd, 0):
		return fmt.Errorf("init_std %g must be positive", c.InitStd)
	case c.ZeroReadout && c.Tied:
		return fmt.Errorf("zero_readout needs tied = false: a tied head is the embedding")
	case c.Vocab < 257:
		return fmt.Errorf("vocab %d: a byte-level vocabulary has at least 257 tokens", c.Vocab)
	case c.BatchSequences < 1:
		return fmt.Errorf("batch_sequences %d must be at least 1", c.BatchSequences)
	case c.BatchSequences > maxBatch:
		return fmt.Errorf("batch_sequences %d must be at most %d", c.BatchSequences, maxBatch)
	case c.Steps < 0 || c.Steps == 0 && !(c.Epochs > 0):
		return fmt.Errorf("steps %d and epochs %g: one of them must be positive", c.Steps, c.Epochs)
	case c.Dropout < 0 || c.Dropout >= 1:
		return fmt.Errorf("dropout %g is outside [0, 1)", c.Dropout)
	case c.Validation < 0 || c.Validation >= 1:
		return fmt.Errorf("validation %g is outside [0, 1)", c.Validation)
	case c.Documents != DocumentFile && c.Documents != DocumentLine && c.Documents != DocumentParagraph:
		return fmt.Errorf("documents %q must be file, line or paragraph", c.Documents)
	}
	return nil
}

// model is the architecture for a vocabulary of that size.
func (c *PretrainConfig) model(vocab int) Config {
	kv := c.KVHeads
	if kv == 0 {
		kv = c.Heads
	}
	m := Config{
		Family: c.Family, Vocab: vocab, Width: c.Width, Layers: c.Layers, Heads: c.Heads, KVHeads: kv,
		HeadDim: c.Width / max(c.Heads, 1), FFN: c.FFN, Context: c.Context, Eps: 1e-5, Tied: c.Tied, BOS: -1, EOS: -1,
	}
	if c.Family == Llama {
		m.Theta = 10000
	}
	if c.Parametrization == Mup {
		m.MuP = c.mup(m.HeadDim)
	}
	return m
}

// mup completes the base shape: what is not given grows with the width, but for the heads' width.
func (c *PretrainConfig) mup(headDim int) MuP {
	p := MuP{BaseWidth: c.BaseWidth, BaseFFN: c.BaseFFN, BaseHeadDim: headDim, Output: c.OutputMultiplier}
	if p.BaseFFN == 0 {
		p.BaseFFN = max(int(math.Round(float64(c.FFN)*float64(c.BaseWidth)/float64(max(c.Width, 1)))), 1)
	}
	if c.BaseHeads > 0 {
		p.BaseHeadDim = c.BaseWidth / c.BaseHeads
	}
	return p
}

// initMult is m of a tensor's initial variance, σ²/m.
func (c *PretrainConfig) initMult(arch Config) func(tensor) float64 {
	if c.InitRule == InitFanIn {
		width := float64(arch.Width) / float64(c.BaseWidth)
		arch.MuP = c.mup(arch.HeadDim)
		return func(t tensor) float64 {
			if t.kind == head {
				return width
			}
			return arch.widthMult(t)
		}
	}
	return arch.widthMult
}

func (c *PretrainConfig) optimizer(steps int) OptimizerConfig {
	return OptimizerConfig{
		Schedule: Schedule{Peak: c.LearningRate, Floor: c.Floor, Warmup: c.WarmupSteps, Steps: steps, Shape: c.Schedule},
		Beta1:    c.Beta1, Beta2: c.Beta2, Eps: c.AdamEps, WeightDecay: c.WeightDecay, Clip: c.ClipNorm,
	}
}
