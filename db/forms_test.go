package db_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"agora/db"
	"agora/db/dbtest"
)

// TestPresets holds the presets against their sources.
func TestPresets(t *testing.T) {
	for _, preset := range db.Presets {
		if _, err := db.PresetForm(preset, db.PresetKind(preset)); err != nil {
			t.Errorf("%s: %v", preset, err)
		}
	}
	for _, kind := range db.Kinds {
		if err := db.DefaultForm(kind).Validate(kind); err != nil {
			t.Errorf("default of %s: %v", kind, err)
		}
	}
	f := must(db.PresetForm("instructgpt", db.KindRank))(t)
	if len(f.Axes) != 1 || f.Axes[0].Min != 1 || f.Axes[0].Max != 7 || len(f.Flags) != 11 || len(f.PromptFlags) != 11 || !f.RateFirst || !f.Ties {
		t.Errorf("InstructGPT asks for 1 to 7, 11 flags an output, 11 a prompt, then a ranking with ties: %+v", f)
	}
	if s := must(db.PresetForm("summaries", db.KindRank))(t); len(s.Axes) != 4 {
		t.Errorf("summaries: %+v", s.Axes)
	}
	if _, err := db.PresetForm("pairwise-5", db.KindRank); err == nil {
		t.Error("pairwise-5 must be refused where K completions are ranked")
	}
	if _, err := db.PresetForm("rank-only", db.KindRating); err == nil {
		t.Error("a single rating needs something to rate on")
	}
	if _, err := db.PresetForm("nosuch", db.KindRank); err == nil || !strings.Contains(err.Error(), "rank-only, instructgpt") {
		t.Errorf("an unknown preset: %v", err)
	}
}

// TestFormFaults: a form that no page could show is refused with the place of the fault.
func TestFormFaults(t *testing.T) {
	axis := func(a db.Axis) db.Form {
		f := db.DefaultForm(db.KindRank)
		f.Axes = []db.Axis{{Key: "tone", Min: 1, Max: 5}, a}
		return f
	}
	tests := []struct {
		name, field string
		form        db.Form
	}{
		{"a scale with one step", "axes.2", axis(db.Axis{Key: "a", Min: 3, Max: 3})},
		{"a scale backwards", "axes.2", axis(db.Axis{Key: "a", Min: 7, Max: 1})},
		{"a scale of 100", "axes.2", axis(db.Axis{Key: "a", Min: 1, Max: 100})},
		{"a key twice", "axes.2", axis(db.Axis{Key: "tone", Min: 1, Max: 5})},
		{"a key of the record's", "axes.2", axis(db.Axis{Key: "flags_no", Min: 1, Max: 5})},
		{"a key with a space", "axes.2", axis(db.Axis{Key: "a b", Min: 1, Max: 5})},
		{"a name of two lines", "axes.2", axis(db.Axis{Key: "a", Name: "x\ny", Min: 1, Max: 5})},
		{"ten completions", "k", db.Form{MinK: 2, MaxK: 10}},
		{"a note that is needed but not asked", "form", db.Form{MinK: 2, MaxK: 9, NeedNote: true}},
	}
	for _, tt := range tests {
		var invalid *db.InvalidError
		if err := tt.form.Validate(db.KindRank); !errors.As(err, &invalid) || invalid.Field != tt.field {
			t.Errorf("%s: %v, want a fault in %s", tt.name, err, tt.field)
		}
	}
}

func TestNewKey(t *testing.T) {
	used := map[string]bool{"tone": true}
	for name, want := range map[string]string{"Helps the person!": "helps_the_person", "Tone": "tone_2", "语气": "field_1", "7 ways": "ways", "ID": "id_2", "flags": "flags_2"} {
		if got := db.NewKey(name, func(k string) bool { return used[k] }); got != want {
			t.Errorf("%s: key %s, want %s", name, got, want)
		}
	}
}

