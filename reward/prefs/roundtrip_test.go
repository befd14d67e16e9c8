package prefs

import (
	"bytes"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testdata finds a file of the large public sets; see the README on AGORA_TESTDATA.
func testdata(t *testing.T, parts ...string) string {
	t.Helper()
	root := os.Getenv("AGORA_TESTDATA")
	if root == "" {
		root = filepath.Join("..", "shared")
	}
	if !filepath.IsAbs(root) { // relative to the module
		root = filepath.Join("..", "..", root)
	}
	path := filepath.Join(append([]string{root}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no %s: set AGORA_TESTDATA to the folder that holds data/", path)
	}
	return path
}

// there encodes records in a format and returns the text.
func there(t *testing.T, format Format, records iter.Seq2[Record, error]) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := Encode(&out, format, records, About{}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// roundTrip takes a file through ranked/1 text and back to its format.
func roundTrip(t *testing.T, format Format, in string) string {
	t.Helper()
	ranked := there(t, FormatRanked, Decode(strings.NewReader(in), "in", format))
	return there(t, format, Decode(strings.NewReader(ranked), "ranked", FormatRanked))
}

func lines(text string) []string {
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func wantEqualRows(t *testing.T, got, want string) {
	t.Helper()
	g, w := lines(got), lines(want)
	if len(g) != len(w) {
		t.Fatalf("%d rows, want %d", len(g), len(w))
	}
	for i := range g {
		if canonical(json.RawMessage(g[i])) != canonical(json.RawMessage(w[i])) {
			t.Fatalf("row %d differs:\n got %.300s\nwant %.300s", i+1, g[i], w[i])
		}
	}
}

func TestRoundTripsAreExact(t *testing.T) {
	tests := []struct {
		name   string
		format Format
		rows   string
	}{
		{"trl strings", FormatTRL, `{"prompt":"The sky is","chosen":" blue.","rejected":" green."}`},
		{"trl messages", FormatTRL, `{"prompt":[{"role":"user","content":"Sky?"}],"chosen":[{"role":"assistant","content":"Blue."}],"rejected":[{"role":"assistant","content":"Green."}]}`},
		{"trl extra columns", FormatTRL, `{"prompt":"a","chosen":"b","rejected":"c","margin":0.50,"prompt_id":"x7","worker":"w","note":null,"tools":[{"type":"function"}],"chat_template_kwargs":{"x":1e400}}`},
		{"trl empty prompt", FormatTRL, `{"prompt":"","chosen":"b","rejected":""}`},
		{"trl equal sides", FormatTRL, `{"prompt":"p","chosen":"b","rejected":"b"}`},
		{"trl answers of several turns", FormatTRL, `{"prompt":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"}],"chosen":[{"role":"assistant","content":"a"},{"role":"tool","name":"t","content":"1"},{"role":"assistant","content":"b"}],"rejected":[{"role":"assistant","content":null,"tool_calls":[]}]}`},
		{"ultrafeedback", FormatTRL, `{"prompt":"Sky?","prompt_id":"ab12","chosen":[{"role":"user","content":"Sky?"},{"role":"assistant","content":"Blue."}],"rejected":[{"role":"user","content":"Sky?"},{"role":"assistant","content":"Green."}],"messages":[{"role":"user","content":"Sky?"}],"score_chosen":9.0,"score_rejected":3.0}`},
		{"implicit strings", FormatTRLImplicit, `{"chosen":"The sky is blue.","rejected":"The sky is green.","margin":1}`},
		{"implicit, nothing common", FormatTRLImplicit, `{"chosen":"Yes","rejected":"No"}`},
		{"implicit, one is the other's start", FormatTRLImplicit, `{"chosen":"Yes","rejected":"Yes, and no"}`},
		{"implicit, cut inside a rune", FormatTRLImplicit, `{"chosen":"né","rejected":"nè"}`},
		{"implicit messages", FormatTRLImplicit, `{"chosen":[{"role":"user","content":"Sky?"},{"role":"assistant","content":"Blue."}],"rejected":[{"role":"user","content":"Sky?"},{"role":"assistant","content":"Green."}]}`},
		{"implicit messages, early difference", FormatTRLImplicit, `{"chosen":[{"role":"user","content":"A"},{"role":"assistant","content":"x"},{"role":"user","content":"B"},{"role":"assistant","content":"y"}],"rejected":[{"role":"user","content":"A"},{"role":"assistant","content":"z"}]}`},
		{"implicit messages, equal", FormatTRLImplicit, `{"chosen":[{"role":"user","content":"A"},{"role":"assistant","content":"x"}],"rejected":[{"role":"user","content":"A"},{"role":"assistant","content":"x"}]}`},
		{"hh", FormatHH, `{"chosen":"\n\nHuman: Sky?\n\nAssistant: Blue.","rejected":"\n\nHuman: Sky?\n\nAssistant: Green."}`},
		{"hh odd spacing and empty replies", FormatHH, `{"chosen":"\n\nHuman:Sky? \n\nAssistant:","rejected":"\n\nHuman:Sky? \n\nAssistant: "}`},
		{"hh early difference", FormatHH, `{"chosen":"\n\nHuman: A\n\nAssistant: x\n\nHuman: B\n\nAssistant: y","rejected":"\n\nHuman: A\n\nAssistant: z\n\nHuman: C\n\nAssistant: y"}`},
		{"hh nothing common", FormatHH, `{"chosen":"\n\nHuman: A\n\nAssistant: x","rejected":"\n\nHuman: B\n\nAssistant: x"}`},
		{"hh ends with a human", FormatHH, `{"chosen":"\n\nHuman: A\n\nAssistant: x\n\nHuman: more","rejected":"\n\nHuman: A\n\nAssistant: x"}`},
		{"hh extra column", FormatHH, `{"id":3,"chosen":"\n\nHuman: A\n\nAssistant: x","rejected":"\n\nHuman: A\n\nAssistant: <y> & z"}`},
		{"ranked", FormatRanked, `{"schema":"ranked/1","project":"sky","prompt_id":"p17","prompt":[{"role":"user","content":"Sky?","name":"u"}],"lang":"en","completions":[{"id":"c1","text":"Blue.","policy":"sft-v3","sampling":{"temperature":1},"finish":"eos","logprob":-3.2,"x":[]},{"id":"c2","text":""},{"id":"c3","text":"Azure.","policy":""}],"ranks":[1,null,1],"strength":null,"none_acceptable":false,"shown_order":["c3","c1","c2"],"ratings":[{"id":"c1","overall":6,"flags":["a"]},{"id":"c2","overall":null,"flags":[],"accuracy":3}],"prompt_flags":[],"confidence":8,"note":"","worker":"w07","worker_fold":0,"groups":{"gender":"woman","region":null},"weight":1.0,"consent":"c2","guideline_version":"g4","ui_version":"u3","form_version":"f2","duration_ms":0,"active_ms":30100,"answered_at":"2026-01-02T10:00:00Z","split":"train","mood":{"deep":[1,2,{"a":null}]}}`},
		{"ranked, string prompt", FormatRanked, `{"schema":"ranked/1","prompt_id":"p","prompt":"Sky?","completions":[{"id":"a","text":"x"},{"id":"b","text":"y"}],"ranks":[2,2],"strength":0}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.format != FormatRanked {
				var row Fields
				if err := row.UnmarshalJSON([]byte(tt.rows)); err != nil {
					t.Fatal(err)
				}
				if got, err := detect(row); err != nil || got != tt.format {
					t.Errorf("detected %q (%v), want %q", got, err, tt.format)
				}
			}
			wantEqualRows(t, roundTrip(t, tt.format, tt.rows), strings.ReplaceAll(tt.rows, "1.0,", "1,"))
		})
	}
}

func TestOwnRecordsRoundTrip(t *testing.T) {
	tests := map[Format]string{
		FormatPrompt:      `{"schema":"prompt/1","prompt_id":"p17","prompt":[{"role":"user","content":"Sky?"}],"lang":"en","tags":["open_qa"],"source_user":"u3","split":"train","x":1}`,
		FormatDemo:        `{"schema":"demo/1","prompt_id":"p17","prompt":"Sky?","completion":"","worker":"w07","y":null}`,
		FormatCompletions: `{"schema":"completions/1","prompt_id":"p17","prompt":[{"role":"user","content":"Sky?"}],"completions":[{"id":"c1","text":"Blue.","policy":"sha256:0","sampling":{"temperature":1,"top_p":1,"seed":7},"finish":"eos","logprob":-3.2}],"z":{}}`,
	}
	for format, row := range tests {
		wantEqualRows(t, there(t, format, Decode(strings.NewReader(row), "in", Auto)), row)
	}
}

// The published HH files, whole: 14 of the 4,196 rows differ before the last
// turn, and in 8 a last reply is empty.
func TestPublishedHHRoundTrips(t *testing.T) {
	early, empty := 0, 0
	for _, name := range []string{"helpful-base.test.head90.jsonl.gz", "harmless-base.test.head90.jsonl.gz"} {
		path := testdata(t, "data", "hh-rlhf", name)
		var want []string
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for row, err := range rows(f, "x.jsonl") {
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, string(encode(row.fields)))
		}
		var ranked bytes.Buffer
		if _, err := Encode(&ranked, FormatRanked, Read(path, Auto), About{}); err != nil {
			t.Fatal(err)
		}
		for r, err := range Decode(bytes.NewReader(ranked.Bytes()), "ranked", Auto) {
			if err != nil {
				t.Fatal(err)
			}
			c := r.(*Ranked).Completions
			if strings.Contains(c[0].Text, assistant) || strings.Contains(c[1].Text, assistant) {
				early++
			}
			if strings.TrimSpace(c[0].Text) == "" || strings.TrimSpace(c[1].Text) == "" {
				empty++
			}
		}
		back := there(t, FormatHH, Decode(bytes.NewReader(ranked.Bytes()), "ranked", Auto))
		wantEqualRows(t, back, strings.Join(want, "\n"))
	}
	if early != 14 || empty != 8 {
		t.Errorf("%d rows differ before the last turn, %d have an empty reply; want 14 and 8", early, empty)
	}
}

func TestHumourVotesBecomeJudgments(t *testing.T) {
	row := `{"prompt":"Which text is funnier?","chosen":"A pun.","rejected":"A fact.","chosen_id":7,"rejected_id":9,"votes_chosen":2,"votes_rejected":1}`
	var got []string
	for r, err := range Decode(strings.NewReader(row), "in", Auto) {
		if err != nil {
			t.Fatal(err)
		}
		pairs, _ := r.(*Ranked).Pairs()
		c := r.(*Ranked).Completions
		got = append(got, c[pairs[0].Better].ID+">"+c[pairs[0].Worse].ID)
	}
	if want := "7>9 7>9 9>7"; strings.Join(got, " ") != want {
		t.Errorf("judgments %v, want %s", got, want)
	}
}
