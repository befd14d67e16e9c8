// Package dbtest opens real databases for tests.
package dbtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"agora/db"
	"agora/db/dbtest/place"
)

// Store is an open database with a clock that stands still until it is moved.
type Store struct {
	*db.Store
	Clock *Clock
}

// Open makes a database at place.New, a SQLite file unless a server is given,
// and closes it after the test.
func Open(t testing.TB) *Store {
	t.Helper()
	clock := NewClock()
	st, err := db.Open(context.Background(), place.New(t), db.Options{Now: clock.Now, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Store{st, clock}
}

// Clock is a time source for tests, safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock starts at noon (UTC) of a fixed day.
func NewClock() *Clock {
	return &Clock{at: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)}
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
