package oneliners

import (
	"agora/policy"
	"agora/policy/base"

	"github.com/pelletier/go-toml/v2"
)

// Settings are keys of a training's configuration with their values. What is not set is the kind's default.
type Settings map[string]any

// With is a copy with further settings on top.
func (s Settings) With(more Settings) Settings {
	out := make(Settings, len(s)+len(more))
	for _, from := range []Settings{s, more} {
		for k, v := range from {
			out[k] = v
		}
	}
	return out
}

// The recipe of quickstart, tuned so that the bounds of its report hold within five minutes on two cores.

// MaxNewTokens bounds a completion. The longest one-liner has some eighty tokens, one in twenty more than
// this.
const MaxNewTokens = 32

// Temperature divides the logits wherever the policies are sampled, in PPO and in the comparison alike. At 1 a
// model of this size slips on some word of almost every line; well below, PPO narrows down to a few phrases.
const Temperature = .8

// PretrainSettings train the base model the way the bundled one was, with another seed.
func PretrainSettings(seed int) (Settings, error) {
	var s Settings
	err := toml.Unmarshal([]byte(base.PretrainTOML), &s)
	if err == nil {
		s["seed"] = seed + 1
	}
	return s, err
}

// SFTSettings fine-tune on one-liners.
func SFTSettings(seed int) Settings {
	return Settings{
		"epochs": 2, "batch_examples": 32, "learning_rate": 6e-4, "dropout": .1, "validation": .08, "store": "fp32",
		"sample_every": 100, "seed": seed,
	}
}

// RewardSettings train the reward model.
func RewardSettings(seed int) Settings {
	return Settings{"epochs": 1, "batch_prompts": 64, "learning_rate": 5e-4, "dropout": .1, "split": "field", "seed": seed}
}

// JudgeTrunkSettings pretrain the judge's trunk for a few seconds: GPT-2 style where the policy and its
// reward model are Llama style, so that the judge does not share their blind spots.
func JudgeTrunkSettings(seed int) Settings {
	return Settings{
		"family": policy.GPT2, "layers": 2, "width": 96, "heads": 3, "kv_heads": 3, "ffn": 384, "context": 128,
		"documents": policy.DocumentLine, "steps": 150, "batch_sequences": 16, "learning_rate": 3e-3, "warmup_steps": 20,
		"validation": .01, "eval_every": 50, "checkpoint_every": 0, "sample_every": 0, "seed": seed + 1000,
	}
}

// JudgeSettings train the judge.
func JudgeSettings(seed int) Settings {
	return Settings{"epochs": 2, "batch_prompts": 64, "learning_rate": 1e-3, "dropout": .1, "split": "field", "seed": seed + 1000}
}

// PPOSettings train against the reward model. A larger learning rate (1e-3) moves the policy by half a nat
// per token in the first step; with much of the price of length taken off, responses stay as long as SFT's. A
// larger share of pretraining pulls the policy back to long sentences without an end, faster than the
// reward can hold it.
func PPOSettings(seed int) Settings {
	return Settings{
		"iterations": 20, "episodes": 128, "epochs": 2, "minibatches": 2, "max_new_tokens": MaxNewTokens, "temperature": Temperature,
		"score_samples": 256, "missing_eos": "subtract", "missing_eos_penalty": 2, "kl_coef": .15, "lambda": .95,
		"learning_rate": 5e-4, "value_learning_rate": 1e-3, "warmup_iterations": 2, "length_control": .6,
		"ptx_coef": .05, "ptx_ratio": .5, "ptx_tokens": 64, "ptx_documents": policy.DocumentLine,
		"checkpoint_every": 2, "sample_rows": 4,
		"seed": seed,
	}
}
