package reward

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"agora/policy"
)

// Settings that this data cannot serve are refused before anything is written; what it merely lacks is said.
func TestSettingsThatTheDataCannotServe(t *testing.T) {
	for _, tt := range []struct {
		want   string
		change func(*TrainConfig)
	}{
		{"epochs 1e+300 would be 2.81e+300 steps", func(c *TrainConfig) { c.Epochs, c.BatchPrompts = 1e300, 0 }},
		{"epochs +Inf is not a finite number", func(c *TrainConfig) { c.Epochs = math.Inf(1) }},
		{"learning_rate NaN is not a finite number", func(c *TrainConfig) { c.LearningRate = math.NaN() }},
		{"weight_decay +Inf", func(c *TrainConfig) { c.WeightDecay = math.Inf(1) }},
		{"none of 400 rankings has a split", func(c *TrainConfig) { c.Split = "field" }},
		{"none of 324 training rankings has a margin column", func(c *TrainConfig) { c.MarginCoef = .5 }},
		{"center_coef -1", func(c *TrainConfig) { c.CenterCoef = -1 }},
		{"belong to loss = kwise", func(c *TrainConfig) { c.Loss, c.ScoreL2 = LossPlackettLuce, .1 }},
	} {
		c := toyConfig()
		tt.change(&c)
		if _, err := train(t.Context(), t, t.TempDir(), c, policy.RunOptions{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("want %q, got %v", tt.want, err)
		}
	}
}

func TestWhatTheDataLacksIsSaid(t *testing.T) {
	lines, strong := toyRankings(40), 2.0
	for _, r := range lines {
		r.Split = "train"
	}
	lines[0].Strength = &strong
	c := toyConfig()
	c.Split, c.MarginCoef, c.Epochs = "field", .1, .1
	var said strings.Builder
	opt := policy.RunOptions{Say: func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }}
	r, err := Train(t.Context(), device(t), tinyPolicy(t, toyTexts(lines), 300, 32, 1), Data{Rankings: lines}, c, t.TempDir(), opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"no ranking is kept for validation (split by the rows' own split)", "margin_coef: 79 of 80 training rankings"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("not said: %q in\n%s", want, said.String())
		}
	}
	var text strings.Builder
	if err := printResult(&text, r, "rm", false); err != nil || !strings.Contains(text.String(), "validation: none") {
		t.Errorf("%v: %s", err, text.String())
	}
}
