// Package db keeps everything agora remembers: people, projects, tasks,
// answers and runs. It is the only user of gorm and of SQL.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Store is an open database. It is safe for concurrent use, also by several
// processes: on one machine with SQLite, on any with PostgreSQL.
type Store struct {
	w   *gorm.DB // one connection: writers queue here rather than at the database's lock
	r   *gorm.DB // a pool of read-only connections
	now func() time.Time
	dsn string
	dir string
	dialect
}

// dialect is what the databases do not say alike.
type dialect struct {
	schema  *strings.Replacer // of the migrations' placeholders
	mark    string            // statement that marks a new database as agora's
	lock    string            // statement that makes a transaction the only writer; empty: it is by itself
	writeTx sql.TxOptions
	readTx  sql.TxOptions // of a snapshot
}

// Options of Open. The zero value is right outside of tests.
type Options struct {
	Now     func() time.Time // clock, default time.Now
	Readers int              // read connections, default 4
	Dir     string           // for files that belong to the database; default where Store.Dir says
}

// Open opens the database at dsn, brings its schema up to date and checks
// every pooled connection. dsn is the path of a SQLite file, made if need be,
// or postgres://USER@HOST/DATABASE of an existing PostgreSQL database. Open
// refuses a database that is not agora's, that a newer agora wrote, or whose
// safety settings did not take.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Readers == 0 {
		o.Readers = 4
	}
	open := openSQLite
	if IsServer(dsn) {
		open = openPostgres
	}
	s, err := open(ctx, dsn, o)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", Redacted(dsn), explain(err))
	}
	return s, nil
}

// Close waits for running queries and closes all connections.
func (s *Store) Close() error {
	return errors.Join(closeGorm(s.r), closeGorm(s.w))
}

// DSN returns what the store was opened with, less a password.
func (s *Store) DSN() string { return s.dsn }

// Dir returns the folder for files that belong to the database: where its file
// is, or the working directory when it is on a server.
func (s *Store) Dir() string { return s.dir }

// Now returns the store's clock as a stored time.
func (s *Store) Now() Millis { return AtMillis(s.now()) }

// write runs fn in one transaction on the single writer connection. Nobody
// else writes to the database from fn's first statement to its end.
func (s *Store) write(ctx context.Context, fn func(tx *gorm.DB) error) error {
	return explain(s.w.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if s.lock != "" {
			if err := tx.Exec(s.lock).Error; err != nil {
				return err
			}
		}
		return fn(tx)
	}, &s.writeTx))
}

// read gives a session on the reader pool.
func (s *Store) read(ctx context.Context) *gorm.DB { return s.r.WithContext(ctx) }

// snapshot runs fn on one reader transaction, so that all it reads is of one moment.
func (s *Store) snapshot(ctx context.Context, fn func(tx *gorm.DB) error) error {
	return explain(s.r.WithContext(ctx).Transaction(fn, &s.readTx))
}

// first loads one row into a new T, or returns ErrNotFound.
func first[T any](q *gorm.DB) (T, error) {
	var v T
	err := q.Take(&v).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = ErrNotFound
	}
	return v, explain(err)
}

// all loads every row.
func all[T any](q *gorm.DB) ([]T, error) {
	var v []T
	return v, explain(q.Find(&v).Error)
}

func closeGorm(g *gorm.DB) error {
	if g == nil {
		return nil
	}
	d, err := g.DB()
	if err != nil {
		return err
	}
	return d.Close()
}

// CheckWritable takes and gives back the write lock, to tell whether the
// database can be written right now.
func (s *Store) CheckWritable(ctx context.Context) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE schema_migrations SET applied = applied WHERE version = 1").Error
	})
}
