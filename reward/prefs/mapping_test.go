package prefs

import (
	"fmt"
	"strings"
	"testing"
)

// readMapped reads rows by a mapping and writes what came of them, one a line.
func readMapped(name, content string, m Mapping) string {
	var b strings.Builder
	for row, err := range (Source{Name: name, Mapping: &m}).All(strings.NewReader(content)) {
		if err != nil {
			line, field, reason := Where(err)
			fmt.Fprintf(&b, "%d %s: %s\n", line, field, reason)
			continue
		}
		p := PreviewOf(row.Record)
		fmt.Fprintf(&b, "%d %s", row.Line, p.Kind)
		for i, c := range p.Completions {
			fmt.Fprintf(&b, " %s", c.Text)
			if i < len(p.Ranks) && p.Ranks[i] != nil {
				fmt.Fprintf(&b, "=%d", *p.Ranks[i])
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestMapping(t *testing.T) {
	pair := Mapping{Prompt: "q", Completions: []string{"a", "b"}, Preference: "w"}
	for _, c := range []struct {
		name, file, content string
		m                   Mapping
		want                string
	}{
		{"words", "x.csv", "q,a,b,w\nSky?,x,y,model_b\nSky?,x,y,Tie\nSky?,x,y,A\nSky?,x,y,2\n", pair, "2 ranked/1 x=2 y=1\n3 ranked/1 x=1 y=1\n4 ranked/1 x=1 y=2\n5 ranked/1 x=2 y=1\n"},
		{"goes on after faults", "x.csv", "q,a,b,w\nSky?,x,y,perhaps\nSky?,x\nSky?,x,y,1\n,x,y,1\n", pair,
			"2 w: \"perhaps\" names none of 2 completions: use A, B …, 1, 2 …, left, right, model_a, model_b or tie\n3 : has another number of columns than the first line\n4 ranked/1 x=1 y=2\n5 q: is empty\n"},
		{"ranks in a list", "x.jsonl", `{"q":"Sky?","all":["x",{"text":"y"},{"text":"z"}],"r":[2,1,null]}`, Mapping{Prompt: "q", List: "all", Ranks: "r"}, "1 ranked/1 x=2 y=1 z\n"},
		{"texts to rank", "x.tsv", "q\ta\tb\nSky?\tx\ty\n", Mapping{Prompt: "q", Completions: []string{"a", "b"}}, "2 completions/1 x y\n"},
		{"a demonstration", "x.jsonl", `{"q":"Sky?","a":"x"}`, Mapping{Prompt: "q", Completions: []string{"a"}}, "1 demo/1 x\n"},
		{"a prompt", "x.jsonl", `{"q":"Sky?"}`, Mapping{Prompt: "q"}, "1 prompt/1\n"},
		{"from zero", "x.jsonl", `{"q":"S","a":"x","b":"y","w":0}`, Mapping{Prompt: "q", Completions: []string{"a", "b"}, Preference: "w", FromZero: true}, "1 ranked/1 x=1 y=2\n"},
		{"no such column", "x.jsonl", `{"q":"S"}`, pair, "1 w: is named by the mapping but is not in the file\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := readMapped(c.file, c.content, c.m); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestGuessMapping(t *testing.T) {
	m, ok := GuessMapping([]string{"Question", "response_a", "response_b", "model_a", "model_b", "winner", "judge", "language"})
	if !ok || m.Prompt != "Question" || len(m.Completions) != 2 || len(m.Policies) != 2 || m.Preference != "winner" || m.Worker != "judge" || m.Lang != "language" {
		t.Errorf("%+v", m)
	}
	if _, ok := GuessMapping([]string{"x", "y"}); ok {
		t.Error("guessed a prompt")
	}
}
