package pipeline

import (
	"fmt"

	"agora/policy"
	"agora/policy/base"
	"agora/ppo/oneliners"

	"github.com/pelletier/go-toml/v2"
)

// The recipe of quickstart, tuned so that the bounds of the report hold within five minutes on two
// cores. What is not set here is the kind's default.

// maxNewTokens bounds a completion. The longest one-liner has some eighty tokens, one in twenty more than
// this.
const maxNewTokens = 32

// temperature divides the logits wherever the policies are sampled, in PPO and in the comparison alike. At 1 a
// model of this size slips on some word of almost every line; well below, PPO narrows down to a few phrases.
const temperature = .8

// pretrainStage trains the base model the way the bundled one was, with another seed.
func (q *quickstart) pretrainStage() (stage, error) {
	var config map[string]any
	if err := toml.Unmarshal([]byte(base.PretrainTOML), &config); err != nil {
		return stage{}, fmt.Errorf("pretrain.toml: %w", err)
	}
	config["seed"] = q.cmd.Seed + 1
	return stage{kind: KindPretrain, name: stagePretrain, title: "Base model (quickstart)", config: config,
		inputs: map[string]string{"data": q.path("data", oneliners.Mix)}}, nil
}

func (q *quickstart) sftStage(trunk string) stage {
	return stage{
		kind: KindSFT, name: stageSFT, title: "SFT on one-liners (quickstart)",
		config: map[string]any{
			"epochs": 2, "batch_examples": 32, "learning_rate": 6e-4, "dropout": .1, "validation": .08, "store": "fp32",
			"sample_every": 100, "seed": q.cmd.Seed,
		},
		inputs: map[string]string{"policy": trunk, "data": q.path("data", oneliners.Demos)},
	}
}

func (q *quickstart) rewardStage(sft string) stage {
	return stage{
		kind: KindReward, name: stageReward, title: "Reward model of one-liners (quickstart)",
		config: map[string]any{"epochs": 1, "batch_prompts": 64, "learning_rate": 5e-4, "dropout": .1, "split": "field", "seed": q.cmd.Seed},
		inputs: map[string]string{"policy": sft, "data": q.path("data", oneliners.Pairs)},
	}
}

// judgeTrunkStage pretrains the judge's trunk for a few seconds: GPT-2 style where the policy and its
// reward model are Llama style, so that the judge does not share their blind spots.
func (q *quickstart) judgeTrunkStage(trunk string) stage {
	return stage{
		kind: KindPretrain, name: stageJudge + "-trunk", title: "The judge's trunk (quickstart)",
		config: map[string]any{
			"family": policy.GPT2, "layers": 2, "width": 96, "heads": 3, "kv_heads": 3, "ffn": 384, "context": 128,
			"documents": policy.DocumentLine, "steps": 150, "batch_sequences": 16, "learning_rate": 3e-3, "warmup_steps": 20,
			"validation": .01, "eval_every": 50, "checkpoint_every": 0, "sample_every": 0, "seed": q.cmd.Seed + 1000,
		},
		inputs: map[string]string{"tokenizer": trunk, "data": q.path("data", oneliners.Mix)},
	}
}

func (q *quickstart) judgeStage(trunk string) stage {
	return stage{
		kind: KindReward, name: stageJudge, title: "Judge of one-liners (quickstart)",
		config: map[string]any{"epochs": 2, "batch_prompts": 64, "learning_rate": 1e-3, "dropout": .1, "split": "field", "seed": q.cmd.Seed + 1000},
		inputs: map[string]string{"policy": trunk, "data": q.path("data", oneliners.JudgePairs)},
	}
}

func (q *quickstart) ppoStage(sft, rm, judge string) stage {
	return stage{
		kind: KindPPO, name: stagePPO, title: "PPO on one-liners (quickstart)",
		config: map[string]any{
			"iterations": 20, "episodes": 128, "epochs": 2, "minibatches": 2, "max_new_tokens": maxNewTokens, "temperature": temperature,
			"score_samples": 256, "missing_eos": "subtract", "missing_eos_penalty": 2, "kl_coef": .15, "lambda": .95,
			// 1e-3 moves the policy by half a nat per token in the first step; with much of the price of length taken off,
			// responses stay as long as SFT's. A larger share of pretraining pulls the policy back to long sentences
			// without an end, faster than the reward can hold it.
			"learning_rate": 5e-4, "value_learning_rate": 1e-3, "warmup_iterations": 2, "length_control": .6,
			"ptx_coef": .05, "ptx_ratio": .5, "ptx_tokens": 64, "ptx_documents": policy.DocumentLine,
			"checkpoint_every": 2, "sample_rows": 4,
			"seed": q.cmd.Seed,
		},
		inputs: map[string]string{"policy": sft, "reward": rm, "judge": judge, "prompts": q.path("data", oneliners.Prompts), "pretrain": q.path("data", oneliners.Mix)},
	}
}
