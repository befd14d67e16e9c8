package db_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"agora/db"
)

// A random sequence of what people and leads do is played against the database
// and against a model of the queue in memory. The model knows the rules, not
// how they are kept: it says which hand-outs would break one, and when the
// queue must have something.

// modelItem is an item as the model knows it.
type modelItem struct {
	lang    string
	warns   string // content category, "": none
	author  int    // who wrote the prompt or a completion, -1: nobody
	changed time.Time
	leases  map[int]string // state by labeler
}

// taken counts the places that are held or answered.
func (it *modelItem) taken() (n int) {
	for _, st := range it.leases {
		if st == db.LeaseOpen || st == db.LeaseAnswered {
			n++
		}
	}
	return n
}

// modelPerson is a labeler as the model knows them.
type modelPerson struct {
	reads []string
	shuns string
	group string
	seen  time.Time // last hand-out
	held  int64     // item in hand, 0: none
	until time.Time
}

// queueModel is the whole queue.
type queueModel struct {
	l       *lab
	rng     *rand.Rand
	items   map[int64]*modelItem
	people  []*modelPerson
	overlap int
	queue   db.QueueSettings
	opened  map[int64]string // lease by held item, for the calls
}

// joinAs makes somebody a member whose invitation has the tag cohort; "": without it.
func (l *lab) joinAs(u db.User, cohort string) db.Member {
	l.t.Helper()
	inv := db.Invite{Role: db.RoleLabeler, ProjectID: l.project.ID, Tags: map[string]string{}}
	if cohort != "" {
		inv.Tags["cohort"] = cohort
	}
	token, _, err := l.CreateInvite(l.t.Context(), inv, time.Hour)
	if err != nil {
		l.t.Fatal(err)
	}
	must(l.JoinBy(l.t.Context(), token, u.ID))(l.t)
	return must(l.Join(l.t.Context(), l.project.ID, u.ID))(l.t)
}

func newQueueModel(t *testing.T, seed uint64) *queueModel {
	m := &queueModel{rng: rand.New(rand.NewPCG(seed, 1)), items: map[int64]*modelItem{}, opened: map[int64]string{}}
	m.overlap = 2 + m.rng.IntN(3)
	m.l = newLab(t, overlap(m.overlap), 0, 7)
	ctx := t.Context()
	langs, groups := []string{"", "en", "es", "zh-Hant"}, []string{"a", "a", "b", "b", "c", "", "a"}
	for i, u := range m.l.users {
		p := &modelPerson{group: groups[i]}
		if i%2 == 0 {
			p.reads = []string{langs[1+m.rng.IntN(3)], "en"}
			p.shuns = []string{"", "violence"}[m.rng.IntN(2)]
		}
		m.l.joinAs(u, p.group)
		profile := db.Profile{UserID: u.ID, Languages: p.reads}
		if p.shuns != "" {
			profile.OptOuts = []string{p.shuns}
		}
		if err := m.l.SetProfile(ctx, profile); err != nil {
			t.Fatal(err)
		}
		m.people = append(m.people, p)
	}
	rows := testItems(12)
	authors := make([]int, len(rows))
	for i := range rows {
		authors[i] = -1
		rows[i].Lang = langs[m.rng.IntN(4)]
		if m.rng.IntN(4) == 0 {
			rows[i].Extra = `{"content_warnings":["violence"]}`
		}
		if m.rng.IntN(2) == 0 {
			authors[i] = m.rng.IntN(7)
			rows[i].AuthorID = m.l.users[authors[i]].ID
		}
	}
	must(m.l.AddItems(ctx, m.l.project.ID, 0, "model", rows))(t)
	for i, row := range must(m.l.Items(ctx, m.l.project.ID, 0, 100))(t) {
		it := &modelItem{lang: rows[i].Lang, author: authors[i], changed: m.l.Clock.Now(), leases: map[int]string{}}
		if rows[i].Extra != "" {
			it.warns = "violence"
		}
		m.items[row.ID] = it
	}
	m.queue = db.DefaultQueue(m.l.project.ID)
	m.settings()
	return m
}

// settings changes the queue to something random.
func (m *queueModel) settings() {
	m.queue.SortBy = db.Orders[m.rng.IntN(len(db.Orders))]
	m.queue.GroupBy, m.queue.Quotas = "cohort", db.Quotas{}
	for _, g := range []string{"a", "b"} {
		if m.rng.IntN(3) > 0 {
			m.queue.Quotas[g] = 1
		}
	}
	m.queue.FallbackHours, m.queue.ActiveHours = 2+m.rng.IntN(40), 2+m.rng.IntN(40)
	if err := m.l.SetQueue(m.l.t.Context(), 0, m.queue); err != nil {
		m.l.t.Fatal(err)
	}
}

