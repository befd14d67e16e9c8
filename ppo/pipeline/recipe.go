package pipeline

import (
	"fmt"

	"agora/ppo/oneliners"
)

// The stages of quickstart: which model each starts from and which file it reads.

// pretrainStage trains the base model the way the bundled one was, with another seed.
func (q *quickstart) pretrainStage() (stage, error) {
	config, err := oneliners.PretrainSettings(q.cmd.Seed)
	if err != nil {
		return stage{}, fmt.Errorf("pretrain.toml: %w", err)
	}
	return stage{kind: KindPretrain, name: stagePretrain, title: "Base model (quickstart)", config: config,
		inputs: map[string]string{"data": q.path("data", oneliners.Mix)}}, nil
}

func (q *quickstart) sftStage(trunk string) stage {
	return stage{kind: KindSFT, name: stageSFT, title: "SFT on one-liners (quickstart)", config: q.sized(oneliners.SFTSettings(q.cmd.Seed), oneliners.LargeSFT),
		inputs: map[string]string{"policy": trunk, "data": q.path("data", oneliners.Demos)}}
}

func (q *quickstart) rewardStage(sft string) stage {
	return stage{kind: KindReward, name: stageReward, title: "Reward model of one-liners (quickstart)", config: q.sized(oneliners.RewardSettings(q.cmd.Seed), oneliners.LargeReward),
		inputs: map[string]string{"policy": sft, "data": q.path("data", oneliners.Pairs)}}
}

func (q *quickstart) judgeTrunkStage(trunk string) stage {
	return stage{kind: KindPretrain, name: stageJudge + "-trunk", title: "The judge's trunk (quickstart)", config: oneliners.JudgeTrunkSettings(q.cmd.Seed),
		inputs: map[string]string{"tokenizer": trunk, "data": q.path("data", oneliners.Mix)}}
}

func (q *quickstart) judgeStage(trunk string) stage {
	return stage{kind: KindReward, name: stageJudge, title: "Judge of one-liners (quickstart)", config: oneliners.JudgeSettings(q.cmd.Seed),
		inputs: map[string]string{"policy": trunk, "data": q.path("data", oneliners.JudgePairs)}}
}

func (q *quickstart) ppoStage(sft, rm, judge string) stage {
	s := stage{kind: KindPPO, name: stagePPO, title: "PPO on one-liners (quickstart)", config: q.sized(oneliners.PPOSettings(q.cmd.Seed), oneliners.LargePPO),
		inputs: map[string]string{"policy": sft, "reward": rm, "judge": judge, "prompts": q.path("data", oneliners.Prompts)}}
	if !q.large {
		s.inputs["pretrain"] = q.path("data", oneliners.Mix)
	}
	return s
}

// sized is a recipe, with what a large model needs otherwise on top where the model is one.
func (q *quickstart) sized(s, large oneliners.Settings) map[string]any {
	if q.large {
		return s.With(large)
	}
	return s
}
