package labeler

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestStatsAreComputedOncePerVersion(t *testing.T) {
	c := newStatCache()
	var computed atomic.Int64
	get := func(key, version string) stat[int64] {
		s, err := statOf(t.Context(), c, key, version, time.Minute, func(context.Context) (int64, error) { return computed.Add(1), nil })
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { get("a", "v1") })
	}
	all.Wait()
	if s := get("a", "v1"); s.Value != 1 || !s.Fresh || computed.Load() != 1 {
		t.Errorf("%+v after %d computations, want one for all", s, computed.Load())
	}
	if s := get("a", "v2"); s.Value != 2 || !s.Fresh {
		t.Errorf("a new version must be computed: %+v", s)
	}
	if s := get("b", "v2"); s.Value != 3 {
		t.Errorf("another key is another statistic: %+v", s)
	}
}

// While newer figures are computed the earlier ones are shown, marked as such, without waiting.
func TestStatsShowThePreviousMeanwhile(t *testing.T) {
	c := newStatCache()
	gate := make(chan struct{})
	slow := func(context.Context) (string, error) { <-gate; return "new", nil }
	first, err := statOf(t.Context(), c, "a", "v1", time.Millisecond, slow)
	if err != nil || first.Ready || first.Fresh {
		t.Fatalf("nothing is known yet: %+v, %v", first, err)
	}
	gate <- struct{}{}
	s, err := statOf(t.Context(), c, "a", "v1", time.Minute, slow)
	if err != nil || s.Value != "new" || !s.Fresh {
		t.Fatalf("%+v, %v", s, err)
	}
	s, err = statOf(t.Context(), c, "a", "v2", time.Millisecond, slow)
	if err != nil || !s.Ready || s.Fresh || s.Value != "new" || s.Made.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
	gate <- struct{}{}
	if s, err = statOf(t.Context(), c, "a", "v2", time.Minute, slow); err != nil || !s.Fresh {
		t.Errorf("%+v, %v", s, err)
	}
}

// A request that was given up does not take the computation with it; errors and panics reach who asked
// and are tried again by the next.
func TestStatsFail(t *testing.T) {
	c := newStatCache()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := statOf(gone, c, "a", "v", time.Minute, func(ctx context.Context) (int, error) {
		time.Sleep(5 * time.Millisecond)
		return 7, ctx.Err()
	}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if s, err := statOf(t.Context(), c, "a", "v", time.Minute, func(context.Context) (int, error) { return 8, nil }); err != nil || s.Value != 7 {
		t.Errorf("%+v, %v, want what the first request began", s, err)
	}
	broken := errors.New("broken")
	if _, err := statOf(t.Context(), c, "b", "v", time.Minute, func(context.Context) (int, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := statOf(t.Context(), c, "b", "v", time.Minute, func(context.Context) (int, error) { panic("ouch") }); err == nil || !strings.Contains(err.Error(), "ouch") {
		t.Error(err)
	}
	if s, err := statOf(t.Context(), c, "b", "v", time.Minute, func(context.Context) (int, error) { return 9, nil }); err != nil || s.Value != 9 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestStatsAreForgotten(t *testing.T) {
	c := newStatCache()
	for i := range 3 * statsKept {
		if _, err := statOf(t.Context(), c, fmt.Sprint(i), "v", time.Minute, func(context.Context) (int, error) { return i, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.entries) > statsKept {
		t.Errorf("%d kept", len(c.entries))
	}
}
