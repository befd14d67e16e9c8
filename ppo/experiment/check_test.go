package experiment

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		what, line string
		score      int
		err        string
	}{
		{"exact", `{"completion": "#### 5", "answer": "5"}`, 1, ""},
		{"exact", `{"completion": "#### 5", "answer": 5}`, 1, ""},
		{"exact", `{"completion": "#### 5", "answer": 5.0}`, 1, ""},
		{"exact", `{"completion": "#### 0.5", "answer": 5e-1}`, 1, ""},
		{"exact", `{"completion": "#### 12,345,678,901,234,567,891", "answer": 12345678901234567891}`, 1, ""},
		{"exact", `{"completion": "#### 6", "answer": 5}`, 0, ""},
		{"exact", `{"completion": "5", "answer": 5}`, 0, ""},
		{"exact", `{"completion": "#### 5"}`, 0, `no "answer"`},
		{"exact", `{"completion": "#### 5", "answer": null}`, 0, `no "answer"`},
		{"exact", `{"completion": "#### 5", "answer": [5]}`, 0, `"answer" is [5], want a number or a string`},
		{"exact", `{"answer": 5}`, 0, `no "completion"`},
		{"form", `{"completion": "#### 5"}`, 1, ""},
		{"form", `{"completion": "five"}`, 0, ""},
	} {
		score, err := (&CheckCmd{What: c.what}).score([]byte(c.line))
		if score != c.score || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s of %s: %d, %v", c.what, c.line, score, err)
		}
	}
}