// TestFormVersions: a version never changes, a task keeps the one it was opened with, and two leads
// do not overwrite each other.
func TestFormVersions(t *testing.T) {
	ctx := t.Context()
	l := newLab(t, overlap(2), 2, 2)
	task := l.next(0)
	f := task.Form
	f.Axes, f.NeedRatings = []db.Axis{{Key: "tone", Name: "Tone", Min: 0, Max: 10}}, true
	v := must(l.SaveForm(ctx, l.users[0].ID, l.project.ID, 1, f))(t)
	if v.Name() != "f2" {
		t.Fatalf("saved as %s", v.Name())
	}
	if same := must(l.SaveForm(ctx, 0, l.project.ID, 2, f))(t); same.Version != 2 {
		t.Errorf("saving the same again made version %d", same.Version)
	}
	if _, err := l.SaveForm(ctx, 0, l.project.ID, 1, db.DefaultForm(db.KindRank)); !errors.Is(err, db.ErrFormChanged) {
		t.Errorf("a change that began from f1 overwrote f2: %v", err)
	}
	// The open task keeps f1; the next one asks f2.
	if a := must(l.Submit(ctx, l.users[0].ID, task.Lease.ID, inOrder(task)))(t); a.Form != "f1" {
		t.Errorf("answered under %s", a.Form)
	}
	other := l.next(1)
	_, err := l.Submit(ctx, l.users[1].ID, other.Lease.ID, inOrder(other))
	if err == nil || !strings.Contains(err.Error(), "tone is not answered yet") {
		t.Errorf("f2 wants a tone: %v", err)
	}
	uses := must(l.Forms(ctx, l.project.ID))(t)
	if len(uses) != 2 || uses[0].By != "labeler0" || uses[0].Answers != 0 || uses[1].Answers != 1 || uses[1].Body.Preset != "rank-only" {
		t.Errorf("versions %+v", uses)
	}
	if log := must(l.AuditLog(ctx, 5))(t); !slices.ContainsFunc(log, func(a db.Audit) bool { return a.Action == "form.save" && strings.Contains(a.Detail, "f2") }) {
		t.Errorf("no audit line: %+v", log)
	}
}

// TestGaps: what is missing is named, in the order of the page.
func TestGaps(t *testing.T) {
	one, yes := 1, true
	full := must(db.PresetForm("instructgpt", db.KindRank))(t)
	full.NeedConfidence, full.NeedNote = true, true
	strict := db.DefaultForm(db.KindRank)
	strict.Ties = false
	flags := db.DefaultForm(db.KindRating)
	flags.Flags, flags.NeedFlags = []db.Flag{{Key: "x"}, {Key: "y", NA: true}}, true
	tests := []struct {
		name string
		form db.Form
		kind string
		r    db.Ranking
		want string
	}{
		{"nothing", full, db.KindRank, db.Ranking{}, "axis A overall, axis B overall, rank A, rank B, confidence, note"},
		{"a note of spaces", full, db.KindRank, db.Ranking{Note: " ", Confidence: &one, Ranks: map[string]int{"A": 1, "B": 1},
			Ratings: map[string]db.Rating{"A": {Scores: map[string]*int{"overall": &one}}, "B": {Scores: map[string]*int{"overall": nil}}}}, "note"},
		{"none acceptable", strict, db.KindRank, db.Ranking{NoneAcceptable: true}, ""},
		{"a tie", strict, db.KindRank, db.Ranking{Ranks: map[string]int{"A": 1, "B": 1}}, "tie B A"},
		{"flags", flags, db.KindRating, db.Ranking{Ratings: map[string]db.Rating{"A": {Flags: map[string]*bool{"x": &yes, "y": nil}}}}, "axis A overall, axis B overall, flag B x, flag B y"},
		{"demonstration", db.DefaultForm(db.KindDemo), db.KindDemo, db.Ranking{}, "text"},
		{"prompt", db.DefaultForm(db.KindPrompt), db.KindPrompt, db.Ranking{Written: db.Written{Style: "few_shot", Text: "x"}}, "use_case, examples, query"},
		{"half an example", db.DefaultForm(db.KindPrompt), db.KindPrompt, db.Ranking{Written: db.Written{Style: "few_shot", UseCase: "chat", Text: "x", Query: "q", Examples: []db.Example{{Query: "a"}}}}, "examples"},
	}
	for _, tt := range tests {
		var got []string
		for _, g := range tt.form.Gaps(tt.kind, []string{"A", "B"}, tt.r) {
			got = append(got, strings.Join(strings.Fields(g.Field+" "+g.Key+" "+g.Name), " "))
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, s, tt.want)
		}
	}
}

