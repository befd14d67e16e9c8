package labeler

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"agora/db"
	"agora/reward/prefs"
)

// answered lets alice and bob rank item 1, and returns alice's answer.
func (s *scene) answered() db.Answer {
	s.t.Helper()
	ctx := context.Background()
	p := s.project
	p.Overlap = 2
	must(s.st.UpdateProject(ctx, 0, p))
	for _, by := range []struct {
		name  string
		u     db.User
		ranks []string
	}{{"alice", s.alice, []string{"1", "2", "3", "4"}}, {"bob", s.bob, []string{"4", "3", "2", "1"}}} { // alice has had her task open since the scene began
		name, u, ranks := by.name, by.u, by.ranks
		t := must(s.st.Next(ctx, p.ID, u.ID))
		r := db.Ranking{Ranks: map[string]int{}, Note: "note of " + name}
		for i, c := range must(s.st.ItemDetail(ctx, p.ID, t.ItemID)).Completions { // not in the order shown, which is random
			r.Ranks[c.Key], _ = strconv.Atoi(ranks[i])
		}
		s.st.Clock.Advance(40 * time.Second)
		must(s.st.Submit(ctx, u.ID, t.Lease.ID, r))
	}
	for _, a := range must(s.st.ItemDetail(ctx, p.ID, 1)).Answers {
		if a.UserID == s.alice.ID {
			return a
		}
	}
	s.t.Fatal("alice did not get item 1")
	return db.Answer{}
}

// TestReturnForRework gives an answer back: its labeler, and nobody else, gets the task again.
func TestReturnForRework(t *testing.T) {
	s := newScene(t)
	a := s.answered()
	vera, alice := s.browsers["vera"], s.browsers["alice"]
	base := "/projects/1/review/answers/" + strconv.FormatInt(a.ID, 10)
	if res := vera.post(base+"/return", url.Values{"text": {"  "}, "days": {"7"}}); res.Code != 422 {
		t.Errorf("a return without a word: status %d", res.Code)
	}
	res := vera.post(base+"/return", url.Values{"text": {"Please read the third text again."}, "days": {"7"}})
	if res.Code != 303 || !strings.HasPrefix(res.Header().Get("Location"), "/projects/1/review/items/1?a=") {
		t.Fatalf("status %d to %s: %s", res.Code, res.Header().Get("Location"), res.Body)
	}
	home := alice.get("/tasks").Body.String()
	for _, want := range []string{"Given back to you", "Please read the third text again.", "/tasks/" + a.LeaseID} {
		if !strings.Contains(home, want) {
			t.Errorf("the start page lacks %q", want)
		}
	}
	task := alice.get("/tasks/" + a.LeaseID).Body.String()
	if !strings.Contains(task, "Please read the third text again.") || strings.Count(task, "checked") < 4 || !strings.Contains(task, "note of alice") {
		t.Errorf("the task comes without the comment or the former answer: %s", task)
	}
	if strings.Contains(task, "vera") {
		t.Error("the page names the reviewer")
	}
	if next := must(s.st.Next(t.Context(), 1, s.rosa.ID)); next.ItemID == 1 {
		t.Error("somebody else got the place")
	}
	form := rankAll(task)
	if res := alice.post("/tasks/"+a.LeaseID, form); res.Code != 303 {
		t.Errorf("rework: status %d: %s", res.Code, res.Body)
	}
	page := vera.get("/projects/1/review/items/1?a=" + strconv.FormatInt(a.ID, 10)).Body.String()
	for _, want := range []string{"given back", "in use", "Side by side", "differs", ">vera<", "note of bob"} {
		if !strings.Contains(page, want) {
			t.Errorf("the comparison lacks %q", want)
		}
	}
	if home := alice.get("/tasks").Body.String(); strings.Contains(home, "Given back to you") {
		t.Error("the task is still listed")
	}
}

