package db_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"agora/db"
	"agora/db/dbtest"
)

// lab is a project with items and people.
type lab struct {
	*dbtest.Store
	t       *testing.T
	project db.Project
	users   []db.User
}

func newLab(t *testing.T, p db.Project, items, users int) *lab {
	t.Helper()
	l := &lab{Store: dbtest.Open(t), t: t}
	l.project = must(l.CreateProject(t.Context(), p))(t)
	must(l.AddItems(t.Context(), l.project.ID, 0, "test", testItems(items)))(t)
	for i := range users {
		l.users = append(l.users, must(l.CreateUser(t.Context(), fmt.Sprintf("labeler%d", i), db.RoleLabeler, ""))(t))
	}
	return l
}

// must unwraps a value that comes with an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func testItems(n int) []db.NewItem {
	items := make([]db.NewItem, n)
	for i := range items {
		items[i] = db.NewItem{PromptID: fmt.Sprintf("p%d", i), Prompt: []db.Message{{Role: "user", Content: fmt.Sprintf("Prompt %d?", i)}}}
		for _, policy := range []string{"sft", "ppo", "demo"} {
			items[i].Completions = append(items[i].Completions, db.NewCompletion{Text: fmt.Sprintf("%s answers %d", policy, i), Policy: policy})
		}
	}
	return items
}

func overlap(n int) db.Project {
	p := db.DefaultProject("sky")
	p.Overlap = n
	return p
}

// next hands user u the next task.
func (l *lab) next(u int) db.Task {
	l.t.Helper()
	return must(l.Next(l.t.Context(), l.project.ID, l.users[u].ID))(l.t)
}

// inOrder ranks the completions as they are shown: 1, 2, 3.
func inOrder(t db.Task) db.Ranking {
	r := db.Ranking{Ranks: map[string]int{}, UIVersion: "u1"}
	for i, c := range t.Completions {
		r.Ranks[c.Key] = i + 1
	}
	return r
}

