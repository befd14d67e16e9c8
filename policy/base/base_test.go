package base

import (
	"strings"
	"testing"
)

// What is shipped passes its own filter: no text with a listed word, no address or telephone number.
func TestNothingOffensiveIsShipped(t *testing.T) {
	texts := append(append([]string{}, Corpus()...), HeldOut()...)
	for _, h := range LoadHumour().Texts {
		texts = append(texts, h.Text)
	}
	for _, text := range texts {
		if why := Offends(text); why != "" {
			t.Errorf("%s: %q", why, text)
		}
		if HasPersonalData(text) {
			t.Errorf("personal data: %q", text)
		}
	}
}

// The control: the filter does find what it should.
func TestFilterFinds(t *testing.T) {
	for text, want := range map[string]string{
		"They robbed the gunman.":         "violence",
		"A terrorist's aim.":              "violence",
		"It was MURDER!":                  "violence",
		"The butter melted on the bread.": "",
	} {
		if got := Offends(text); got != want {
			t.Errorf("Offends(%q) = %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"write to someone@example.org", "call 555-010-9999 now"} {
		if !HasPersonalData(text) {
			t.Errorf("%q passes", text)
		}
	}
}

func TestCorpusSplit(t *testing.T) {
	train := map[string]bool{}
	for _, d := range Corpus() {
		train[d] = true
	}
	for _, d := range HeldOut() {
		if train[d] {
			t.Errorf("held-out document is also trained on: %q", d)
		}
	}
	if len(train) < 25_000 || len(HeldOut()) < 500 {
		t.Errorf("%d and %d documents", len(train), len(HeldOut()))
	}
}

func TestHumourSplit(t *testing.T) {
	h := LoadHumour()
	known := map[int]bool{}
	for _, text := range h.Texts {
		if known[text.ID] || strings.TrimSpace(text.Text) == "" {
			t.Errorf("text %d is double or empty", text.ID)
		}
		known[text.ID] = true
	}
	held := map[Judgment]bool{} // unordered pair → held out?
	for _, j := range h.Judgments {
		if !known[j.Winner] || !known[j.Loser] || j.Winner == j.Loser {
			t.Fatalf("judgment %v names a text that is not there", j)
		}
		pair := Judgment{min(j.Winner, j.Loser), max(j.Winner, j.Loser)}
		if was, ok := held[pair]; ok && was != j.HeldOut() {
			t.Fatalf("pair %v is on both sides of the split", pair)
		}
		held[pair] = j.HeldOut()
	}
	policy, judge := len(h.Within(PolicySide)), len(h.Within(JudgeSide))
	t.Logf("%d texts, %d judgments; policy's half %d texts %d judgments, judge's half %d and %d",
		len(h.Texts), len(h.Judgments), len(h.On(PolicySide)), policy, len(h.On(JudgeSide)), judge)
	if policy < 15_000 || judge < 15_000 {
		t.Errorf("a half has too few judgments: %d and %d", policy, judge)
	}
}