// TestDetailsKeepWhatWasSaid submits random ratings and reads them back from the answer: every number,
// every yes and no, every "makes no sense here", and nothing where nothing was said.
func TestDetailsKeepWhatWasSaid(t *testing.T) {
	ctx, rng := t.Context(), rand.New(rand.NewPCG(7, 1))
	p := overlap(40)
	l := newLab(t, p, 1, 12)
	f := db.DefaultForm(db.KindRank)
	f.Axes = []db.Axis{{Key: "overall", Min: -2, Max: 2, NA: true}, {Key: "tone", Min: 0, Max: 10, NA: true}}
	f.Flags = []db.Flag{{Key: "a", NA: true}, {Key: "b", NA: true}, {Key: "c", NA: true}}
	f.PromptFlags = f.Flags
	must(l.SaveForm(ctx, 0, l.project.ID, 1, f))(t)
	for u := range l.users {
		task := l.next(u)
		r := inOrder(task)
		r.Ratings, r.PromptFlags = map[string]db.Rating{}, randomFlags(rng, f.PromptFlags)
		for _, c := range task.Completions {
			given := db.Rating{Scores: map[string]*int{}, Flags: randomFlags(rng, f.Flags)}
			for _, a := range f.Axes {
				switch n := a.Min + rng.IntN(a.Max-a.Min+3); {
				case n == a.Max+1:
					given.Scores[a.Key] = nil
				case n <= a.Max:
					given.Scores[a.Key] = &n
				}
			}
			r.Ratings[c.Key] = given
		}
		must(l.SaveDraft(ctx, l.users[u].ID, task.Lease.ID, r))(t)
		task = must(l.Task(ctx, l.users[u].ID, task.Lease.ID))(t)
		if kept, sent := must(json.Marshal(task.Draft))(t), must(json.Marshal(r))(t); string(kept) != string(sent) {
			t.Fatalf("the draft lost something:\n%s\n%s", kept, sent)
		}
		a := must(l.Submit(ctx, l.users[u].ID, task.Lease.ID, r))(t)
		sameDetails(t, l, task, a, r)
	}
}

func randomFlags(rng *rand.Rand, flags []db.Flag) map[string]*bool {
	m := map[string]*bool{}
	for _, f := range flags {
		switch n := rng.IntN(4); {
		case n == 0:
			m[f.Key] = nil
		case n < 3:
			v := n == 1
			m[f.Key] = &v
		}
	}
	return m
}

// sameDetails compares an answer's stored details with what was submitted.
func sameDetails(t *testing.T, l *lab, task db.Task, a db.Answer, r db.Ranking) {
	t.Helper()
	d := must(a.ParseDetails())(t)
	detail := must(l.ItemDetail(t.Context(), l.project.ID, task.ItemID))(t)
	got := map[string]db.Rated{}
	for _, rated := range d.Ratings {
		got[rated.ID] = rated
	}
	for _, c := range detail.Completions {
		want, have := r.Ratings[c.Key], got[c.ExtID]
		if len(want.Scores) != len(have.Scores) {
			t.Fatalf("%s: scores %v, want %v", c.ExtID, have.Scores, want.Scores)
		}
		for axis, score := range want.Scores {
			stored, ok := have.Scores[axis]
			if !ok || (stored == nil) != (score == nil) || score != nil && *stored != float64(*score) {
				t.Fatalf("%s %s: %v, want %v", c.ExtID, axis, stored, score)
			}
		}
		sameFlags(t, want.Flags, have.Flags, have.FlagsNo, have.FlagsNA)
	}
	sameFlags(t, r.PromptFlags, d.PromptFlags, d.PromptFlagsNo, d.PromptFlagsNA)
}

func sameFlags(t *testing.T, want map[string]*bool, yes, no, na []string) {
	t.Helper()
	if len(want) != len(yes)+len(no)+len(na) {
		t.Fatalf("flags %v %v %v, want %v", yes, no, na, want)
	}
	for key, v := range want {
		list := na
		if v != nil && *v {
			list = yes
		} else if v != nil {
			list = no
		}
		if !slices.Contains(list, key) {
			t.Fatalf("flag %s is not in %v", key, list)
		}
	}
}

