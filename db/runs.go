package db

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// runLease is how long a worker may be silent before its run is given away.
const runLease = time.Minute

// maxCrashes in a row are enough: what kills its worker each time would do so for ever.
const maxCrashes = 3

// HeartbeatEvery is how often a worker should call Heartbeat.
const HeartbeatEvery = 10 * time.Second

// CreateRun queues a run. Fill Kind and Config, and Name, ProjectID, Inputs,
// Dir and CreatedBy where they apply.
func (s *Store) CreateRun(ctx context.Context, r Run) (Run, error) {
	if r.Kind == "" {
		return r, Invalid("kind", "a run needs one")
	}
	for _, j := range []*string{&r.Config, &r.Inputs, &r.Result} {
		if err := defaultObject(j); err != nil {
			return r, err
		}
	}
	r.Status, r.Created = RunQueued, s.Now()
	err := s.write(ctx, func(tx *gorm.DB) error {
		if err := tx.Create(&r).Error; err != nil {
			return err
		}
		return audit(tx, s.Now(), r.CreatedBy, "run.create", fmt.Sprintf("run:%d", r.ID), map[string]any{"kind": r.Kind, "name": r.Name})
	})
	return r, err
}

// defaultObject makes an empty text {} and refuses what is not a JSON object.
func defaultObject(text *string) error {
	if *text == "" {
		*text = "{}"
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(*text), &m); err != nil {
		return Invalid("run", "config, inputs and result must be JSON objects: %v", err)
	}
	return nil
}

// Run returns one run.
func (s *Store) Run(ctx context.Context, id int64) (Run, error) {
	return first[Run](s.read(ctx).Where("id = ?", id))
}

// ListRuns lists the runs of a project, or all for projectID 0, newest first.
func (s *Store) ListRuns(ctx context.Context, projectID int64) ([]Run, error) {
	q := s.read(ctx)
	if projectID != 0 {
		q = q.Where("project_id = ?", projectID)
	}
	return all[Run](q.Order("id DESC"))
}

// ClaimRun gives a worker the oldest queued run of the given kinds (none: any),
// or one whose worker fell silent, to be resumed. It returns ErrNotFound when
// there is nothing to do.
func (s *Store) ClaimRun(ctx context.Context, worker string, kinds ...string) (Run, error) {
	var r Run
	var none error
	err := s.write(ctx, func(tx *gorm.DB) (err error) {
		if err := s.giveUp(tx); err != nil {
			return err
		}
		q := tx.Where("status = ? OR (status = ? AND lease_expires <= ?)", RunQueued, RunRunning, s.Now())
		if len(kinds) > 0 {
			q = tx.Where(q).Where("kind IN ?", kinds)
		}
		r, err = first[Run](q.Order("id"))
		if errors.Is(err, ErrNotFound) {
			none = err
			return nil // keeps what giveUp did
		}
		if err != nil {
			return err
		}
		if r.Status == RunRunning {
			r.Crashes++
		}
		return s.claim(tx, &r, worker)
	})
	return r, cmp.Or(err, none)
}

// giveUp ends the runs of silent workers that are not to be resumed: those that
// were asked to stop, and those that killed their worker time and again.
func (s *Store) giveUp(tx *gorm.DB) error {
	silent := func() *gorm.DB {
		return tx.Model(&Run{}).Where("status = ? AND lease_expires <= ?", RunRunning, s.Now())
	}
	err := silent().Where("stop_requested = ?", true).Updates(map[string]any{"status": RunStopped, "finished": s.Now(),
		"message": "its worker died after it was asked to stop; resume goes on from the newest checkpoint"}).Error
	if err != nil {
		return err
	}
	return silent().Where("crashes >= ?", maxCrashes).Updates(map[string]any{"status": RunFailed, "finished": s.Now(),
		"message": fmt.Sprintf("its worker died %d times in a row; the worker's output may say why", maxCrashes+1)}).Error
}

// StartRun claims one particular run that is not held by a live worker, as
// `agora run resume` and quickstart do. Stopped and failed runs start again.
func (s *Store) StartRun(ctx context.Context, id int64, worker string) (Run, error) {
	var r Run
	err := s.write(ctx, func(tx *gorm.DB) (err error) {
		if r, err = first[Run](tx.Where("id = ?", id)); err != nil {
			return err
		}
		switch {
		case r.Status == RunDone:
			return Invalid("run", "%d is done already", id)
		case r.Status == RunRunning && r.LeaseExpires > s.Now():
			return Invalid("run", "%d is running on %s", id, r.Worker)
		}
		return s.claim(tx, &r, worker)
	})
	return r, err
}

