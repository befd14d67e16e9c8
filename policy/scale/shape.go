package scale

import (
	"fmt"

	"agora/policy"
)

// shape is the family of models that an experiment scales: everything but the width, and what follows
// from it, stays.
type shape struct {
	Family   string
	Layers   int
	HeadDim  int
	FFNRatio float64 // feed-forward width over width
	Vocab    int
	Context  int
	Batch    int // sequences per step
	Tied     bool
	Base     int     // width at which muP is the standard parametrisation
	InitStd  float64 // of fresh weights at the base width
}

// standardFanIn is the standard parametrisation with initial weights as 1/√fan-in, beside
// policy.Standard, where they are the same at every width.
const standardFanIn = "standard-fan-in"

// config is the run of a model of that width: linear warm-up over a tenth of the steps, then linearly
// to zero; no decay and no dropout, since regularisation does not carry over between widths (section
// 6.1 of the muP paper) and short runs want none.
func (s shape) config(parametrization string, width, steps int, rate float64, seed int) policy.PretrainConfig {
	c := policy.DefaultPretrain()
	c.Preset = ""
	c.Family, c.Layers, c.Width, c.Heads, c.FFN = s.Family, s.Layers, width, max(width/s.HeadDim, 1), int(s.FFNRatio*float64(width)+.5)
	c.Vocab, c.Context, c.BatchSequences, c.Tied = s.Vocab, s.Context, s.Batch, s.Tied
	c.Parametrization, c.BaseWidth, c.InitStd = parametrization, s.Base, s.InitStd
	if parametrization == standardFanIn {
		c.Parametrization, c.InitRule = policy.Standard, policy.InitFanIn
	}
	c.BaseFFN = int(s.FFNRatio*float64(s.Base) + .5)
	if width < s.HeadDim { // one narrower head, as the base has at its width
		c.BaseHeads = max(s.Base/s.HeadDim, 1)
	}
	c.Steps, c.LearningRate, c.Seed = steps, rate, seed
	c.WarmupSteps, c.Schedule, c.Floor = max(steps/10, 1), "linear", 0
	c.WeightDecay, c.Dropout = 0, 0
	return c
}

// paramsOf is the number of weights in matrix products, the head's included.
func paramsOf(c policy.PretrainConfig) float64 {
	perLayer := 4 * c.Width * c.Width
	if c.Family == policy.Llama {
		perLayer += 3 * c.Width * c.FFN
	} else {
		perLayer += 2 * c.Width * c.FFN
	}
	return float64(c.Layers*perLayer + c.Vocab*c.Width)
}

// validate names the first setting that makes no model at one of the widths.
func (s shape) validate(widths []int) error {
	if s.Base < 1 || s.HeadDim < 1 || !(s.FFNRatio > 0) {
		return fmt.Errorf("base_width %d, head_dim %d and ffn_ratio %g must be positive", s.Base, s.HeadDim, s.FFNRatio)
	}
	for _, width := range widths {
		for _, parametrization := range []string{policy.Standard, standardFanIn, policy.Mup} {
			c := s.config(parametrization, width, 1, 1, 1)
			if err := c.Validate(); err != nil {
				return fmt.Errorf("at width %d: %w", width, err)
			}
		}
	}
	return nil
}
