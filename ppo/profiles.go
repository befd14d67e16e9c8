package ppo

import "fmt"

// Profiles are the names that Profile knows.
var Profiles = []string{"default", "instructgpt", "tldr", "lhp2019", "rloo", "grpo"}

// Profile is the configuration of a published run, or of a published method (rloo,
// grpo) for small models. Numbers that belong to a model's size (learning rate) are
// those of the smallest model of the source.
func Profile(name string) (Config, error) {
	c := DefaultConfig()
	if name == "" || name == "default" {
		return c, nil
	}
	c.WarmupIterations = 0
	switch name {
	case "instructgpt": // Ouyang et al. 2022, appendix C.4; λ is not printed there, .95 is Stiennon et al. 2020's
		c.Iterations, c.Episodes, c.Epochs, c.Minibatches = 500, 512, 1, 8 // 256k episodes, minibatches of 64
		c.MaxNewTokens = 1024
		c.ScoreSamples, c.MissingEOS, c.MissingEOSPenalty = 0, EOSIgnore, 0 // the reward model's bias already centres the score
		c.KLCoef, c.Clip = .02, .2
		c.PtxCoef, c.PtxRatio, c.PtxTokens = 27.8, 8, 2048
		c.LearningRate, c.ValueLearningRate, c.WarmupIterations = 8.05e-6, 9e-6, 10
		c.EMADecay = .992
	case "tldr": // Huang et al. 2024, arXiv:2403.17031
		c.Iterations, c.Episodes, c.Epochs, c.Minibatches = 1954, 512, 4, 1 // 1M episodes
		c.Temperature, c.MaxNewTokens = .7, 53
		c.ScoreSamples, c.MissingEOS, c.MissingEOSPenalty = 0, EOSReplace, 1
		c.ScoreAt = ScoreAfter
		c.KLCoef, c.ValueCoef = .05, .1
		c.LearningRate, c.Schedule, c.AdamBeta2, c.AdamEpsilon = 3e-6, DecayLinear, .999, 1e-5
	case "lhp2019": // Ziegler et al. 2019 and lm-human-preferences. Other than there, texts may end before 24 tokens, and the critic's trunk is its own
		c.Iterations, c.Episodes, c.Epochs, c.Minibatches = 1953, 512, 4, 1
		c.Temperature, c.MaxNewTokens = .7, 24
		c.ScoreSamples, c.MissingEOS, c.MissingEOSPenalty = 256, EOSReplace, 1
		c.TruncateToken, c.TruncateAfter = ".", 16
		c.CriticInit = CriticFromPolicy
		c.KLCoef, c.KLTarget, c.KLHorizon = .15, 6, 10000
		c.WhitenRewards, c.ValueCoef = WhitenPopulation, .1
		c.LearningRate, c.Schedule, c.AdamBeta2, c.AdamEpsilon, c.AdamEpsInside = 1e-5, DecayLinear, .999, 1e-5, true
	case "rloo": // Ahmadian et al. 2024: no critic, KL in the reward, the response as one action; k and β as in TRL
		c.Estimator, c.SamplesPerPrompt = RLOO, 4
		c.WhitenAdvantages, c.Aggregation, c.KLCoef = WhitenOff, SeqMeanTokenSum, .05
		c.Epochs, c.WarmupIterations = 1, 3
	case "grpo": // Shao et al. 2024: advantages normalised within a prompt's group, k3 in the loss
		c.Estimator, c.SamplesPerPrompt = GRPO, 8
		c.WhitenAdvantages, c.Aggregation = WhitenOff, SeqMeanTokenMean
		c.KLIn, c.KLEstimator, c.KLCoef = KLInLoss, K3, .04
		c.Epochs, c.WarmupIterations = 1, 3
	default:
		return Config{}, fmt.Errorf("ppo: profile %q is none of %q", name, Profiles)
	}
	c.Preset = name
	return c, nil
}

// ApplyPreset makes Profile available as the setting "preset".
func (c *Config) ApplyPreset(name string) (err error) {
	*c, err = Profile(name)
	return err
}