func (s *Store) claim(tx *gorm.DB, r *Run, worker string) error {
	r.Status, r.Worker, r.StopRequested = RunRunning, worker, false
	r.LeaseExpires, r.Attempt, r.Finished = AtMillis(s.now().Add(runLease)), r.Attempt+1, 0
	if r.Started == 0 {
		r.Started = s.Now()
	}
	return tx.Save(r).Error
}

// QueueAgain puts a stopped or failed run back into the queue, to be resumed.
func (s *Store) QueueAgain(ctx context.Context, id, by int64) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		err := one(tx.Model(&Run{}).Where("id = ? AND status IN (?, ?)", id, RunStopped, RunFailed).
			Updates(map[string]any{"status": RunQueued, "stop_requested": false, "crashes": 0, "message": "", "finished": 0}))
		if err != nil {
			return err
		}
		return audit(tx, s.Now(), by, "run.resume", fmt.Sprintf("run:%d", id), nil)
	})
}

// RequestStop asks the worker of a run to stop; a queued run is stopped at once.
func (s *Store) RequestStop(ctx context.Context, id, by int64) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		queued := tx.Model(&Run{}).Where("id = ? AND status = ?", id, RunQueued).
			Updates(map[string]any{"status": RunStopped, "finished": s.Now(), "message": "stopped before it began"})
		if queued.Error != nil {
			return queued.Error
		}
		if queued.RowsAffected == 0 {
			if err := one(tx.Model(&Run{}).Where("id = ? AND status = ?", id, RunRunning).Update("stop_requested", true)); err != nil {
				return err
			}
		}
		return audit(tx, s.Now(), by, "run.stop", fmt.Sprintf("run:%d", id), nil)
	})
}

// StopRequested tells a worker whether its run should stop.
func (s *Store) StopRequested(ctx context.Context, id int64) (bool, error) {
	r, err := s.Run(ctx, id)
	return r.StopRequested, err
}

// Heartbeat renews the worker's hold on a run and tells how far it is; an
// empty message keeps the last one. It returns ErrRunLost when another worker
// has the run meanwhile: then stop at once and write nothing more.
func (s *Store) Heartbeat(ctx context.Context, id int64, worker string, done, total int64, message string) error {
	set := map[string]any{"lease_expires": AtMillis(s.now().Add(runLease)), "done": done, "total": total,
		"crashes": gorm.Expr("CASE WHEN done < ? THEN 0 ELSE crashes END", done)}
	if message != "" {
		set["message"] = message
	}
	return s.updateHeld(ctx, id, worker, set)
}

// SetRunDir notes where a run writes, and the hashes of what it reads.
func (s *Store) SetRunDir(ctx context.Context, id int64, worker, dir, inputs string) error {
	if err := defaultObject(&inputs); err != nil {
		return err
	}
	return s.updateHeld(ctx, id, worker, map[string]any{"dir": dir, "inputs": inputs})
}

// FinishRun ends a run as RunDone, RunFailed or RunStopped. message says why
// in one line, result is a JSON object or empty.
func (s *Store) FinishRun(ctx context.Context, id int64, worker, status, message, result string) error {
	if err := defaultObject(&result); err != nil {
		return err
	}
	if status != RunDone && status != RunFailed && status != RunStopped {
		return Invalid("status", "a run ends as done, failed or stopped, not %q", status)
	}
	return s.updateHeld(ctx, id, worker, map[string]any{"status": status, "message": message, "result": result,
		"finished": s.Now(), "lease_expires": 0, "stop_requested": false})
}

// updateHeld changes a run that the worker holds.
func (s *Store) updateHeld(ctx context.Context, id int64, worker string, set map[string]any) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		err := one(tx.Model(&Run{}).Where("id = ? AND worker = ? AND status = ?", id, worker, RunRunning).Updates(set))
		if errors.Is(err, ErrNotFound) {
			return fmt.Errorf("run %d: %w", id, ErrRunLost)
		}
		return err
	})
}
