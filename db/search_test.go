package db

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// TablesWith lists the tables that hold a text in any column, for tests of
// what is stored together with what.
func (s *Store) TablesWith(ctx context.Context, text string) ([]string, error) {
	tables, err := s.w.Migrator().GetTables()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, table := range tables {
		var rows []map[string]any
		if err := s.w.WithContext(ctx).Table(table).Find(&rows).Error; err != nil {
			return nil, err
		}
		if strings.Contains(fmt.Sprint(rows), text) {
			found = append(found, table)
		}
	}
	slices.Sort(found)
	return found, nil
}
