package prefs

import (
	"slices"
	"strings"
	"testing"
)

// TestPreviewLanguage shows the language also of records whose schema keeps it as a further member.
func TestPreviewLanguage(t *testing.T) {
	const lines = `{"schema":"completions/1","prompt_id":"a","prompt":"¿Llueve?","lang":"es","completions":[{"id":"x","text":"Sí."},{"id":"y","text":"No."}]}
{"schema":"completions/1","prompt_id":"b","prompt":"Rain?","lang":7,"completions":[{"id":"x","text":"Yes."},{"id":"y","text":"No."}]}
`
	var got []string
	for row, err := range (Source{Name: "rows.jsonl"}).All(strings.NewReader(lines)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, PreviewOf(row.Record).Lang)
	}
	if want := []string{"es", ""}; !slices.Equal(got, want) {
		t.Errorf("languages %q, want %q", got, want)
	}
}