// expire ends the leases that ran out. The queue does so whenever somebody
// takes or submits something; the model with it.
func (m *queueModel) expire() {
	for i, p := range m.people {
		if p.held != 0 && !m.l.Clock.Now().Before(p.until) {
			it := m.items[p.held]
			it.leases[i], it.changed, p.held = db.LeaseExpired, m.l.Clock.Now(), 0
		}
	}
}

// may says why labeler i must not get an item, "" when they may.
func (m *queueModel) may(i int, it *modelItem) string {
	p := m.people[i]
	speaks := func(l string) bool { return l == it.lang || len(it.lang) > len(l) && it.lang[:len(l)+1] == l+"-" }
	reads := slices.ContainsFunc(p.reads, func(l string) bool { return speaks(l[:2]) })
	switch st := it.leases[i]; {
	case it.taken() >= m.overlap:
		return "it has all its answers"
	case st != "" && st != db.LeaseExpired:
		return "they had it already"
	case it.author == i:
		return "they wrote it"
	case len(p.reads) > 0 && it.lang != "" && !reads:
		return "they do not read it"
	case p.shuns != "" && p.shuns == it.warns:
		return "they do not wish to read it"
	case !m.seat(p, it):
		return "its places are kept for others"
	}
	return ""
}

// seat says whether an item has a place for a person, by quotas and fallback.
func (m *queueModel) seat(p *modelPerson, it *modelItem) bool {
	now := m.l.Clock.Now()
	if !it.changed.After(now.Add(-time.Duration(m.queue.FallbackHours) * time.Hour)) {
		return true
	}
	kept := 0
	for g, quota := range m.queue.Quotas {
		has, active := 0, g == p.group
		for i, other := range m.people {
			if st := it.leases[i]; other.group == g && (st == db.LeaseOpen || st == db.LeaseAnswered) {
				has++
			}
			if other.group == g && other.seen.After(now.Add(-time.Duration(m.queue.ActiveHours)*time.Hour)) {
				active = true
			}
		}
		lacking := max(0, quota-has)
		if lacking > 0 && (g == p.group || !active) {
			return true // a place of the own group, or of one that is away
		}
		kept += lacking
	}
	return it.taken()+kept < m.overlap
}

// next asks for a task and says what is wrong with what comes.
func (m *queueModel) next(i int) error {
	p := m.people[i]
	task, err := m.l.Next(m.l.t.Context(), m.l.project.ID, m.l.users[i].ID)
	m.expire()
	if p.held != 0 {
		if err != nil || task.ItemID != p.held {
			return fmt.Errorf("labeler %d holds item %d but got %d: %v", i, p.held, task.ItemID, err)
		}
		p.until = m.l.Clock.Now().Add(time.Hour)
		return nil
	}
	if errors.Is(err, db.ErrNoTask) {
		for id, it := range m.items {
			if m.may(i, it) == "" {
				return fmt.Errorf("labeler %d (group %q) got nothing though item %d is free for them: %+v, settings %+v", i, p.group, id, it, m.queue)
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	it := m.items[task.ItemID]
	if why := m.may(i, it); why != "" {
		return fmt.Errorf("labeler %d got item %d although %s: %+v, settings %+v", i, task.ItemID, why, it, m.queue)
	}
	it.leases[i], it.changed = db.LeaseOpen, m.l.Clock.Now()
	p.held, p.seen, p.until = task.ItemID, m.l.Clock.Now(), m.l.Clock.Now().Add(time.Hour)
	m.opened[task.ItemID*100+int64(i)] = task.Lease.ID
	return nil
}

// finish submits or skips what a labeler holds.
func (m *queueModel) finish(i int, skip bool) {
	t, p := m.l.t, m.people[i]
	m.expire()
	if p.held == 0 {
		return
	}
	ctx, lease, user := t.Context(), m.opened[p.held*100+int64(i)], m.l.users[i].ID
	it := m.items[p.held]
	if skip {
		if err := m.l.Skip(ctx, user, lease, "unclear", ""); err != nil {
			t.Fatal(err)
		}
		it.leases[i], it.changed, p.held = db.LeaseSkipped, m.l.Clock.Now(), 0
		return
	}
	task, err := m.l.Task(ctx, user, lease)
	if err != nil {
		t.Fatal(err)
	}
	must(m.l.Submit(ctx, user, lease, inOrder(task)))(t)
	it.leases[i], p.held = db.LeaseAnswered, 0
}

// check compares what is stored with the model.
func (m *queueModel) check() {
	t := m.l.t
	answers := map[int64]int{}
	for _, r := range m.l.answers() {
		answers[r.Item.ID]++
	}
	for id, it := range m.items {
		want := 0
		for _, st := range it.leases {
			if st == db.LeaseAnswered {
				want++
			}
		}
		if answers[id] != want || want > m.overlap {
			t.Fatalf("item %d has %d answers, the model %d, overlap %d", id, answers[id], want, m.overlap)
		}
	}
}

// play takes n random steps, or fewer when one goes wrong.
func (m *queueModel) play(n int, settings bool) error {
	for range n {
		i := m.rng.IntN(len(m.people))
		switch m.rng.IntN(10) {
		case 0:
			m.l.Clock.Advance(time.Duration(m.rng.IntN(90)) * time.Minute)
		case 1:
			if m.rng.IntN(3) == 0 {
				m.l.Clock.Advance(time.Duration(m.rng.IntN(50)) * time.Hour)
			}
		case 2:
			m.finish(i, true)
		case 3:
			if settings && m.rng.IntN(4) == 0 {
				m.settings()
			}
		case 4, 5, 6:
			if err := m.next(i); err != nil {
				return err
			}
		default:
			m.finish(i, false)
		}
	}
	return nil
}

// TestQueueAgainstModel plays random sequences. That they would find a broken
// rule is shown by TestQueueModelControl.
func TestQueueAgainstModel(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := newQueueModel(t, seed)
			if err := m.play(120, true); err != nil {
				t.Fatal(err)
			}
			m.check()
		})
	}
}