// TestExcludeAndBack excludes an answer, looks at the export, and takes it back.
func TestExcludeAndBack(t *testing.T) {
	s := newScene(t)
	a := s.answered()
	base := "/projects/1/review/answers/" + strconv.FormatInt(a.ID, 10)
	export := func() int {
		res := s.browsers["rosa"].post("/projects/1/export", url.Values{"format": {"ranked"}, "pack": {"data"}})
		return strings.Count(res.Body.String(), `"ranked/1"`)
	}
	if n := export(); n != 2 {
		t.Fatalf("%d lines before", n)
	}
	s.browsers["vera"].post(base+"/exclude", url.Values{"text": {"all ranks by position"}})
	if n := export(); n != 1 {
		t.Errorf("%d lines after the exclusion", n)
	}
	if page := s.browsers["vera"].get("/projects/1/review?state=excluded").Body.String(); !strings.Contains(page, a.Worker) {
		t.Error("the excluded answer is not found by its state")
	}
	if page := s.browsers["rosa"].get("/projects/1/audit?action=answer").Body.String(); !strings.Contains(page, "Answer excluded") || !strings.Contains(page, "answer:"+strconv.FormatInt(a.ID, 10)) {
		t.Errorf("the log does not say so: %s", page)
	}
	if _, err := s.st.Undo(t.Context(), 1, s.alice.ID); err == nil {
		t.Error("the labeler undid an excluded answer")
	}
	s.browsers["vera"].post(base+"/include", nil)
	if n := export(); n != 2 {
		t.Errorf("%d lines after it was put back", n)
	}
	s.browsers["vera"].post(base+"/exclude", url.Values{"text": {"careless"}, "reopen": {"true"}})
	other := must(s.st.Next(t.Context(), 1, s.rosa.ID))
	if other.ItemID != 1 {
		t.Fatalf("the place was not given on: item %d", other.ItemID)
	}
	if res := s.browsers["vera"].post(base+"/include", nil); res.Code != 409 || !strings.Contains(res.Body.String(), "given to another labeler") {
		t.Errorf("status %d: %s", res.Code, res.Body)
	}
}

// TestReviewFilters looks for answers in all the ways that the page offers.
func TestReviewFilters(t *testing.T) {
	s := newScene(t)
	a := s.answered()
	if err := s.st.Skip(t.Context(), s.bob.ID, must(s.st.Next(t.Context(), 1, s.bob.ID)).Lease.ID, "expertise", "I know nothing of bees"); err != nil {
		t.Fatal(err)
	}
	bob := must(s.st.Join(t.Context(), 1, s.bob.ID)).Worker
	for query, want := range map[string]struct{ yes, no string }{
		"":                               {a.Worker, ""},
		"worker=" + a.Worker:             {"1 answer.", "<td><code>" + bob},
		"state=returned":                 {"No answer fits", ""},
		"text=MOTHER+is+74":              {"2 answers.", ""},
		"text=note+of+bob":               {"1 answer.", "<td><code>" + a.Worker},
		"text=100%25_sure":               {"No answer fits", ""},
		"check=low":                      {"2 answers.", ""},
		"check=fast":                     {"No answer fits", ""},
		"under=60":                       {"2 answers.", ""},
		"check=gold":                     {"No answer fits", ""},
		"prompt=sourdough":               {"2 answers.", ""},
		"prompt=1":                       {"2 answers.", ""},
		"prompt=nothing":                 {"No answer fits", ""},
		"lang=en&purpose=work":           {"2 answers.", ""},
		"purpose=gold":                   {"No answer fits", ""},
		"from=2020-01-01&to=2099-01-01":  {"2 answers.", ""},
		"to=2020-01-01":                  {"No answer fits", ""},
		"state=skipped":                  {"I know nothing of bees", ""},
		"reason=unclear":                 {"No answer fits", ""},
		"flag=hallucination":             {"No answer fits", ""},
		"before=1":                       {"No answer fits", ""},
		"after=0&before=nonsense&under=": {"2 answers.", ""},
	} {
		page := s.browsers["vera"].get("/projects/1/review?" + query).Body.String()
		if !strings.Contains(page, want.yes) || want.no != "" && strings.Contains(page, want.no) {
			t.Errorf("%s: want %q and not %q: %s", query, want.yes, want.no, page)
		}
	}
	for _, bad := range []string{"from=soon", "under=-1"} {
		if res := s.browsers["vera"].get("/projects/1/review?" + bad); res.Code != 422 {
			t.Errorf("%s: status %d", bad, res.Code)
		}
	}
}

// TestReviewPages walks a long list to its end and back.
func TestReviewPages(t *testing.T) {
	s := newScene(t)
	var lines strings.Builder
	for i := range 120 {
		line := map[string]any{"schema": "ranked/1", "prompt_id": "p" + strconv.Itoa(i), "prompt": "Number " + strconv.Itoa(i) + "?", "worker": "w",
			"completions": []map[string]string{{"id": "c1", "text": "a"}, {"id": "c2", "text": "b"}}, "ranks": []int{1, 2}}
		b, _ := json.Marshal(line)
		lines.Write(append(b, '\n'))
	}
	must(importRecords(t.Context(), s.st.Store, ImportFile{Project: 1, Name: "many.jsonl", Data: strings.NewReader(lines.String())}))
	seen, path := 0, "/projects/1/review"
	var first string
	for n := 0; path != "" && n < 9; n++ {
		page := s.browsers["vera"].get(path).Body.String()
		if n == 0 {
			first = page
		}
		seen += strings.Count(page, `scope="row"`)
		path = linkTo(page, "next")
		if path == "" {
			for back := linkTo(page, "prev"); back != ""; back = linkTo(page, "prev") {
				page = s.browsers["vera"].get(back).Body.String()
			}
			if strings.Count(page, `scope="row"`) != strings.Count(first, `scope="row"`) {
				t.Error("the way back does not end where it began")
			}
		}
	}
	if seen != 120 {
		t.Errorf("saw %d answers, want 120", seen)
	}
}