// TestForgedDetails: what the form cannot have sent is refused.
func TestForgedDetails(t *testing.T) {
	ctx := t.Context()
	l := newLab(t, overlap(1), 1, 1)
	f := must(db.PresetForm("summaries", db.KindRank))(t)
	f.NeedRatings = false
	f.Flags = []db.Flag{{Key: "x"}}
	must(l.SaveForm(ctx, 0, l.project.ID, 1, f))(t)
	task := l.next(0)
	eight := 8
	key := task.Completions[0].Key
	for name, forge := range map[string]func(r *db.Ranking){
		"off the scale": func(r *db.Ranking) {
			r.Ratings = map[string]db.Rating{key: {Scores: map[string]*int{"overall": &eight}}}
		},
		"no N/A here":            func(r *db.Ranking) { r.Ratings = map[string]db.Rating{key: {Scores: map[string]*int{"overall": nil}}} },
		"unknown scale":          func(r *db.Ranking) { r.Ratings = map[string]db.Rating{key: {Scores: map[string]*int{"tone": &eight}}} },
		"unknown flag":           func(r *db.Ranking) { r.PromptFlags = map[string]*bool{"x": nil} },
		"flag without N/A":       func(r *db.Ranking) { r.Ratings = map[string]db.Rating{key: {Flags: map[string]*bool{"x": nil}}} },
		"somebody else's text":   func(r *db.Ranking) { r.Ratings = map[string]db.Rating{"NOSUCH": {}} },
		"a text nobody asks for": func(r *db.Ranking) { r.Written.Text = "hello" },
	} {
		r := inOrder(task)
		forge(&r)
		var invalid *db.InvalidError
		if _, err := l.Submit(ctx, l.users[0].ID, task.Lease.ID, r); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// kindLab is a project of a kind with one labeler.
func kindLab(t *testing.T, kind string) *lab {
	t.Helper()
	l := &lab{Store: dbtest.Open(t), t: t}
	p := db.DefaultProject("sky")
	p.Kind = kind
	l.project = must(l.CreateProject(t.Context(), p))(t)
	for i := range 2 {
		l.users = append(l.users, must(l.CreateUser(t.Context(), fmt.Sprintf("labeler%d", i), db.RoleLabeler, ""))(t))
	}
	return l
}

// written lists the items of a kind as an export sees them.
func (l *lab) written(kind string) []db.Record {
	l.t.Helper()
	var rs []db.Record
	if err := l.EachRecord(l.t.Context(), db.Export{ProjectID: l.project.ID, Items: kind}, func(r db.Record) error {
		rs = append(rs, r)
		return nil
	}); err != nil {
		l.t.Fatal(err)
	}
	return rs
}

// TestDemonstrations: answers to prompts are the project's demonstrations, for as long as they count.
func TestDemonstrations(t *testing.T) {
	ctx := t.Context()
	l := kindLab(t, db.KindDemo)
	must(l.AddItems(ctx, l.project.ID, 0, "p", []db.NewItem{{Kind: db.ItemPrompt, PromptID: "p1", Prompt: []db.Message{{Role: "user", Content: "Sky?"}}}}))(t)
	task := l.next(0)
	if task.Kind != db.KindDemo || len(task.Completions) != 0 {
		t.Fatalf("task %+v", task)
	}
	r := db.Ranking{Written: db.Written{Text: "Blue.\n\nMostly."}}
	a := must(l.Submit(ctx, l.users[0].ID, task.Lease.ID, r))(t)
	demos := l.written(db.ItemDemo)
	if len(demos) != 1 || demos[0].Completions[0].Text != "Blue.\n\nMostly." || demos[0].Answer.Worker != a.Worker || demos[0].Item.PromptID != "p1" {
		t.Fatalf("demonstrations %+v", demos)
	}
	if n := len(l.answers()); n != 0 {
		t.Errorf("%d judgements, but nothing was judged", n)
	}
	back := must(l.Undo(ctx, l.project.ID, l.users[0].ID))(t)
	if back.Draft == nil || back.Draft.Written.Text != r.Written.Text {
		t.Errorf("undo lost the text: %+v", back.Draft)
	}
	if n := len(l.written(db.ItemDemo)); n != 0 {
		t.Errorf("%d demonstrations after undo", n)
	}
	r.Written.Text = "Blue."
	must(l.Submit(ctx, l.users[0].ID, back.Lease.ID, r))(t)
	r.Written.Text = "Deep blue."
	must(l.Submit(ctx, l.users[0].ID, back.Lease.ID, r))(t) // an edit
	if demos = l.written(db.ItemDemo); len(demos) != 1 || demos[0].Completions[0].Text != "Deep blue." {
		t.Errorf("after an edit: %+v", demos)
	}
}

// TestWrittenPrompts: answers to briefs are prompts; passed on, nobody is handed their own.
func TestWrittenPrompts(t *testing.T) {
	ctx := t.Context()
	l := kindLab(t, db.KindPrompt)
	briefs := must(db.NewBriefs("A travel agency.", db.Brief{Style: db.StyleFewShot}, 2))(t)
	for range 2 { // asking for the same again is fine
		if err := l.AddBriefs(ctx, 0, l.project.ID, briefs); err != nil {
			t.Fatal(err)
		}
	}
	task := l.next(0)
	if task.Kind != db.KindPrompt || task.Brief.Style != db.StyleFewShot || task.Prompt[0].Content != "A travel agency." {
		t.Fatalf("task %+v", task)
	}
	r := db.Ranking{Written: db.Written{Text: "Name a city.", Style: db.StylePlain, UseCase: "open_qa", Examples: []db.Example{{Query: "Sun?", Response: "Seville"}}, Query: "Snow?"}}
	must(l.Submit(ctx, l.users[0].ID, task.Lease.ID, r))(t)
	prompts := l.written(db.ItemPrompt)
	if len(prompts) != 1 || prompts[0].Item.AuthorID != l.users[0].ID {
		t.Fatalf("prompts %+v", prompts)
	}
	var m []db.Message
	if err := json.Unmarshal([]byte(prompts[0].Item.Prompt), &m); err != nil {
		t.Fatal(err)
	}
	want := []db.Message{{Role: "user", Content: "Name a city.\n\nSun?"}, {Role: "assistant", Content: "Seville"}, {Role: "user", Content: "Snow?"}}
	if !slices.Equal(m, want) {
		t.Errorf("the brief asks for few-shot: %+v", m)
	}
	answers := db.DefaultProject("answers")
	answers.Kind = db.KindDemo
	answers = must(l.CreateProject(ctx, answers))(t)
	if imp := must(l.PassOn(ctx, 0, l.project.ID, answers.ID))(t); imp.Items != 1 {
		t.Errorf("passed on %+v", imp)
	}
	if _, err := l.PassOn(ctx, 0, l.project.ID, answers.ID); !errors.Is(err, db.ErrNothingNew) {
		t.Errorf("passed on twice: %v", err)
	}
	if _, err := l.Next(ctx, answers.ID, l.users[0].ID); !errors.Is(err, db.ErrNoTask) {
		t.Errorf("the writer was handed their own prompt: %v", err)
	}
	if other := must(l.Next(ctx, answers.ID, l.users[1].ID))(t); other.Kind != db.KindDemo || other.Prompt[2].Content != "Snow?" {
		t.Errorf("the other labeler got %+v", other)
	}
}

// TestSingleRatings: each completion of a row is a task of its own.
func TestSingleRatings(t *testing.T) {
	ctx := t.Context()
	l := kindLab(t, db.KindRating)
	must(l.AddItems(ctx, l.project.ID, 0, "x", testItems(1)))(t)
	five := 5
	for range 3 {
		task := l.next(0)
		if task.Kind != db.KindRating || len(task.Completions) != 1 {
			t.Fatalf("task %+v", task)
		}
		r := db.Ranking{Ratings: map[string]db.Rating{task.Completions[0].Key: {Scores: map[string]*int{"overall": &five}}}}
		must(l.Submit(ctx, l.users[0].ID, task.Lease.ID, r))(t)
	}
	if _, err := l.Next(ctx, l.project.ID, l.users[0].ID); !errors.Is(err, db.ErrNoTask) {
		t.Errorf("after three completions: %v", err)
	}
	ids := map[string]bool{}
	for _, r := range l.answers() {
		d := must(r.Answer.ParseDetails())(t)
		ids[d.Ratings[0].ID] = *d.Ratings[0].Scores["overall"] == 5
	}
	if !ids["c1"] || !ids["c2"] || !ids["c3"] {
		t.Errorf("rated %v", ids)
	}
}

// TestFormRange: a ranking of more completions than the form has is refused at the door.
func TestFormRange(t *testing.T) {
	l := newLab(t, overlap(1), 0, 1)
	f := db.DefaultForm(db.KindRank)
	f.MinK = 4
	must(l.SaveForm(t.Context(), 0, l.project.ID, 1, f))(t)
	if _, err := l.AddItems(t.Context(), l.project.ID, 0, "x", testItems(1)); err == nil || !strings.Contains(err.Error(), "has 4 to 9, got 3") {
		t.Errorf("got %v", err)
	}
}
