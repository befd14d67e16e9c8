package reward

import (
	"reflect"
	"strings"
	"testing"

	"agora/policy"
)

// Each preset against the published run, field by field. What a source does not say keeps its default and is
// no row here.
func TestPresetsMatchTheirSources(t *testing.T) {
	type row struct {
		field string
		want  any
	}
	tests := map[string][]row{
		// Ouyang et al. 2022, arXiv:2203.02155, appendix C.2: reference/instructgpt.md, column RM.
		"instructgpt": {
			{"epochs", 1.}, {"learning_rate", 9e-6}, {"schedule", "cosine"}, {"learning_rate_floor", .1}, {"warmup_share", 0.},
			{"batch_prompts", 64}, {"max_tokens", 2048}, {"beta1", .9}, {"beta2", .95}, {"loss", LossKwise}, {"ties", "drop"},
			{"dropout", 0.}, {"lora_rank", 0}, {"label_smoothing", 0.}, {"margin_coef", 0.}, {"center_coef", 0.}, {"score_l2", 0.},
		},
		// Huang et al. 2024, arXiv:2403.17031: reference/rlhf_numerics.md, SFFD and details 4, 7, 9 to 11;
		// summarize_from_feedback_details/reward.py for schedule, betas, decay and that nothing is clipped.
		"tldr": {
			{"epochs", 1.}, {"learning_rate", 3e-6}, {"schedule", "cosine"}, {"learning_rate_floor", 0.}, {"warmup_share", 0.},
			{"batch_prompts", 64}, {"max_tokens", 638}, {"beta1", .9}, {"beta2", .999}, {"adam_epsilon", 1e-5}, {"weight_decay", .01},
			{"clip_norm", 0.}, {"dropout", 0.}, {"head_init", HeadRsqrt}, {"loss", LossKwise}, {"lora_rank", 0}, {"center_coef", 0.},
		},
	}
	for name, rows := range tests {
		var c TrainConfig
		if err := policy.LoadConfig(&c, "", []string{"preset=" + name, "seed=5"}); err != nil {
			t.Fatal(err)
		}
		have := map[string]any{}
		for _, f := range policy.Schema(c) {
			have[f.Name] = f.Default
		}
		for _, r := range append(rows, row{"preset", name}, row{"seed", uint64(5)}) {
			if got, ok := have[r.field]; !ok || got != r.want {
				t.Errorf("%s: %s is %v (%T), the source has %v (%T)", name, r.field, got, got, r.want, r.want)
			}
		}
	}
	if len(tests) != len(Presets)-1 { // default is nobody's
		t.Errorf("%d of %d presets have a source here", len(tests), len(Presets))
	}
	c := DefaultTrainConfig()
	if err := policy.LoadConfig(&c, "", []string{"preset=gpt5"}); err == nil || !strings.Contains(err.Error(), "instructgpt") {
		t.Errorf("an unknown preset: %v", err)
	}
	if err := policy.LoadConfig(&c, "", []string{"preset=default"}); err != nil || !reflect.DeepEqual(c, DefaultTrainConfig()) {
		t.Errorf("the default: %v", err)
	}
}

func TestAdamSettings(t *testing.T) {
	m, err := New(tinyPolicy(t, []string{"no merges"}, 257, 16, 1), 1)
	if err != nil {
		t.Fatal(err)
	}
	c := DefaultTrainConfig()
	if err := c.ApplyPreset("tldr"); err != nil {
		t.Fatal(err)
	}
	if o := (&trainer{cfg: c, model: m, steps: 10}).optimizer(); o.Eps != 1e-5 || o.Beta2 != .999 || o.WeightDecay != .01 || o.Clip != 0 {
		t.Errorf("the optimizer has %+v", o)
	}
	c.AdamEpsilon = 0
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "adam_epsilon 0") {
		t.Errorf("no epsilon: %v", err)
	}
}
