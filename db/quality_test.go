package db_test

import (
	"slices"
	"testing"

	"agora/db"
)

// checksOf lists the answers to items of a purpose.
func (l *lab) checksOf(purpose string) (rs []db.Record) {
	l.t.Helper()
	err := l.EachCheck(l.t.Context(), l.project.ID, purpose, func(r db.Record) error {
		rs = append(rs, r)
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return rs
}

// TestCheckAnswers hands silent items out and wants every answer to them back, with its item, its texts
// and, for repeats, the first answer of the same person.
func TestCheckAnswers(t *testing.T) {
	l := silentLab(t, 42, 14, 2)
	given := map[string]int{}
	for u := range l.users {
		for _, it := range l.workOn(u) {
			given[it.Purpose]++
		}
	}
	gold := l.checksOf(db.ForGold)
	if len(gold) != given[db.ForGold] || len(gold) == 0 {
		t.Errorf("%d answers to gold items, %d were given", len(gold), given[db.ForGold])
	}
	if !slices.IsSortedFunc(gold, func(a, b db.Record) int { return int(a.Answer.ID - b.Answer.ID) }) {
		t.Error("answers are not in the order they were given")
	}
	for _, r := range gold {
		if key := must(r.Item.ParseSolution())(t); r.Item.Purpose != db.ForGold || len(key.Ranks) != 3 || len(r.Completions) != 3 || r.Answer.Worker == "" {
			t.Errorf("%+v", r)
		}
	}
	repeats := must(l.Repeats(t.Context(), l.project.ID))(t)
	if len(repeats) != given[db.ForRepeat] || len(repeats) == 0 {
		t.Errorf("%d repeats, %d were given", len(repeats), given[db.ForRepeat])
	}
	for _, r := range repeats {
		a, b := r.First, r.Again
		if b.Item.CloneOf != a.Item.ID || a.Answer.UserID != b.Answer.UserID || a.Answer.ID >= b.Answer.ID || a.Answer.Purpose != db.ForWork || b.Answer.Purpose != db.ForRepeat {
			t.Errorf("first %+v, again %+v", a.Answer, b.Answer)
		}
		for i := range a.Completions {
			if a.Completions[i].Text != b.Completions[i].Text {
				t.Errorf("text %d of item %d is another the second time", i, a.Item.ID)
			}
		}
	}
}

// TestChecksOutOfUse: an answer that was excluded checks nobody, and a repeat of it has nothing to be
// compared with.
func TestChecksOutOfUse(t *testing.T) {
	l := silentLab(t, 42, 14, 1)
	l.workOn(0)
	ctx := t.Context()
	gold, repeats := l.checksOf(db.ForGold), must(l.Repeats(ctx, l.project.ID))(t)
	version := must(l.StatsVersion(ctx, l.project.ID))(t)
	for _, id := range []int64{gold[0].Answer.ID, repeats[0].First.Answer.ID} {
		if err := l.ExcludeAnswer(ctx, l.users[0].ID, l.project.ID, id, "a test", false); err != nil {
			t.Fatal(err)
		}
		next := must(l.StatsVersion(ctx, l.project.ID))(t)
		if next == version {
			t.Errorf("excluding answer %d did not change the version", id)
		}
		version = next
	}
	if n := len(l.checksOf(db.ForGold)); n != len(gold)-1 {
		t.Errorf("%d answers to gold items, want %d", n, len(gold)-1)
	}
	if n := len(must(l.Repeats(ctx, l.project.ID))(t)); n != len(repeats)-1 {
		t.Errorf("%d repeats, want %d", n, len(repeats)-1)
	}
}

// TestChecksOfAnotherProject: projects do not see each other's answers.
func TestChecksOfAnotherProject(t *testing.T) {
	l := silentLab(t, 42, 14, 1)
	l.workOn(0)
	p := db.DefaultProject("sea")
	l.project = must(l.CreateProject(t.Context(), p))(t)
	if n := len(l.checksOf(db.ForGold)) + len(must(l.Repeats(t.Context(), l.project.ID))(t)); n != 0 {
		t.Errorf("%d answers in an empty project", n)
	}
}