// linkTo is the address of a pager's link.
func linkTo(page, rel string) string {
	at := strings.Index(page, `" rel="`+rel+`"`)
	if at < 0 {
		return ""
	}
	start := strings.LastIndex(page[:at], `href="`) + len(`href="`)
	return strings.ReplaceAll(page[start:at], "&amp;", "&")
}

// TestWithdrawalOnTheSite exports, withdraws, and looks at what the lead is told.
func TestWithdrawalOnTheSite(t *testing.T) {
	s := newScene(t)
	a := s.answered()
	rosa := s.browsers["rosa"]
	zipped := rosa.post("/projects/1/export", url.Values{"format": {"ranked"}, "pack": {"zip"}, "licence": {"CC-BY-4.0"}}).Body.Bytes()
	card := cardIn(t, zipped)
	if card.Workers != 2 || card.Licence != "CC-BY-4.0" || card.LeftOut != nil || card.Guidelines["g1"] != 2 {
		t.Errorf("card %+v", card)
	}
	if res := rosa.post("/projects/1/withdraw", url.Values{"worker": {a.Worker}}); res.Code != 422 {
		t.Errorf("without a tick: status %d", res.Code)
	}
	rosa.post("/projects/1/withdraw", url.Values{"worker": {a.Worker}, "sure": {"true"}})
	page := rosa.get("/projects/1/artefacts").Body.String()
	for _, want := range []string{card.SHA256, "Delete or make again", a.Worker, "everyday-ranked.jsonl"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q: %s", want, page)
		}
	}
	if strings.Contains(s.browsers["vera"].get("/projects/1/artefacts").Body.String(), "/retire") {
		t.Error("a reviewer may note things as done")
	}
	rosa.post("/projects/1/artefacts/1/retire", url.Values{"note": {"deleted everywhere"}})
	if page := rosa.get("/projects/1/artefacts").Body.String(); !strings.Contains(page, "deleted everywhere") || strings.Contains(page, "Delete or make again") {
		t.Errorf("it is not noted: %s", page)
	}
	after := cardIn(t, rosa.post("/projects/1/export", url.Values{"format": {"ranked"}, "pack": {"zip"}}).Body.Bytes())
	if after.Workers != 1 || after.LeftOut == nil || after.LeftOut.WithdrawnPeople != 1 || after.LeftOut.WithdrawnAnswers != 1 || after.SHA256 == card.SHA256 {
		t.Errorf("card after %+v", after)
	}
	if page := s.browsers["vera"].get("/projects/1/review/items/1").Body.String(); strings.Contains(page, "note of alice") {
		t.Error("a withdrawn answer is shown")
	}
}

// cardIn reads the card of a zipped export, whose three files belong together.
func cardIn(t *testing.T, zipped []byte) prefs.Card {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
	if err != nil {
		t.Fatalf("%v: %s", err, zipped)
	}
	var card prefs.Card
	for _, f := range z.File {
		r := must(f.Open())
		b := must(io.ReadAll(r))
		if strings.HasSuffix(f.Name, ".card.json") {
			if err := json.Unmarshal(b, &card); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(z.File) != 3 {
		t.Errorf("%d files", len(z.File))
	}
	return card
}

// TestAuditCSV downloads the log and keeps a spreadsheet from running what people wrote.
func TestAuditCSV(t *testing.T) {
	s := newScene(t)
	a := s.answered()
	s.browsers["vera"].post("/projects/1/review/answers/"+strconv.FormatInt(a.ID, 10)+"/comment", url.Values{"text": {"hm"}})
	res := s.browsers["mira"].get("/audit.csv?action=answer.comment")
	if res.Code != 200 || !strings.Contains(res.Body.String(), ",vera,answer.comment,answer:") || strings.Count(res.Body.String(), "\n") != 2 {
		t.Errorf("status %d: %s", res.Code, res.Body)
	}
	if got := csvText("=1+1"); got != "'=1+1" {
		t.Errorf("%q", got)
	}
	if page := s.browsers["mira"].get("/audit").Body.String(); !strings.Contains(page, "Project made") || !strings.Contains(page, "command line") {
		t.Errorf("the page: %s", page)
	}
}
