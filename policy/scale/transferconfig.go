package scale

import (
	"fmt"
	"math"
	"slices"

	"agora/policy"
)

// TransferConfig are the settings of `policy transfer`.
type TransferConfig struct {
	Family    string  `toml:"family" help:"architecture: llama or gpt2"`
	Layers    int     `toml:"layers" unit:"layers" help:"transformer layers"`
	Widths    []int   `toml:"widths" unit:"columns" help:"widths of the residual stream to compare"`
	BaseWidth int     `toml:"base_width" unit:"columns" help:"width at which muP equals the standard parametrisation"`
	HeadDim   int     `toml:"head_dim" unit:"columns" help:"width of a head; their number grows"`
	FFNRatio  float64 `toml:"ffn_ratio" help:"feed-forward width over width"`
	InitStd   float64 `toml:"init_std" help:"standard deviation of fresh weights, under muP at the base width"`
	Vocab     int     `toml:"vocab" unit:"tokens" help:"vocabulary of the tokenizer that is trained on the text"`
	Context   int     `toml:"context" unit:"tokens" help:"length of a training window"`
	Tied      bool    `toml:"tied" help:"use the embedding as output head"`

	BatchSequences int `toml:"batch_sequences" unit:"sequences" help:"windows of context tokens per step"`
	Steps          int `toml:"steps" unit:"steps" help:"of every run"`
	RateFrom       int `toml:"log2_rate_from" help:"the lowest learning rate is 2 to this power; the next is twice that"`
	RateTo         int `toml:"log2_rate_to" help:"the highest learning rate is 2 to this power"`
	Seeds          int `toml:"seeds" help:"runs of each rate, with other weights and another order of the text"`
	Reach          int `toml:"reach" unit:"rates" help:"seeds after the first run only the rates up to this many steps of 2 from the first one's best; 0 means all rates"`
	HeldOut        int `toml:"held_out" unit:"tokens" help:"held-out text on which a run is measured at its end"`
}

// DefaultTransfer takes about an hour of one core, so that two need less.
func DefaultTransfer() TransferConfig {
	return TransferConfig{
		Family: policy.Llama, Layers: 4, Widths: []int{128, 256, 512}, BaseWidth: 128, HeadDim: 32, FFNRatio: 2, InitStd: .08,
		Vocab: 512, Context: 128, BatchSequences: 2, Steps: 240, RateFrom: -12, RateTo: -4, Seeds: 3, Reach: 2, HeldOut: 8192,
	}
}

// full is what --full takes: four times the tokens, all rates for all seeds.
func (c *TransferConfig) full() { c.Steps, c.BatchSequences, c.Reach = 480, 4, 0 }

// Validate implements policy.Validator.
func (c *TransferConfig) Validate() error {
	switch {
	case len(c.Widths) < 2 || !slices.IsSorted(c.Widths) || len(slices.Compact(slices.Clone(c.Widths))) != len(c.Widths):
		return fmt.Errorf("widths %v: at least two, rising", c.Widths)
	case c.RateTo-c.RateFrom < 2 || c.RateTo > 10 || c.RateFrom < -40:
		return fmt.Errorf("log2_rate_from %d and log2_rate_to %d: at least three rates between 2^-40 and 2^10", c.RateFrom, c.RateTo)
	case c.Seeds < 1 || c.Reach < 0 || c.Steps < 1 || c.HeldOut < 1:
		return fmt.Errorf("seeds %d, steps %d and held_out %d must be at least 1, reach %d not negative", c.Seeds, c.Steps, c.HeldOut, c.Reach)
	}
	return c.shape().validate(c.Widths)
}

func (c *TransferConfig) shape() shape {
	return shape{Family: c.Family, Layers: c.Layers, HeadDim: c.HeadDim, FFNRatio: c.FFNRatio, Vocab: c.Vocab, Context: c.Context,
		Batch: c.BatchSequences, Tied: c.Tied, Base: c.BaseWidth, InitStd: c.InitStd}
}

// rates are the powers of 2.
func (c *TransferConfig) rates() []int {
	var list []int
	for e := c.RateFrom; e <= c.RateTo; e++ {
		list = append(list, e)
	}
	return list
}

// job is the run of a place in the grid. At the base width both parametrisations are the same to the
// bit, so their runs are shared.
func (c *TransferConfig) job(parametrization string, width, log2Rate, seed int) job {
	if width == c.BaseWidth {
		parametrization = policy.Standard
	}
	name := fmt.Sprintf("%s-w%d-r%+d-s%d", parametrization, width, log2Rate, seed)
	return job{name, c.shape().config(parametrization, width, c.Steps, math.Pow(2, float64(log2Rate)), seed)}
}
