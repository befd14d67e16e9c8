package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"agora/db"
	"agora/policy"
	"agora/policy/cpu"
)

// idlePoll is how often an idle worker looks for a queued run.
const idlePoll = time.Second

// lastWrites is how long a worker may take to write down how a run ended.
const lastWrites = 5 * time.Second

// A trainer runs one job to its end, reporting to the sink, and returns the run's result, which is
// stored as JSON and holds at least "checkpoint".
type trainer func(ctx context.Context, w *Worker, job Job, sink *dbSink) (map[string]any, error)

// Worker trains the runs of a database, one at a time.
type Worker struct {
	Store   *db.Store
	Name    string // such as "host:pid"
	RunsDir string // where runs without a directory write
	Log     *slog.Logger
	Threads int           // of the device; 0 is one per core
	Sinks   []policy.Sink // told everything that the database is told

	dev      *cpu.Device // opened by the first run
	trainers map[string]trainer
}

// NewWorker makes a worker of this process. Runs are kept in "runs" beside the
// database's file, or in the working directory when it is on a server.
func NewWorker(store *db.Store, log *slog.Logger) *Worker {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	dir, err := filepath.Abs(store.Dir())
	if err != nil {
		dir = "."
	}
	return &Worker{
		Store: store, Name: fmt.Sprintf("%s:%d", host, os.Getpid()), RunsDir: filepath.Join(dir, "runs"), Log: log,
		trainers: map[string]trainer{KindPretrain: trainPretrain, KindSFT: trainSFT, KindReward: trainReward,
			KindPPO: trainPPO, KindRLOO: trainPPO, KindGRPO: trainPPO, KindDPO: trainDPO, KindScore: scoreTexts},
	}
}

// Work claims and trains runs until ctx ends; with once it returns when the queue is empty.
func (w *Worker) Work(ctx context.Context, once bool) error {
	for {
		run, err := w.Store.ClaimRun(ctx, w.Name, kinds...)
		switch {
		case err == nil:
			if err := w.Train(ctx, run); err != nil && ctx.Err() == nil {
				w.Log.Warn("run ended early", "run", run.ID, "why", err)
			}
		case !errors.Is(err, db.ErrNotFound) && ctx.Err() == nil:
			w.Log.Warn("cannot read the queue", "why", err)
		case once:
			return nil
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(idlePoll):
			}
		}
	}
}

// Train runs a claimed run to its end and writes down how it ended. The error is the run's, for the
// caller's log.
func (w *Worker) Train(ctx context.Context, run db.Run) error {
	w.Log.Info("run begins", "run", run.ID, "kind", run.Kind, "attempt", run.Attempt)
	sink := newSink(w.Store, run.ID, w.Name)
	runCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	followed := make(chan struct{})
	go func() { defer close(followed); sink.follow(runCtx, cancel) }()

	result, err := w.train(runCtx, run, sink)
	cause := context.Cause(runCtx)
	cancel(nil)
	<-followed

	if errors.Is(cause, db.ErrRunLost) {
		return cause // another worker has it: write nothing more
	}
	end, done := context.WithTimeout(context.WithoutCancel(ctx), lastWrites)
	defer done()
	_ = sink.beat(end) // the last steps; finish tells where the run is lost
	if err := sink.flush(end); err != nil {
		w.Log.Warn("the last metrics could not be stored; they are in the run's directory", "run", run.ID, "why", err)
	}
	return w.finish(end, run, result, err, cause)
}

// train decodes the run and calls its trainer.
func (w *Worker) train(ctx context.Context, run db.Run, sink *dbSink) (result map[string]any, err error) {
	defer func() {
		if p := recover(); p != nil { // one run's fault must not end the worker
			err = fmt.Errorf("a fault in agora itself: %v", p)
		}
	}()
	job, err := jobOf(run, w.RunsDir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(job.Dir, 0o755); err != nil {
		return nil, err
	}
	if err := w.prepare(ctx, &job); err != nil {
		return nil, err
	}
	inputs, err := json.Marshal(job.Inputs)
	if err != nil {
		return nil, err
	}
	if err := w.Store.SetRunDir(ctx, run.ID, w.Name, job.Dir, string(inputs)); err != nil {
		return nil, err
	}
	if result, err = w.trainers[run.Kind](ctx, w, job, sink); err != nil {
		return result, err
	}
	if dir, ok := result["checkpoint"].(string); ok {
		if err := w.register(ctx, run, dir); err != nil { // no reason to call hours of training failed
			w.Log.Warn("the model could not be registered: a withdrawal will not name it", "run", run.ID, "why", err)
		}
	}
	return result, nil
}

// finish writes down the run's end: done, stopped by a person, given back because this worker ends, or
// failed.
func (w *Worker) finish(ctx context.Context, run db.Run, result map[string]any, err, cause error) error {
	status, message := db.RunFailed, ""
	switch {
	case err == nil:
		status, message = db.RunDone, "done"
	case errors.Is(cause, errStopRequested):
		status, message = db.RunStopped, "stopped on request; resume goes on from the newest checkpoint"
	case cause != nil:
		status, message = db.RunStopped, "the worker ended; the run goes on from its newest checkpoint"
	default:
		message = firstLine(err)
	}
	encoded := "{}"
	if result != nil {
		b, jsonErr := json.Marshal(result)
		if jsonErr != nil {
			return jsonErr
		}
		encoded = string(b)
	}
	if ferr := w.Store.FinishRun(ctx, run.ID, w.Name, status, message, encoded); ferr != nil {
		return errors.Join(err, ferr)
	}
	if status == db.RunStopped && !errors.Is(cause, errStopRequested) {
		return errors.Join(err, w.Store.QueueAgain(ctx, run.ID, 0))
	}
	w.Log.Info("run ends", "run", run.ID, "status", status, "message", message)
	return err
}

// firstLine is an error as one line for people.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// say puts a trainer's news into the run's line for people and into the log.
func (w *Worker) say(sink *dbSink) func(format string, args ...any) {
	return func(format string, args ...any) {
		line := fmt.Sprintf(format, args...)
		sink.Say(line)
		w.Log.Info(line)
	}
}
