//go:build slow

package reward

import (
	"maps"
	"slices"
	"testing"

	"agora/policy"
	"agora/reward/prefs"
)

// A reward model of 0.3 M parameters on votes as soft labels predicts a new vote
// about as well as one strength per text does (0.66) and better than another
// person (0.60): 63 to 66 % of the held-out judgments. PyTorch with the same
// settings gives 64.9 % at d = 128 (issue 4). 40 s on two cores.
func TestHumourReward(t *testing.T) {
	lines := humourJudgments(t)
	texts := humourTexts(t)
	var all []string
	for _, r := range lines {
		for i := range r.Completions {
			r.Completions[i].Text = texts[r.Completions[i].ID]
		}
	}
	for _, id := range slices.Sorted(maps.Keys(texts)) {
		all = append(all, texts[id])
	}
	c := DefaultTrainConfig()
	c.LearningRate = 1e-3
	r, err := Train(t.Context(), device(t), tinyPolicy(t, all, 2048, 64, 2), Data{Rankings: lines}, c, t.TempDir(), policy.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r.Val)
	if r.Val.Accuracy < .63 || r.Val.Accuracy > .67 {
		t.Errorf("accuracy %.3f on held-out judgments, want 0.63 to 0.67", r.Val.Accuracy)
	}
	if r.Val.Calibration > .03 {
		t.Errorf("calibration error %.3f", r.Val.Calibration)
	}
}

// HH conversations are long and few here: training must run, stay finite, and fit what it saw.
func TestHelpfulReward(t *testing.T) {
	var lines []*prefs.Ranked
	var texts []string
	for r, err := range prefs.ReadRanked(testdata(t, "data", "hh-rlhf", "helpful-base.test.head90.jsonl.gz"), prefs.Auto) {
		if err != nil {
			t.Fatal(err)
		}
		if lines = append(lines, r); len(lines) == 400 {
			break
		}
		texts = append(texts, r.Completions[0].Text, r.Completions[1].Text)
	}
	p := tinyPolicy(t, texts, 1024, 64, 2)
	p.Template = policy.HH
	c := DefaultTrainConfig()
	c.Epochs, c.Dropout = 3, 0
	r, err := Train(t.Context(), device(t), p, Data{Rankings: lines}, c, t.TempDir(), policy.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewScorer(device(t), r.Model, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := Evaluate(t.Context(), r.Split.Train, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("training pairs: %v; validation: %v", seen, r.Val)
	if seen.Accuracy < .7 {
		t.Errorf("accuracy %.3f on training pairs", seen.Accuracy)
	}
}
