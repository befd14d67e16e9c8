package labeler

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"agora/db"
	"agora/db/dbtest"
	"agora/reward/prefs"
)

// rankedLines are records with everything that ranked/1 knows, and with what
// it does not know at every level.
const rankedLines = `{"schema":"ranked/1","project":"sky","prompt_id":"p17","prompt":[{"role":"user","content":"Sky?"}],"lang":"en","completions":[{"id":"c1","text":"Blue.","policy":"sft-v3"},{"id":"c2","text":"Green.","policy":"ppo-v1"},{"id":"c3","text":"Azure.","policy":"demo"}],"ranks":[1,2,1],"strength":null,"none_acceptable":false,"shown_order":["c3","c1","c2"],"ratings":[{"id":"c1","overall":6,"flags":["expresses_opinion"]},{"id":"c2","overall":2,"flags":["hallucination"],"tone":3}],"prompt_flags":["closed_domain"],"confidence":8,"note":"","worker":"w07","worker_fold":2,"groups":{"gender":"woman","region":null},"weight":1.25,"consent":"c2","guideline_version":"g4","ui_version":"u3","form_version":"f2","duration_ms":41200,"active_ms":30100,"answered_at":"2026-01-02T10:00:00.123456Z","split":"train","mood":{"deep":[1,{"x":null}]}}
{"schema":"ranked/1","prompt_id":"p18","prompt":"One string?","completions":[{"id":"b","text":"No <b>&amp;\u2028","policy":"","logprob":-3.25,"sampling":{"temperature":1,"seed":12345678901234567},"finish":"eos"},{"id":"a","text":"","extra":true}],"ranks":[2,1],"strength":1.5,"worker":"w01"}
{"schema":"ranked/1","prompt_id":"p17","prompt":[{"role":"system","content":"Be brief.","name":"boss"},{"role":"user","content":"Sky?"}],"completions":[{"id":"c1","text":"Blue."},{"id":"c2","text":"Green."}],"ranks":[null,null],"none_acceptable":true,"worker":"w07"}
{"schema":"ranked/1","prompt_id":"p17","prompt":[{"role":"user","content":"Sky?"}],"lang":"en","completions":[{"id":"c1","text":"Blue.","policy":"sft-v3"},{"id":"c2","text":"Green.","policy":"ppo-v1"},{"id":"c3","text":"Azure.","policy":"demo"}],"ranks":[3,2,1],"worker":"w09"}
`

