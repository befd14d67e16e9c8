package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	sqlite3 "github.com/mattn/go-sqlite3"

	"agora/db/dbtest/place"
)

// What follows is about SQLite's files, whatever database the other tests run on;
// postgres_test.go has the same for a server.

func openAt(t *testing.T, path string) (*Store, error) {
	t.Helper()
	st, err := Open(t.Context(), path, Options{})
	if err == nil {
		t.Cleanup(func() { st.Close() })
	}
	return st, err
}

// rawDB is a plain connection to a file, as another program would have it.
func rawDB(t *testing.T, path string) *sql.DB {
	t.Helper()
	d, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func runSQL(t *testing.T, d *sql.DB, stmt string) {
	t.Helper()
	if _, err := d.Exec(stmt); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name    string
		make    func(t *testing.T, path string)
		dsn     string // default: the path
		want    error
		message string
	}{
		{name: "text file", want: ErrNotAgora, make: func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("this is a diary, not a database\n", 50)), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "another program's database", want: ErrNotAgora, make: func(t *testing.T, path string) {
			runSQL(t, rawDB(t, path), "CREATE TABLE recipes (id INTEGER)")
		}},
		{name: "newer schema", want: ErrTooNew, make: func(t *testing.T, path string) {
			st, err := Open(t.Context(), path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			st.Close()
			runSQL(t, rawDB(t, path), "INSERT INTO schema_migrations VALUES (1000, '1000_future.sql', 'x', 0)")
		}},
		{name: "changed migration", want: ErrNotAgora, make: func(t *testing.T, path string) {
			st, err := Open(t.Context(), path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			st.Close()
			runSQL(t, rawDB(t, path), "UPDATE schema_migrations SET sha256 = 'x' WHERE version = 1")
		}},
		{name: "truncated", want: ErrDamaged, make: func(t *testing.T, path string) {
			st, err := Open(t.Context(), path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			st.Close()
			if err := os.Truncate(path, 3*4096); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "folder", want: ErrNotAgora, make: func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "memory", dsn: ":memory:", message: "needs a file name"},
		{name: "other server", dsn: "mysql://host/db", message: "neither a file name nor a postgres:// address"},
		{name: "own options", dsn: "agora.db?_journal_mode=OFF", message: "has options"},
		{name: "no such folder", dsn: "nowhere/agora.db", message: "folder nowhere does not exist"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "agora.db")
			if tt.make != nil {
				tt.make(t, path)
			}
			if tt.dsn != "" {
				path = tt.dsn
			}
			_, err := openAt(t, path)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.message) {
				t.Fatalf("got %v, want %v %s", err, tt.want, tt.message)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
		})
	}
}

// TestReadOnly lets the writer's connection refuse writes, as it does on a
// read-only disk (permissions would not stop a test that runs as root).
func TestReadOnly(t *testing.T) {
	st, err := openAt(t, filepath.Join(t.TempDir(), "agora.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := st.w.Exec("PRAGMA query_only = 1").Error; err != nil {
		t.Fatal(err)
	}
	if err := st.CheckWritable(t.Context()); !errors.Is(err, ErrReadOnly) {
		t.Errorf("got %v, want %v", err, ErrReadOnly)
	}
}

func TestOldSQLite(t *testing.T) {
	if err := checkVersion("3.51.2", 3051002, ""); !errors.Is(err, ErrOldSQLite) {
		t.Errorf("3.51.2: %v", err)
	}
	if err := checkVersion(sqlite3.Version()); err != nil {
		t.Error(err)
	}
}

// TestPragmas is the control of checkPools: settings in another driver's
// dialect are ignored without a word, and only reading them back shows it.
func TestPragmas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agora.db")
	st, err := openAt(t, path)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkPools(t.Context(), st, 4); err != nil {
		t.Error(err)
	}
	wrong, err := openPool("file:"+path+"?_pragma=foreign_keys(1)&_pragma=busy_timeout(10000)", 2)
	if err != nil {
		t.Fatal(err)
	}
	defer closeGorm(wrong)
	if err := checkPool(t.Context(), wrong, 2, false); !errors.Is(err, ErrBadOptions) {
		t.Errorf("wrong dialect: got %v, want %v", err, ErrBadOptions)
	}
}

func TestReopenKeepsData(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder with spaces & signs%", "agora.db")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	st, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.CreateUser(t.Context(), "ana", RoleAdmin, "x"); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st, err = openAt(t, path)
	if err != nil {
		t.Fatal(err)
	}
	if u, err := st.UserByName(t.Context(), "ANA"); err != nil || u.Role != RoleAdmin {
		t.Errorf("got %+v, %v", u, err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// TestTwoStores opens the same database twice, as a site and a worker do.
func TestTwoStores(t *testing.T) {
	dsn := place.New(t)
	a, err := openAt(t, dsn)
	if err != nil {
		t.Fatal(err)
	}
	b, err := openAt(t, dsn)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 2)
	for i, st := range []*Store{a, b} {
		go func() {
			for n := range 50 {
				if err := st.Log(context.Background(), int64(i), "test", "x", map[string]any{"n": n}); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if log, err := a.AuditLog(t.Context(), 200); err != nil || len(log) != 100 {
		t.Errorf("%d lines, %v", len(log), err)
	}
}

func TestErrorsHaveNames(t *testing.T) {
	tests := map[error]error{
		sqlite3.Error{Code: sqlite3.ErrFull}:                               ErrFull,
		sqlite3.Error{Code: sqlite3.ErrIoErr, SystemErrno: syscall.ENOSPC}: ErrFull,
		sqlite3.Error{Code: sqlite3.ErrBusy}:                               ErrLocked,
		sqlite3.Error{Code: sqlite3.ErrReadonly}:                           ErrReadOnly,
		sqlite3.Error{Code: sqlite3.ErrCantOpen}:                           ErrReadOnly,
		sqlite3.Error{Code: sqlite3.ErrNotADB}:                             ErrNotAgora,
		sqlite3.Error{Code: sqlite3.ErrCorrupt}:                            ErrDamaged,
	}
	for in, want := range tests {
		if got := explain(in); !errors.Is(got, want) || !errors.Is(got, in) {
			t.Errorf("explain(%v) = %v", in, got)
		}
	}
	if err := explain(explain(sqlite3.Error{Code: sqlite3.ErrFull})); strings.Count(err.Error(), ErrFull.Error()) > 1 {
		t.Errorf("explained twice: %v", err)
	}
}

// TestFullDisk fills the file up to a page limit, SQLite's own image of a full
// disk: the failing write changes nothing, and all before it stays.
func TestFullDisk(t *testing.T) {
	st, err := openAt(t, filepath.Join(t.TempDir(), "agora.db"))
	if err != nil {
		t.Fatal(err)
	}
	var pages int
	if err := st.w.Raw("PRAGMA page_count").Scan(&pages).Error; err != nil {
		t.Fatal(err)
	}
	if err := st.w.Raw("PRAGMA max_page_count = " + fmt.Sprint(pages+3)).Scan(&pages).Error; err != nil {
		t.Fatal(err)
	}
	p, err := st.CreateProject(t.Context(), DefaultProject("sky"))
	if err != nil {
		t.Fatal(err)
	}
	big := []NewItem{
		{Prompt: []Message{{"user", "a"}}, Completions: []NewCompletion{{Text: "x"}, {Text: "y"}}},
		{Prompt: []Message{{"user", strings.Repeat("b", 1<<20)}}, Completions: []NewCompletion{{Text: "x"}, {Text: "y"}}},
	}
	if _, err := st.AddItems(t.Context(), p.ID, 0, "big", big); !errors.Is(err, ErrFull) {
		t.Fatalf("got %v, want %v", err, ErrFull)
	}
	if rows, err := st.Items(t.Context(), p.ID, 0, 10); err != nil || len(rows) != 0 {
		t.Errorf("%d items left behind, %v", len(rows), err)
	}
	if imports, err := st.Imports(t.Context(), p.ID); err != nil || len(imports) != 0 {
		t.Errorf("%d imports left behind, %v", len(imports), err)
	}
}

// TestLocked holds the write lock from outside; the busy timeout is shortened.
func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agora.db")
	st, err := openAt(t, path)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.w.Exec("PRAGMA busy_timeout = 50").Error; err != nil {
		t.Fatal(err)
	}
	other := rawDB(t, path)
	other.SetMaxOpenConns(1)
	runSQL(t, other, "BEGIN IMMEDIATE")
	start := time.Now()
	if err := st.CheckWritable(t.Context()); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v after %v, want %v", err, time.Since(start), ErrLocked)
	}
	runSQL(t, other, "ROLLBACK")
	if err := st.CheckWritable(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRedacted takes a password out wherever an address may hold it.
func TestRedacted(t *testing.T) {
	for in, want := range map[string]string{
		"agora.db":                                     "agora.db",
		"postgres://ana@host/agora":                    "postgres://ana@host/agora",
		"postgres://ana:hunter2@host/agora":            "postgres://ana:xxxxx@host/agora",
		"postgres://host/agora?password=hunter2&a=b":   "postgres://host/agora?a=b",
		"postgres://ana:hunter2@host:not a port/agora": "postgres://(not readable)",
	} {
		if got := Redacted(in); got != want {
			t.Errorf("Redacted(%s) = %s, want %s", in, got, want)
		}
	}
}
