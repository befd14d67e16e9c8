package labeler

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"agora/db"
	"agora/reward/prefs"
)

// worker is a labeler with a task of a kind.
type worker struct {
	*testSite
	project db.Project
	user    db.User
	*browser
	path string
	keys []string
}

func newWorker(t *testing.T, kind, preset string, items ...db.NewItem) *worker {
	t.Helper()
	s := newTestSite(t)
	w := &worker{testSite: s, project: s.addFormProject("kinds", kind, preset, items...)}
	if kind == db.KindPrompt {
		if err := s.st.AddBriefs(context.Background(), 0, w.project.ID, must(db.NewBriefs("A bakery.", db.Brief{}, 1))); err != nil {
			t.Fatal(err)
		}
	}
	w.user = s.join(w.project, "lena")
	w.browser, w.path = s.signedInAs(w.user), s.taskOf(w.project, w.user)
	task := must(s.st.Task(context.Background(), w.user.ID, w.path[len("/tasks/"):]))
	for _, c := range task.Completions {
		w.keys = append(w.keys, c.Key)
	}
	return w
}

// fill puts the keys of the completions in the order shown for A, B … in a form's names.
func (w *worker) fill(fields ...string) url.Values {
	form := url.Values{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		for i, key := range w.keys {
			name = strings.Replace(name, "_"+string(rune('A'+i))+"_", "_"+key+"_", 1)
			if name == "rank_"+string(rune('A'+i)) {
				name = "rank_" + key
			}
		}
		form.Set(name, value)
	}
	return form
}

// page opens an address and returns its text.
func (w *worker) page(path string) string {
	w.testSite.t.Helper()
	res := w.get(path)
	if res.Code != http.StatusOK {
		w.testSite.t.Fatalf("%s: status %d", path, res.Code)
	}
	return res.Body.String()
}

func wantIn(t *testing.T, where, page string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(page, want) {
			t.Errorf("%s lacks %q: %s", where, want, page)
		}
	}
}

// TestKinds walks each kind of task over HTTP: the page, an incomplete answer that comes back with
// what is missing and with what was given, the answer, its line under My answers, an edit, and undo.
func TestKinds(t *testing.T) {
	tests := []struct {
		name, kind, preset string
		item               db.NewItem
		page               []string // on the task page
		half               []string // an incomplete answer
		problems           []string // and what it lacks
		whole              []string
		outcome            string
		kept               []string // on the page after undo
	}{
		{name: "ranking with flags", kind: db.KindRank, preset: "instructgpt", item: beekeeper,
			page:     []string{"Rate A", "Rank all", "Denigrates a protected class", "Requests moral judgment", "of completion D, from 1 to 7"},
			half:     []string{"axis_A_overall=6", "flag_A_hallucination=na", "pflag_ambiguous=yes", "rank_B=1"},
			problems: []string{"Completion B: please rate “Overall quality”.", "Completion A has no rank yet.", `value="6" checked`, `value="na" checked`, `id="turn-2" value="2" checked`},
			whole: []string{"axis_A_overall=6", "axis_B_overall=1", "axis_C_overall=3", "axis_D_overall=3", "flag_A_hallucination=na", "flag_B_sexual_content=yes", "pflag_ambiguous=yes",
				"rank_A=1", "rank_B=4", "rank_C=2", "rank_D=2"},
			outcome: "A &gt; C = D &gt; B", kept: []string{`value="6" checked`, `id="pflag_ambiguous" name="pflag_ambiguous" value="yes" checked`}},
		{name: "pairwise with scales", kind: db.KindPairwise, preset: "helpful-harmless", item: logfile,
			page: []string{"Which completion is better?", "Does what the person meant"}, half: []string{"strength=-1"},
			problems: []string{"Completion A: please rate “Helpful”.", "Completion B: please rate “Harmless”.", `name="strength" value="-1" data-key="2" checked`},
			whole:    []string{"strength=-1", "axis_A_helpful=7", "axis_A_harmless=7", "axis_B_helpful=1", "axis_B_harmless=7"},
			outcome:  "A &gt; B", kept: []string{`name="strength" value="-1" data-key="2" checked`}},
		{name: "rating", kind: db.KindRating, item: logfile, page: []string{"Rate this completion"}, half: []string{"note=hm"},
			problems: []string{"Completion A: please rate “Overall quality”.", ">hm</textarea>"}, whole: []string{"axis_A_overall=5"},
			outcome: "Rated 5; 0 flags raised", kept: []string{`value="5" checked`}},
		{name: "demonstration", kind: db.KindDemo, item: promptOf(plants), page: []string{"Write the answer", "north-facing"}, half: []string{"text= \r\n"},
			problems: []string{"The text is still empty."}, whole: []string{"text=Ferns.\r\nThey <like> it."},
			outcome: "Ferns. They &lt;like&gt; it.", kept: []string{"Ferns.\nThey &lt;like&gt; it.</textarea>"}},
		{name: "prompt writing", kind: db.KindPrompt, page: []string{"Write a prompt", "A bakery.", "Closed QA", "Few-shot"}, half: []string{"text=Sort these.", "style=few_shot"},
			problems: []string{"Please choose the use case.", "at least one example", "Please write the query", ">Sort these.</textarea>"},
			whole:    []string{"text=Sort these.", "style=few_shot", "use_case=classification", "example_query_1=Rye", "example_response_1=bread", "query=Eclair"},
			outcome:  "Sort these.", kept: []string{`value="few_shot" checked`, `value="classification" selected`, ">Eclair</textarea>"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var items []db.NewItem
			if tt.kind != db.KindPrompt {
				items = append(items, tt.item)
			}
			w := newWorker(t, tt.kind, tt.preset, items...)
			wantIn(t, "the task", w.page(w.path), tt.page...)

			res := w.post(w.path, w.fill(tt.half...))
			if res.Code != http.StatusUnprocessableEntity {
				t.Errorf("an incomplete answer: status %d", res.Code)
			}
			wantIn(t, "the incomplete answer", res.Body.String(), tt.problems...)

			if res = w.post(w.path, w.fill(tt.whole...)); res.Code != http.StatusSeeOther {
				t.Fatalf("the answer: status %d: %s", res.Code, res.Body)
			}
			wantIn(t, "My answers", w.page("/answers"), tt.outcome)
			wantIn(t, "the edit", w.page(w.path), append(tt.kept, "You are editing an answer")...)

			if res = w.post("/answers/undo", url.Values{"project": {"1"}}); res.Header().Get("Location") != w.path {
				t.Fatalf("undo leads to %q", res.Header().Get("Location"))
			}
			wantIn(t, "the task after undo", w.page(w.path), append(tt.kept, "Your last answer is open again")...)
		})
	}
}