// roundTrip imports data into a new project and exports it again.
func roundTrip(t *testing.T, name string, data []byte, format prefs.Format) []byte {
	t.Helper()
	st := dbtest.Open(t)
	p, err := st.CreateProject(t.Context(), db.DefaultProject("trip"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := importRecords(t.Context(), st.Store, ImportFile{Project: p.ID, Name: name, Data: bytes.NewReader(data)}); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.jsonl")
	if _, err := prefs.Write(out, format, exportRecords(t.Context(), st.Store, p, format), prefs.About{}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rowsOf decodes JSON lines, numbers as written.
func rowsOf(t *testing.T, data []byte) []any {
	t.Helper()
	var rows []any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	for dec.More() {
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, v)
	}
	return rows
}

func wantSameRows(t *testing.T, got, want []byte) {
	t.Helper()
	a, b := rowsOf(t, got), rowsOf(t, want)
	if len(a) != len(b) {
		t.Fatalf("%d rows came back, %d went in", len(a), len(b))
	}
	for i := range a {
		if !reflect.DeepEqual(a[i], b[i]) {
			t.Fatalf("row %d\n got %v\nwant %v", i+1, a[i], b[i])
		}
	}
}

func TestRoundTrips(t *testing.T) {
	tests := []struct {
		name, data string
		format     prefs.Format
	}{
		{"ranked", rankedLines, prefs.FormatRanked},
		{"trl", `{"prompt":"Q?","chosen":"yes","rejected":"no","score":0.3}
{"prompt":[{"role":"user","content":"Hi"}],"chosen":[{"role":"assistant","content":"Hello"}],"rejected":[{"role":"assistant","content":"Go away"}]}
{"prompt":"Q?","chosen":"yes","rejected":"no","score":0.9}
`, prefs.FormatTRL},
		{"hh", `{"chosen":"\n\nHuman: Hi\n\nAssistant: Hello","rejected":"\n\nHuman: Hi\n\nAssistant: No"}
{"chosen":"\n\nHuman: A\n\nAssistant: B\n\nHuman: C\n\nAssistant: D","rejected":"\n\nHuman: A\n\nAssistant: B\n\nHuman: C\n\nAssistant: E"}
`, prefs.FormatHH},
		{"prompts", `{"schema":"prompt/1","prompt_id":"p1","prompt":[{"role":"user","content":"Sky?"}],"lang":"en","tags":["open_qa"],"mine":1}
`, prefs.FormatPrompt},
		{"demonstrations", `{"schema":"demo/1","prompt_id":"p1","prompt":"Sky?","completion":"Blue.","worker":"w07","mine":1}
`, prefs.FormatDemo},
		{"completions", `{"schema":"completions/1","prompt_id":"p1","prompt":"Sky?","completions":[{"id":"x","text":"Blue.","policy":"sha256:00","logprob":-1},{"id":"y","text":"Red."}],"lang":"en"}
`, prefs.FormatCompletions},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantSameRows(t, roundTrip(t, tt.name+".jsonl", []byte(tt.data), tt.format), []byte(tt.data))
		})
	}
}

// TestRoundTripPublicData does the same with a real file in another place.
func TestRoundTripPublicData(t *testing.T) {
	root := os.Getenv("AGORA_TESTDATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	path := filepath.Join(root, "data", "hh-rlhf", "helpful-base.test.head90.jsonl.gz")
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("no test data at %s (AGORA_TESTDATA names the folder)", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	wantSameRows(t, roundTrip(t, "helpful.jsonl.gz", data, prefs.FormatHH), gunzip(t, data))
}

// TestSiteAnswerExport exports an answer that was given on the site.
func TestSiteAnswerExport(t *testing.T) {
	st := dbtest.Open(t)
	ctx := t.Context()
	p := must(st.CreateProject(ctx, db.DefaultProject("sky")))
	in := ImportFile{Project: p.ID, Name: "c.jsonl", Data: strings.NewReader(
		`{"schema":"completions/1","prompt_id":"p1","prompt":[{"role":"user","content":"Sky?","name":"kim"}],"lang":"en","topic":"weather","completions":[{"id":"x","text":"Blue.","policy":"sft","logprob":-1},{"id":"y","text":"Red.","policy":"ppo"}]}`)}
	must(importRecords(ctx, st.Store, in))
	u := must(st.CreateUser(ctx, "ana", db.RoleLabeler, ""))
	task := must(st.Next(ctx, p.ID, u.ID))
	r := db.Ranking{Ranks: map[string]int{task.Completions[0].Key: 1, task.Completions[1].Key: 2}, Note: "clear"}
	must(st.Submit(ctx, u.ID, task.Lease.ID, r))
	var got []*prefs.Ranked
	for r, err := range exportRecords(ctx, st.Store, p, prefs.FormatRanked) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.(*prefs.Ranked))
	}
	if len(got) != 1 {
		t.Fatalf("%d records", len(got))
	}
	a := got[0]
	best := a.Completions[0]
	if *a.Ranks[1] == 1 {
		best = a.Completions[1]
	}
	if best.Text != task.Completions[0].Text || a.ShownOrder[0] != best.ID || a.Note != "clear" || a.Project != "sky" || a.Lang != "en" {
		t.Errorf("exported %+v", a)
	}
	if a.Worker == "" || a.Worker == "ana" || a.WorkerFold == nil || a.Split == "" || a.GuidelineVersion != "g1" || a.AnsweredAt != "2026-01-02T12:00:00Z" {
		t.Errorf("exported %+v", a)
	}
	if a.Completions[0].Policy != "sft" || a.Completions[0].LogProb == nil || a.Prompt[0].Extra == nil || !a.Extra.Has("topic") {
		t.Errorf("what came with the item is lost: %+v", a)
	}
}

func TestImportRefuses(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"empty", "", "x.jsonl: is empty"},
		{"not JSON", "hello\n", "x.jsonl:1"},
		{"truncated", `{"prompt":"a","chosen":"b","rejected":"c"}` + "\n" + `{"prompt":"a","cho`, "x.jsonl:2"},
		{"foreign columns", `{"a":1}`, "no known format"},
		{"one text", `{"schema":"completions/1","prompt_id":"p","prompt":"a","completions":[{"id":"c","text":"b"}]}`, "completions"},
		{"ten texts to rank", `{"schema":"completions/1","prompt_id":"p","prompt":"a","completions":[` + tenTexts() + `]}`, "at most 9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := dbtest.Open(t)
			p := must(st.CreateProject(t.Context(), db.DefaultProject("x")))
			_, err := importRecords(t.Context(), st.Store, ImportFile{Project: p.ID, Name: "x.jsonl", Data: strings.NewReader(tt.data)})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v, want one line with %q", err, tt.want)
			}
			if items := must(st.Items(t.Context(), p.ID, 0, 10)); len(items) != 0 {
				t.Errorf("%d items left behind", len(items))
			}
		})
	}
}

func tenTexts() string {
	parts := make([]string, 10)
	for i := range parts {
		parts[i] = `{"id":"c` + string(rune('0'+i)) + `","text":"b"}`
	}
	return strings.Join(parts, ",")
}

func TestImportTwice(t *testing.T) {
	st := dbtest.Open(t)
	p := must(st.CreateProject(t.Context(), db.DefaultProject("x")))
	in := func() ImportFile {
		return ImportFile{Project: p.ID, Name: "x.jsonl", Data: strings.NewReader(rankedLines)}
	}
	must(importRecords(t.Context(), st.Store, in()))
	if _, err := importRecords(t.Context(), st.Store, in()); !errors.Is(err, db.ErrImportedTwice) {
		t.Errorf("got %v", err)
	}
}

// TestExportEndsEarly stops reading after one record: nothing hangs.
func TestExportEndsEarly(t *testing.T) {
	st := dbtest.Open(t)
	p := must(st.CreateProject(context.Background(), db.DefaultProject("x")))
	must(importRecords(t.Context(), st.Store, ImportFile{Project: p.ID, Name: "x.jsonl", Data: strings.NewReader(rankedLines)}))
	for range exportRecords(t.Context(), st.Store, p, prefs.FormatRanked) {
		break
	}
}

func gunzip(t *testing.T, data []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
