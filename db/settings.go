package db

import (
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// SiteURL is the setting that holds the address the site was last served at.
const SiteURL = "site_url"

// setting is one remembered value.
type setting struct {
	Name  string `gorm:"primaryKey"`
	Value string
}

// Setting returns a remembered value, empty when there is none.
func (s *Store) Setting(ctx context.Context, name string) (string, error) {
	row, err := first[setting](s.read(ctx).Where("name = ?", name))
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return row.Value, err
}

// SetSetting remembers a value.
func (s *Store) SetSetting(ctx context.Context, name, value string) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&setting{name, value}).Error
	})
}
