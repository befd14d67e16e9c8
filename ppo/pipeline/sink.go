package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"agora/db"
)

// flushEvery bounds how often a run writes to the database.
const flushEvery = time.Second

// errStopRequested is why a run's context ends when somebody pressed stop on the site.
var errStopRequested = errors.New("stopped on request")

// dbSink gathers what a trainer reports and writes it once a second, in one transaction, together
// with the heartbeat that keeps the run. It implements policy.Sink.
type dbSink struct {
	store  *db.Store
	run    int64
	worker string

	mu          sync.Mutex
	metrics     []db.Metric
	samples     []db.Sample
	perStep     map[int64]int // samples seen at a step: the next one's place
	done, total int64
	message     string // not yet written; "" keeps the last
}

func newSink(store *db.Store, run int64, worker string) *dbSink {
	return &dbSink{store: store, run: run, worker: worker, perStep: map[int64]int{}}
}

// Metrics notes the numbers of a step. Numbers that are not finite stay in the run's own files only.
func (s *dbSink) Metrics(step int, values map[string]float64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			s.metrics = append(s.metrics, db.Metric{RunID: s.run, Step: int64(step), Name: name, Value: v})
		}
	}
	return nil
}

// Sample notes a generated text, or any other JSON object, of a step.
func (s *dbSink) Sample(step int, sample map[string]any) error {
	b, err := json.Marshal(sample)
	if err != nil {
		return fmt.Errorf("sample at step %d: %w", step, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	place := s.perStep[int64(step)]
	s.perStep[int64(step)]++
	s.samples = append(s.samples, db.Sample{RunID: s.run, Step: int64(step), Idx: place, Data: string(b)})
	return nil
}

// Progress tells how far the run is.
func (s *dbSink) Progress(done, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done, s.total = int64(done), int64(total)
}

// Say replaces the run's line for people.
func (s *dbSink) Say(message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.message = message
}

// flush writes what has gathered; on an error it is kept for the next time.
func (s *dbSink) flush(ctx context.Context) error {
	s.mu.Lock()
	metrics, samples := lastOfStep(s.metrics), s.samples
	s.metrics, s.samples = nil, nil
	s.mu.Unlock()
	if len(metrics)+len(samples) == 0 {
		return nil
	}
	err := s.store.Append(ctx, metrics, samples)
	if err != nil {
		s.mu.Lock()
		s.metrics, s.samples = append(metrics, s.metrics...), append(samples, s.samples...)
		s.mu.Unlock()
	}
	return err
}

// lastOfStep keeps the last value of each (step, name): one statement must not write a row twice.
func lastOfStep(metrics []db.Metric) []db.Metric {
	type key struct {
		step int64
		name string
	}
	at := map[key]int{}
	out := metrics[:0:0]
	for _, m := range metrics {
		k := key{m.Step, m.Name}
		if i, seen := at[k]; seen {
			out[i] = m
			continue
		}
		at[k] = len(out)
		out = append(out, m)
	}
	return out
}

// beat renews the hold on the run and tells how far it is.
func (s *dbSink) beat(ctx context.Context) error {
	s.mu.Lock()
	done, total, message := s.done, s.total, s.message
	s.message = ""
	s.mu.Unlock()
	return s.store.Heartbeat(ctx, s.run, s.worker, done, total, message)
}

// follow writes and beats every second until ctx ends. It cancels the run when somebody asks it to
// stop or another worker took it. A database that is busy for a while is no reason to stop training:
// the next second tries again, and the run is lost only when the lease is.
func (s *dbSink) follow(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.beat(ctx); errors.Is(err, db.ErrRunLost) {
			cancel(err)
			return
		}
		if stop, err := s.store.StopRequested(ctx, s.run); err == nil && stop {
			cancel(errStopRequested)
			return
		}
		_ = s.flush(ctx) // kept and tried again
	}
}
