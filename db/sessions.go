package db

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// session is a signed-in browser. The token itself is in its cookie only.
type session struct {
	TokenHash string `gorm:"primaryKey"`
	Data      string // base64 of the session manager's bytes
	Expires   Millis
}

// Sessions keeps the sessions of github.com/alexedwards/scs/v2 (it is an
// scs.CtxStore) under the hash of their token, so that a leaked database holds
// no usable session.
type Sessions struct{ s *Store }

// Sessions returns the session store.
func (s *Store) Sessions() *Sessions { return &Sessions{s} }

// FindCtx returns a session's data, or false when it is unknown or over.
func (c *Sessions) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	row, err := first[session](c.s.read(ctx).Where("token_hash = ? AND expires > ?", hashToken(token), c.s.Now()))
	if errors.Is(err, ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	b, err := base64.StdEncoding.DecodeString(row.Data)
	return b, err == nil, nil // damaged data counts as no session
}

// CommitCtx stores a session.
func (c *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	row := session{hashToken(token), base64.StdEncoding.EncodeToString(data), AtMillis(expiry)}
	return c.s.write(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error
	})
}

// DeleteCtx forgets a session.
func (c *Sessions) DeleteCtx(ctx context.Context, token string) error {
	return c.s.write(ctx, func(tx *gorm.DB) error {
		return tx.Where("token_hash = ?", hashToken(token)).Delete(&session{}).Error
	})
}

// DeleteExpired forgets all sessions that are over.
func (c *Sessions) DeleteExpired(ctx context.Context) error {
	return c.s.write(ctx, func(tx *gorm.DB) error {
		return tx.Where("expires <= ?", c.s.Now()).Delete(&session{}).Error
	})
}

// Find is FindCtx without a context, for the scs.Store interface.
func (c *Sessions) Find(token string) ([]byte, bool, error) {
	return c.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (c *Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return c.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a context.
func (c *Sessions) Delete(token string) error {
	return c.DeleteCtx(context.Background(), token)
}
