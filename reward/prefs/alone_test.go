package prefs

import (
	"bytes"
	"iter"
	"strings"
	"testing"
)

// TestAlone: one completion judged by itself is a ranked/1 line when it is rated, casts no pair, and
// is written in no format of pairs.
func TestAlone(t *testing.T) {
	line := `{"schema":"ranked/1","prompt_id":"p1","prompt":[{"role":"user","content":"Sky?"}],"completions":[{"id":"c1","text":"Blue."}],"ranks":[null],"ratings":[{"id":"c1","overall":6,"flags_no":["hallucination"],"tone":null}],"worker":"w1"}` + "\n"
	read := func(text string) iter.Seq2[Record, error] {
		return Decode(strings.NewReader(text), "x.jsonl", FormatRanked)
	}
	for r, err := range read(line) {
		if err != nil {
			t.Fatal(err)
		}
		if pairs, ties := r.(*Ranked).Pairs(); len(pairs)+ties != 0 {
			t.Errorf("pairs %v, ties %d", pairs, ties)
		}
	}
	var same, pairs bytes.Buffer
	if _, err := Encode(&same, FormatRanked, read(line), About{}); err != nil || same.String() != line {
		t.Errorf("%v, written back as %s", err, same.String())
	}
	card, err := Encode(&pairs, FormatTRL, read(line), About{})
	if err != nil || pairs.Len() != 0 {
		t.Errorf("%v, as pairs: %s %+v", err, pairs.String(), card)
	}
	for _, err := range read(strings.Replace(line, `"ratings":[{"id":"c1","overall":6,"flags_no":["hallucination"],"tone":null}],`, "", 1)) {
		if err == nil || !strings.Contains(err.Error(), "has 1, a ranking needs at least 2") {
			t.Errorf("one completion without a rating: %v", err)
		}
	}
}
