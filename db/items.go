package db

import (
	"context"

	"gorm.io/gorm"
)

// Imports lists a project's imports, oldest first.
func (s *Store) Imports(ctx context.Context, projectID int64) ([]Import, error) {
	return all[Import](s.read(ctx).Where("project_id = ?", projectID).Order("id"))
}

// SetQueued hands an import's items out (true) or holds them back (false).
// Items that came with judgements are held back at first.
func (s *Store) SetQueued(ctx context.Context, importID int64, queued bool) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&Item{}).Where("import_id = ? AND k <= 9", importID).Update("closed", !queued).Error
	})
}

// ItemRow is a line of the lead's list of items.
type ItemRow struct {
	Item
	Answers int64 // active, imported ones included
	Skips   int64
}

// Items lists a project's items by id, limit at a time from offset.
func (s *Store) Items(ctx context.Context, projectID int64, offset, limit int) ([]ItemRow, error) {
	var rows []ItemRow
	err := s.read(ctx).Raw(`SELECT i.*,
		(SELECT count(*) FROM answers a WHERE a.item_id = i.id AND a.state = 'active') AS answers,
		(SELECT count(*) FROM leases l WHERE l.item_id = i.id AND l.state = 'skipped') AS skips
		FROM items i WHERE i.project_id = ? ORDER BY i.id LIMIT ? OFFSET ?`, projectID, limit, offset).Scan(&rows).Error
	return rows, explain(err)
}

// ItemDetail is an item with its texts, policies and judgements. Not for labelers.
type ItemDetail struct {
	Item        Item
	Completions []Completion
	Answers     []Answer // all states, oldest first
}

// ItemDetail loads one item of a project.
func (s *Store) ItemDetail(ctx context.Context, projectID, itemID int64) (ItemDetail, error) {
	var d ItemDetail
	err := s.snapshot(ctx, func(tx *gorm.DB) (err error) {
		if d.Item, err = first[Item](tx.Where("id = ? AND project_id = ?", itemID, projectID)); err != nil {
			return err
		}
		if d.Completions, err = all[Completion](tx.Where("item_id = ?", itemID).Order("pos")); err != nil {
			return err
		}
		d.Answers, err = all[Answer](tx.Where("item_id = ?", itemID).Order("id"))
		return err
	})
	return d, err
}
