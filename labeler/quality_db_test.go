package labeler

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"agora/db"
	"agora/reward/prefs"
	"agora/views"
)

// groupLines is answers of two groups of n people to prompts p0 … p5: group north prefers the first text of
// p0, group south the second; everybody prefers the first of the others. Person x0 is in a group of one.
func groupLines(n int) string {
	var b strings.Builder
	add := func(prompt int, worker, group string, first int) {
		fmt.Fprintf(&b, `{"schema":"ranked/1","prompt_id":"p%d","prompt":"Question %d?","completions":[{"id":"c1","text":"one %d","policy":"ppo"},{"id":"c2","text":"two %d","policy":"sft"}],"ranks":[%d,%d],"worker":"%s","groups":{"region":"%s"}}`+"\n",
			prompt, prompt, prompt, prompt, first, 3-first, worker, group)
	}
	for prompt := range 6 {
		for i := range n {
			south := 1
			if prompt == 0 {
				south = 2
			}
			add(prompt, fmt.Sprint("n", i), "north", 1)
			add(prompt, fmt.Sprint("s", i), "south", south)
		}
		add(prompt, "x0", "west", 2)
	}
	return b.String()
}

// importLines brings ranked/1 lines into a project.
func importLines(s *testSite, p db.Project, lines string) (db.Import, error) {
	s.t.Helper()
	return importRecords(context.Background(), s.st.Store, ImportFile{Project: p.ID, Name: "answers.jsonl", Data: strings.NewReader(lines), Format: prefs.FormatRanked})
}

// grouped is a site with a project of two groups, and somebody who may look.
func grouped(t *testing.T) (*testSite, db.Project, *browser) {
	s := newTestSite(t)
	p := s.addProject("regions", "Regions", db.KindRank, 2)
	if _, err := importLines(s, p, groupLines(8)); err != nil {
		t.Fatal(err)
	}
	return s, p, s.signedInAs(s.addUser("rosa", db.RoleReviewer))
}

func TestDisagreementPages(t *testing.T) {
	s, p, rosa := grouped(t)
	page := rosa.get(projectPath(p) + "/disagreement").Body.String()
	for _, want := range []string{"Question 0?", "north", "south", "100 points", "ppo over sft", ">found<", "In the middle comparison 8 people", "1 group of fewer than 5 people"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, not := range []string{"west", "x0", "NaN", ">n1<"} {
		if strings.Contains(page, not) {
			t.Errorf("the page holds %q", not)
		}
	}
	if first, second := strings.Index(page, "Question 0?"), strings.Index(page, "Question 1?"); first > second {
		t.Error("the surest difference must stand first")
	}
	d, err := computeDisagreement(t.Context(), s.st.Store, p, "region")
	if err != nil || d.found() != 1 || len(d.Compared) != 6 || d.Small != 1 {
		t.Fatalf("%d found of %d, %d small, %v", d.found(), len(d.Compared), d.Small, err)
	}
	item := rosa.get(fmt.Sprintf("%s/disagreement/items/%d?by=region", projectPath(p), d.Prompts[0].Item)).Body.String()
	for _, want := range []string{"side by side", "north", "south", "8 people", "100.0\u00a0%", "one 0", "two 0", "Text by text"} {
		if !strings.Contains(item, want) {
			t.Errorf("the item's page lacks %q", want)
		}
	}
	if strings.Contains(item, "west") || strings.Contains(item, "x0") {
		t.Error("a group of one must not be on the item's page")
	}
}

// The file has every comparison, and no group of fewer than five.
func TestDisagreementExport(t *testing.T) {
	_, p, rosa := grouped(t)
	lines := strings.Split(strings.TrimSpace(rosa.get(projectPath(p)+"/disagreement/export?format=json&by=region").Body.String()), "\n")
	var first splitJSON
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil {
		t.Fatal(err)
	}
	if len(lines) != 6 || first.Prompt != "p0" || first.ShareA != 1 || first.ShareB != 0 || first.NA != 8 || first.A != "north" || first.CI == nil || first.Diff != 1 {
		t.Errorf("%d lines, first %+v", len(lines), first)
	}
	csv := rosa.get(projectPath(p) + "/disagreement/export?format=csv").Body.String()
	if n := strings.Count(csv, "\n"); n != 7 || !strings.HasPrefix(csv, "prompt_id,item,") || strings.Contains(csv, "west") {
		t.Errorf("%d lines of CSV:\n%s", n, csv)
	}
	if res := rosa.get(projectPath(p) + "/disagreement/export?format=xlsx"); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("status %d for an unknown format", res.Code)
	}
}

// Groups of four on each prompt: nothing is shown, and the page says what is missing.
func TestDisagreementOfFew(t *testing.T) {
	s := newTestSite(t)
	p := s.addProject("few", "Few", db.KindRank, 2)
	if _, err := importLines(s, p, groupLines(4)); err != nil {
		t.Fatal(err)
	}
	page := s.signedInAs(s.addUser("rosa", db.RoleReviewer)).get(projectPath(p) + "/disagreement").Body.String()
	if !strings.Contains(page, "No groups to compare yet") || strings.Contains(page, "north") {
		t.Error("groups of four must not be compared")
	}
}

