package db

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"strings"

	"gorm.io/gorm"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one step of the schema; files are named NNNN_words.sql and
// never change once released.
type migration struct {
	Version int
	Name    string
	SHA256  string
	SQL     string
}

// schemaMigration is a row of the table of applied migrations.
type schemaMigration struct {
	Version int
	Name    string
	SHA256  string
	Applied Millis
}

// migrations reads the embedded files in order.
func migrations() ([]migration, error) {
	entries, err := migrationFiles.ReadDir("migrations")
	if err != nil {
		return nil, err
	}
	var ms []migration
	for i, e := range entries { // sorted by name
		b, err := migrationFiles.ReadFile("migrations/" + e.Name())
		if err != nil {
			return nil, err
		}
		m := migration{Name: e.Name(), SQL: string(b)}
		if _, err := fmt.Sscanf(e.Name(), "%04d_", &m.Version); err != nil || m.Version != i+1 {
			return nil, fmt.Errorf("migration %s: want number %04d", e.Name(), i+1)
		}
		sum := sha256.Sum256(b)
		m.SHA256 = hex.EncodeToString(sum[:])
		ms = append(ms, m)
	}
	return ms, nil
}

// migrate brings the schema up to date, all steps in one transaction.
func migrate(ctx context.Context, s *Store) error {
	ms, err := migrations()
	if err != nil {
		return err
	}
	return s.write(ctx, func(tx *gorm.DB) error {
		err := tx.Exec(`CREATE TABLE IF NOT EXISTS schema_migrations (
			version INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied BIGINT NOT NULL)`).Error
		if err != nil {
			return err
		}
		done, err := all[schemaMigration](tx.Order("version"))
		if err != nil {
			return err
		}
		if err := checkApplied(done, ms); err != nil {
			return err
		}
		if len(done) == 0 && s.mark != "" {
			if err := tx.Exec(s.mark).Error; err != nil {
				return err
			}
		}
		for _, m := range ms[len(done):] {
			if err := s.apply(tx, m); err != nil {
				return fmt.Errorf("migration %s: %w", m.Name, err)
			}
		}
		return nil
	})
}

// checkApplied compares what a database has with what this program knows.
func checkApplied(done []schemaMigration, known []migration) error {
	if len(done) > len(known) {
		return fmt.Errorf("%w: schema %d, this program knows %d; use the newer agora", ErrTooNew, len(done), len(known))
	}
	for i, d := range done {
		if d.SHA256 != known[i].SHA256 {
			return fmt.Errorf("%w: its schema step %s differs from this program's %s", ErrNotAgora, d.Name, known[i].Name)
		}
	}
	return nil
}

// apply runs one file. Statements end with a semicolon at the end of a line.
func (s *Store) apply(tx *gorm.DB, m migration) error {
	for _, stmt := range strings.Split(s.schema.Replace(m.SQL), ";\n") {
		if strings.TrimSpace(stmt) == "" {
			continue
		}
		if err := tx.Exec(stmt).Error; err != nil {
			return err
		}
	}
	return tx.Create(&schemaMigration{m.Version, m.Name, m.SHA256, s.Now()}).Error
}
