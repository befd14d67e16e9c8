package db

import (
	"cmp"
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// SaveDraft keeps unsubmitted work. Only the lease holder may call it; anybody
// else gets ErrNotFound. The draft is kept even when the lease is lost, then
// the result is ErrLeaseLost. It returns when it was saved.
func (s *Store) SaveDraft(ctx context.Context, userID int64, leaseID string, r Ranking) (Millis, error) {
	var saved Millis
	var lost error
	err := s.write(ctx, func(tx *gorm.DB) error {
		l, _, err := s.held(tx, userID, leaseID)
		if errors.Is(err, ErrLeaseLost) || errors.Is(err, ErrTooLate) {
			lost = err
		} else if err != nil {
			return err
		}
		saved = s.Now()
		return putDraft(tx, Draft{l.ItemID, userID, r, saved})
	})
	return saved, cmp.Or(err, lost)
}

// putDraft writes or overwrites the draft of a person on an item.
func putDraft(tx *gorm.DB, d Draft) error {
	return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&d).Error
}

// attachDraft adds the saved work of the lease's holder to a task.
func (s *Store) attachDraft(tx *gorm.DB, t *Task) error {
	d, err := first[Draft](tx.Where("item_id = ? AND user_id = ?", t.ItemID, t.Lease.UserID))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	t.Draft, t.DraftSaved = &d.Ranking, d.Saved
	return err
}
