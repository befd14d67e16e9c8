package db

import (
	"context"
	"encoding/json"

	"gorm.io/gorm"
)

// Log notes that somebody (userID 0: the command line) did something.
// detail becomes a JSON object; it must hold no secrets.
func (s *Store) Log(ctx context.Context, userID int64, action, object string, detail map[string]any) error {
	return s.write(ctx, func(tx *gorm.DB) error { return audit(tx, s.Now(), userID, action, object, detail) })
}

// AuditLog returns the newest n lines, newest first.
func (s *Store) AuditLog(ctx context.Context, n int) ([]Audit, error) {
	return all[Audit](s.read(ctx).Order("id DESC").Limit(n))
}

func audit(tx *gorm.DB, now Millis, userID int64, action, object string, detail map[string]any) error {
	text := "{}"
	if len(detail) > 0 {
		b, err := json.Marshal(detail)
		if err != nil {
			return err
		}
		text = string(b)
	}
	return tx.Create(&Audit{At: now, UserID: userID, Action: action, Object: object, Detail: text}).Error
}
