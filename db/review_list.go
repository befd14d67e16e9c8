package db

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// ReviewFilter chooses answers to look through. Zero fields choose everything
// but what was undone or replaced.
type ReviewFilter struct {
	ProjectID   int64
	Worker      string
	State       string // an answer's state; "" all that are not undone or replaced
	Item        int64
	PromptID    string
	Lang        string
	From, To    Millis  // of the submission; To is not included
	Flag        string  // a flag of the task form, on a text or on the prompt
	Purpose     string  // of the item: "work", "gold" …; "" all
	FasterMS    int64   // answered in less than this; imported answers have no time
	Text        string  // in the prompt, a completion or a note, without regard to ASCII case
	Only        []int64 // items or answers to stay within, see OnlyAnswers; nil: no such limit
	OnlyAnswers bool    // Only lists answers, not items
	Before      int64   // older than this answer
	After       int64   // newer than this one; the oldest of them first
}

// ReviewRow is an answer in the list.
type ReviewRow struct {
	Answer
	Prompt   string // JSON
	PromptID string
	Lang     string
	Notes    int64 // in its thread
}

// where adds the filter's conditions to a query of answers a joined with items i.
func (f ReviewFilter) where() (string, []any) {
	conds, args := []string{"a.project_id = ?"}, []any{f.ProjectID}
	add := func(on bool, cond string, with ...any) {
		if on {
			conds, args = append(conds, cond), append(args, with...)
		}
	}
	add(f.Worker != "", "a.worker = ?", f.Worker)
	add(f.State != "", "a.state = ?", f.State)
	add(f.State == "", "a.state NOT IN (?, ?)", AnswerUndone, AnswerReplaced)
	add(f.Item != 0, "a.item_id = ?", f.Item)
	add(f.PromptID != "", "i.prompt_id = ?", f.PromptID)
	add(f.Lang != "", "i.lang = ?", f.Lang)
	add(f.From != 0, "a.answered >= ?", f.From)
	add(f.To != 0, "a.answered < ?", f.To)
	add(f.Flag != "", `a.details LIKE ? ESCAPE '\'`, "%"+likeText(jsonText(f.Flag))+"%")
	add(f.Purpose != "", "a.purpose = ?", strings.TrimPrefix(f.Purpose, "work"))
	add(f.FasterMS > 0, "a.user_id <> 0 AND a.duration_ms < ?", f.FasterMS)
	if f.Text != "" {
		plain, quoted := "%"+likeText(f.Text)+"%", "%"+likeText(strings.Trim(jsonText(f.Text), `"`))+"%"
		add(true, `(lower(a.note) LIKE lower(?) ESCAPE '\' OR lower(i.prompt) LIKE lower(?) ESCAPE '\' OR lower(a.details) LIKE lower(?) ESCAPE '\'
			OR EXISTS (SELECT 1 FROM completions c WHERE c.item_id = i.id AND lower(c.text) LIKE lower(?) ESCAPE '\'))`, plain, quoted, quoted, plain)
	}
	if f.Only != nil {
		column := "a.item_id"
		if f.OnlyAnswers {
			column = "a.id"
		}
		add(true, column+" IN ?", append([]int64{0}, f.Only...))
	}
	add(f.Before != 0, "a.id < ?", f.Before)
	add(f.After != 0, "a.id > ?", f.After)
	return strings.Join(conds, " AND "), args
}