// TestDraftOutlivesLease: what is sent after the place was given away is kept, whatever the kind.
func TestDraftOutlivesLease(t *testing.T) {
	w := newWorker(t, db.KindDemo, "", promptOf(plants))
	ctx := context.Background()
	w.st.Clock.Advance(2 * 3600e9)
	other := w.join(w.project, "ana")
	if got := w.taskOf(w.project, other); got == "" {
		t.Fatal("the place should be free")
	}
	if res := w.post(w.path, w.fill("text=Ferns.")); res.Code != http.StatusConflict {
		t.Errorf("status %d", res.Code)
	}
	task, err := w.st.Task(ctx, w.user.ID, w.path[len("/tasks/"):])
	if task.Draft == nil || task.Draft.Written.Text != "Ferns." {
		t.Errorf("the text is lost: %+v, %v", task.Draft, err)
	}
}

// export writes a project's records.
func (s *testSite) export(p db.Project, format prefs.Format) []byte {
	s.t.Helper()
	var b bytes.Buffer
	if _, err := prefs.Encode(&b, format, exportRecords(context.Background(), s.st.Store, p, format), prefs.About{}); err != nil {
		s.t.Fatal(err)
	}
	return b.Bytes()
}

// TestDetailsRoundTrip: ratings and flags given on the site come back from an export, through another
// project, and out of it again, the same to the last member.
func TestDetailsRoundTrip(t *testing.T) {
	w := newWorker(t, db.KindRank, "instructgpt", beekeeper)
	res := w.post(w.path, w.fill("axis_A_overall=6", "axis_B_overall=1", "axis_C_overall=3", "axis_D_overall=3", "flag_A_hallucination=na", "flag_B_hallucination=no",
		"flag_B_sexual_content=yes", "pflag_ambiguous=yes", "rank_A=1", "rank_B=4", "rank_C=2", "rank_D=2"))
	if res.Code != http.StatusSeeOther {
		t.Fatalf("status %d", res.Code)
	}
	first := w.export(w.project, prefs.FormatRanked)
	for _, want := range []string{`"form_version":"f1"`, `"ui_version":"` + uiVersion + `"`, `"prompt_flags":["ambiguous"]`, `"overall":6`, `"flags":["sexual_content"]`, `"flags_na":["hallucination"]`, `"flags_no":[`} {
		if !bytes.Contains(first, []byte(want)) {
			t.Errorf("the export lacks %s: %s", want, first)
		}
	}
	again := w.addFormProject("again", db.KindRank, "")
	must(importRecords(t.Context(), w.st.Store, ImportFile{Project: again.ID, Name: "x.jsonl", Data: bytes.NewReader(first)}))
	wantSameRows(t, w.export(again, prefs.FormatRanked), first)
	d := must(w.st.ItemDetail(t.Context(), again.ID, must(w.st.Items(t.Context(), again.ID, 0, 1))[0].ID))
	if details := must(d.Answers[0].ParseDetails()); len(details.Ratings) != 4 || d.Answers[0].Form != "f1" || details.PromptFlags[0] != "ambiguous" {
		t.Errorf("statistics would not see the ratings: %+v", details)
	}
}

