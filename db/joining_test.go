package db_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"agora/db"
	"agora/db/dbtest"
)

// newcomer is a project whose lead switched everything on, and somebody who joins it.
type newcomer struct {
	t    *testing.T
	st   *dbtest.Store
	ctx  context.Context
	p    db.Project
	lead db.User
	ana  db.User
}

// keyedItems are one practice and one screening item whose first text is the best, and a task.
func keyedItems() []db.NewItem {
	item := func(id, purpose, solution string) db.NewItem {
		return db.NewItem{PromptID: id, Lang: "en", Prompt: []db.Message{{Role: "user", Content: id}}, Purpose: purpose, Solution: solution,
			Completions: []db.NewCompletion{{Text: "good"}, {Text: "fair"}, {Text: "poor"}}}
	}
	key := `{"ranks":[1,2,3],"explanation":"The first one answers."}`
	return []db.NewItem{item("learn", db.ForPractice, key), item("trial", db.ForScreening, key), item("work", "", "")}
}

func newNewcomer(t *testing.T) *newcomer {
	t.Helper()
	n := &newcomer{t: t, st: dbtest.Open(t), ctx: t.Context()}
	p := db.DefaultProject("sky")
	p.K, p.Instructions = 3, "Be fair."
	n.p = must(n.st.CreateProject(n.ctx, p))(t)
	n.lead = must(n.st.CreateUser(n.ctx, "lead", db.RoleResearcher, "h"))(t)
	must(n.st.AddItems(n.ctx, n.p.ID, n.lead.ID, "items", keyedItems()))(t)
	j := db.DefaultJoining(n.p.ID)
	j.Profile, j.Survey, j.Guidelines = true, true, true
	n.ok(n.st.SetJoining(n.ctx, n.lead.ID, j))
	must(n.st.SetConsentText(n.ctx, n.lead.ID, n.p.ID, "We keep your answers.", true))(t)
	n.ana = n.join("ana", map[string]string{"cohort": "spanish"})
	return n
}

