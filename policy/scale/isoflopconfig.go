package scale

import (
	"fmt"
	"math"
	"slices"

	"agora/policy"
)

// IsoFLOPConfig are the settings of `policy isoflop`.
type IsoFLOPConfig struct {
	Family    string    `toml:"family" help:"architecture: llama or gpt2"`
	Layers    int       `toml:"layers" unit:"layers" help:"transformer layers"`
	Widths    []int     `toml:"widths" unit:"columns" help:"the sizes, by the width of the residual stream"`
	Budgets   []float64 `toml:"budgets" unit:"FLOPs" help:"training compute of a run, 6 · parameters · tokens"`
	BaseWidth int       `toml:"base_width" unit:"columns" help:"width at which the learning rate was found; muP carries it to the others"`
	HeadDim   int       `toml:"head_dim" unit:"columns" help:"width of a head; their number grows"`
	FFNRatio  float64   `toml:"ffn_ratio" help:"feed-forward width over width"`
	InitStd   float64   `toml:"init_std" help:"standard deviation of fresh weights at the base width"`
	Vocab     int       `toml:"vocab" unit:"tokens" help:"vocabulary of the tokenizer that is trained on the text"`
	Context   int       `toml:"context" unit:"tokens" help:"length of a training window"`

	BatchSequences int     `toml:"batch_sequences" unit:"sequences" help:"windows of context tokens per step"`
	LearningRate   float64 `toml:"learning_rate" unit:"1/step" help:"peak at the base width, down to 0 over each run's own length"`
	Passes         float64 `toml:"passes" unit:"epochs" help:"runs that would read the text more often are left out"`
	FewestSteps    int     `toml:"fewest_steps" unit:"steps" help:"runs that would be shorter are left out"`
	FewestTokens   float64 `toml:"fewest_tokens_per_param" unit:"tokens" help:"runs with fewer tokens for each parameter are left out: so far from the best size a parabola does not hold"`
	HeldOut        int     `toml:"held_out" unit:"tokens" help:"held-out text on which a run is measured at its end"`
	Resamples      int     `toml:"resamples" help:"of the bootstrap, for the intervals: at least 100, or 0 for none"`
	Seed           int     `toml:"seed" help:"of weights, data order and bootstrap"`
}

// DefaultIsoFLOP takes a quarter of an hour of one core.
func DefaultIsoFLOP() IsoFLOPConfig {
	return IsoFLOPConfig{
		Family: policy.Llama, Layers: 4, Widths: []int{16, 32, 48, 64, 80, 96, 128, 160}, Budgets: []float64{2.5e11, 5e11, 1e12, 2e12, 4e12},
		BaseWidth: 128, HeadDim: 16, FFNRatio: 2, InitStd: .08, Vocab: 512, Context: 128,
		BatchSequences: 4, LearningRate: math.Pow(2, -8), Passes: 3, FewestSteps: 100, FewestTokens: .2, HeldOut: 32768, Resamples: 1000, Seed: 1,
	}
}

// full is what --full takes: three larger budgets and larger models, about ten times as long.
func (c *IsoFLOPConfig) full() {
	c.Budgets = append(c.Budgets, 8e12, 1.6e13, 3.2e13)
	c.Widths = append(c.Widths, 192, 256, 384, 512)
}

// Validate implements policy.Validator.
func (c *IsoFLOPConfig) Validate() error {
	switch {
	case len(c.Widths) < 3 || !slices.IsSorted(c.Widths) || len(slices.Compact(slices.Clone(c.Widths))) != len(c.Widths):
		return fmt.Errorf("widths %v: at least three, rising", c.Widths)
	case len(c.Budgets) < 2 || !slices.IsSorted(c.Budgets) || !(c.Budgets[0] > 0) || len(slices.Compact(slices.Clone(c.Budgets))) != len(c.Budgets):
		return fmt.Errorf("budgets %v: at least two, positive and rising", c.Budgets)
	case !(c.Passes > 0) || c.FewestSteps < 1 || c.HeldOut < 1 || c.FewestTokens < 0:
		return fmt.Errorf("passes %g, fewest_steps %d and held_out %d must be positive, fewest_tokens_per_param %g not negative",
			c.Passes, c.FewestSteps, c.HeldOut, c.FewestTokens)
	}
	if err := checkResamples("resamples", c.Resamples); err != nil {
		return err
	}
	return c.shape().validate(c.Widths)
}

func (c *IsoFLOPConfig) shape() shape {
	return shape{Family: c.Family, Layers: c.Layers, HeadDim: c.HeadDim, FFNRatio: c.FFNRatio, Vocab: c.Vocab, Context: c.Context,
		Batch: c.BatchSequences, Base: c.BaseWidth, InitStd: c.InitStd}
}

// jobs are the runs, by budget; trainTokens is the length of the text.
func (c *IsoFLOPConfig) jobs(trainTokens int) [][]job {
	var list [][]job
	for _, flops := range c.Budgets {
		var row []job
		for _, width := range c.Widths {
			params := paramsOf(c.shape().config(policy.Mup, width, 1, c.LearningRate, c.Seed))
			perStep := float64(c.BatchSequences * c.Context)
			steps := int(flops/(6*params)/perStep + .5)
			tokens := float64(steps) * perStep
			if steps < c.FewestSteps || tokens < c.FewestTokens*params || tokens > c.Passes*float64(trainTokens) {
				continue
			}
			row = append(row, job{fmt.Sprintf("iso-c%.3g-w%d", flops, width), c.shape().config(policy.Mup, width, steps, c.LearningRate, c.Seed)})
		}
		list = append(list, row)
	}
	return list
}