// answers returns the active ones.
func (l *lab) answers() []db.Record {
	l.t.Helper()
	var rs []db.Record
	err := l.EachRecord(l.t.Context(), db.Export{ProjectID: l.project.ID}, func(r db.Record) error {
		rs = append(rs, r)
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return rs
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func TestSubmitStoresWhatWasSaid(t *testing.T) {
	l := newLab(t, overlap(1), 1, 1)
	task := l.next(0)
	l.Clock.Advance(40 * time.Second)
	r := inOrder(task)
	confidence := 8
	r.Ranks[task.Completions[0].Key], r.Ranks[task.Completions[1].Key], r.Ranks[task.Completions[2].Key] = 3, 3, 1
	r.Note, r.Confidence, r.ActiveMS = "close call", &confidence, 30_000
	must(l.Submit(t.Context(), l.users[0].ID, task.Lease.ID, r))(t)

	got := l.answers()
	if len(got) != 1 {
		t.Fatalf("%d answers", len(got))
	}
	a := got[0].Answer
	byText := map[string]int{}
	for i, c := range got[0].Completions {
		byText[c.Text] = *a.Ranks[i]
	}
	for i, want := range []int{2, 2, 1} { // 3,3,1 made dense
		if text := task.Completions[i].Text; byText[text] != want {
			t.Errorf("%s has rank %d, want %d", text, byText[text], want)
		}
	}
	shown := make([]string, 3)
	for i, id := range a.Shown {
		for _, c := range got[0].Completions {
			if c.ExtID == id {
				shown[i] = c.Text
			}
		}
	}
	if want := []string{task.Completions[0].Text, task.Completions[1].Text, task.Completions[2].Text}; !slices.Equal(shown, want) {
		t.Errorf("shown order %v, want %v", shown, want)
	}
	if a.DurationMS != 40_000 || a.ActiveMS != 30_000 || a.Note != "close call" || *a.Confidence != 8 || a.Guideline != "g1" || a.UIVersion != "u1" {
		t.Errorf("stored %+v", a)
	}
	if a.Worker == "" || a.Worker == l.users[0].Name {
		t.Errorf("worker %q is no pseudonym", a.Worker)
	}
}

func TestSubmitRefuses(t *testing.T) {
	half, one, two := 0.5, 1.0, 2.0
	eleven := 11
	tests := []struct {
		name  string
		k     int
		spoil func(r *db.Ranking, keys []string)
	}{
		{"unranked", 3, func(r *db.Ranking, keys []string) { delete(r.Ranks, keys[1]) }},
		{"rank 0", 3, func(r *db.Ranking, keys []string) { r.Ranks[keys[1]] = 0 }},
		{"rank beyond K", 3, func(r *db.Ranking, keys []string) { r.Ranks[keys[1]] = 4 }},
		{"foreign text", 3, func(r *db.Ranking, keys []string) { r.Ranks["elsewhere"] = 1 }},
		{"foreign text although none is acceptable", 3, func(r *db.Ranking, keys []string) {
			r.Ranks, r.NoneAcceptable = map[string]int{"elsewhere": 1}, true
		}},
		{"confidence", 3, func(r *db.Ranking, keys []string) { r.Confidence = &eleven }},
		{"strength of three", 3, func(r *db.Ranking, keys []string) { r.Strength = &two }},
		{"half strength", 2, func(r *db.Ranking, keys []string) { r.Strength = &half }},
		{"strength of a tie", 2, func(r *db.Ranking, keys []string) { r.Ranks[keys[1]], r.Strength = 1, &one }},
		{"negative time", 3, func(r *db.Ranking, keys []string) { r.ActiveMS = -1 }},
		{"endless note", 3, func(r *db.Ranking, keys []string) { r.Note = string(make([]byte, 10_001)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, overlap(1), 0, 1)
			item := testItems(1)
			item[0].Completions = item[0].Completions[:tt.k]
			must(l.AddItems(t.Context(), l.project.ID, 0, "k", item))(t)
			task := l.next(0)
			r := inOrder(task)
			keys := make([]string, tt.k)
			for i, c := range task.Completions {
				keys[i] = c.Key
			}
			tt.spoil(&r, keys)
			_, err := l.Submit(t.Context(), l.users[0].ID, task.Lease.ID, r)
			var invalid *db.InvalidError
			if !errors.As(err, &invalid) {
				t.Errorf("got %v, want an InvalidError", err)
			}
			if n := len(l.answers()); n != 0 {
				t.Errorf("%d answers stored", n)
			}
		})
	}
}

func TestNoneAcceptableNeedsNoRanks(t *testing.T) {
	l := newLab(t, overlap(1), 1, 1)
	task := l.next(0)
	must(l.Submit(t.Context(), l.users[0].ID, task.Lease.ID, db.Ranking{NoneAcceptable: true}))(t)
	if a := l.answers()[0].Answer; !a.NoneAcceptable || a.Ranks[0] != nil || len(a.Ranks) != 3 {
		t.Errorf("stored %+v", a)
	}
}

func TestOnlyTheHolder(t *testing.T) {
	l := newLab(t, overlap(1), 2, 2)
	ctx, task, bob := t.Context(), l.next(0), l.users[1].ID
	_, err := l.Task(ctx, bob, task.Lease.ID)
	wantErr(t, err, db.ErrNotFound)
	_, err = l.Submit(ctx, bob, task.Lease.ID, inOrder(task))
	wantErr(t, err, db.ErrNotFound)
	_, err = l.SaveDraft(ctx, bob, task.Lease.ID, inOrder(task))
	wantErr(t, err, db.ErrNotFound)
	wantErr(t, l.Skip(ctx, bob, task.Lease.ID, "other", ""), db.ErrNotFound)
	if n := len(l.answers()); n != 0 {
		t.Errorf("%d answers stored", n)
	}
}

func TestNextReturnsWhatIsHeld(t *testing.T) {
	l := newLab(t, overlap(1), 3, 1)
	a, b := l.next(0), l.next(0)
	if a.Lease.ID != b.Lease.ID {
		t.Error("a second task was handed out while one was held")
	}
	for i := range a.Completions {
		if a.Completions[i] != b.Completions[i] {
			t.Error("the order changed on reload")
		}
	}
}

func TestExpiredLease(t *testing.T) {
	tests := []struct {
		name  string
		other bool // somebody else takes the place meanwhile
		want  error
	}{
		{"place still free", false, nil},
		{"place given away", true, db.ErrLeaseLost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, overlap(1), 1, 2)
			ctx, ana := t.Context(), l.users[0].ID
			task := l.next(0)
			must(l.SaveDraft(ctx, ana, task.Lease.ID, db.Ranking{Note: "begun"}))(t)
			l.Clock.Advance(61 * time.Minute)
			if tt.other {
				l.next(1)
			}
			_, err := l.Submit(ctx, ana, task.Lease.ID, inOrder(task))
			wantErr(t, err, tt.want)
			if tt.want == nil {
				return
			}
			lost, err := l.Task(ctx, ana, task.Lease.ID)
			wantErr(t, err, db.ErrLeaseLost)
			if lost.Draft == nil || len(lost.Draft.Ranks) != 3 {
				t.Errorf("draft lost: %+v", lost.Draft)
			}
			l.Clock.Advance(61 * time.Minute) // the other one leaves too: Ana's draft comes first
			again := l.next(0)
			if again.Draft == nil || again.Lease.ID != task.Lease.ID {
				t.Error("the draft did not come back")
			}
			must(l.Submit(ctx, ana, again.Lease.ID, inOrder(again)))(t)
		})
	}
}

func TestDraftAfterLossIsKept(t *testing.T) {
	l := newLab(t, overlap(1), 1, 2)
	task := l.next(0)
	l.Clock.Advance(61 * time.Minute)
	l.next(1)
	saved, err := l.SaveDraft(t.Context(), l.users[0].ID, task.Lease.ID, db.Ranking{Note: "late"})
	wantErr(t, err, db.ErrLeaseLost)
	if saved != l.Now() {
		t.Errorf("saved at %v", saved)
	}
}

func TestSkip(t *testing.T) {
	l := newLab(t, overlap(1), 2, 2)
	ctx := t.Context()
	first := l.next(0)
	if err := l.Skip(ctx, l.users[0].ID, first.Lease.ID, "boring", ""); err == nil {
		t.Fatal("unknown reason accepted")
	}
	if err := l.Skip(ctx, l.users[0].ID, first.Lease.ID, "expertise", "chemistry"); err != nil {
		t.Fatal(err)
	}
	if second := l.next(0); second.ItemID == first.ItemID {
		t.Error("a skipped task came back")
	}
	if other := l.next(1); other.ItemID != first.ItemID {
		t.Error("the skipped task did not go to somebody else")
	}
}

func TestPriorityAndNoRepeat(t *testing.T) {
	l := newLab(t, overlap(2), 2, 1)
	urgent := testItems(1)
	urgent[0].PromptID, urgent[0].Priority = "urgent", 5
	must(l.AddItems(t.Context(), l.project.ID, 0, "urgent", urgent))(t)
	seen := map[int64]bool{}
	for i := range 3 {
		task := l.next(0)
		if i == 0 && task.ItemID != 3 {
			t.Errorf("item %d came before the urgent one", task.ItemID)
		}
		if seen[task.ItemID] {
			t.Errorf("item %d came twice", task.ItemID)
		}
		seen[task.ItemID] = true
		must(l.Submit(t.Context(), l.users[0].ID, task.Lease.ID, inOrder(task)))(t)
	}
	_, err := l.Next(t.Context(), l.project.ID, l.users[0].ID)
	wantErr(t, err, db.ErrNoTask)
}

func TestProgress(t *testing.T) {
	l := newLab(t, overlap(1), 4, 2)
	ctx := t.Context()
	for i := range 2 {
		task := l.next(0)
		l.Clock.Advance(time.Duration(10+i) * time.Second)
		must(l.Submit(ctx, l.users[0].ID, task.Lease.ID, inOrder(task)))(t)
	}
	skipped := l.next(0)
	if err := l.Skip(ctx, l.users[0].ID, skipped.Lease.ID, "other", ""); err != nil {
		t.Fatal(err)
	}
	p := must(l.Progress(ctx, l.project.ID, l.users[0].ID))(t)
	if p.Answered != 2 || p.Today != 2 || p.Skipped != 1 || p.Left != 1 || p.MedianMS != 11_000 || !p.CanUndo {
		t.Errorf("progress %+v", p)
	}
	if other := must(l.Progress(ctx, l.project.ID, l.users[1].ID))(t); other.Left != 2 || other.CanUndo {
		t.Errorf("the other's progress %+v", other)
	}
	q := must(l.Queue(ctx, l.project.ID))(t)
	if q.Items != 4 || q.Wanted != 4 || q.Answered != 2 || q.Finished != 2 || q.Skips != 1 || q.Open != 0 {
		t.Errorf("queue %+v", q)
	}
}

func TestArchivedHandsOutNothing(t *testing.T) {
	l := newLab(t, overlap(1), 1, 1)
	l.project.Archived = true
	must(l.UpdateProject(context.Background(), 0, l.project))(t)
	_, err := l.Next(t.Context(), l.project.ID, l.users[0].ID)
	wantErr(t, err, db.ErrNoTask)
}

func TestVotes(t *testing.T) {
	l := newLab(t, overlap(1), 1, 1)
	task := l.next(0)
	r := db.Ranking{Ranks: map[string]int{}}
	for _, c := range task.Completions {
		r.Ranks[c.Key] = map[string]int{"sft answers 0": 2, "ppo answers 0": 1, "demo answers 0": 2}[c.Text]
	}
	must(l.Submit(t.Context(), l.users[0].ID, task.Lease.ID, r))(t)
	votes := must(l.Votes(t.Context(), l.project.ID))(t)
	want := map[[2]string]float64{{"ppo", "sft"}: 1, {"demo", "sft"}: .5, {"demo", "ppo"}: 0}
	if len(votes) != len(want) {
		t.Fatalf("votes %+v", votes)
	}
	for _, v := range votes {
		if score, ok := want[[2]string{v.A, v.B}]; !ok || score != v.Score || v.Worker == "" {
			t.Errorf("vote %+v", v)
		}
	}
}
