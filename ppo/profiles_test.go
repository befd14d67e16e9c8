package ppo

import (
	"math"
	"testing"

	"agora/policy"
)

// Each profile against the published run, field by field. Where the source says nothing (not a row of its
// table), the profile keeps the default and is not looked at here.
func TestProfilesMatchTheirSources(t *testing.T) {
	type row struct {
		field string
		want  any
	}
	tests := map[string][]row{
		// Ouyang et al. 2022 (arXiv:2203.02155), section 3.5 and appendix C.4; λ and the value clip are not printed
		// there: Stiennon et al. 2020.
		"instructgpt": {
			{"estimator", GAE}, {"total episodes", 256_000}, {"episodes", 512}, {"minibatch", 64}, {"epochs", 1},
			{"temperature", 1.}, {"max_new_tokens", 1024},
			{"kl_coef", .02}, {"kl_target", 0.}, {"kl_estimator", K1}, {"kl_in", KLInReward},
			{"gamma", 1.}, {"lambda", .95}, {"clip", .2}, {"value_clip", .2}, {"critic_init", CriticFromReward},
			{"ptx_coef", 27.8}, {"ptx_ratio", 8.}, {"ema_decay", .992},
			{"learning_rate", 8.05e-6}, {"value_learning_rate", 9e-6}, {"schedule", DecayConstant}, {"warmup_iterations", 10},
			{"adam_beta1", .9}, {"adam_beta2", .95}, {"adam_eps_inside", false},
			{"score_samples", 0}, // the reward model's bias makes demonstrations score 0
			{"missing_eos", EOSIgnore}, {"truncate_token", ""},
		},
		// Huang et al. 2024 (arXiv:2403.17031) and summarize_from_feedback_details: reference/training_systems.md,
		// column SFFD; reference/rlhf_numerics.md, details 20 to 25. PyTorch's Adam with its own betas.
		"tldr": {
			{"estimator", GAE}, {"total episodes", 1_000_448}, {"episodes", 512}, {"minibatch", 512}, {"epochs", 4},
			{"temperature", .7}, {"max_new_tokens", 53},
			{"kl_coef", .05}, {"kl_target", 0.}, {"kl_estimator", K1}, {"kl_in", KLInReward},
			{"gamma", 1.}, {"lambda", .95}, {"clip", .2}, {"value_clip", .2}, {"value_coef", .1},
			{"whiten_rewards", WhitenOff}, {"whiten_advantages", WhitenPopulation},
			{"missing_eos", EOSReplace}, {"missing_eos_penalty", 1.}, {"score_at", ScoreAfter}, {"critic_init", CriticFromReward},
			{"score_samples", 0}, // the reward model's bias: mean on SFT demonstrations
			{"ptx_coef", 0.}, {"ema_decay", 0.}, {"lora_rank", 0}, {"truncate_token", ""},
			{"learning_rate", 3e-6}, {"schedule", DecayLinear}, {"warmup_iterations", 0},
			{"adam_beta1", .9}, {"adam_beta2", .999}, {"adam_epsilon", 1e-5}, {"adam_eps_inside", false},
		},
		// Ziegler et al. 2019 (arXiv:1909.08593), lm-human-preferences (sentiment and descriptiveness in launch.py,
		// train_policy.py, lm_tasks.py): reference/training_systems.md, column LHPD; TensorFlow 1's Adam.
		"lhp2019": {
			{"estimator", GAE}, {"total episodes", 999_936}, {"episodes", 512}, {"minibatch", 512}, {"epochs", 4},
			{"temperature", .7}, {"max_new_tokens", 24},
			{"kl_coef", .15}, {"kl_target", 6.}, {"kl_horizon", 10000.}, {"kl_estimator", K1}, {"kl_in", KLInReward},
			{"gamma", 1.}, {"lambda", .95}, {"clip", .2}, {"value_clip", .2}, {"value_coef", .1},
			{"whiten_rewards", WhitenPopulation}, {"whiten_advantages", WhitenPopulation},
			{"missing_eos", EOSReplace}, {"missing_eos_penalty", 1.}, {"truncate_token", "."}, {"truncate_after", 16},
			{"score_at", ScoreLast}, {"critic_init", CriticFromPolicy},
			{"score_samples", 256}, // lm-human-preferences measures gain and bias on its own samples too: mean 0, deviation 1
			{"ptx_coef", 0.}, {"ema_decay", 0.}, {"lora_rank", 0},
			{"learning_rate", 1e-5}, {"schedule", DecayLinear}, {"warmup_iterations", 0},
			{"adam_beta1", .9}, {"adam_beta2", .999}, {"adam_epsilon", 1e-5}, {"adam_eps_inside", true},
		},
		// Ahmadian et al. 2024 (arXiv:2402.14740); k and β of TRL's RLOOConfig: reference/rlhf_numerics.md.
		"rloo": {
			{"estimator", RLOO}, {"samples_per_prompt", 4}, {"kl_coef", .05}, {"kl_in", KLInReward}, {"kl_estimator", K1},
			{"whiten_advantages", WhitenOff}, {"aggregation", SeqMeanTokenSum}, {"epochs", 1},
		},
		// Shao et al. 2024 (arXiv:2402.03300), equations 3 and 4 and section 4.2: β .04, one epoch.
		"grpo": {
			{"estimator", GRPO}, {"kl_coef", .04}, {"kl_in", KLInLoss}, {"kl_estimator", K3}, {"group_scale", ScaleGroup},
			{"whiten_advantages", WhitenOff}, {"aggregation", SeqMeanTokenMean}, {"epochs", 1}, {"clip", .2},
		},
	}
	for name, rows := range tests {
		c, err := Profile(name)
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]any{"total episodes": c.Iterations * c.Episodes, "minibatch": c.Episodes / c.Minibatches}
		for _, f := range policy.Schema(c) {
			have[f.Name] = f.Default
		}
		for _, r := range rows {
			got, ok := have[r.field]
			if x, is := r.want.(float64); ok && is {
				if y, is := got.(float64); is && math.Abs(x-y) <= 1e-12*math.Abs(x) {
					continue
				}
			}
			if !ok || got != r.want {
				t.Errorf("%s: %s is %v (%T), the source has %v (%T)", name, r.field, got, got, r.want, r.want)
			}
		}
	}
	if len(tests) != len(Profiles)-1 { // default is nobody's
		t.Errorf("%d of %d profiles have a source here", len(tests), len(Profiles))
	}
}
