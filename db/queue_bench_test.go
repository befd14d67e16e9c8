package db

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkNext hands out and answers tasks of a project with 100 000 items.
// The situations are those in which the choice has to look furthest: a labeler
// who already had 5 000 of the first items, items mostly in a language that they
// do not read, places mostly kept for another group, and half of the items done.
func BenchmarkNext(b *testing.B) {
	const items = 100_000
	for _, situation := range []struct {
		name  string
		setup []string
		queue func(*QueueSettings)
	}{
		{"first", nil, nil},
		{"uncertain", []string{"UPDATE items SET uncertainty = shuffle"}, func(q *QueueSettings) { q.SortBy = UncertainFirst }},
		{"half_done", []string{"UPDATE items SET taken = 3 WHERE id <= 50000"}, nil},
		{"own_5000", []string{"INSERT INTO leases (id, item_id, slot, user_id, state, shown, taken, expires, closed, reason, comment) SELECT 'b' || id, id, 0, 1, 'answered', '[]', 1, 1, 1, '', '' FROM items WHERE id <= 5000",
			"UPDATE items SET taken = 1 WHERE id <= 5000"}, nil},
		{"language", []string{"UPDATE items SET lang = 'es' WHERE id <= 90000",
			`INSERT INTO profiles (user_id, languages, opt_outs, topics, updated) VALUES (1, '["en"]', '[]', '', 1)`}, nil},
		{"quotas", []string{"UPDATE items SET taken = 2, reserved = 1, changed = 9999999999999 WHERE id <= 90000", "DELETE FROM needs WHERE member_group = 'a' AND item_id <= 90000",
			"INSERT INTO turns (project_id, user_id, handed, seen) VALUES (1, 2, 1, 9999999999999)", `UPDATE members SET tags = '{"cohort":"b"}' WHERE user_id = 2`},
			func(q *QueueSettings) { q.GroupBy, q.Quotas = "cohort", Quotas{"a": 1, "b": 1} }},
		{"silent", nil, func(q *QueueSettings) { q.GoldShare, q.RepeatShare = .1, .1 }},
	} {
		b.Run(situation.name, func(b *testing.B) {
			st, p, users := crowd(b, 1, 3, 2)
			multiply(b, st, items)
			for _, u := range users {
				if _, err := st.Join(b.Context(), p.ID, u.ID); err != nil {
					b.Fatal(err)
				}
			}
			q := DefaultQueue(p.ID)
			if situation.queue != nil {
				situation.queue(&q)
			}
			if err := st.SetQueue(b.Context(), 0, q); err != nil {
				b.Fatal(err)
			}
			for _, statement := range situation.setup {
				if err := st.Sabotage(statement); err != nil {
					b.Fatal(fmt.Errorf("%s: %w", statement, err))
				}
			}
			if q.SortBy != OldestFirst { // sort by what the setup wrote
				if err := st.SetQueue(b.Context(), 0, q); err != nil {
					b.Fatal(err)
				}
			}
			var times []time.Duration
			for b.Loop() {
				begun := time.Now()
				task, err := st.Next(b.Context(), p.ID, users[0].ID)
				if err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(begun))
				r := Ranking{Ranks: map[string]int{task.Completions[0].Key: 1, task.Completions[1].Key: 2}}
				if _, err := st.Submit(b.Context(), users[0].ID, task.Lease.ID, r); err != nil {
					b.Fatal(err)
				}
			}
			slices.Sort(times)
			b.ReportMetric(times[len(times)/2].Seconds()*1000, "ms/next")
		})
	}
}

// multiply makes n items out of one.
func multiply(b *testing.B, st *Store, n int) {
	for _, statement := range []string{
		fmt.Sprintf(`INSERT INTO items (project_id, import_id, line, kind, hash, prompt_id, prompt, lang, extra, priority, k, taken, closed, created, wanted, changed, shuffle)
			WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			SELECT project_id, import_id, n.i, kind, 'h' || n.i, 'p' || n.i, prompt, lang, extra, priority, k, 0, closed, created, wanted, changed, (n.i * 7919 %% 100003) / 100003.0
			FROM items, n WHERE id = 1`, n),
		`INSERT INTO completions (item_id, pos, key, ext_id, text, policy, extra)
			SELECT i.id, c.pos, c.key || i.id, c.ext_id, c.text, c.policy, c.extra FROM items i, completions c WHERE c.item_id = 1 AND i.id > 1`,
	} {
		if err := st.Sabotage(statement); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkProgress counts what is left of 100 000 items, as every task page does.
func BenchmarkProgress(b *testing.B) {
	st, p, users := crowd(b, 1, 3, 1)
	multiply(b, st, 100_000)
	for b.Loop() {
		if _, err := st.Progress(b.Context(), p.ID, users[0].ID); err != nil {
			b.Fatal(err)
		}
	}
}
