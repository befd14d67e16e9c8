package db_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"agora/db"
)

// silentLab is a project with gold items, a tenth of tasks gold and a tenth repeats,
// drawn with a secret that the test knows.
func silentLab(t *testing.T, work, gold, people int) *lab {
	l := newLab(t, overlap(people), work+gold, people)
	q := db.DefaultQueue(l.project.ID)
	q.GoldShare, q.RepeatShare, q.RepeatAfter = .1, .1, 8
	if err := l.SetQueue(t.Context(), 0, q); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"UPDATE queues SET secret = 'of the test'",
		fmt.Sprintf(`UPDATE items SET purpose = 'gold', solution = '{"ranks":[1,2,3]}' WHERE id %% %d = 0`, (work+gold)/gold),
	} {
		if err := l.Sabotage(statement); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// workOn answers everything that a labeler gets, and returns the items in order.
func (l *lab) workOn(u int) []db.Item {
	l.t.Helper()
	var got []db.Item
	for {
		task, err := l.Next(l.t.Context(), l.project.ID, l.users[u].ID)
		if errors.Is(err, db.ErrNoTask) {
			return got
		}
		if err != nil {
			l.t.Fatal(err)
		}
		l.Clock.Advance(30 * time.Second)
		must(l.Submit(l.t.Context(), l.users[u].ID, task.Lease.ID, inOrder(task)))(l.t)
		got = append(got, must(l.ItemDetail(l.t.Context(), l.project.ID, task.ItemID))(l.t).Item)
	}
}

func TestSilentItems(t *testing.T) {
	l := silentLab(t, 42, 14, 2)
	got := l.workOn(0)
	kinds, at := map[string]int{}, map[int64]int{}
	for i, it := range got {
		kinds[it.Purpose]++
		if _, again := at[it.ID]; again {
			t.Errorf("item %d was handed out twice", it.ID)
		}
		at[it.ID] = i
		if it.Purpose == db.ForRepeat && i-at[it.CloneOf] <= 8 {
			t.Errorf("item %d is repeated after %d tasks", it.CloneOf, i-at[it.CloneOf])
		}
	}
	if kinds[db.ForWork] != 42 || kinds[db.ForGold] < 2 || kinds[db.ForRepeat] < 2 || len(got) > 60 {
		t.Errorf("handed out %v", kinds)
	}
	if n := len(l.answers()); n != 42 {
		t.Errorf("%d answers count as data, want those for work", n)
	}
	other := l.workOn(1)
	if slices.EqualFunc(got[:20], other[:min(20, len(other))], func(a, b db.Item) bool { return a.Purpose == b.Purpose }) {
		t.Error("both labelers meet silent items at the same places")
	}
	q := must(l.Queue(t.Context(), l.project.ID))(t)
	if q.Items != 42 || q.Wanted != 84 || q.Answered != 84 || q.Finished != 42 {
		t.Errorf("queue %+v", q)
	}
}

// TestSilentItemsLookTheSame wants nothing that a labeler's pages are made of to
// differ between work and silent items.
func TestSilentItemsLookTheSame(t *testing.T) {
	l := silentLab(t, 42, 14, 1)
	ctx, user := t.Context(), l.users[0].ID
	l.next(0)
	before := must(l.Progress(ctx, l.project.ID, user))(t)
	steady := 0
	for {
		task, err := l.Next(ctx, l.project.ID, user)
		if errors.Is(err, db.ErrNoTask) {
			break
		}
		b, err := json.Marshal(task)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"gold", "repeat", "clone", "purpose", "solution"} {
			if strings.Contains(strings.ToLower(string(b)), word) {
				t.Fatalf("the task says %q: %s", word, b)
			}
		}
		must(l.Submit(ctx, user, task.Lease.ID, inOrder(task)))(t)
		now := must(l.Progress(ctx, l.project.ID, user))(t)
		if now.Answered != before.Answered+1 {
			t.Fatalf("an answer did not count: %+v after %+v", now, before)
		}
		if now.Answered+now.Left == before.Answered+before.Left {
			steady++
		}
		before = now
	}
	if share := float64(steady) / float64(before.Answered); share < .9 {
		t.Errorf("the total moved at %.0f %% of the tasks", 100*(1-share))
	}
}

func TestCloneKeepsTheTexts(t *testing.T) {
	l := silentLab(t, 42, 14, 1)
	repeats := 0
	for _, it := range l.workOn(0) {
		if it.Purpose != db.ForRepeat {
			continue
		}
		repeats++
		a, b := must(l.ItemDetail(t.Context(), l.project.ID, it.CloneOf))(t), must(l.ItemDetail(t.Context(), l.project.ID, it.ID))(t)
		if a.Item.Prompt != b.Item.Prompt || len(a.Completions) != len(b.Completions) {
			t.Errorf("clone %d differs from %d", b.Item.ID, a.Item.ID)
		}
		for i, c := range a.Completions {
			if d := b.Completions[i]; c.Text != d.Text || c.Policy != d.Policy || c.ExtID != d.ExtID || c.Key == d.Key {
				t.Errorf("text %+v became %+v", c, d)
			}
		}
	}
	if repeats == 0 {
		t.Error("nothing was repeated")
	}
}

