package db

// Everything that only SQLite understands is in this file.

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	sqlite3 "github.com/mattn/go-sqlite3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

const (
	// minSQLite is the first version without the WAL corruption bug of 2025.
	minSQLite = 3051003
	// applicationID marks agora's files ("agor" in ASCII), see PRAGMA application_id.
	applicationID = 0x61676f72
	busyTimeout   = 10_000 // ms
)

// sqliteDialect needs no lock of its own: its writer's transactions are immediate.
var sqliteDialect = dialect{
	schema: strings.NewReplacer("{{id}}", "INTEGER PRIMARY KEY AUTOINCREMENT"),
	readTx: sql.TxOptions{ReadOnly: true},
}

// openSQLite opens the file with a writer and a reader pool. The driver reads
// its settings from the file name in its own dialect and ignores what it does
// not know, so they are read back afterwards on every connection.
func openSQLite(ctx context.Context, path string, o Options) (*Store, error) {
	if err := checkVersion(sqlite3.Version()); err != nil {
		return nil, err
	}
	path, err := sqlitePath(path)
	if err != nil {
		return nil, err
	}
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	s := &Store{now: o.Now, dsn: path, dir: cmp.Or(o.Dir, filepath.Dir(path)), dialect: sqliteDialect}
	if s.w, err = openPool(sqliteURI(path, "rwc", "immediate", false), 1); err != nil {
		return nil, err
	}
	if err := prepareFile(ctx, s.w); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := migrate(ctx, s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.r, err = openPool(sqliteURI(path, "rw", "deferred", true), o.Readers); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := checkPools(ctx, s, o.Readers); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// checkVersion refuses a SQLite library that may corrupt a WAL file.
func checkVersion(text string, number int, _ string) error {
	if number < minSQLite {
		return fmt.Errorf("%w: this program was built with %s, agora needs 3.51.3 or newer (a bug in older ones damages databases)", ErrOldSQLite, text)
	}
	return nil
}

// sqlitePath accepts a file path, also as file:PATH, and refuses what would
// open as something else than one file on disk.
func sqlitePath(dsn string) (string, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(dsn, "sqlite:"), "file:")
	switch {
	case path == "" || strings.Contains(path, ":memory:"):
		return "", Invalid("--db", "needs a file name, got %q", dsn)
	case strings.Contains(path, "://"):
		return "", Invalid("--db", "%q is neither a file name nor a postgres:// address", dsn)
	case strings.ContainsAny(path, "?#"):
		return "", Invalid("--db", "%q has options; agora sets its own, give the plain file name", dsn)
	}
	if fi, err := os.Stat(path); err == nil && !fi.Mode().IsRegular() {
		return "", fmt.Errorf("%w: %s is not a regular file", ErrNotAgora, path)
	}
	if fi, err := os.Stat(filepath.Dir(path)); err != nil || !fi.IsDir() {
		return "", fmt.Errorf("the folder %s does not exist", filepath.Dir(path))
	}
	return path, nil
}

// createPrivate makes a new file that only its owner can read: it will hold
// password hashes and people's answers. SQLite gives -wal and -shm the same mode.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case err != nil:
		return err
	}
	return f.Close()
}

// sqliteURI writes the settings in the dialect of mattn/go-sqlite3.
func sqliteURI(path, mode, txlock string, readers bool) string {
	v := url.Values{
		"mode":          {mode},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"}, // NORMAL may lose an acknowledged answer when the power fails
		"_foreign_keys": {"on"},
		"_busy_timeout": {fmt.Sprint(busyTimeout)},
		"_txlock":       {txlock},
	}
	if readers {
		v.Set("_query_only", "true")
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
}

func openPool(uri string, size int) (*gorm.DB, error) {
	pool, err := sql.Open("sqlite3", uri)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	g, err := gorm.Open(sqlite.New(sqlite.Config{Conn: pool}), &gorm.Config{
		Logger:                 logger.Discard, // errors are returned and logged once, at the top
		SkipDefaultTransaction: true,
		TranslateError:         false,
	})
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return g, nil
}

// prepareFile claims a new file for agora and refuses another program's.
func prepareFile(ctx context.Context, g *gorm.DB) error {
	var id, tables int
	g = g.WithContext(ctx)
	if err := g.Raw("PRAGMA application_id").Scan(&id).Error; err != nil {
		return err
	}
	if err := g.Raw("SELECT count(*) FROM sqlite_master").Scan(&tables).Error; err != nil {
		return err
	}
	switch {
	case id == applicationID:
		return nil
	case id != 0 || tables > 0:
		return fmt.Errorf("%w: the file belongs to another program", ErrNotAgora)
	}
	return g.Exec(fmt.Sprintf("PRAGMA application_id = %d", applicationID)).Error
}

// checkPools reads the settings back on every connection of both pools.
func checkPools(ctx context.Context, s *Store, readers int) error {
	if err := checkPool(ctx, s.w, 1, false); err != nil {
		return err
	}
	return checkPool(ctx, s.r, readers, true)
}

// checkPool holds all n connections at once, so that each is looked at.
func checkPool(ctx context.Context, g *gorm.DB, n int, queryOnly bool) error {
	pool, err := g.DB()
	if err != nil {
		return err
	}
	want := []struct{ pragma, value string }{
		{"journal_mode", "wal"},
		{"synchronous", "2"}, // FULL
		{"foreign_keys", "1"},
		{"busy_timeout", fmt.Sprint(busyTimeout)},
		{"query_only", map[bool]string{false: "0", true: "1"}[queryOnly]},
	}
	for i := range n {
		conn, err := pool.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close() // after the loop: all are held until the end
		for _, w := range want {
			var got string
			if err := conn.QueryRowContext(ctx, "PRAGMA "+w.pragma).Scan(&got); err != nil {
				return err
			}
			if got != w.value {
				return fmt.Errorf("%w: connection %d: %s is %s, want %s", ErrBadOptions, i, w.pragma, got, w.value)
			}
		}
	}
	return nil
}

// explainSQLite names the errors of SQLite.
func explainSQLite(err error) error {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case sqlite3.ErrFull:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return fmt.Errorf("%w: %w", ErrLocked, err)
	case sqlite3.ErrReadonly, sqlite3.ErrPerm:
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case sqlite3.ErrCantOpen:
		return fmt.Errorf("%w: %w (is the folder writable?)", ErrReadOnly, err)
	case sqlite3.ErrNotADB:
		return fmt.Errorf("%w: %w", ErrNotAgora, err)
	case sqlite3.ErrCorrupt:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case sqlite3.ErrIoErr:
		switch {
		case errors.Is(e.SystemErrno, syscall.ENOSPC):
			return fmt.Errorf("%w: %w", ErrFull, err)
		case errors.Is(e.SystemErrno, fs.ErrPermission):
			return fmt.Errorf("%w: %w", ErrReadOnly, err)
		}
		return fmt.Errorf("disk error: %w", err)
	}
	return err
}

// isUniqueSQLite tells whether err is a broken UNIQUE or PRIMARY KEY constraint.
func isUniqueSQLite(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.ExtendedCode == sqlite3.ErrConstraintUnique || e.ExtendedCode == sqlite3.ErrConstraintPrimaryKey)
}
