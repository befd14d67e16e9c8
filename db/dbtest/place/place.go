// Package place finds room for the databases of tests: files, or a PostgreSQL
// server's databases when AGORA_TEST_POSTGRES holds its address. It knows
// nothing of package db, so that db's own tests can use it.
package place

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Server is the variable with the address of a server on which the tests may
// make and drop databases.
const Server = "AGORA_TEST_POSTGRES"

// New returns the DSN of a database that does not exist (a file) or is empty
// (on a server), and is gone after the test.
func New(t testing.TB) string {
	t.Helper()
	server := os.Getenv(Server)
	if server == "" {
		return filepath.Join(t.TempDir(), "agora.db")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s: %v", Server, err)
	}
	name := "agora_test_" + strings.ToLower(rand.Text()[:12])
	run(t, server, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'")
	t.Cleanup(func() { run(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	u.Path = "/" + name
	return u.String()
}

// run executes one statement on the server.
func run(t testing.TB, server, statement string) {
	t.Helper()
	ctx := context.Background() // the test's own is over when it cleans up
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, statement); err != nil {
		t.Fatal(err)
	}
}
