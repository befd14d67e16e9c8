package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"gorm.io/gorm"

	"agora/db/dbtest/place"
)

// crowd opens a database with a project and people.
func crowd(t testing.TB, items, overlap, people int) (*Store, Project, []User) {
	t.Helper()
	return crowdAt(t, place.New(t), items, overlap, people)
}

func crowdAt(t testing.TB, dsn string, items, overlap, people int) (*Store, Project, []User) {
	t.Helper()
	st, err := Open(t.Context(), dsn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	p := DefaultProject("crowd")
	p.Overlap = overlap
	if p, err = st.CreateProject(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	rows := make([]NewItem, items)
	for i := range rows {
		rows[i] = NewItem{PromptID: fmt.Sprint(i), Prompt: []Message{{"user", fmt.Sprint(i)}},
			Completions: []NewCompletion{{Text: "a", Policy: "a"}, {Text: "b", Policy: "b"}}}
	}
	if _, err := st.AddItems(t.Context(), p.ID, 0, "crowd", rows); err != nil {
		t.Fatal(err)
	}
	users := make([]User, people)
	for i := range users {
		if users[i], err = st.CreateUser(t.Context(), fmt.Sprintf("user%d", i), RoleLabeler, ""); err != nil {
			t.Fatal(err)
		}
	}
	return st, p, users
}

// TestFiftyLabelers lets 50 people work on 200 items with overlap 3 at once,
// some skipping, some undoing and some walking off until their lease runs out,
// with gold and repeats mixed in: exactly 600 answers count, every item three
// times, by three different people.
func TestFiftyLabelers(t *testing.T) {
	st, p, users := crowd(t, 200, 3, 50)
	mixSilent(t, st, p)
	workTogether(t, []*Store{st}, p, users)
	checkOverlap(t, st, p, 200, 3)
	silent, err := all[Answer](st.r.Where("state = ? AND purpose <> ''", AnswerActive))
	if err != nil || len(silent) < 20 {
		t.Errorf("%d silent answers, %v", len(silent), err)
	}
}

// mixSilent adds gold items to a project and mixes them and repeats in.
func mixSilent(t *testing.T, st *Store, p Project) {
	t.Helper()
	var rows []NewItem
	for i := range 10 {
		rows = append(rows, NewItem{PromptID: fmt.Sprint("gold", i), Prompt: []Message{{"user", fmt.Sprint("gold ", i)}},
			Completions: []NewCompletion{{Text: "a", Policy: "a"}, {Text: "b", Policy: "b"}}})
	}
	if _, err := st.AddItems(t.Context(), p.ID, 0, "gold", rows); err != nil {
		t.Fatal(err)
	}
	if err := st.Sabotage("UPDATE items SET purpose = 'gold' WHERE prompt_id LIKE 'gold%'"); err != nil {
		t.Fatal(err)
	}
	q := DefaultQueue(p.ID)
	q.GoldShare, q.RepeatShare, q.RepeatAfter = .05, .05, 5
	if err := st.SetQueue(t.Context(), 0, q); err != nil {
		t.Fatal(err)
	}
}

// TestTwoSites lets people work over two connections to one database, as two
// sites on two machines do: the overlap is as exact.
func TestTwoSites(t *testing.T) {
	dsn := place.New(t)
	a, p, users := crowdAt(t, dsn, 40, 3, 10)
	b, err := Open(t.Context(), dsn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	workTogether(t, []*Store{a, b}, p, users)
	checkOverlap(t, b, p, 40, 3)
}

// workTogether lets everybody work at once, spread over the stores.
func workTogether(t *testing.T, stores []*Store, p Project, users []User) {
	t.Helper()
	var wg sync.WaitGroup
	for i, u := range users {
		wg.Go(func() {
			if err := work(t.Context(), stores[i%len(stores)], p, u, rand.New(rand.NewPCG(1, uint64(i)))); err != nil {
				t.Errorf("%s: %v", u.Name, err)
			}
		})
	}
	wg.Wait()
}

// checkOverlap wants every item answered by as many different people as asked for.
func checkOverlap(t *testing.T, st *Store, p Project, items, overlap int) {
	t.Helper()
	answers, err := all[Answer](st.r.Where("state = ? AND purpose = ''", AnswerActive))
	if err != nil {
		t.Fatal(err)
	}
	people := map[int64]map[int64]bool{}
	for _, a := range answers {
		if people[a.ItemID] == nil {
			people[a.ItemID] = map[int64]bool{}
		}
		if people[a.ItemID][a.UserID] {
			t.Errorf("user %d answered item %d twice", a.UserID, a.ItemID)
		}
		people[a.ItemID][a.UserID] = true
	}
	if len(answers) != items*overlap {
		t.Errorf("%d answers, want exactly %d", len(answers), items*overlap)
	}
	for item, by := range people {
		if len(by) != overlap {
			t.Errorf("item %d has %d answers, want %d", item, len(by), overlap)
		}
	}
	q, err := st.Queue(t.Context(), p.ID)
	if err != nil || q.Answered != int64(items*overlap) || q.Finished != int64(items) || q.Open != 0 {
		t.Errorf("queue %+v, %v", q, err)
	}
}

// work answers tasks until none is left, with a few skips and slips, and now
// and then a lease that ran out. Nobody skips more than once, so that every
// item finds its three people.
func work(ctx context.Context, st *Store, p Project, u User, rng *rand.Rand) error {
	skipped := false
	for {
		task, err := st.Next(ctx, p.ID, u.ID)
		if errors.Is(err, ErrNoTask) {
			return nil
		}
		if err != nil {
			return err
		}
		if !skipped && rng.IntN(10) == 0 {
			skipped = true
			if err := st.Skip(ctx, u.ID, task.Lease.ID, "unclear", ""); err != nil {
				return err
			}
			continue
		}
		if rng.IntN(20) == 0 { // as if the time were over; the next page of anybody gives the place away
			if err := st.w.WithContext(ctx).Exec("UPDATE leases SET expires = 1 WHERE id = ?", task.Lease.ID).Error; err != nil {
				return err
			}
			continue
		}
		r := Ranking{Ranks: map[string]int{task.Completions[0].Key: 1 + rng.IntN(2), task.Completions[1].Key: 1 + rng.IntN(2)}}
		if _, err := st.Submit(ctx, u.ID, task.Lease.ID, r); err != nil {
			return err
		}
		if rng.IntN(20) == 0 {
			if _, err := st.Undo(ctx, p.ID, u.ID); err != nil {
				return err
			}
		}
	}
}

// TestHandOutControl shows that the test above can fail: choosing a task and
// taking it in two transactions gives one place to two people, unless the
// database's own rule, one open lease per slot, stops the second.
func TestHandOutControl(t *testing.T) {
	for _, guarded := range []bool{true, false} {
		st, p, users := crowd(t, 1, 1, 2)
		if !guarded {
			if err := st.w.Exec("DROP INDEX leases_slot").Error; err != nil {
				t.Fatal(err)
			}
		}
		var picked [2]int64
		for i := range picked { // both look before either takes
			k, err := st.seeker(st.r, p, users[i].ID)
			if err != nil {
				t.Fatal(err)
			}
			if picked[i], err = k.pick(st.r); err != nil {
				t.Fatal(err)
			}
		}
		var failed error
		for i := range picked {
			err := st.write(t.Context(), func(tx *gorm.DB) error {
				l := Lease{ID: fmt.Sprint(i), ItemID: picked[i], UserID: users[i].ID, State: LeaseOpen, Shown: []string{}, Expires: st.Now() + 1000}
				return tx.Create(&l).Error
			})
			failed = errors.Join(failed, err)
		}
		leases, err := all[Lease](st.r.Where("state = ?", LeaseOpen))
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 1, false: 2}[guarded]; len(leases) != want {
			t.Errorf("guarded %v: %d leases for one place, want %d (%v)", guarded, len(leases), want, failed)
		}
	}
}
