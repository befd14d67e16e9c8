//go:build postgres

package db

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"agora/db/dbtest/place"
)

// These tests need a server: go test -tags postgres, with its address in AGORA_TEST_POSTGRES.

// onServer runs statements on a database as another program would.
func onServer(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	for _, s := range statements {
		if _, err := c.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// withQuery changes a part of a DSN's query.
func withQuery(t *testing.T, dsn, key, value string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func TestServerRefuses(t *testing.T) {
	tests := []struct {
		name    string
		agora   bool     // the database is agora's already
		do      []string // then this happens to it
		dsn     func(dsn string) string
		want    error
		message string
	}{
		{name: "another program's tables", do: []string{"CREATE TABLE recipes (id int)"}, want: ErrNotAgora, message: "schema public"},
		{name: "another program's migrations", do: []string{"CREATE TABLE schema_migrations (version text)"}, want: ErrNotAgora},
		{name: "newer schema", agora: true, do: []string{"INSERT INTO schema_migrations VALUES (1000, '1000_future.sql', 'x', 0)"}, want: ErrTooNew},
		{name: "changed migration", agora: true, do: []string{"UPDATE schema_migrations SET sha256 = 'x' WHERE version = 1"}, want: ErrNotAgora},
		{name: "no schema", dsn: func(d string) string { return withQuery(t, d, "search_path", "nowhere") }, want: ErrNotAgora},
		{name: "no such database", dsn: func(d string) string { return strings.Replace(d, "agora_test_", "no_", 1) }, want: ErrUnreachable},
		{name: "no server", dsn: func(string) string { return "postgres://ana:hunter2@127.0.0.1:1/agora" }, want: ErrUnreachable},
		{name: "bad address", dsn: func(string) string { return "postgres://ana:hunter2@127.0.0.1:port/agora" }, message: "--db"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dsn := place.New(t)
			if tt.agora {
				if st, err := openAt(t, dsn); err != nil {
					t.Fatal(err)
				} else if err := st.Close(); err != nil {
					t.Fatal(err)
				}
			}
			onServer(t, dsn, tt.do...)
			if tt.dsn != nil {
				dsn = tt.dsn(dsn)
			}
			_, err := openAt(t, dsn)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.message) {
				t.Fatalf("got %v, want %v %s", err, tt.want, tt.message)
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("more than one line, or a password: %v", err)
			}
		})
	}
}

// TestServerEncoding refuses a database that would store bytes of any meaning.
func TestServerEncoding(t *testing.T) {
	dsn := place.New(t)
	onServer(t, dsn, "DROP DATABASE IF EXISTS agora_test_ascii", "CREATE DATABASE agora_test_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
	defer onServer(t, dsn, "DROP DATABASE agora_test_ascii WITH (FORCE)")
	u, _ := url.Parse(dsn)
	u.Path = "/agora_test_ascii"
	if _, err := openAt(t, u.String()); !errors.Is(err, ErrBadOptions) || !strings.Contains(err.Error(), "server_encoding is SQL_ASCII") {
		t.Errorf("got %v, want %v", err, ErrBadOptions)
	}
}

// TestServerSettings is the control of checkServer: it finds what did not take.
func TestServerSettings(t *testing.T) {
	c, err := pgx.Connect(t.Context(), place.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if err := checkServer(t.Context(), c, map[string]string{"synchronous_commit": "on"}); err != nil {
		t.Error(err)
	}
	if _, err := c.Exec(t.Context(), "SET synchronous_commit = off"); err != nil {
		t.Fatal(err)
	}
	if err := checkServer(t.Context(), c, map[string]string{"synchronous_commit": "on"}); !errors.Is(err, ErrBadOptions) {
		t.Errorf("got %v, want %v", err, ErrBadOptions)
	}
}

func TestOldServer(t *testing.T) {
	if err := checkPostgres(minPostgres - 1); !errors.Is(err, ErrOldPostgres) {
		t.Errorf("got %v", err)
	}
}

// TestServerDefaults lets the database prescribe what would break the hand-out:
// agora's own transactions do not follow.
func TestServerDefaults(t *testing.T) {
	dsn := place.New(t)
	name := dsn[strings.Index(dsn, "agora_test_"):strings.Index(dsn, "?")]
	onServer(t, dsn, "ALTER DATABASE "+name+" SET default_transaction_isolation = 'repeatable read'",
		"ALTER DATABASE "+name+" SET synchronous_commit = off")
	a, p, users := crowdAt(t, dsn, 20, 3, 6)
	b, err := openAt(t, dsn)
	if err != nil {
		t.Fatal(err)
	}
	workTogether(t, []*Store{a, b}, p, users)
	checkOverlap(t, a, p, 20, 3)
}

// TestServerWriterLock holds one store's write transaction: another store's
// waits for it, and says so when it waited long enough.
func TestServerWriterLock(t *testing.T) {
	dsn := place.New(t)
	a, err := openAt(t, dsn)
	if err != nil {
		t.Fatal(err)
	}
	b, err := openAt(t, dsn)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.w.Exec("SET lock_timeout = 50").Error; err != nil {
		t.Fatal(err)
	}
	err = a.write(t.Context(), func(*gorm.DB) error {
		if err := b.CheckWritable(t.Context()); !errors.Is(err, ErrLocked) {
			t.Errorf("got %v, want %v", err, ErrLocked)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := b.CheckWritable(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestServerReaders lets the reader pool write, which it must not.
func TestServerReaders(t *testing.T) {
	st, err := openAt(t, place.New(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := explain(st.r.Exec("DELETE FROM users").Error); !errors.Is(err, ErrReadOnly) {
		t.Errorf("got %v, want %v", err, ErrReadOnly)
	}
}

// TestServerText refuses what PostgreSQL cannot store, in words.
func TestServerText(t *testing.T) {
	st, p, _ := crowd(t, 1, 1, 1)
	_, err := st.AddItems(t.Context(), p.ID, 0, "x", []NewItem{{Prompt: []Message{{"user", "a"}}, Completions: []NewCompletion{{Text: "a\x00b"}, {Text: "c"}}}})
	var bad *InvalidError
	if !errors.As(err, &bad) {
		t.Errorf("got %v", err)
	}
}