func (n *newcomer) ok(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// join uses an invitation with tags up.
func (n *newcomer) join(name string, tags map[string]string) db.User {
	n.t.Helper()
	token, _, err := n.st.CreateInvite(n.ctx, db.Invite{Role: db.RoleLabeler, ProjectID: n.p.ID, Tags: tags}, time.Hour)
	n.ok(err)
	return must(n.st.AcceptInvite(n.ctx, token, name, "h"))(n.t)
}

// at checks where somebody is.
func (n *newcomer) at(u db.User, stage string) {
	n.t.Helper()
	if got := must(n.st.Standing(n.ctx, n.p.ID, u.ID))(n.t).Member.Stage; got != stage {
		n.t.Fatalf("%s is at %q, want %q", u.Name, got, stage)
	}
	if got := must(n.st.MemberStage(n.ctx, n.p.ID, u.ID))(n.t); got != stage {
		n.t.Fatalf("stored: %q, want %q", got, stage)
	}
}

// answer takes the next task and ranks its texts, by what they say.
func (n *newcomer) answer(u db.User, ranks map[string]int) db.Answer {
	n.t.Helper()
	task := must(n.st.Next(n.ctx, n.p.ID, u.ID))(n.t)
	r := db.Ranking{Ranks: map[string]int{}}
	for _, c := range task.Completions {
		r.Ranks[c.Key] = ranks[c.Text]
	}
	return must(n.st.Submit(n.ctx, u.ID, task.Lease.ID, r))(n.t)
}

var right = map[string]int{"good": 1, "fair": 2, "poor": 3}

// passTo takes somebody through the steps before a stage.
func (n *newcomer) passTo(u db.User, stage string) {
	n.t.Helper()
	for _, step := range []struct {
		stage string
		take  func() error
	}{
		{db.StageProfile, func() error { return n.st.SetProfile(n.ctx, db.Profile{UserID: u.ID, Languages: []string{"en"}}) }},
		{db.StageConsent, func() error { return n.st.AnswerConsent(n.ctx, n.p.ID, u.ID, 1, true) }},
		{db.StageSurvey, func() error { return n.st.SkipSurvey(n.ctx, n.p.ID, u.ID) }},
		{db.StageGuidelines, func() error { return n.st.ReadGuidelines(n.ctx, n.p.ID, u.ID, 1) }},
		{db.StagePractice, func() error { n.answer(u, right); return nil }},
		{db.StageScreening, func() error { n.answer(u, map[string]int{"good": 1, "fair": 3, "poor": 2}); return nil }},
		{db.StageWaiting, func() error {
			m := must(n.st.Standing(n.ctx, n.p.ID, u.ID))(n.t).Member
			return n.st.Decide(n.ctx, n.lead.ID, n.p.ID, m.Worker, db.VerdictAccepted)
		}},
	} {
		if step.stage == stage {
			break
		}
		n.at(u, step.stage)
		n.ok(step.take())
	}
	n.at(u, stage)
}

func TestJoiningStepByStep(t *testing.T) {
	n := newNewcomer(t)
	_, err := n.st.Next(n.ctx, n.p.ID, n.ana.ID)
	wantErr(t, err, db.ErrNotReady)
	n.passTo(n.ana, db.StageScreening)
	if a := n.answer(n.ana, map[string]int{"good": 1, "fair": 3, "poor": 2}); a.Purpose != db.ForScreening {
		t.Errorf("purpose %q", a.Purpose)
	}
	n.at(n.ana, db.StageWaiting)
	c := must(n.st.Candidates(n.ctx, n.p.ID))(t)
	if len(c) != 1 || c[0].Ranks != (db.Agreement{Equal: 2, N: 3}) {
		t.Fatalf("candidates %+v", c)
	}
	n.ok(n.st.Decide(n.ctx, n.lead.ID, n.p.ID, c[0].Worker, db.VerdictAccepted))
	n.at(n.ana, db.StageActive)
	if a := n.answer(n.ana, right); a.Purpose != db.ForWork || a.Guideline != "g1" {
		t.Errorf("work: %+v", a)
	}
	exported := 0
	n.ok(n.st.EachRecord(n.ctx, db.Export{ProjectID: n.p.ID}, func(db.Record) error { exported++; return nil }))
	if exported != 1 {
		t.Errorf("%d answers are exported, want the one of work", exported)
	}
}

func TestVerdicts(t *testing.T) {
	n := newNewcomer(t)
	n.passTo(n.ana, db.StageWaiting)
	w := must(n.st.Candidates(n.ctx, n.p.ID))(t)[0].Worker
	n.ok(n.st.Decide(n.ctx, n.lead.ID, n.p.ID, w, db.VerdictPractice))
	n.at(n.ana, db.StagePractice)
	n.answer(n.ana, right)
	n.at(n.ana, db.StageScreening)
	n.answer(n.ana, right)
	n.at(n.ana, db.StageWaiting)
	if c := must(n.st.Candidates(n.ctx, n.p.ID))(t)[0]; c.Ranks != (db.Agreement{Equal: 3, N: 3}) {
		t.Errorf("only the second trial counts: %+v", c.Ranks)
	}
	n.ok(n.st.Decide(n.ctx, n.lead.ID, n.p.ID, w, db.VerdictRejected))
	n.at(n.ana, db.StageRejected)
	_, err := n.st.Next(n.ctx, n.p.ID, n.ana.ID)
	wantErr(t, err, db.ErrNotReady)
	n.ok(n.st.Decide(n.ctx, n.lead.ID, n.p.ID, w, db.VerdictAccepted)) // a change of mind
	n.at(n.ana, db.StageActive)
	if err := n.st.Decide(n.ctx, n.lead.ID, n.p.ID, w, db.VerdictRejected); err == nil {
		t.Error("somebody at work was turned away by a stale page")
	}
}

func TestDefaultProjectHasNoSteps(t *testing.T) {
	n := newNewcomer(t)
	p := must(n.st.CreateProject(n.ctx, db.DefaultProject("plain")))(t)
	m := must(n.st.Join(n.ctx, p.ID, n.ana.ID))(t)
	if m.Stage != db.StageActive || m.Admitted == 0 {
		t.Errorf("member %+v", m)
	}
	if m := must(n.st.Join(n.ctx, n.p.ID, n.lead.ID))(t); m.Stage != db.StageActive {
		t.Errorf("a lead has to pass %s", m.Stage)
	}
}

func TestConsentVersions(t *testing.T) {
	n := newNewcomer(t)
	n.passTo(n.ana, db.StageActive)
	if c := must(n.st.SetConsentText(n.ctx, n.lead.ID, n.p.ID, "We keep your answers.", true))(t); c.Version != 1 {
		t.Errorf("the same text became version %d", c.Version)
	}
	must(n.st.SetConsentText(n.ctx, n.lead.ID, n.p.ID, "We keep your answers for ten years.", true))(t)
	n.at(n.ana, db.StageConsent)
	var invalid *db.InvalidError
	if err := n.st.AnswerConsent(n.ctx, n.p.ID, n.ana.ID, 1, true); !errors.As(err, &invalid) {
		t.Errorf("agreed to a text that is not the newest: %v", err)
	}
	n.ok(n.st.AnswerConsent(n.ctx, n.p.ID, n.ana.ID, 2, false))
	n.at(n.ana, db.StageDeclined)
	n.ok(n.st.AnswerConsent(n.ctx, n.p.ID, n.ana.ID, 2, true))
	n.at(n.ana, db.StageActive) // nothing else is asked twice
	eve := must(n.st.CreateUser(n.ctx, "eve", db.RoleLabeler, "h"))(t)
	wantErr(t, n.st.AnswerConsent(n.ctx, n.p.ID, eve.ID, 2, true), db.ErrNotFound)
}

func TestStepsThatNobodyCanDoArePassed(t *testing.T) {
	n := newNewcomer(t)
	n.ok(n.st.SetProfile(n.ctx, db.Profile{UserID: n.ana.ID, Languages: []string{"eu"}})) // the items are in English
	n.ok(n.st.AnswerConsent(n.ctx, n.p.ID, n.ana.ID, 1, true))
	n.ok(n.st.SkipSurvey(n.ctx, n.p.ID, n.ana.ID))
	n.ok(n.st.ReadGuidelines(n.ctx, n.p.ID, n.ana.ID, 1))
	n.at(n.ana, db.StageWaiting) // the lead still decides
	j := must(n.st.Joining(n.ctx, n.p.ID))(t)
	j.Screening = false
	n.ok(n.st.SetJoining(n.ctx, n.lead.ID, j))
	n.at(n.ana, db.StageActive)
}

// TestSurveyIsApart looks at every table: after a withdrawal nothing joins the
// answers to the person, and before it one table does.
func TestSurveyIsApart(t *testing.T) {
	n := newNewcomer(t)
	said := map[string][]string{"gender": {"female"}, "self_description": {"a baker from the hills"}, "birth_country": {db.NotSaid}}
	n.ok(n.st.PutSurvey(n.ctx, n.p.ID, n.ana.ID, said, true))
	key := must(n.st.Survey(n.ctx, n.p.ID, n.ana.ID))(t).Key
	if got := n.tablesWith(key); !slices.Equal(got, []string{"survey_answers", "survey_links"}) {
		t.Errorf("the key stands in %v", got)
	}
	n.ok(n.st.PutSurvey(n.ctx, n.p.ID, n.ana.ID, said, false))
	if again := must(n.st.Survey(n.ctx, n.p.ID, n.ana.ID))(t); again.Key != key || again.Training {
		t.Errorf("changed answers: %+v", again)
	}
	n.ok(n.st.WithdrawSurvey(n.ctx, n.p.ID, n.ana.ID, true))
	if got := n.tablesWith(key); len(got) != 0 {
		t.Errorf("after the withdrawal the key stands in %v", got)
	}
	if got := n.tablesWith("baker"); len(got) != 0 {
		t.Errorf("own words stay in %v", got)
	}
	_, err := n.st.Survey(n.ctx, n.p.ID, n.ana.ID)
	wantErr(t, err, db.ErrNotFound)
	if _, people, err := n.st.SurveyCounts(n.ctx, n.p.ID); err != nil || people != 1 {
		t.Errorf("the answers left as numbers: %d %v", people, err)
	}
	n.ok(n.st.PutSurvey(n.ctx, n.p.ID, n.ana.ID, said, true))
	n.ok(n.st.WithdrawSurvey(n.ctx, n.p.ID, n.ana.ID, false))
	if _, people, _ := n.st.SurveyCounts(n.ctx, n.p.ID); people != 1 {
		t.Errorf("%d people after one was deleted", people)
	}
	bob := n.join("bob", nil)
	_, err = n.st.Survey(n.ctx, n.p.ID, bob.ID)
	wantErr(t, err, db.ErrNotFound)
}

// tablesWith lists the tables in which a text occurs, searching all of them.
func (n *newcomer) tablesWith(text string) []string {
	n.t.Helper()
	return must(n.st.TablesWith(n.ctx, text))(n.t)
}

func TestSurveyRefuses(t *testing.T) {
	n := newNewcomer(t)
	for name, said := range map[string]map[string][]string{
		"unknown value": {"gender": {"robot"}}, "two of one": {"age": {"18-24", "25-34"}}, "no country": {"nationality": {"XX"}},
	} {
		var invalid *db.InvalidError
		if err := n.st.PutSurvey(n.ctx, n.p.ID, n.ana.ID, said, false); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	n.ok(n.st.PutSurvey(n.ctx, n.p.ID, n.ana.ID, map[string][]string{"ethnicity": {"white", db.NotSaid}, "unasked": {"x"}}, false))
	if got := must(n.st.Survey(n.ctx, n.p.ID, n.ana.ID))(t).Answers; len(got) != 1 || !slices.Equal(got["ethnicity"], []string{db.NotSaid}) {
		t.Errorf("stored %v", got)
	}
}

// TestExportPeople has six labelers: five share a gender and the cohort, one
// has another; one does not let the survey go along, one declined since.
func TestExportPeople(t *testing.T) {
	n := newNewcomer(t)
	j := db.DefaultJoining(n.p.ID)
	j.Survey, j.Practice, j.Screening = true, false, false
	n.ok(n.st.SetJoining(n.ctx, n.lead.ID, j))
	p := n.p
	p.Overlap = 10
	must(n.st.UpdateProject(n.ctx, n.lead.ID, p))(t)
	workers := map[string]string{}
	for i := range 7 {
		u := n.join(fmt.Sprintf("u%d", i), map[string]string{"cohort": "a"})
		n.ok(n.st.AnswerConsent(n.ctx, n.p.ID, u.ID, 1, true))
		gender := "female"
		if i == 5 {
			gender = "male"
		}
		n.ok(n.st.PutSurvey(n.ctx, n.p.ID, u.ID, map[string][]string{"gender": {gender}, "ethnicity": {"black", "latinx"}, "self_description": {"me"}}, i != 4))
		n.answer(u, right)
		workers[u.Name] = must(n.st.Standing(n.ctx, n.p.ID, u.ID))(t).Member.Worker
		if i == 6 {
			n.ok(n.st.AnswerConsent(n.ctx, n.p.ID, u.ID, 1, false))
		}
	}
	people := must(n.st.ExportPeople(n.ctx, n.p.ID))(t)
	want := map[string]string{
		"u0": `{"Consent":"c1","Groups":{"cohort":"a","ethnicity":"several","gender":null}}`, // four women let it go along: too few
		"u4": `{"Consent":"c1","Groups":{"cohort":"a"}}`,
		"u5": `{"Consent":"c1","Groups":{"cohort":"a","ethnicity":"several","gender":null}}`,
		"u6": `{"Consent":"c1","Groups":{}}`,
	}
	for name, w := range want {
		if got, _ := json.Marshal(people[workers[name]]); string(got) != w {
			t.Errorf("%s: %s, want %s", name, got, w)
		}
	}
	must(n.st.SetConsentText(n.ctx, n.lead.ID, n.p.ID, "We keep your answers. Nothing about you is passed on.", false))(t)
	u0 := must(n.st.UserByName(n.ctx, "u0"))(t)
	n.ok(n.st.AnswerConsent(n.ctx, n.p.ID, u0.ID, 2, true))
	if got, _ := json.Marshal(must(n.st.ExportPeople(n.ctx, n.p.ID))(t)[workers["u0"]]); string(got) != `{"Consent":"c2","Groups":{}}` {
		t.Errorf("a consent that does not cover groups: %s", got)
	}
}

func TestTags(t *testing.T) {
	n := newNewcomer(t)
	if m := must(n.st.Standing(n.ctx, n.p.ID, n.ana.ID))(t).Member; m.Tags["cohort"] != "spanish" {
		t.Errorf("tags %v", m.Tags)
	}
	if got := must(db.ParseTags(" cohort=spanish , wave=2,"))(t); len(got) != 2 || got["wave"] != "2" {
		t.Errorf("parsed %v", got)
	}
	for _, bad := range []string{"cohort", "Cohort=x", "gender=female", "a=<b>", "=x"} {
		if _, err := db.ParseTags(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestJoinByAccount uses a link up with an account there already is, once.
func TestJoinByAccount(t *testing.T) {
	n := newNewcomer(t)
	q := must(n.st.CreateProject(n.ctx, db.DefaultProject("second")))(t)
	link := func(inv db.Invite) string {
		token, _, err := n.st.CreateInvite(n.ctx, inv, time.Hour)
		n.ok(err)
		return token
	}
	token := link(db.Invite{Role: db.RoleLabeler, ProjectID: q.ID, Tags: map[string]string{"wave": "2"}})
	must(n.st.JoinBy(n.ctx, token, n.ana.ID))(t)
	_, err := n.st.JoinBy(n.ctx, token, n.lead.ID)
	wantErr(t, err, db.ErrLinkUsed)
	for _, inv := range []db.Invite{{Role: db.RoleAdmin, ProjectID: q.ID}, {Role: db.RoleLabeler, UserID: n.lead.ID, ProjectID: q.ID}, {Role: db.RoleLabeler}} {
		_, err := n.st.JoinBy(n.ctx, link(inv), n.ana.ID)
		wantErr(t, err, db.ErrNotFound)
	}
}

func TestLeave(t *testing.T) {
	n := newNewcomer(t)
	n.passTo(n.ana, db.StageActive)
	n.ok(n.st.PutSurvey(n.ctx, n.p.ID, n.ana.ID, map[string][]string{"gender": {"female"}}, true))
	task := must(n.st.Next(n.ctx, n.p.ID, n.ana.ID))(t)
	must(n.st.SaveDraft(n.ctx, n.ana.ID, task.Lease.ID, db.Ranking{Note: "half"}))(t)
	n.ok(n.st.Leave(n.ctx, n.p.ID, n.ana.ID))
	d := must(n.st.MyProject(n.ctx, n.p.ID, n.ana.ID))(t)
	if d.Member.Stage != db.StageLeft || d.Survey != nil || d.Drafts != 0 || d.Answers[db.AnswerActive] != 2 {
		t.Errorf("after leaving: %+v", d)
	}
	bob := must(n.st.CreateUser(n.ctx, "bob", db.RoleLabeler, "h"))(t)
	wantErr(t, n.st.Leave(n.ctx, n.p.ID, bob.ID), db.ErrNotFound)
}

func TestGuidelinesByLanguage(t *testing.T) {
	n := newNewcomer(t)
	n.passTo(n.ana, db.StageActive)
	set := func(lang, text string) db.Project {
		n.st.Clock.Advance(time.Minute)
		return must(n.st.SetGuidelines(n.ctx, n.lead.ID, n.p.ID, lang, text))(t)
	}
	read := func(wanted ...string) db.Guidelines {
		return must(n.st.GuidelinesFor(n.ctx, n.p.ID, n.ana.ID, wanted...))(t)
	}
	if g := read("es"); g.Text != "Be fair." || g.Wanted != "es" || g.Lang != "en" || g.Unread {
		t.Errorf("no Spanish text: %+v", g)
	}
	if p := set("es", "Sé justo."); p.Guideline != 2 || p.Instructions != "Be fair." {
		t.Errorf("after the translation: %+v", p)
	}
	if g := read("es-MX"); g.Text != "Sé justo." || g.Wanted != "" || g.Outdated || !g.Unread {
		t.Errorf("Spanish: %+v", g)
	}
	n.ok(n.st.ReadGuidelines(n.ctx, n.p.ID, n.ana.ID, 2))
	if p := set("en", "Be fair and quick."); p.Guideline != 3 || p.Instructions != "Be fair and quick." {
		t.Errorf("the project's own language: %+v", p)
	}
	if g := read("es"); !g.Outdated || g.Unread {
		t.Errorf("the translation is behind and not new: %+v", g)
	}
	if g := read("en"); !g.Unread || g.Version != 3 {
		t.Errorf("the original is news: %+v", g)
	}
	if p := set("en", "Be fair and quick."); p.Guideline != 3 {
		t.Error("the same text made a version")
	}
	if got := len(must(n.st.GuidelineTexts(n.ctx, n.p.ID))(t)); got != 3 {
		t.Errorf("%d versions are kept", got)
	}
	if _, err := n.st.SetGuidelines(n.ctx, n.lead.ID, n.p.ID, "klingonese!", "x"); err == nil {
		t.Error("a made-up language was taken")
	}
	if a := n.answer(n.ana, right); a.Guideline != "g3" {
		t.Errorf("answer under %s", a.Guideline)
	}
}

func TestKeyAgreement(t *testing.T) {
	n := func(v ...int) []*int {
		out := make([]*int, len(v))
		for i := range v {
			if v[i] > 0 {
				out[i] = &v[i]
			}
		}
		return out
	}
	for _, tt := range []struct {
		name      string
		key, said []*int
		want      db.Agreement
	}{
		{"same", n(1, 2, 3), n(1, 2, 3), db.Agreement{Equal: 3, N: 3}},
		{"turned", n(1, 2, 3), n(3, 2, 1), db.Agreement{Equal: 0, N: 3}},
		{"a tie is half", n(1, 2, 3), n(1, 1, 2), db.Agreement{Equal: 2.5, N: 3}},
		{"the key's tie is left out", n(1, 1, 2), n(2, 1, 3), db.Agreement{Equal: 2, N: 2}},
		{"unranked is half", n(1, 2), n(1, 0), db.Agreement{Equal: .5, N: 1}},
		{"nothing in the key", n(0, 0), n(1, 2), db.Agreement{}},
	} {
		if got := (db.Solution{Ranks: tt.key}).RankAgreement(tt.said); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	key := db.Solution{Details: &db.Details{PromptFlags: []string{"sensitive"}, Ratings: []db.Rated{{ID: "c1", Flags: []string{"violence"}, FlagsNo: []string{"opinion"}}}}}
	said := db.Details{PromptFlagsNo: []string{"sensitive"}, Ratings: []db.Rated{{ID: "c1", Flags: []string{"violence"}}}}
	if got := key.FlagAgreement(said); got != (db.Agreement{Equal: 1, N: 3}) {
		t.Errorf("flags: %+v", got)
	}
}

func TestOwnAnswerBecomesTheKey(t *testing.T) {
	n := newNewcomer(t)
	item := must(n.st.FindItem(n.ctx, n.p.ID, "work"))(t)
	var invalid *db.InvalidError
	if err := n.st.SetKey(n.ctx, n.lead.ID, n.p.ID, item, db.ForGold, true, ""); !errors.As(err, &invalid) {
		t.Errorf("a key without an answer: %v", err)
	}
	task := must(n.st.OpenItem(n.ctx, n.p.ID, item, n.lead.ID))(t)
	r := db.Ranking{Ranks: map[string]int{}}
	for _, c := range task.Completions {
		r.Ranks[c.Key] = right[c.Text]
	}
	must(n.st.Submit(n.ctx, n.lead.ID, task.Lease.ID, r))(t)
	n.ok(n.st.SetKey(n.ctx, n.lead.ID, n.p.ID, item, db.ForGold, true, "Obvious."))
	d := must(n.st.ItemDetail(n.ctx, n.p.ID, item))(t)
	key := must(d.Item.ParseSolution())(t)
	if key.From != task.Lease.ID {
		t.Errorf("the key comes from %q, not from the lead's answer", key.From)
	}
	if found := must(n.st.FindItem(n.ctx, n.p.ID, "WoRk"))(t); found != item {
		t.Errorf("by its words: item %d, want %d", found, item)
	}
	if d.Item.Purpose != db.ForGold || len(key.Ranks) != 3 || *key.Ranks[2] != 3 || key.Explanation != "Obvious." || d.Answers[0].Purpose != db.ForGold {
		t.Errorf("item %+v, key %+v", d.Item, key)
	}
	if again := must(n.st.OpenItem(n.ctx, n.p.ID, item, n.lead.ID))(t); !again.Answered {
		t.Error("the lead's answer cannot be changed")
	}
	wantErr(t, n.st.SetKey(n.ctx, n.lead.ID, n.p.ID+1, item, db.ForGold, false, ""), db.ErrNotFound)
}

func TestImportedKeysAreChecked(t *testing.T) {
	n := newNewcomer(t)
	for name, bad := range map[string]db.NewItem{
		"unknown purpose": {Purpose: "exam", Solution: `{"ranks":[1,2]}`}, "no solution": {Purpose: db.ForGold}, "too many ranks": {Purpose: db.ForGold, Solution: `{"ranks":[1,2,3]}`},
		"rank out of range": {Purpose: db.ForGold, Solution: `{"ranks":[1,5]}`}, "no object": {Purpose: db.ForGold, Solution: `[1]`},
	} {
		bad.Prompt, bad.Completions = []db.Message{{Role: "user", Content: name}}, []db.NewCompletion{{Text: "a"}, {Text: "b"}}
		var invalid *db.InvalidError
		if _, err := n.st.AddItems(n.ctx, n.p.ID, 0, name, []db.NewItem{bad}); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFeedbackIsAnonymous(t *testing.T) {
	n := newNewcomer(t)
	for i := range 5 {
		u := n.join(fmt.Sprintf("u%d", i), nil)
		if r := must(n.st.FeedbackResults(n.ctx, n.p.ID))(t); r.Counts != nil || r.Comments != nil || r.People != i {
			t.Errorf("results of %d people are shown: %+v", i, r)
		}
		n.ok(n.st.GiveFeedback(n.ctx, n.p.ID, u.ID, []int{1, 2, 0, 4, i + 1}, fmt.Sprintf("word %d", i)))
		if err := n.st.GiveFeedback(n.ctx, n.p.ID, u.ID, []int{5, 5, 5, 5, 5}, ""); err == nil {
			t.Error("counted twice")
		}
	}
	r := must(n.st.FeedbackResults(n.ctx, n.p.ID))(t)
	if r.Counts[0] != [5]int{5} || r.Counts[2] != [5]int{} || r.Counts[4] != [5]int{1, 1, 1, 1, 1} || len(r.Comments) != 5 {
		t.Errorf("results %+v", r)
	}
	if got := n.tablesWith("word 3"); !slices.Equal(got, []string{"feedback"}) {
		t.Errorf("the comment stands in %v", got)
	}
	if err := n.st.GiveFeedback(n.ctx, n.p.ID, n.ana.ID, []int{0, 0, 0, 0, 0}, " "); err == nil {
		t.Error("empty feedback was taken")
	}
}

func TestQuestions(t *testing.T) {
	n := newNewcomer(t)
	bob := n.join("bob", nil)
	q := must(n.st.Ask(n.ctx, n.p.ID, n.ana.ID, "May both be equal?"))(t)
	wantErr(t, n.st.Reply(n.ctx, n.p.ID, q.ID, bob.ID, false, "I think so."), db.ErrNotFound)
	n.st.Clock.Advance(time.Minute)
	n.ok(n.st.Reply(n.ctx, n.p.ID, q.ID, n.lead.ID, true, "Yes."))
	unread := func(u db.User) int { return must(n.st.UnreadThreads(n.ctx, n.p.ID, u.ID, false))(t) }
	if unread(n.ana) != 1 || unread(bob) != 1 {
		t.Error("the answer is not marked as new")
	}
	n.ok(n.st.SawThreads(n.ctx, n.p.ID, n.ana.ID, n.st.Now()))
	if unread(n.ana) != 0 || unread(bob) != 1 {
		t.Error("what one has seen is not for another")
	}
	n.ok(n.st.HideQuestion(n.ctx, n.lead.ID, n.p.ID, q.ID, true))
	if len(must(n.st.Threads(n.ctx, n.p.ID, bob.ID, false))(t)) != 0 || len(must(n.st.Threads(n.ctx, n.p.ID, n.ana.ID, false))(t)) != 1 || len(must(n.st.Threads(n.ctx, n.p.ID, n.lead.ID, true))(t)) != 1 {
		t.Error("hidden from the wrong people")
	}
	wantErr(t, n.st.HideQuestion(n.ctx, n.lead.ID, n.p.ID+1, q.ID, true), db.ErrNotFound)
}
