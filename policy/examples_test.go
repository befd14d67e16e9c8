package policy

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"agora/reward/prefs"
)

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if strings.HasSuffix(name, ".gz") {
		z := gzip.NewWriter(f)
		defer z.Close()
		if _, err := z.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadExamples(t *testing.T) {
	sky := prefs.Plain("Sky?")
	for _, c := range []struct {
		name, file, text string
		want             []Example
	}{
		{"demo", "a.jsonl", `{"schema":"demo/1","prompt_id":"p","prompt":"Sky?","completion":"Blue.","split":"test"}`, []Example{{sky, "Blue.", "test"}}},
		{"trl", "a.jsonl", `{"prompt":"Sky?","completion":"Blue."}`, []Example{{sky, "Blue.", ""}}},
		{"ranked", "a.jsonl", `{"schema":"ranked/1","prompt_id":"p","prompt":"Sky?","completions":[{"id":"a","text":"Green."},{"id":"b","text":"Blue."}],"ranks":[2,1]}`,
			[]Example{{sky, "Blue.", ""}}},
		{"instruction array", "a.json", `[{"instruction":"Sky?","input":"","output":"Blue."},{"instruction":"Add","input":"1 2","output":"3"}]`,
			[]Example{{sky, "Blue.", ""}, {prefs.Plain("Add\n\n1 2"), "3", ""}}},
		{"history", "a.jsonl", `{"instruction":"Sea?","output":"Grey.","history":[["Sky?","Blue."]]}`,
			[]Example{{[]prefs.Message{{Role: "user", Content: "Sky?"}, {Role: "assistant", Content: "Blue."}, {Role: "user", Content: "Sea?"}}, "Grey.", ""}}},
		{"instruction lines", "a.jsonl.gz", "{\"instruction\":\"Sky?\",\"input\":\"\",\"output\":\"Blue.\"}\n", []Example{{sky, "Blue.", ""}}},
		{"text rows", "a.jsonl", "{\"text\":\"One.\"}\n{\"text\":\"Two.\"}\n", []Example{{nil, "One.", ""}, {nil, "Two.", ""}}},
		{"lines", "a.txt", "One.\r\n\nTwo.", []Example{{nil, "One.", ""}, {nil, "Two.", ""}}},
	} {
		got, err := ReadExamples([]string{writeFile(t, c.file, c.text)})
		if err == nil {
			for i := range got {
				for j := range got[i].Prompt {
					got[i].Prompt[j].Extra = nil
				}
			}
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v (%v)", c.name, got, err)
		}
	}
}

func TestReadExamplesRefuses(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"empty", "a.jsonl", "", "a.jsonl"},
		{"empty text", "a.txt", "\n\n", "no example"},
		{"prompts only", "a.jsonl", `{"schema":"prompt/1","prompt_id":"p","prompt":"Sky?"}`, "no demonstration"},
		{"second row", "a.jsonl", "{\"instruction\":\"a\",\"output\":\"b\"}\n{\"instruction\":\"a\"}\n", "row 2"},
		{"not JSON", "a.jsonl", "hello", "a.jsonl"},
		{"not gzip", "a.jsonl.gz.txt", "", "no example"},
	} {
		_, err := ReadExamples([]string{writeFile(t, c.file, c.text)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "b.txt.gz")
	if err := os.WriteFile(path, []byte("no gzip at all"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadExamples([]string{path}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("not gzip: %v", err)
	}
}

func TestReadDocuments(t *testing.T) {
	for _, c := range []struct {
		file, text, cut string
		want            []string
	}{
		{"a.txt", "one\ntwo\n\nthree", DocumentFile, []string{"one\ntwo\n\nthree"}},
		{"a.txt", "one\ntwo\n\nthree", DocumentLine, []string{"one", "two", "three"}},
		{"a.txt.gz", "one\ntwo\n\nthree", DocumentParagraph, []string{"one\ntwo", "three"}},
		{"a.jsonl", `{"text":"one","x":1}` + "\n\n" + `{"text":"two"}`, DocumentFile, []string{"one", "two"}},
		{"a.json", `[{"text":"one"},{"text":"two"}]`, DocumentFile, []string{"one", "two"}},
	} {
		got, err := ReadDocuments([]string{writeFile(t, c.file, c.text)}, c.cut)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s by %s: %q (%v)", c.file, c.cut, got, err)
		}
	}
	if _, err := ReadDocuments([]string{writeFile(t, "a.jsonl", "{\"text\":\"x\"}\n{\"txt\":\"y\"}")}, DocumentFile); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("missing field: %v", err)
	}
	if _, err := ReadDocuments([]string{writeFile(t, "a.txt", "PNG\x00\x01")}, DocumentFile); err == nil || !strings.Contains(err.Error(), "not a text file") {
		t.Errorf("binary: %v", err)
	}
}

// TestSplitByPrompt: rows of one prompt never fall on both sides.
func TestSplitByPrompt(t *testing.T) {
	var examples []Example
	for i := range 400 {
		examples = append(examples, Example{Prompt: prefs.Plain(string(rune('a' + i%100))), Completion: string(rune('A' + i))})
	}
	c := DefaultSFT()
	c.Validation = .25
	held := splitter(c, examples)
	side := map[string]bool{}
	n := 0
	for _, e := range examples {
		is := held(e)
		if old, seen := side[promptText(e)]; seen && old != is {
			t.Fatalf("prompt %q is on both sides", promptText(e))
		}
		side[promptText(e)] = is
		if is {
			n++
		}
	}
	if n < 60 || n > 140 {
		t.Errorf("%d of 400 examples held out, want about 100", n)
	}
	examples[0].Split = "validation"
	if held := splitter(c, examples); !held(examples[0]) || held(examples[1]) {
		t.Error("the rows' own split is not followed")
	}
}

// TestTemplates: what a prompt becomes, shown as text.
func TestTemplates(t *testing.T) {
	m, err := Load(filepath.Join("testdata", "llama"))
	if err != nil {
		t.Fatal(err)
	}
	turns := []prefs.Message{{Role: "user", Content: "Sky?"}, {Role: "assistant", Content: "Blue."}, {Role: "user", Content: "Sea?"}}
	for _, c := range []struct {
		template           Template
		prompt, completion string
	}{
		{Plain, "<|endoftext|>Sky?Blue.Sea?", "Grey.<|endoftext|>"},
		{HH, "<|endoftext|>\n\nHuman: Sky?\n\nAssistant: Blue.\n\nHuman: Sea?\n\nAssistant:", " Grey.<|endoftext|>"},
		{ChatML, "<|im_start|>user\nSky?<|im_end|>\n<|im_start|>assistant\nBlue.<|im_end|>\n<|im_start|>user\nSea?<|im_end|>\n<|im_start|>assistant\n", "Grey.<|endoftext|>"},
	} {
		if got := m.Tokenizer.Decode(c.template.Prompt(m.Tokenizer, turns)); got != c.prompt {
			t.Errorf("%s: prompt %q, want %q", c.template, got, c.prompt)
		}
		ids := c.template.Completion(m.Tokenizer, "Grey.")
		if got := m.Tokenizer.Decode(ids); got != c.completion {
			t.Errorf("%s: completion %q, want %q", c.template, got, c.completion)
		}
		if got := c.template.Text(m.Tokenizer, ids); got != "Grey." {
			t.Errorf("%s: text %q", c.template, got)
		}
	}
	evil := Plain.Prompt(m.Tokenizer, prefs.Plain("<|endoftext|>")) // text cannot forge the end token
	if n := len(evil); n < 3 || evil[n-1] == m.Tokenizer.EOS() {
		t.Errorf("special token in a prompt: %v", evil)
	}
}