// TestQueueModelControl breaks one rule at a time in the database and wants
// some sequence to meet it.
func TestQueueModelControl(t *testing.T) {
	for name, statement := range map[string]string{
		"overlap":     "UPDATE items SET wanted = 99",
		"no repeats":  "UPDATE leases SET state = 'expired' WHERE state = 'skipped'",
		"language":    "UPDATE items SET lang = ''",
		"content":     "DELETE FROM item_content",
		"authorship":  "UPDATE items SET author_id = 0",
		"quotas":      "UPDATE items SET reserved = 0",
		"nobody lost": "UPDATE items SET closed = TRUE",
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(8) {
				m := newQueueModel(t, seed)
				for range 12 {
					if err := m.l.Sabotage(statement); err != nil {
						t.Fatal(err)
					}
					if err := m.play(10, false); err != nil {
						return
					}
				}
			}
			t.Error("nobody noticed")
		})
	}
}

// TestNothingWaitsForever lets everybody work until nothing is left, with time
// for the fallback in between: quotas delay answers but lose none.
func TestNothingWaitsForever(t *testing.T) {
	m := newQueueModel(t, 99)
	m.queue.GroupBy, m.queue.Quotas = "cohort", db.Quotas{"b": 1, "nobody": 1}
	if err := m.l.SetQueue(t.Context(), 0, m.queue); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for i := range m.people {
			for range m.items {
				if err := m.next(i); err != nil {
					t.Fatal(err)
				}
				m.finish(i, false)
			}
		}
		m.l.Clock.Advance(60 * time.Hour)
	}
	m.check()
	for id, it := range m.items {
		could := 0
		for i := range m.people {
			free := &modelItem{lang: it.lang, warns: it.warns, author: it.author, leases: map[int]string{}}
			if m.may(i, free) == "" {
				could++
			}
		}
		if n := it.taken(); n != min(could, m.overlap) {
			t.Errorf("item %d has %d answers, %d people could answer it, %d are wanted", id, n, could, m.overlap)
		}
	}
}

// TestQuotasAreMet wants one answer of each group for each item when enough
// people of each work, also when one group is much faster.
func TestQuotasAreMet(t *testing.T) {
	l := newLab(t, overlap(3), 10, 6)
	ctx := t.Context()
	group := map[string]string{}
	for i, g := range []string{"a", "a", "a", "a", "b", "c"} {
		group[l.joinAs(l.users[i], g).Worker] = g
	}
	q := db.DefaultQueue(l.project.ID)
	q.GroupBy, q.Quotas = "cohort", db.Quotas{"b": 1, "c": 1}
	if err := l.SetQueue(ctx, 0, q); err != nil {
		t.Fatal(err)
	}
	held := map[int]db.Task{4: l.next(4), 5: l.next(5)} // they came, and will work later
	for _, i := range []int{0, 1, 2, 3, 4, 5} {
		for {
			task, ok := held[i]
			if delete(held, i); !ok {
				var err error
				if task, err = l.Next(ctx, l.project.ID, l.users[i].ID); errors.Is(err, db.ErrNoTask) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			must(l.Submit(ctx, l.users[i].ID, task.Lease.ID, inOrder(task)))(t)
		}
	}
	by := map[int64]map[string]int{}
	for _, r := range l.answers() {
		if by[r.Item.ID] == nil {
			by[r.Item.ID] = map[string]int{}
		}
		by[r.Item.ID][group[r.Answer.Worker]]++
	}
	for id, has := range by {
		if !maps.Equal(has, map[string]int{"a": 1, "b": 1, "c": 1}) {
			t.Errorf("item %d has answers of %v", id, has)
		}
	}
	if len(by) != 10 {
		t.Errorf("%d of 10 items answered", len(by))
	}
}
