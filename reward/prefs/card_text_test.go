package prefs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCardForPeople(t *testing.T) {
	card := &Card{Format: FormatRanked, File: "a|b.jsonl", SHA256: "ab12", Records: 3, Rows: 3, Prompts: 2, Completions: 4, Workers: 2, Pairs: 3, Ties: 1, TiePolicy: "equal ranks are kept",
		Agreement: &Agreement{Pairwise: 0.75, Pairs: 2, Judgment: 5, Ties: "left out"},
		Pool:      map[string]map[string]int{"region": {"south": 6, "(suppressed)": 2}}, Consent: map[string]int{"c1": 1, "c2": 2}, Forms: map[string]int{"f1": 3},
		Filters: []string{"only items in the language es"}, LeftOut: &LeftOut{WithdrawnPeople: 1, WithdrawnAnswers: 4, Excluded: 1},
		Parents: []Parent{{"in.jsonl", "cd34"}}, Losses: []Loss{{"note", 1, "no column"}}}
	text := card.Markdown("Everyday help")
	for _, want := range []string{
		"# Everyday help\n", `| File | a\|b.jsonl |`, "| Licence | not stated |", "| Comparisons | 3, and 1 ties |", "75.0 % of the pairs of judgments",
		"- region: south 6, (suppressed) 2\n", "- Consent, in answers: c2 2, c1 1\n", "- only items in the language es\n",
		"- answers of 1 person withdrawn (4 answers)\n", "- 1 answer excluded by reviewers\n", "no place for note (1 record)", "- in.jsonl `cd34`\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// TestMissingFolderIsNamed wants the folder and not a temporary file in the message.
func TestMissingFolderIsNamed(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.jsonl")
	if err := os.WriteFile(in, []byte(`{"prompt":"Sky?","chosen":"Blue.","rejected":"Green."}`+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "nowhere", "out.jsonl")
	err := (&ConvertCmd{To: "ranked", In: in, Out: out}).Run(t.Context())
	if err == nil || strings.Contains(err.Error(), ".tmp") || err.Error() != out+": the folder "+filepath.Dir(out)+" does not exist" {
		t.Errorf("got %v", err)
	}
}