// TestWrittenRoundTrip: demonstrations, prompts and single ratings are exported in their own formats
// and can be read again.
func TestWrittenRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		kind   string
		format prefs.Format
		answer []string
		want   []string
	}{
		{db.KindDemo, prefs.FormatDemo, []string{"text=Ferns.", "note=easy"}, []string{`"schema":"demo/1"`, `"prompt_id":"plants"`, `"completion":"Ferns."`, `"worker":"w`, `"note":"easy"`, `"form_version":"f1"`}},
		{db.KindPrompt, prefs.FormatPrompt, []string{"text=Hi.", "style=plain", "use_case=chat"}, []string{`"schema":"prompt/1"`, `"content":"Hi."`, `"tags":["chat","plain"]`, `"source_user":"w`}},
		{db.KindRating, prefs.FormatRanked, []string{"axis_A_overall=5"}, []string{`"schema":"ranked/1"`, `"ranks":[null]`, `"overall":5`}},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			item := map[string][]db.NewItem{db.KindDemo: {promptOf(plants)}, db.KindRating: {plants}}[tt.kind]
			w := newWorker(t, tt.kind, "", item...)
			if res := w.post(w.path, w.fill(tt.answer...)); res.Code != http.StatusSeeOther {
				t.Fatalf("status %d: %s", res.Code, res.Body)
			}
			out := w.export(w.project, tt.format)
			wantIn(t, "the export", string(out), tt.want...)
			again := w.addFormProject("again", db.KindRank, "")
			must(importRecords(t.Context(), w.st.Store, ImportFile{Project: again.ID, Name: "x.jsonl", Data: bytes.NewReader(out)}))
			wantSameRows(t, w.export(again, tt.format), out)
		})
	}
}

// editorFields are the fields of a form editor's page, as a browser would send them.
func editorFields(page string) url.Values {
	form := url.Values{}
	_, page, _ = strings.Cut(page, `id="form-editor"`)
	page, _, _ = strings.Cut(page, "</form>")
	for _, m := range regexp.MustCompile(`<input[^>]* name="([^"]+)" value="([^"]*)"( checked)?`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(m[0], `type="checkbox"`) || m[3] != "" {
			form.Set(m[1], m[2])
		}
	}
	return form
}

