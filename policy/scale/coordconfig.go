package scale

import (
	"fmt"
	"math"
	"slices"

	"agora/policy"
)

// CoordConfig are the settings of `policy coordcheck`.
type CoordConfig struct {
	Family       string  `toml:"family" help:"architecture: llama or gpt2"`
	Layers       int     `toml:"layers" unit:"layers" help:"transformer layers"`
	Widths       []int   `toml:"widths" unit:"columns" help:"widths of the residual stream to compare"`
	BaseWidth    int     `toml:"base_width" unit:"columns" help:"width at which muP equals the standard parametrisation"`
	Heads        int     `toml:"heads" unit:"heads" help:"attention heads at every width: it is they that become wider"`
	FFNRatio     float64 `toml:"ffn_ratio" help:"feed-forward width over width"`
	InitStd      float64 `toml:"init_std" help:"standard deviation of fresh weights, under muP at the base width"`
	Tied         bool    `toml:"tied" help:"use the embedding as output head, which then cannot start at zero"`
	Vocab        int     `toml:"vocab" unit:"tokens" help:"vocabulary of the tokenizer that is trained on the text"`
	Context      int     `toml:"context" unit:"tokens" help:"length of a sequence"`
	Sequences    int     `toml:"sequences" unit:"sequences" help:"of the one batch on which all steps are taken"`
	Steps        int     `toml:"steps" unit:"steps" help:"optimizer steps; activations are measured before the first and after each"`
	LearningRate float64 `toml:"learning_rate" unit:"1/step" help:"constant; under muP at the base width"`
	Seeds        int     `toml:"seeds" help:"initial weights to average over"`
	ZeroStart    bool    `toml:"zero_start" help:"start output head and queries at zero, as muP's authors recommend"`
}

// DefaultCoord takes a minute of one core.
func DefaultCoord() CoordConfig {
	return CoordConfig{
		Family: policy.Llama, Layers: 4, Widths: []int{64, 128, 256, 512, 1024}, BaseWidth: 128, Heads: 4, FFNRatio: 2, InitStd: .08,
		Vocab: 512, Context: 64, Sequences: 4, Steps: 4, LearningRate: math.Pow(2, -8), Seeds: 2, ZeroStart: true,
	}
}

// Validate implements policy.Validator.
func (c *CoordConfig) Validate() error {
	switch {
	case len(c.Widths) < 3 || !slices.IsSorted(c.Widths) || len(slices.Compact(slices.Clone(c.Widths))) != len(c.Widths):
		return fmt.Errorf("widths %v: at least three, rising", c.Widths)
	case c.Seeds < 1 || c.Steps < 1 || c.Sequences < 1:
		return fmt.Errorf("seeds %d, steps %d and sequences %d must be at least 1", c.Seeds, c.Steps, c.Sequences)
	case c.Heads < 1 || c.BaseWidth < 1 || c.BaseWidth%c.Heads != 0 || !(c.FFNRatio > 0):
		return fmt.Errorf("base_width %d must be a multiple of heads %d, ffn_ratio %g positive", c.BaseWidth, c.Heads, c.FFNRatio)
	}
	for _, width := range c.Widths {
		for _, parametrization := range parametrizations {
			run := c.run(parametrization, width, 1)
			if err := run.Validate(); err != nil {
				return fmt.Errorf("at width %d: %w", width, err)
			}
		}
	}
	return nil
}

var parametrizations = []string{policy.Standard, policy.Mup}

// run are the settings of one model.
func (c *CoordConfig) run(parametrization string, width, seed int) policy.PretrainConfig {
	s := shape{Family: c.Family, Layers: c.Layers, HeadDim: max(width/c.Heads, 1), FFNRatio: c.FFNRatio, Vocab: c.Vocab, Context: c.Context,
		Batch: c.Sequences, Base: c.BaseWidth, InitStd: c.InitStd}
	p := s.config(parametrization, width, c.Steps, c.LearningRate, seed)
	p.BaseHeads = c.Heads
	p.WarmupSteps, p.Schedule = 0, "constant"
	p.Tied, p.ZeroReadout, p.ZeroQuery = c.Tied, c.ZeroStart && !c.Tied, c.ZeroStart
	return p
}
