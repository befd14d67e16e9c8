package reward

import (
	"testing"

	"agora/reward/prefs"
)

func splitOf(t *testing.T, lines []*prefs.Ranked, c TrainConfig) Split {
	t.Helper()
	s, err := SplitLines(lines, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSplitSharesNothing(t *testing.T) {
	lines := toyRankings(300)
	c := DefaultTrainConfig()
	s := splitOf(t, lines, c)
	if len(s.Train) == 0 || len(s.Val) == 0 || len(s.NewWorkers) == 0 || len(s.Train)+len(s.Val)+len(s.NewWorkers)+s.Dropped != len(lines) {
		t.Fatalf("%d + %d + %d, %d dropped, of %d", len(s.Train), len(s.Val), len(s.NewWorkers), s.Dropped, len(lines))
	}
	prompts, workers := map[string]bool{}, map[string]bool{}
	for _, r := range s.Train {
		prompts[r.PromptID], workers[r.Worker] = true, true
	}
	for _, r := range append(s.Val, s.NewWorkers...) {
		if prompts[r.PromptID] {
			t.Fatalf("prompt %s is on both sides", r.PromptID)
		}
	}
	for _, r := range s.NewWorkers {
		if workers[r.Worker] {
			t.Fatalf("labeler %s is on both sides", r.Worker)
		}
	}
	again := splitOf(t, lines, c)
	c.Seed = 1
	other := splitOf(t, lines, c)
	if len(again.Train) != len(s.Train) || again.Val[0].PromptID != s.Val[0].PromptID {
		t.Error("the same seed splits differently")
	}
	same := len(other.Val) == len(s.Val)
	for i := range min(len(s.Val), len(other.Val)) {
		same = same && s.Val[i].PromptID == other.Val[i].PromptID
	}
	if same {
		t.Error("another seed splits the same way")
	}
}

// With one prompt for all texts, pairs of texts are kept apart; with val_texts, texts.
func TestSplitOfOnePrompt(t *testing.T) {
	var lines []*prefs.Ranked
	one, two := 1, 2
	for i := range 400 {
		a, b := string(rune('A'+i%40)), string(rune('A'+(i*7+1)%40))
		if a != b {
			lines = append(lines, &prefs.Ranked{PromptID: "p", Ranks: []*int{&one, &two},
				Completions: []prefs.Completion{{ID: a, Text: a}, {ID: b, Text: b}}})
		}
	}
	c := DefaultTrainConfig()
	s := splitOf(t, lines, c)
	sets := map[string]bool{}
	for _, r := range s.Train {
		sets[setUnit(r)] = true
	}
	for _, r := range s.Val {
		if sets[setUnit(r)] {
			t.Fatal("a pair of texts is on both sides")
		}
	}
	c.ValTexts = .3
	s = splitOf(t, lines, c)
	texts := map[string]bool{}
	for _, r := range s.Train {
		texts[r.Completions[0].ID], texts[r.Completions[1].ID] = true, true
	}
	for _, r := range s.Val {
		if texts[r.Completions[0].ID] || texts[r.Completions[1].ID] {
			t.Fatal("a validation text is in training")
		}
	}
	if len(s.Val) == 0 || s.Dropped == 0 {
		t.Errorf("%d validation lines, %d dropped", len(s.Val), s.Dropped)
	}
}

func TestSplitByTheRowsOwnField(t *testing.T) {
	lines := toyRankings(10)
	for i, r := range lines {
		r.Split = []string{"train", "test"}[i%2]
	}
	if s := splitOf(t, lines, DefaultTrainConfig()); len(s.Train) != 10 || len(s.Val) != 10 {
		t.Errorf("%d and %d, want 10 and 10", len(s.Train), len(s.Val))
	}
}
