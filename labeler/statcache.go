package labeler

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// statPatience is how long a page waits for figures that are being computed before it shows the
// previous ones, or says that there are none yet.
const statPatience = 700 * time.Millisecond

// statsKept is how many computed statistics stay in memory: those of so many pages and settings.
const statsKept = 64

// statCache keeps what pages computed from a project's answers until the answers change. A new state is
// computed in the background, one at a time, so that labelers are never slowed by a lead who looks.
type statCache struct {
	mu      sync.Mutex
	entries map[string]*statEntry
	slot    chan struct{} // held by the computation that runs
	clock   func() time.Time
}

func newStatCache() *statCache {
	return &statCache{entries: map[string]*statEntry{}, slot: make(chan struct{}, 1), clock: time.Now}
}

// statEntry is one statistic: the newest value and the computation of a newer one.
type statEntry struct {
	value   any
	version string // what value was computed from; "" before the first
	made    time.Time
	used    time.Time
	err     error         // of the last computation
	running chan struct{} // closed when the computation ends; nil: none runs
	since   time.Time
}

// stat is a statistic as a page gets it.
type stat[T any] struct {
	Value T
	Ready bool          // Value was computed, from the present answers or from earlier ones
	Fresh bool          // from the present ones
	Made  time.Time     // when
	For   time.Duration // how long the newer one is being computed
}

// statOf is the statistic of a key, such as a page with its settings, for a version of the answers. It
// waits for patience at most. compute must not depend on the request: its result is everybody's.
func statOf[T any](ctx context.Context, c *statCache, key, version string, patience time.Duration, compute func(context.Context) (T, error)) (stat[T], error) {
	e, running := c.start(ctx, key, version, func(ctx context.Context) (any, error) { return compute(ctx) })
	if running != nil {
		wait := time.NewTimer(patience)
		defer wait.Stop()
		select {
		case <-running:
		case <-wait.C:
		case <-ctx.Done():
			return stat[T]{}, ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.err != nil && e.running == nil {
		return stat[T]{}, e.err
	}
	s := stat[T]{Ready: e.version != "", Fresh: e.version == version, Made: e.made}
	if s.Ready {
		s.Value = e.value.(T)
	}
	if e.running != nil {
		s.For = c.clock().Sub(e.since)
	}
	return s, nil
}

// start begins a computation unless the value is fresh or one runs already.
func (c *statCache) start(ctx context.Context, key, version string, compute func(context.Context) (any, error)) (*statEntry, chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if e == nil {
		e = &statEntry{}
		c.entries[key] = e
	}
	e.used = c.clock()
	c.forget()
	if e.version == version || e.running != nil {
		return e, e.running
	}
	done := make(chan struct{})
	e.running, e.since = done, c.clock()
	go func() {
		c.slot <- struct{}{}
		value, err := guarded(context.WithoutCancel(ctx), compute)
		<-c.slot
		c.mu.Lock()
		defer c.mu.Unlock()
		if e.err = err; err == nil {
			e.value, e.version, e.made = value, version, c.clock()
		}
		e.running = nil
		close(done)
	}()
	return e, done
}

// guarded turns a panic into an error: outside a request nothing else would catch it.
func guarded(ctx context.Context, compute func(context.Context) (any, error)) (value any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("statistics: %v\n%s", p, debug.Stack())
		}
	}()
	return compute(ctx)
}

// forget drops the statistics that were not looked at for longest.
func (c *statCache) forget() {
	for len(c.entries) > statsKept {
		oldest := ""
		for key, e := range c.entries {
			if e.running == nil && (oldest == "" || e.used.Before(c.entries[oldest].used)) {
				oldest = key
			}
		}
		if oldest == "" {
			return
		}
		delete(c.entries, oldest)
	}
}