func TestDisagreementFirst(t *testing.T) {
	l := newLab(t, overlap(2), 4, 6)
	ctx := t.Context()
	q := db.DefaultQueue(l.project.ID)
	q.SortBy, q.MaxOverlap, q.ExtraFrom = db.DisagreementFirst, 4, .5
	if err := l.SetQueue(ctx, 0, q); err != nil {
		t.Fatal(err)
	}
	for u := range 2 { // they agree on all but item 3
		for range 4 {
			task := l.next(u)
			r := byText(task, []string{"sft", "ppo", "demo"})
			if task.ItemID == 3 && u == 1 {
				r = byText(task, []string{"demo", "ppo", "sft"})
			}
			must(l.Submit(ctx, l.users[u].ID, task.Lease.ID, r))(t)
		}
	}
	for u := 2; u < 4; u++ {
		task := l.next(u)
		if task.ItemID != 3 {
			t.Fatalf("labeler %d got item %d, people disagree on 3", u, task.ItemID)
		}
		must(l.Submit(ctx, l.users[u].ID, task.Lease.ID, byText(task, []string{"sft", "ppo", "demo"})))(t)
	}
	_, err := l.Next(ctx, l.project.ID, l.users[4].ID)
	wantErr(t, err, db.ErrNoTask) // 1 of 4 disagrees: ½ of the pairs of answers, but no more than 4 answers
	if c := must(l.Queue(ctx, l.project.ID))(t); c.Answered != 10 || c.Wanted != 10 {
		t.Errorf("queue %+v", c)
	}
}

// byText ranks completions by their policies, the best first.
func byText(t db.Task, policies []string) db.Ranking {
	r := db.Ranking{Ranks: map[string]int{}}
	for _, c := range t.Completions {
		for i, p := range policies {
			if len(c.Text) > len(p) && c.Text[:len(p)] == p {
				r.Ranks[c.Key] = i + 1
			}
		}
	}
	return r
}

func TestRaisingTheOverlapOpensItemsAgain(t *testing.T) {
	l := newLab(t, overlap(1), 2, 3)
	for range 2 {
		task := l.next(0)
		must(l.Submit(t.Context(), l.users[0].ID, task.Lease.ID, inOrder(task)))(t)
	}
	_, err := l.Next(t.Context(), l.project.ID, l.users[1].ID)
	wantErr(t, err, db.ErrNoTask)
	l.project.Overlap = 2
	must(l.UpdateProject(t.Context(), 0, l.project))(t)
	if n := len(l.workOn(1)); n != 2 {
		t.Errorf("%d tasks after the overlap rose", n)
	}
	_, err = l.Next(t.Context(), l.project.ID, l.users[2].ID)
	wantErr(t, err, db.ErrNoTask)
}

func TestQueueSettingsRefuse(t *testing.T) {
	l := newLab(t, overlap(2), 1, 1)
	for field, change := range map[string]func(*db.QueueSettings){
		"sort_by":        func(q *db.QueueSettings) { q.SortBy = "best" },
		"gold_share":     func(q *db.QueueSettings) { q.GoldShare = math.NaN() },
		"repeat_share":   func(q *db.QueueSettings) { q.GoldShare, q.RepeatShare = .3, .3 },
		"repeat_after":   func(q *db.QueueSettings) { q.RepeatAfter = 1 },
		"max_overlap":    func(q *db.QueueSettings) { q.MaxOverlap = 1 },
		"extra_from":     func(q *db.QueueSettings) { q.ExtraFrom = 0 },
		"fallback_hours": func(q *db.QueueSettings) { q.FallbackHours = 0 },
		"active_hours":   func(q *db.QueueSettings) { q.ActiveHours = -1 },
		"group_by":       func(q *db.QueueSettings) { q.Quotas = db.Quotas{"a": 1} },
		"quotas":         func(q *db.QueueSettings) { q.GroupBy, q.Quotas = "cohort", db.Quotas{"a": 2, "b": 1} },
	} {
		q := db.DefaultQueue(l.project.ID)
		change(&q)
		var invalid *db.InvalidError
		if err := l.SetQueue(t.Context(), 0, q); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	q := db.DefaultQueue(l.project.ID)
	q.GroupBy, q.Quotas = "cohort", db.Quotas{"a": 1, "b": 1}
	if err := l.SetQueue(t.Context(), 7, q); err != nil {
		t.Fatal(err)
	}
	log := must(l.AuditLog(t.Context(), 1))(t)
	if log[0].Action != "queue.update" || log[0].UserID != 7 || strings.Contains(log[0].Detail, must(l.QueueSettings(t.Context(), l.project.ID))(t).Secret) {
		t.Errorf("audit %+v", log[0])
	}
	l.project.Overlap = 1
	_, err := l.UpdateProject(t.Context(), 0, l.project)
	var invalid *db.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != "overlap" {
		t.Errorf("an overlap below the quotas: %v", err)
	}
}
