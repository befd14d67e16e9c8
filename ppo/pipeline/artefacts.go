package pipeline

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"strings"

	"agora/db"
	"agora/policy"
	"agora/policy/checkpoint"
	"agora/reward/prefs"
)

// What a run reads and writes is registered by hash, so that a withdrawal can name every model that
// learned from the person's answers, and so that no training begins on them any more.

// about is what the card of a run's data says beyond its rows.
func (w *Worker) about(ctx context.Context, project int64) (prefs.About, error) {
	left, err := w.Store.LeftOut(ctx, project)
	a := prefs.About{}
	if left != (db.LeftOut{}) {
		a.LeftOut = &prefs.LeftOut{WithdrawnPeople: int(left.WithdrawnPeople), WithdrawnAnswers: int(left.WithdrawnAnswers),
			Excluded: int(left.Excluded), Returned: int(left.Returned)}
	}
	return a, err
}

// countWorkers passes records on and counts whose they are.
func countWorkers(records iter.Seq2[prefs.Record, error], workers map[string]int64) iter.Seq2[prefs.Record, error] {
	return func(yield func(prefs.Record, error) bool) {
		for r, err := range records {
			switch r := r.(type) {
			case *prefs.Ranked:
				workers[r.Worker]++
			case *prefs.Demo:
				workers[r.Worker]++
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// refuseWithdrawn keeps a run from learning from a file that holds answers of people who withdrew
// since it was written, be it the run's own or one that was named.
func (w *Worker) refuseWithdrawn(ctx context.Context, job Job) error {
	affected, err := w.Store.WithdrawnArtefacts(ctx)
	if err != nil {
		return err
	}
	for role, in := range job.Inputs {
		for _, a := range affected {
			if in.SHA256 != "" && strings.TrimPrefix(in.SHA256, "sha256:") == a.SHA256 {
				return fmt.Errorf("input %s: %s holds answers of people who withdrew since; start a new run, or export again", role, filepath.Base(in.Path))
			}
		}
	}
	return nil
}

// register notes the model that a run made, under the hash of its directory, with what it was made from.
func (w *Worker) register(ctx context.Context, run db.Run, dir string) error {
	made, err := madeFrom(dir)
	if err != nil {
		return err
	}
	made.Kind, made.ProjectID, made.RunID, made.Name = run.Kind, run.ProjectID, run.ID, run.Name
	if made.Name == "" {
		made.Name = fmt.Sprintf("%s run %d", run.Kind, run.ID)
	}
	_, err = w.Store.RegisterArtefact(ctx, made)
	return err
}

// madeFrom reads from a model's directory what it is and what it was made from.
func madeFrom(dir string) (db.NewArtefact, error) {
	dir, err := policy.Resolve(dir)
	if err != nil {
		return db.NewArtefact{}, err
	}
	hash, err := checkpoint.HashDir(dir)
	if err != nil {
		return db.NewArtefact{}, err
	}
	m, _, err := checkpoint.ReadManifest(dir)
	made := db.NewArtefact{Artefact: db.Artefact{SHA256: hash, Kind: m.Kind}}
	for _, from := range []map[string]string{m.Parents, m.Data} {
		for role, parent := range from {
			made.Parents = append(made.Parents, db.ArtefactParent{SHA256: parent, Role: role})
		}
	}
	return made, err
}