// TestFormEditor: presets, rows, the preview, saving, and what is refused.
func TestFormEditor(t *testing.T) {
	s := newTestSite(t)
	p := s.addFormProject("kinds", db.KindRank, "", beekeeper)
	rosa := s.as(db.RoleResearcher)
	path := formPath(p)
	send := func(do string, form url.Values) (int, string) {
		form.Set("do", do)
		res := rosa.post(path, form)
		return res.Code, res.Body.String()
	}
	form := editorFields(rosa.get(path).Body.String())
	form.Set("preset", "instructgpt")
	_, page := send("preset", form)
	wantIn(t, "the preset", page, "Denigrates a protected class", "Rate A", `value="Requests advice"`)

	// Saved as it is, a preset keeps the catalogue's names, so that other languages have their own.
	form = editorFields(page)
	form.Set("do", "save")
	if res := rosa.post(path, form); res.Code != http.StatusSeeOther {
		t.Fatalf("save: status %d: %s", res.Code, res.Body)
	}
	v := must(s.st.Form(t.Context(), p.ID))
	if want := must(db.PresetForm("instructgpt", db.KindRank)); v.Version != 2 || len(v.Body.Flags) != 11 || v.Body.Flags[0] != want.Flags[0] || v.Body.Axes[0] != want.Axes[0] {
		t.Errorf("saved %+v", v)
	}

	// A row more, with a name of the lead's own; a row less.
	page = rosa.get(path).Body.String()
	_, page = send("axes.add", editorFields(page))
	_, page = send("flags.remove.0", editorFields(page))
	form = editorFields(page)
	form.Set("axes.1.name", "Tone & “warmth”")
	form.Set("axes.1.min", "0")
	form.Set("axes.1.max", "10")
	form.Set("do", "preview")
	wantIn(t, "the preview", rosa.post(path, form).Body.String(), "Tone &amp; “warmth” <span", `value="10"`)
	_, page = send("save", form)
	v = must(s.st.Form(t.Context(), p.ID))
	if a := v.Body.Axes[1]; a.Key != "tone_warmth" || a.Name != "Tone & “warmth”" || a.Max != 10 || len(v.Body.Flags) != 10 {
		t.Errorf("saved %+v", v.Body)
	}

	// What cannot be: a scale that goes backwards, a name that is missing, a version that is old.
	form = editorFields(rosa.get(path).Body.String())
	form.Set("axes.0.min", "9")
	form.Set("axes.1.name", "")
	code, page := send("save", form)
	if code != http.StatusUnprocessableEntity {
		t.Errorf("status %d", code)
	}
	wantIn(t, "the faulty form", page, "Scale 2: please write a name.", `value="9"`)
	form = editorFields(rosa.get(path + "?version=f1").Body.String())
	form.Set("base", "f1")
	if code, page = send("save", form); code != http.StatusConflict {
		t.Errorf("an old base: status %d", code)
	}
	wantIn(t, "the old form", page, "Somebody else saved version f3")
	wantIn(t, "the list of versions", page, ">f1</a>", "researcher-1", "in use")
	if v = must(s.st.Form(t.Context(), p.ID)); v.Version != 3 {
		t.Errorf("version %d", v.Version)
	}
}

// TestFormPreviewForScripts: a script gets the preview alone.
func TestFormPreviewForScripts(t *testing.T) {
	s := newTestSite(t)
	p := s.addFormProject("kinds", db.KindRating, "")
	rosa := s.as(db.RoleResearcher)
	form := editorFields(rosa.get(formPath(p)).Body.String())
	form.Set("axes.0.name", "Warmth")
	form.Set("axes.0.max", "2000000000")
	form.Set("do", "preview")
	req := httptest.NewRequest(http.MethodPost, formPath(p), strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Dest", "empty")
	page := rosa.send(req).Body.String()
	if strings.Contains(page, "<html") || !strings.Contains(page, "Warmth") || len(page) > 20_000 {
		t.Errorf("%d bytes: %.300s", len(page), page)
	}
}

// TestBriefs: a lead asks for prompts and passes the written ones on.
func TestBriefs(t *testing.T) {
	w := newWorker(t, db.KindPrompt, "")
	rosa := w.as(db.RoleResearcher)
	if res := rosa.post(formPath(w.project)+"/briefs", url.Values{"about": {"x"}, "count": {"0"}}); res.Code != http.StatusUnprocessableEntity || !strings.Contains(res.Body.String(), "0 is not between 1 and 1000") {
		t.Errorf("no briefs: status %d", res.Code)
	}
	if res := rosa.post(formPath(w.project)+"/briefs", url.Values{"about": {"x"}, "count": {"3"}, "style": {"plain"}}); res.Code != http.StatusSeeOther {
		t.Errorf("status %d", res.Code)
	}
	if q := must(w.st.Queue(t.Context(), w.project.ID)); q.Items != 4 {
		t.Errorf("%d tasks, want 4", q.Items)
	}
	w.post(w.path, w.fill("text=Hi.", "style=plain", "use_case=chat"))
	to := w.addFormProject("answers", db.KindDemo, "")
	wantIn(t, "the editor", rosa.get(formPath(w.project)).Body.String(), "1 prompt is written so far", "Project answers")
	for _, want := range []string{"1 prompt passed on to Project answers", "There is no prompt that the other project does not have already"} {
		rosa.post(formPath(w.project)+"/passon", url.Values{"to": {strconv.FormatInt(to.ID, 10)}})
		wantIn(t, "passing on", rosa.get(formPath(w.project)).Body.String(), want)
	}
	if res := w.get(w.taskOf(to, w.join(to, "ana"))); res.Code != http.StatusNotFound { // ana's task is hers
		t.Errorf("somebody else's task: %d", res.Code)
	}
}