// likeText escapes what LIKE understands.
func likeText(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

// jsonText is a string as it stands inside of stored JSON.
func jsonText(s string) string {
	b, _ := json.Marshal(s) // a string always has one
	return string(b)
}

// ReviewList returns up to n answers, the latest first.
func (s *Store) ReviewList(ctx context.Context, f ReviewFilter, n int) ([]ReviewRow, error) {
	var rows []ReviewRow
	for page := f; ; {
		some, err := s.reviewRows(ctx, page, n)
		if err != nil {
			return nil, err
		}
		for _, r := range some {
			if len(rows) < n && r.hasFlag(f.Flag) {
				rows = append(rows, r)
			}
		}
		if len(rows) == n || len(some) < n {
			break
		}
		if last := some[len(some)-1].ID; f.After != 0 {
			page.After = last
		} else {
			page.Before = last
		}
	}
	if f.After != 0 {
		slices.Reverse(rows)
	}
	return rows, nil
}

// reviewRows returns up to n answers in the order of the cursor.
func (s *Store) reviewRows(ctx context.Context, f ReviewFilter, n int) ([]ReviewRow, error) {
	where, args := f.where()
	order := "a.id DESC"
	if f.After != 0 {
		order = "a.id"
	}
	var rows []ReviewRow
	err := s.read(ctx).Raw(`SELECT a.*, i.prompt, i.prompt_id, i.lang, (SELECT count(*) FROM review_notes n WHERE n.answer_id = a.id) AS notes
		FROM answers a JOIN items i ON i.id = a.item_id WHERE `+where+` ORDER BY `+order+` LIMIT ?`, append(args, n)...).Scan(&rows).Error
	return rows, explain(err)
}

// hasFlag tells whether a flag was set, where the query could only see that it was asked. "" is always there.
func (r ReviewRow) hasFlag(flag string) bool {
	d, err := r.ParseDetails()
	if flag == "" || err == nil && slices.Contains(d.PromptFlags, flag) {
		return true
	}
	return slices.ContainsFunc(d.Ratings, func(t Rated) bool { return slices.Contains(t.Flags, flag) })
}

// ReviewCount counts the answers of a filter, up to a limit beyond which the
// exact number helps nobody; -1 where counting would mean reading every form.
func (s *Store) ReviewCount(ctx context.Context, f ReviewFilter, limit int) (int, error) {
	if f.Flag != "" {
		return -1, nil
	}
	f.Before, f.After = 0, 0
	where, args := f.where()
	var n int
	err := s.read(ctx).Raw("SELECT count(*) FROM (SELECT 1 FROM answers a JOIN items i ON i.id = a.item_id WHERE "+where+" LIMIT ?) AS counted", append(args, limit)...).Scan(&n).Error
	return n, explain(err)
}

// Answer returns one answer of a project.
func (s *Store) Answer(ctx context.Context, projectID, answerID int64) (Answer, error) {
	return first[Answer](s.read(ctx).Where("id = ? AND project_id = ?", answerID, projectID))
}

// ReviewChoices are the values that a project's answers have, for the filter's lists.
type ReviewChoices struct {
	Workers  []string
	Langs    []string
	Purposes []string
	MedianMS int64 // of the last 200 answers given here
}

// ReviewChoices looks them up.
func (s *Store) ReviewChoices(ctx context.Context, projectID int64) (ReviewChoices, error) {
	var c ReviewChoices
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		if err := distinct(tx, &c.Workers, "SELECT min(worker) FROM answers WHERE project_id = ? AND worker > ?", projectID); err != nil {
			return err
		}
		err := tx.Raw("SELECT DISTINCT lang FROM items WHERE project_id = ? AND lang <> '' ORDER BY lang", projectID).Scan(&c.Langs).Error
		if err != nil {
			return err
		}
		err = tx.Raw("SELECT DISTINCT purpose FROM items WHERE project_id = ? AND purpose <> '' ORDER BY purpose", projectID).Scan(&c.Purposes).Error
		if err != nil {
			return err
		}
		var ms []int64
		err = tx.Model(&Answer{}).Where("project_id = ? AND user_id <> 0 AND state = ?", projectID, AnswerActive).Order("id DESC").Limit(200).Pluck("duration_ms", &ms).Error
		c.MedianMS = median(ms)
		return err
	})
	return c, err
}

