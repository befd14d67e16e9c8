package reward

import (
	"fmt"
	"math"
	"strconv"
)

// Presets are the names that ApplyPreset knows.
var Presets = []string{"default", "instructgpt", "tldr"}

// ApplyPreset takes the settings of a published run (policy.Presetter). Where the source says nothing, the
// default stays. Both centre the scores on demonstrations: give --demos.
func (c *TrainConfig) ApplyPreset(name string) error {
	*c = DefaultTrainConfig()
	switch name {
	case "default":
		return nil
	case "instructgpt": // Ouyang et al. 2022, appendix C.2: 6B; the head is Stiennon et al. 2020's
		c.Epochs, c.BatchPrompts, c.MaxTokens = 1, 64, 2048
		c.LearningRate, c.Schedule, c.Floor, c.WarmupShare = 9e-6, "cosine", .1, 0
		c.Beta1, c.Beta2, c.Dropout = .9, .95, 0
		c.Loss, c.Ties, c.HeadInit = LossKwise, string(TiesDrop), HeadRsqrt
	case "tldr": // Huang et al. 2024, arXiv:2403.17031, and its reward.py: PyTorch's AdamW with its own betas and decay
		c.Epochs, c.BatchPrompts, c.MaxTokens = 1, 64, 638
		c.LearningRate, c.Schedule, c.Floor, c.WarmupShare = 3e-6, "cosine", 0, 0
		c.Beta1, c.Beta2, c.AdamEpsilon, c.WeightDecay, c.ClipNorm = .9, .999, 1e-5, .01, 0
		c.Dropout, c.HeadInit = 0, HeadRsqrt
	default:
		return fmt.Errorf("reward: preset %q is none of %q", name, Presets)
	}
	c.Preset = name
	return nil
}

// Named ways to begin with a head; a number is a standard deviation.
const (
	HeadRsqrt = "rsqrt" // normal, 1/√(width+1): Stiennon et al. 2020 and after it most
	HeadZero  = "zero"  // all texts score 0 at first
)

// headStd is the standard deviation of the head at the start.
func (c TrainConfig) headStd(width int) float64 {
	std, _ := parseHeadInit(c.HeadInit, width) // Validate has seen it
	return std
}

func parseHeadInit(rule string, width int) (float64, error) {
	switch rule {
	case HeadRsqrt:
		return rsqrtStd(width), nil
	case HeadZero:
		return 0, nil
	}
	std, err := strconv.ParseFloat(rule, 64)
	if err != nil || !(std >= 0) || math.IsInf(std, 1) {
		return 0, fmt.Errorf("reward: head_init %q must be %s, %s or a standard deviation", rule, HeadRsqrt, HeadZero)
	}
	return std, nil
}
