package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"agora/db"
	"agora/policy"
	"agora/policy/checkpoint"
)

// A stage is one training of quickstart. It is a run like any other: registered in the database, so
// that the site shows its charts, resumable, and kept as long as its settings and inputs are the same.
type stage struct {
	kind   string
	name   string            // of its folder under "runs"
	title  string            // for people
	config map[string]any    // settings that differ from the kind's defaults
	inputs map[string]string // role → file or checkpoint directory
}

// stamp remembers beside a stage's folder what it was made from.
type stamp struct {
	Key string `json:"key"` // of kind, settings and inputs
	Run int64  `json:"run"` // in the database
}

// train makes sure that the stage is done and returns its run. It says whether the work was kept from
// an earlier start.
func (q *quickstart) train(ctx context.Context, s stage) (run db.Run, kept bool, err error) {
	key, err := s.key()
	if err != nil {
		return run, false, fmt.Errorf("%s: %w", s.name, err)
	}
	old := q.readStamp(s)
	if old.Key == key {
		if run, err = q.store.Run(ctx, old.Run); err == nil && run.Dir != q.path("runs", s.name) {
			err = db.ErrNotFound // another database: the number names some other run
		}
		if err == nil && run.Status == db.RunDone && hasResult(run.Dir) {
			return run, true, nil
		}
	}
	if old.Key != key || err != nil || run.Status == db.RunDone {
		if err := q.supersede(ctx, old.Run, q.path("runs", s.name)); err != nil {
			return run, false, fmt.Errorf("%s: %w", s.name, err)
		}
		if run, err = q.begin(ctx, s, key); err != nil {
			return run, false, err
		}
	}
	if run, err = q.take(ctx, run.ID); err != nil {
		return run, false, err
	}
	if err := q.worker.Train(ctx, run); err != nil {
		return run, false, fmt.Errorf("%s: %w", s.name, err)
	}
	run, err = q.store.Run(ctx, run.ID)
	return run, false, err
}

// supersede keeps a worker from taking up a run whose folder now belongs to other settings. A run that
// is being trained at this moment is left alone, and so is its folder.
func (q *quickstart) supersede(ctx context.Context, id int64, dir string) error {
	run, err := q.store.Run(ctx, id)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return nil
	case err == nil && (run.Dir != dir || run.Status != db.RunQueued && run.Status != db.RunRunning):
		return nil
	case err != nil:
		return err
	case run.Status == db.RunRunning && time.Now().Before(run.LeaseExpires.Time()):
		return fmt.Errorf("run %d is being trained by %s with other settings: stop that first", id, run.Worker)
	case run.Status == db.RunQueued:
		return q.store.RequestStop(ctx, id, 0)
	}
	if run, err = q.store.StartRun(ctx, id, q.worker.Name); err != nil {
		return err
	}
	return q.store.FinishRun(ctx, id, q.worker.Name, db.RunStopped, "its settings or data changed: begun anew as another run", "")
}

// begin removes what other settings left in the stage's folder and registers a new run.
func (q *quickstart) begin(ctx context.Context, s stage, key string) (db.Run, error) {
	dir := q.path("runs", s.name)
	if err := os.RemoveAll(dir); err != nil {
		return db.Run{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return db.Run{}, err
	}
	config, err := json.Marshal(s.config)
	if err != nil {
		return db.Run{}, err
	}
	inputs := map[string]Input{}
	for role, path := range s.inputs {
		inputs[role] = Input{Path: path}
	}
	encoded, err := json.Marshal(inputs)
	if err != nil {
		return db.Run{}, err
	}
	run, err := q.store.CreateRun(ctx, db.Run{Kind: s.kind, Name: s.title, ProjectID: q.project, Config: string(config), Inputs: string(encoded), Dir: dir})
	if err != nil {
		return run, err
	}
	b, err := json.Marshal(stamp{key, run.ID})
	if err != nil {
		return run, err
	}
	return run, checkpoint.WriteFile(q.stampPath(s), b)
}

// take claims the run. Where a killed start still holds it, it waits for that hold to run out.
func (q *quickstart) take(ctx context.Context, id int64) (db.Run, error) {
	for waited := false; ; waited = true {
		run, err := q.store.StartRun(ctx, id, q.worker.Name)
		if err == nil {
			return run, nil
		}
		old, rerr := q.store.Run(ctx, id)
		left := time.Until(old.LeaseExpires.Time())
		if rerr != nil || old.Status != db.RunRunning || left <= 0 {
			return run, err
		}
		if !waited {
			q.say("another process (%s) holds run %d; if it was killed, its hold ends in %.0f s …", old.Worker, id, left.Seconds())
		}
		select {
		case <-ctx.Done():
			return run, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (q *quickstart) stampPath(s stage) string { return q.path("runs", s.name+".json") }

func (q *quickstart) readStamp(s stage) stamp {
	var old stamp
	b, err := os.ReadFile(q.stampPath(s))
	if err == nil && json.Unmarshal(b, &old) != nil {
		return stamp{} // a damaged stamp: the stage is done again
	}
	return old
}

// key hashes everything that decides the stage's result: kind, all settings, defaults included, and inputs.
func (s stage) key() (string, error) {
	settings, err := s.settings()
	if err != nil {
		return "", err
	}
	inputs := map[string]string{}
	for role, path := range s.inputs {
		hash, err := hashPath(path)
		if err != nil {
			return "", err
		}
		inputs[role] = hash
	}
	b, err := json.Marshal([]any{s.kind, settings, inputs})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// settings are the kind's defaults with the stage's own on top.
func (s stage) settings() (any, error) {
	c := defaultConfigs()[s.kind]
	return c, policy.LoadConfig(c, "", Job{Config: s.config}.sets())
}

// hashPath hashes a file, or the model in a directory.
func hashPath(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return checkpoint.HashFile(path)
	}
	dir, err := policy.Resolve(path)
	if err != nil {
		return "", err
	}
	return checkpoint.HashDir(dir)
}

// hasResult says whether a run's folder holds an undamaged result.
func hasResult(dir string) bool {
	_, err := checkpoint.Verify(filepath.Join(dir, policy.ResultDir))
	return err == nil
}

// resultOf is a number that a run noted in its result.
func resultOf(run db.Run, into any) error {
	if err := json.Unmarshal([]byte(run.Result), into); err != nil {
		return fmt.Errorf("run %d: result: %w", run.ID, err)
	}
	return nil
}

// interrupted says whether an error means that somebody pressed Ctrl-C.
func interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || err != nil && strings.Contains(err.Error(), context.Canceled.Error())
}