// Known and repeated items by hand: half of one key's only pair, and one of three verdicts changed.
func TestChecksByHand(t *testing.T) {
	ranks := func(rs ...int) []*int {
		out := make([]*int, len(rs))
		for i := range rs {
			out[i] = &rs[i]
		}
		return out
	}
	texts := make([]db.Completion, 3)
	gold := db.Record{Item: db.Item{Solution: `{"ranks":[1,2,3],"details":{"prompt_flags":["ambiguous"]}}`}, Completions: texts,
		Answer: &db.Answer{Ranks: ranks(1, 3, 2), Details: `{"prompt_flags":["ambiguous"]}`}}
	if score, ok, err := goldScore(gold); err != nil || !ok || math.Abs(score-3./4) > 1e-12 {
		t.Errorf("gold %v %v %v, want 3 of 4", score, ok, err)
	}
	if _, ok, err := goldScore(db.Record{Answer: &db.Answer{}}); ok || err != nil {
		t.Error("an item without a key has no score")
	}
	again := db.Repeat{First: gold, Again: db.Record{Completions: texts, Answer: &db.Answer{Ranks: ranks(1, 2, 2)}}}
	if share, ok := sameAgain(again); !ok || math.Abs(share-2./3) > 1e-12 {
		t.Errorf("same again %v, want 2 of 3", share)
	}
	again.Again.Answer.Ranks = make([]*int, 3)
	if _, ok := sameAgain(again); ok {
		t.Error("nothing ranked is nothing repeated")
	}
}

// Flags are missing where a form's question was left open, and a no where a source lists only what applies.
func TestFlagsMissingAreNotNo(t *testing.T) {
	s := newLabelSet(onFlags, tiesOutcome)
	s.rated = []flagged{
		{"p", "u", "a", []string{"opinion"}, nil, true}, {"p", "u", "b", nil, []string{"opinion"}, true},
		{"p", "u", "c", nil, nil, true}, {"p", "u", "d", nil, nil, false},
	}
	var got []string
	for _, l := range s.flagLabels("opinion") {
		got = append(got, fmt.Sprint(l.Labeler, l.Value))
	}
	if fmt.Sprint(got) != "[a1 b0 d0]" {
		t.Error(got)
	}
}

// Scales and flags that a lead made up are called what the lead calls them, also those of an older form.
func TestQualityNamesFields(t *testing.T) {
	s := newTestSite(t)
	ctx := t.Context()
	p := s.addProject("names", "Names", db.KindRank, 3)
	old := must(s.st.Form(ctx, p.ID))
	form := old.Body
	form.Axes = []db.Axis{{Key: "overall", Name: "Would you keep it?", Min: 1, Max: 7}}
	form.Flags = []db.Flag{{Key: "expresses_opinion", Name: "Takes a side"}}
	old = must(s.st.SaveForm(ctx, 1, p.ID, old.Version, form))
	form.Flags = nil
	must(s.st.SaveForm(ctx, 1, p.ID, old.Version, form))
	must(importLines(s, p, mannersLines()))
	s.freshQuality(p)
	page := s.signedInAs(s.addUser("rosa", db.RoleReviewer)).get(projectPath(p) + "/quality").Body.String()
	for _, want := range []string{"Would you keep it?", "Takes a side"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, not := range []string{"expresses_opinion", "Expresses opinion"} {
		if strings.Contains(page, not) {
			t.Errorf("the page holds %q", not)
		}
	}
}

// A country is named, not coded, and so are the questions of the survey and their answers.
func TestGroupsInWords(t *testing.T) {
	ctx := t.Context()
	for _, q := range db.SurveyQuestions {
		if q.Kind == db.AskText {
			continue
		}
		if label := views.GroupLabel(ctx, q.Key); label == q.Key {
			t.Errorf("question %s has no name", q.Key)
		}
		for _, value := range append(q.Options, "several") {
			if text := groupValue(ctx, q.Key, value); text == value && value != "65+" {
				t.Errorf("%s: %s has no name", q.Key, value)
			}
		}
	}
	for value, want := range map[string]string{"UY": "Uruguay", "CH": "Switzerland"} {
		if got := groupValue(ctx, "birth_country", value); got != want {
			t.Errorf("%s is %q, want %q", value, got, want)
		}
	}
	if got := groupValue(ctx, "cohort", "UY"); got != "UY" {
		t.Errorf("a tag became %q", got)
	}
}

// Known and repeated items that the site handed out show on the pages of people. Which tasks they are is drawn
// anew each time.
func TestChecksOnThePages(t *testing.T) {
	s := newTestSite(t)
	p := s.addProject("checked", "Checked", db.KindRank, 3)
	s.addChecked(p)
	q := s.freshQuality(p)
	careful := s.workerOf(p, "checked-1")
	repeats, checked := 0, ""
	for _, x := range q.People {
		repeats += x.Checks.Repeats.N
		if x.Checks.Repeats.N > 0 && x.Checks.Gold.N > 0 {
			checked = x.Worker
		}
		if wrong := x.Checks.Gold.Rate < 1 || x.Checks.Repeats.Rate < 1; wrong && x.Worker == careful {
			t.Errorf("who ranks by the key: %+v", x.Checks)
		}
	}
	if q.Checked < 3 || repeats < 3 || checked == "" {
		t.Fatalf("%d answers to known items, %d to repeated ones, by %d people", q.Checked, repeats, len(q.People))
	}
	person := s.signedInAs(s.addUser("rosa", db.RoleReviewer)).get(projectPath(p) + "/quality/labelers/" + checked).Body.String()
	for _, not := range []string{"NaN", views.T(t.Context(), "quality.fact.gold.none"), views.T(t.Context(), "quality.fact.again.none")} {
		if strings.Contains(person, not) {
			t.Errorf("the page of somebody who was checked says %q", not)
		}
	}
}
