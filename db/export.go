package db

import (
	"context"

	"gorm.io/gorm"
)

// Record is one row of an export: an item and, for rankings and for what
// labelers wrote, one answer to it.
type Record struct {
	Item        Item
	Completions []Completion // by Pos; shared between the answers of an item
	Answer      *Answer      // nil: the item alone, as it came in
}

// Export chooses what EachRecord yields.
type Export struct {
	ProjectID int64
	Items     string // "": every active judgement; else an item kind: items of it, answered or not, then those that labelers wrote
	ImportID  int64  // 0: all imports and the site's own answers
	Lang      string // of the items; "": all
	From, To  Millis // of the answers, To not included; 0: no limit. Imported answers without a time count as 0
	Complete  bool   // only answers to items that have all the answers asked for
}

// answers adds the limits on answers to a query of them.
func (e Export) answers(q *gorm.DB) *gorm.DB {
	if e.ImportID != 0 {
		q = q.Where("import_id = ?", e.ImportID)
	}
	if e.Lang != "" {
		q = q.Where("EXISTS (SELECT 1 FROM items i WHERE i.id = answers.item_id AND i.lang = ?)", e.Lang)
	}
	if e.From != 0 {
		q = q.Where("answered >= ?", e.From)
	}
	if e.To != 0 {
		q = q.Where("answered < ?", e.To)
	}
	if e.Complete {
		q = q.Where(`(SELECT count(*) FROM answers x WHERE x.item_id = answers.item_id AND x.state = ? AND x.user_id <> 0) >=
			(SELECT i.wanted FROM items i WHERE i.id = answers.item_id)`, AnswerActive)
	}
	return q
}

// exportPage is how many rows are loaded at a time.
const exportPage = 500

// EachRecord calls fn with every record of one moment: imported answers in the
// order of their files, then the site's own in the order they were given. It
// stops at fn's first error and returns it.
func (s *Store) EachRecord(ctx context.Context, e Export, fn func(Record) error) error {
	return s.snapshot(ctx, func(tx *gorm.DB) error {
		if e.Items == "" {
			return eachAnswer(tx, e, ItemRank, fn)
		}
		if err := eachItem(tx, e, fn); err != nil {
			return err
		}
		return eachWritten(tx, e, fn)
	})
}

// eachItem pages through the items of a kind. Demonstrations that came from
// somebody who withdrew are left out.
func eachItem(tx *gorm.DB, e Export, fn func(Record) error) error {
	gone, err := withdrawnWorkers(tx, e.ProjectID)
	if err != nil {
		return err
	}
	var after int64
	for {
		q := tx.Where("project_id = ? AND kind = ? AND purpose = '' AND id > ?", e.ProjectID, e.Items, after)
		if e.ImportID != 0 {
			q = q.Where("import_id = ?", e.ImportID)
		}
		if e.Lang != "" {
			q = q.Where("lang = ?", e.Lang)
		}
		items, err := all[Item](q.Order("id").Limit(exportPage))
		if err != nil || len(items) == 0 {
			return err
		}
		ids := make([]int64, len(items))
		for i, it := range items {
			ids[i] = it.ID
		}
		texts, err := completionsOf(tx, ids)
		if err != nil {
			return err
		}
		for _, it := range items {
			if len(gone) > 0 && gone[it.Contributor()] {
				continue
			}
			if err := fn(Record{Item: it, Completions: texts[it.ID]}); err != nil {
				return err
			}
		}
		after = items[len(items)-1].ID
	}
}

// eachAnswer pages through the active answers to the project's own tasks: imports first, since the site's
// own have import 0, then by id. Ids follow the lines of a file. kind is that of the items answered.
func eachAnswer(tx *gorm.DB, e Export, kind string, fn func(Record) error) error {
	for _, imported := range []bool{true, false} {
		var after int64
		for {
			q := tx.Where("project_id = ? AND state = ? AND purpose = '' AND id > ? AND (import_id <> 0) = ?", e.ProjectID, AnswerActive, after, imported).
				Where("EXISTS (SELECT 1 FROM items i WHERE i.id = answers.item_id AND i.kind = ?)", kind)
			answers, err := all[Answer](e.answers(q).Order("id").Limit(exportPage))
			if err != nil {
				return err
			}
			if len(answers) == 0 {
				break
			}
			if err := withItems(tx, answers, fn); err != nil {
				return err
			}
			after = answers[len(answers)-1].ID
		}
	}
	return nil
}

// withItems joins a page of answers with their items.
func withItems(tx *gorm.DB, answers []Answer, fn func(Record) error) error {
	ids := make([]int64, len(answers))
	for i, a := range answers {
		ids[i] = a.ItemID
	}
	items, err := all[Item](tx.Where("id IN ?", ids))
	if err != nil {
		return err
	}
	byID := make(map[int64]Item, len(items))
	for _, it := range items {
		byID[it.ID] = it
	}
	texts, err := completionsOf(tx, ids)
	if err != nil {
		return err
	}
	for i := range answers {
		a := &answers[i]
		if err := fn(Record{byID[a.ItemID], texts[a.ItemID], a}); err != nil {
			return err
		}
	}
	return nil
}

// completionsOf loads the texts of some items, by position.
func completionsOf(tx *gorm.DB, itemIDs []int64) (map[int64][]Completion, error) {
	cs, err := all[Completion](tx.Where("item_id IN ?", itemIDs).Order("item_id, pos"))
	m := make(map[int64][]Completion, len(itemIDs))
	for _, c := range cs {
		m[c.ItemID] = append(m[c.ItemID], c)
	}
	return m, err
}
