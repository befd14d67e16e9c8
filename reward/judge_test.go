package reward

import (
	"path/filepath"
	"testing"

	"agora/policy/checkpoint"
	"agora/reward/prefs"
)

// TestJudge: the judge of a directory gives the scores that the model gives.
func TestJudge(t *testing.T) {
	p := tinyPolicy(t, toyTexts(toyRankings(20)), 300, 32, 2)
	m, err := New(p, 3)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "rm")
	if err := m.Save(dir, checkpoint.Manifest{Kind: "reward"}); err != nil {
		t.Fatal(err)
	}
	dev := device(t)
	j, err := OpenJudge(dev, dir)
	if err != nil {
		t.Fatal(err)
	}
	prompts, texts := [][]prefs.Message{prefs.Plain("Why?"), prefs.Plain("How?")}, []string{" Because.", " So."}
	got, err := j.Score(t.Context(), prompts, texts)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewScorer(dev, m, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		seq, err := m.Encode(prompts[i], text)
		if err != nil {
			t.Fatal(err)
		}
		want, err := s.Score(t.Context(), [][]int32{seq})
		if err != nil {
			t.Fatal(err)
		}
		if got[i] != float64(want[0]) || got[0] == got[1] {
			t.Errorf("%q scores %v, the model says %v", text, got[i], want[0])
		}
	}
	if _, err := OpenJudge(dev, t.TempDir()); err == nil {
		t.Error("an empty directory is a judge")
	}
}
