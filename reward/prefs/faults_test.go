package prefs

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFaultsNameLineAndField(t *testing.T) {
	ranked := func(change string) string {
		return `{"schema":"ranked/1","prompt_id":"p","prompt":[{"role":"user","content":"Sky?"}],"completions":[{"id":"a","text":"x"},{"id":"b","text":"y"}],` + change + `}`
	}
	tests := []struct {
		name, in string
		format   Format
		want     string
	}{
		{"empty file", "", Auto, "f: is empty"},
		{"blank lines only", "\n \n", Auto, "f: is empty"},
		{"empty list", "[ ]", Auto, "f: holds an empty list"},
		{"not json", "hello", Auto, "f:1: is not a JSON object"},
		{"broken later", "{\"prompt\":\"a\",\"chosen\":\"b\",\"rejected\":\"c\"}\n\n{\"prompt\":\"a\",", Auto, "f:3: broken JSON: the line ends too early (truncated file?)"},
		{"two values", `{"prompt":"a"} {"prompt":"b"}`, Auto, "f:1: more than one JSON value on the line"},
		{"doubled member", `{"prompt":"a","prompt":"b"}`, Auto, `f:1: member "prompt" appears twice`},
		{"bad utf-8", "{\"prompt\":\"\xff\"}", Auto, "f:1: is not valid UTF-8"},
		{"foreign columns", `{"question":"a","answer":"b"}`, Auto, "f:1: no known format has the columns {question, answer}; known formats: ranked, prompt, demo, completions, trl, trl-implicit, hh, humour"},
		{"unknown schema", `{"schema":"ranked/2"}`, Auto, `f:1: field schema: unknown schema "ranked/2"`},
		{"other schema", `{"schema":"prompt/1","prompt_id":"p","prompt":"x"}`, FormatRanked, `f:1: field schema: is "prompt/1", expected "ranked/1"`},
		{"parquet", "PAR1xxxx", Auto, "f: is a parquet file; write it as JSON lines first (in Python: dataset.to_json(path))"},
		{"array element", `[{"prompt":"a","chosen":"b","rejected":"c"},{"prompt":"a","chosen":"b"}]`, Auto, "f: element 2: field rejected: is missing"},
		{"array cut", `[{"prompt":"a","chosen":"b","rejected":"c"},`, Auto, "f: element 2: the file ends inside the list (truncated?)"},
		{"no ranks", ranked(`"note":""`), Auto, "f:1: field ranks: is missing"},
		{"short ranks", ranked(`"ranks":[1]`), Auto, "f:1: field ranks: has 1 values for 2 completions"},
		{"rank 0", ranked(`"ranks":[1,0]`), Auto, "f:1: field ranks[1]: must be 1 or more, is 0"},
		{"rank text", ranked(`"ranks":[1,"2"]`), Auto, "f:1: field ranks[1]: must be a whole number, is a string"},
		{"rank fraction", ranked(`"ranks":[1,1.5]`), Auto, "f:1: field ranks[1]: must be a whole number, is the number 1.5"},
		{"strength of a tie", ranked(`"ranks":[1,1],"strength":1`), Auto, "f:1: field strength: is 1 but ranks are 1 and 1 (0 means a tie)"},
		{"order", ranked(`"ranks":[1,1],"shown_order":["a","a"]`), Auto, `f:1: field shown_order[1]: "a" is not a completion or appears twice`},
		{"rating", ranked(`"ranks":[1,1],"ratings":[{"id":"z"}]`), Auto, `f:1: field ratings[0].id: "z" is not one of the completions`},
		{"time", ranked(`"ranks":[1,1],"answered_at":"yesterday"`), Auto, `f:1: field answered_at: must be a time like 2026-01-02T10:00:00Z, is "yesterday"`},
		{"completion", `{"schema":"ranked/1","prompt_id":"p","prompt":"x","completions":[{"id":"a"}],"ranks":[1]}`, Auto, "f:1: field completions[0].text: is missing"},
		{"doubled id", `{"schema":"ranked/1","prompt_id":"p","prompt":"x","completions":[{"id":"a","text":""},{"id":"a","text":""}],"ranks":[1,1]}`, Auto, `f:1: field completions[1].id: "a" appears twice`},
		{"one completion", `{"schema":"ranked/1","prompt_id":"p","prompt":"x","completions":[{"id":"a","text":""}],"ranks":[1]}`, Auto, "f:1: field completions: has 1, a ranking needs at least 2"},
		{"prompt", `{"prompt":3,"chosen":"b","rejected":"c"}`, Auto, "f:1: field prompt: must be a string or a list of messages, is the number 3"},
		{"message", `{"prompt":[{"content":"x"}],"chosen":"b","rejected":"c"}`, Auto, "f:1: field prompt[0].role: is missing"},
		{"image", `{"prompt":[{"role":"user","content":[{"type":"image"}]}],"chosen":"b","rejected":"c"}`, Auto, "f:1: field prompt[0].content: must be a string, is a list of parts: agora reads text only"},
		{"null side", `{"prompt":"a","chosen":null,"rejected":"c"}`, Auto, "f:1: field chosen: must be a string or a list of messages, is null"},
		{"mixed sides", `{"chosen":"a","rejected":[{"role":"user","content":"x"}]}`, Auto, "f:1: field rejected: must be of the same type as chosen (a string or messages)"},
		{"hh without marker", "{\"chosen\":\"\\n\\nHuman: a\",\"rejected\":\"\\n\\nHuman: b\"}\n{\"chosen\":\"a\",\"rejected\":\"b\"}", Auto, `f:2: field chosen: does not start with "\n\nHuman:"; if this is not an HH transcript, name the format (trl-implicit)`},
		{"votes", `{"chosen":"a","rejected":"b","votes_chosen":-1,"votes_rejected":0}`, Auto, "f:1: field votes_chosen: must be a whole number from 0 to 10000, is the number -1"},
		{"no votes", `{"chosen":"a","rejected":"b","votes_chosen":0,"votes_rejected":0}`, Auto, "f:1: field votes_chosen: and votes_rejected are both 0"},
		{"kto", `{"prompt":"a","completion":"b","label":true}`, Auto, "f:1: rows with label(s) are unpaired or stepwise feedback, which agora does not read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := "no error"
			for _, err := range Decode(strings.NewReader(tt.in), "f", tt.format) {
				if err != nil {
					got = err.Error()
				}
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestTruncatedGzip(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write([]byte(strings.Repeat(`{"prompt":"a","chosen":"b","rejected":"c"}`+"\n", 10000)))
	_ = w.Close()
	var last error
	for _, err := range Decode(bytes.NewReader(z.Bytes()[:z.Len()/2]), "f.gz", Auto) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "ends too early (truncated file?)") {
		t.Errorf("got %v", last)
	}
}

func TestWriteIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.jsonl"), filepath.Join(dir, "out.jsonl.gz")
	good := `{"prompt":"a","chosen":"b","rejected":"c"}` + "\n"
	for _, tt := range []struct {
		text  string
		files int
	}{{good + "{", 1}, {good, 3}} {
		if err := os.WriteFile(in, []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := ConvertCmd{From: "auto", To: "ranked", In: in, Out: out}
		err := cmd.Run(t.Context())
		if (err == nil) != (tt.files == 3) {
			t.Fatalf("error %v", err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != tt.files {
			t.Errorf("%d files, want %d: %v", len(entries), tt.files, entries)
		}
	}
	n := 0
	for _, err := range Read(out, Auto) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 1 {
		t.Errorf("%d records in the gzip output, want 1", n)
	}
}

func TestCardSaysWhatIsLost(t *testing.T) {
	in := `{"schema":"ranked/1","project":"sky","prompt_id":"p","prompt":[{"role":"system","content":"s"},{"role":"user","content":"q"}],"completions":[{"id":"a","text":"x","policy":"ppo"},{"id":"b","text":"y"},{"id":"c","text":"z"}],"ranks":[1,2,2],"worker":"w1","consent":"c2","groups":{"region":"north"},"note":"hm","mood":1}
{"schema":"ranked/1","prompt_id":"p","prompt":[{"role":"user","content":"q"}],"completions":[{"id":"a","text":"x"},{"id":"b","text":"y"}],"ranks":[2,1]}`
	var out bytes.Buffer
	card, err := Encode(&out, FormatHH, Decode(strings.NewReader(in), "in", Auto), About{Licence: "CC0-1.0"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range card.Losses {
		got = append(got, l.Field)
	}
	want := "completions.id completions.policy consent groups mood note project prompt: roles prompt_id ranks: K > 2 ranks: ties worker"
	if strings.Join(got, " ") != want {
		t.Errorf("losses %v\nwant %s", got, want)
	}
	if card.Records != 2 || card.Rows != 3 || card.Ties != 1 || card.Pairs != 3 || card.Workers != 1 || card.Completions != 3 {
		t.Errorf("counts %+v", card)
	}
	if card.Agreement == nil || card.Agreement.Pairwise != 0 || card.Agreement.Pairs != 1 {
		t.Errorf("agreement %+v, want 0 on 1 pair", card.Agreement)
	}
	if card.Pool["region"]["(suppressed)"] != 1 || card.Pool["region"]["north"] != 0 {
		t.Errorf("pool %v, want the single labeler suppressed", card.Pool)
	}
	if !json.Valid(encode(card)) {
		t.Error("card is not JSON")
	}
}

func TestWritingWhatJSONCannotHold(t *testing.T) {
	nan := math.NaN()
	one, two := 1, 2
	r := &Ranked{PromptID: "p", Ranks: []*int{&one, &two}, Weight: &nan,
		Completions: []Completion{{ID: "a", LogProb: &nan}, {ID: "b"}}}
	_, err := Encode(io.Discard, FormatRanked, func(yield func(Record, error) bool) { yield(r, nil) }, About{})
	if err == nil || !strings.Contains(err.Error(), "completions") {
		t.Errorf("got %v", err)
	}
}

// FuzzDecode: whatever is read either fails with a message or can be written again,
// in its own format and as ranked/1, and read back.
func FuzzDecode(f *testing.F) {
	f.Add(`{"prompt":"a","chosen":"b","rejected":"c","x":[1]}`)
	f.Add(`{"chosen":"\n\nHuman: a\n\nAssistant: b","rejected":"\n\nHuman: a\n\nAssistant:"}`)
	f.Add(`{"chosen":[{"role":"user","content":"A"},{"role":"assistant","content":"x"}],"rejected":[{"role":"user","content":"A"}]}`)
	f.Add(`{"schema":"ranked/1","prompt_id":"p","prompt":"Sky?","completions":[{"id":"a","text":"x"},{"id":"b","text":"y"}],"ranks":[2,null],"groups":{"a":null}}`)
	f.Add(`{"schema":"demo/1","prompt_id":"p","prompt":[],"completion":"x"}`)
	f.Add(`{"prompt":"a","chosen":"b","rejected":"c","votes_chosen":1,"votes_rejected":2}`)
	f.Fuzz(func(t *testing.T, in string) {
		var row Fields
		if row.UnmarshalJSON([]byte(in)) != nil {
			return
		}
		format, err := detect(row)
		if err != nil {
			return
		}
		for r, err := range Decode(strings.NewReader(in), "in", format) {
			if err != nil {
				return
			}
			ranked, ok := r.(*Ranked)
			if !ok {
				continue
			}
			line, err := ranked.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			for again, err := range Decode(bytes.NewReader(line), "again", FormatRanked) {
				if err != nil {
					t.Fatalf("%s cannot be read again: %v", line, err)
				}
				if second, _ := again.MarshalJSON(); !equalJSON(line, second) {
					t.Fatalf("%s came back as %s", line, second)
				}
				if !isPairFormat(format) {
					continue
				}
				if back, _ := pairRow(format, again.(*Ranked), Pair{0, 1}); canonical(encode(back)) != canonical([]byte(in)) {
					t.Fatalf("%s came back as %s", in, encode(back))
				}
			}
		}
	})
}
