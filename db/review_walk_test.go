package db

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"agora/db/dbtest/place"
)

// reviewWalk is a project in which labelers, reviewers and a lead do random things.
type reviewWalk struct {
	t       *testing.T
	st      *Store
	project Project
	users   []User
	rng     *rand.Rand
	now     time.Time
	gone    map[int64]bool // users who withdrew
	done    map[string]int // what succeeded
}

func newReviewWalk(t *testing.T, seed uint64) *reviewWalk {
	t.Helper()
	w := &reviewWalk{t: t, rng: rand.New(rand.NewPCG(seed, 5)), now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), gone: map[int64]bool{}, done: map[string]int{}}
	st, err := Open(t.Context(), place.New(t), Options{Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	w.st = st
	p := DefaultProject("walk")
	p.Overlap = 2
	if w.project, err = st.CreateProject(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	rows := make([]NewItem, 6)
	for i := range rows {
		rows[i] = NewItem{PromptID: fmt.Sprint(i), Prompt: []Message{{"user", fmt.Sprint(i)}}, Completions: []NewCompletion{{Text: "a"}, {Text: "b"}}}
	}
	if _, err := st.AddItems(t.Context(), w.project.ID, 0, "walk", rows); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		u, err := st.CreateUser(t.Context(), fmt.Sprintf("walker%d", i), RoleLabeler, "")
		if err != nil {
			t.Fatal(err)
		}
		w.users = append(w.users, u)
	}
	return w
}

// step does one random thing. What a person may not do right now is refused with an error that
// says so; any other error is a fault.
func (w *reviewWalk) step() {
	ctx, st := w.t.Context(), w.st
	u := w.users[w.rng.IntN(len(w.users))]
	answers, err := all[Answer](st.r.Order("id"))
	if err != nil {
		w.t.Fatal(err)
	}
	var a Answer
	if len(answers) > 0 {
		a = answers[w.rng.IntN(len(answers))]
	}
	id, by, p := a.ID, int64(1), w.project.ID
	what := []string{"work", "work", "work", "skip", "undo", "return", "return", "takeback", "exclude", "exclude", "include", "include", "comment", "wait", "withdraw"}[w.rng.IntN(15)]
	switch what {
	case "work", "skip":
		var t Task
		if t, err = st.Next(ctx, p, u.ID); err != nil {
			break
		}
		if what == "skip" {
			err = st.Skip(ctx, u.ID, t.Lease.ID, "unclear", "")
			break
		}
		_, err = st.Submit(ctx, u.ID, t.Lease.ID, Ranking{Ranks: map[string]int{t.Completions[0].Key: 1, t.Completions[1].Key: 1 + w.rng.IntN(2)}})
	case "undo":
		_, err = st.Undo(ctx, p, u.ID)
	case "return":
		err = st.ReturnAnswer(ctx, by, p, id, "please look again", 1+w.rng.IntN(7))
	case "takeback":
		err = st.TakeBackReturn(ctx, by, p, id)
	case "exclude":
		err = st.ExcludeAnswer(ctx, by, p, id, "careless", w.rng.IntN(2) == 0)
	case "include":
		err = st.IncludeAnswer(ctx, by, p, id)
	case "comment":
		err = st.Comment(ctx, by, p, id, "hm", w.rng.IntN(2) == 0)
	case "wait":
		w.now = w.now.Add(time.Duration(w.rng.IntN(60)) * time.Hour / 2)
	case "withdraw":
		if w.rng.IntN(8) != 0 || len(w.gone) > 2 {
			return
		}
		var m Member
		if m, err = first[Member](st.r.Where("user_id = ?", u.ID)); err != nil {
			break
		}
		_, err = st.Withdraw(ctx, Withdraw{ProjectID: p, Worker: m.Worker, By: u.ID, Reopen: w.rng.IntN(2) == 0})
		w.gone[u.ID] = err == nil || w.gone[u.ID]
	}
	if err == nil {
		w.done[what]++
		return
	}
	var refused *InvalidError
	for _, fine := range []error{ErrNoTask, ErrTooLate, ErrNotFound, ErrLeaseLost, ErrPlaceGone, ErrNotReady} {
		if errors.Is(err, fine) {
			return
		}
	}
	if !errors.As(err, &refused) {
		w.t.Fatalf("%s: %v", what, err)
	}
}

// check wants the books to be in order.
func (w *reviewWalk) check() {
	w.t.Helper()
	items, err1 := all[queueItem](w.st.r)
	leases, err2 := all[Lease](w.st.r)
	answers, err3 := all[Answer](w.st.r)
	if err := errors.Join(err1, err2, err3); err != nil {
		w.t.Fatal(err)
	}
	taken, active := map[int64]int{}, map[string]int{}
	for _, a := range answers {
		if a.State == AnswerActive {
			active[a.LeaseID]++
			if w.gone[a.UserID] {
				w.t.Errorf("answer %d of somebody who withdrew is in use", a.ID)
			}
		}
		if w.gone[a.UserID] && a.State != AnswerWithdrawn {
			w.t.Errorf("answer %d of somebody who withdrew is %s", a.ID, a.State)
		}
	}
	for _, l := range leases {
		want := 0
		if l.State == LeaseOpen || l.State == LeaseAnswered {
			taken[l.ItemID]++
		}
		if l.State == LeaseAnswered && !l.Locked {
			want = 1
		}
		if active[l.ID] != want {
			w.t.Errorf("lease %s (%s, locked %v) has %d answers in use, want %d", l.ID, l.State, l.Locked, active[l.ID], want)
		}
		if w.gone[l.UserID] && l.State == LeaseOpen {
			w.t.Errorf("somebody who withdrew holds a task of item %d", l.ItemID)
		}
	}
	for _, it := range items {
		if it.Taken != taken[it.ID] || it.Taken > it.Wanted {
			w.t.Errorf("item %d counts %d taken places of %d, its leases hold %d", it.ID, it.Taken, it.Wanted, taken[it.ID])
		}
	}
}

// TestReviewKeepsTheBooks lets people work, skip, undo, give back, take back, exclude, include and
// withdraw at random, and wants after every step that no place is counted twice or lost.
func TestReviewKeepsTheBooks(t *testing.T) {
	done := map[string]int{}
	for seed := range uint64(3) {
		w := newReviewWalk(t, seed)
		for range 250 {
			w.step()
			w.check()
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		for k, n := range w.done {
			done[k] += n
		}
	}
	for _, what := range []string{"work", "skip", "undo", "return", "takeback", "exclude", "include", "comment", "withdraw"} {
		if done[what] == 0 {
			t.Errorf("the walk never came to %s: it shows nothing about it", what)
		}
	}
	t.Log(done)
}