// distinct lists the values of an indexed column by jumping from one to the
// next: as fast for 100,000 rows as for 100.
func distinct(tx *gorm.DB, into *[]string, next string, projectID int64) error {
	for last := ""; ; {
		var value *string
		if err := tx.Raw(next, projectID, last).Scan(&value).Error; err != nil || value == nil {
			return err
		}
		*into, last = append(*into, *value), *value
	}
}

// SkipRow is a task that somebody skipped.
type SkipRow struct {
	LeaseID  string
	ItemID   int64
	Worker   string
	Prompt   string // JSON
	PromptID string
	Reason   string
	Comment  string
	Closed   Millis
}

// ReviewSkips lists up to n skipped tasks of a project from offset, the latest
// first; reason and worker choose some, "" all.
func (s *Store) ReviewSkips(ctx context.Context, projectID int64, worker, reason string, offset, n int) ([]SkipRow, error) {
	var rows []SkipRow
	err := s.read(ctx).Raw(`SELECT l.id AS lease_id, l.item_id, coalesce(m.worker, '') AS worker, i.prompt, i.prompt_id, l.reason, l.comment, l.closed
		FROM leases l JOIN items i ON i.id = l.item_id LEFT JOIN members m ON m.project_id = i.project_id AND m.user_id = l.user_id
		WHERE i.project_id = ? AND l.state = ? AND (? = '' OR m.worker = ?) AND (? = '' OR l.reason = ?)
		ORDER BY l.closed DESC, l.id LIMIT ? OFFSET ?`, projectID, LeaseSkipped, worker, worker, reason, reason, n, offset).Scan(&rows).Error
	return rows, explain(err)
}

// ItemAgreement is how far the labelers of one item agree: the share of equal
// judgements (first, second or tied) among all pairs of labelers and pairs of
// texts that both ranked.
type ItemAgreement struct {
	ItemID    int64
	Agreement float64
	Pairs     int // compared judgements
}

// ItemAgreements computes the agreement on every item of a project that two or
// more labelers ranked for work, lowest first.
func (s *Store) ItemAgreements(ctx context.Context, projectID int64) ([]ItemAgreement, error) {
	var out []ItemAgreement
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		rows, err := tx.Raw("SELECT item_id, ranks FROM answers WHERE project_id = ? AND state = ? AND purpose = '' ORDER BY item_id, id", projectID, AnswerActive).Rows()
		if err != nil {
			return err
		}
		defer rows.Close()
		var item int64
		var ranks [][]*int
		for rows.Next() {
			var id int64
			var text string
			var r []*int
			if err := rows.Scan(&id, &text); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(text), &r); err != nil {
				return err
			}
			if id != item {
				out = appendAgreement(out, item, ranks)
				item, ranks = id, ranks[:0]
			}
			ranks = append(ranks, r)
		}
		out = appendAgreement(out, item, ranks)
		return rows.Err()
	})
	slices.SortFunc(out, func(a, b ItemAgreement) int {
		return cmp.Or(cmp.Compare(a.Agreement, b.Agreement), cmp.Compare(a.ItemID, b.ItemID))
	})
	return out, err
}

// appendAgreement adds an item's figure if two labelers compared the same texts.
func appendAgreement(out []ItemAgreement, item int64, ranks [][]*int) []ItemAgreement {
	same, n := 0, 0
	for x := range ranks {
		for y := range x {
			s, of := SameOrder(ranks[x], ranks[y])
			same, n = same+s, n+of
		}
	}
	if n == 0 {
		return out
	}
	return append(out, ItemAgreement{item, float64(same) / float64(n), n})
}

// SameOrder counts the pairs of texts that two rankings both rank, and those
// of them that they order alike, ties included.
func SameOrder(x, y []*int) (same, of int) {
	for i := range min(len(x), len(y)) {
		for j := range i {
			if x[i] == nil || x[j] == nil || y[i] == nil || y[j] == nil {
				continue
			}
			of++
			if order(*x[i], *x[j]) == order(*y[i], *y[j]) {
				same++
			}
		}
	}
	return same, of
}
