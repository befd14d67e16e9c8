package db

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// NewArtefact is an artefact with what it was made from.
type NewArtefact struct {
	Artefact
	Parents []ArtefactParent // by hash, "sha256:" in front or not; ArtefactID is filled in
	Workers map[string]int64 // pseudonyms of the project whose answers are in it → how many
}

// RegisterArtefact notes that something was made. The same content made again
// is the same artefact: parents and workers join, and it counts as in use again.
func (s *Store) RegisterArtefact(ctx context.Context, in NewArtefact) (Artefact, error) {
	in.SHA256 = plainHash(in.SHA256)
	if len(in.SHA256) != 64 {
		return in.Artefact, Invalid("sha256", "%q is no hash of an artefact", in.SHA256)
	}
	err := s.write(ctx, func(tx *gorm.DB) error {
		old, err := first[Artefact](tx.Where("sha256 = ?", in.SHA256))
		switch {
		case errors.Is(err, ErrNotFound):
			in.Created = s.Now()
			if err := tx.Create(&in.Artefact).Error; err != nil {
				return fmt.Errorf("register artefact: %w", err)
			}
		case err != nil:
			return err
		default:
			in.Artefact = old
			in.Artefact.Retired, in.Artefact.RetiredBy, in.Artefact.RetiredNote = 0, 0, ""
			if err := tx.Save(&in.Artefact).Error; err != nil {
				return err
			}
		}
		return linkArtefact(tx, in)
	})
	return in.Artefact, err
}

func linkArtefact(tx *gorm.DB, in NewArtefact) error {
	once := func() *gorm.DB { return tx.Clauses(clause.OnConflict{DoNothing: true}) }
	for _, p := range in.Parents {
		p.ArtefactID, p.SHA256 = in.ID, plainHash(p.SHA256)
		if p.SHA256 == "" || p.SHA256 == in.SHA256 {
			continue
		}
		if err := once().Create(&p).Error; err != nil {
			return err
		}
	}
	var rows []ArtefactWorker
	for worker, n := range in.Workers {
		if worker != "" {
			rows = append(rows, ArtefactWorker{in.ID, in.ProjectID, worker, n})
		}
	}
	elsewhere, err := foreignWorkers(tx, in)
	if rows = append(rows, elsewhere...); err != nil || len(rows) == 0 {
		return err
	}
	return once().CreateInBatches(&rows, 200).Error
}

// foreignWorkers are the workers of an artefact whose answers came into its
// project with an export of another one: there they have the same pseudonym.
func foreignWorkers(tx *gorm.DB, in NewArtefact) ([]ArtefactWorker, error) {
	var from []ArtefactWorker
	err := tx.Raw(`SELECT DISTINCT w.project_id, w.worker FROM imports i JOIN artefacts a ON a.sha256 = i.sha256
		JOIN artefact_workers w ON w.artefact_id = a.id WHERE i.project_id = ? AND w.project_id <> ?`, in.ProjectID, in.ProjectID).Scan(&from).Error
	var rows []ArtefactWorker
	for _, w := range from {
		if n, ok := in.Workers[w.Worker]; ok {
			rows = append(rows, ArtefactWorker{in.ID, w.ProjectID, w.Worker, n})
		}
	}
	return rows, err
}

// plainHash is a hash without "sha256:" in front.
func plainHash(h string) string { return strings.TrimPrefix(h, "sha256:") }

// Artefacts lists what was made from a project, newest first.
func (s *Store) Artefacts(ctx context.Context, projectID int64) ([]Artefact, error) {
	return all[Artefact](s.read(ctx).Where("project_id = ?", projectID).Order("id DESC"))
}

// ArtefactByHash finds an artefact.
func (s *Store) ArtefactByHash(ctx context.Context, sha256 string) (Artefact, error) {
	return first[Artefact](s.read(ctx).Where("sha256 = ?", plainHash(sha256)))
}

// RetireArtefact notes that an artefact was deleted or retrained, in the words of note.
func (s *Store) RetireArtefact(ctx context.Context, by, id int64, note string) error {
	note = strings.TrimSpace(note)
	if note == "" || len(note) > 1000 {
		return Invalid("note", "say in 1 to 1000 bytes what was done with it, such as: deleted everywhere")
	}
	return s.write(ctx, func(tx *gorm.DB) error {
		a, err := first[Artefact](tx.Where("id = ?", id))
		if err != nil {
			return err
		}
		if err := tx.Model(&a).Updates(map[string]any{"retired": s.Now(), "retired_by": by, "retired_note": note}).Error; err != nil {
			return err
		}
		return audit(tx, s.Now(), by, "artefact.retire", fmt.Sprintf("artefact:%d", a.ID), map[string]any{"sha256": a.SHA256, "note": note})
	})
}

// containing finds the artefacts that hold answers of some workers of a
// project, or that were made from one that does, however far down.
func containing(tx *gorm.DB, projectID int64, workers []string) ([]Artefact, error) {
	if len(workers) == 0 {
		return nil, nil
	}
	var as []Artefact
	err := tx.Raw(`WITH RECURSIVE hit (id, sha256) AS (
			SELECT a.id, a.sha256 FROM artefacts a JOIN artefact_workers w ON w.artefact_id = a.id WHERE w.project_id = ? AND w.worker IN ?
			UNION
			SELECT a.id, a.sha256 FROM artefacts a JOIN artefact_parents p ON p.artefact_id = a.id JOIN hit h ON h.sha256 = p.sha256
		) SELECT * FROM artefacts WHERE id IN (SELECT id FROM hit) ORDER BY id`, projectID, workers).Scan(&as).Error
	return as, err
}

// ArtefactsOf lists the artefacts that hold answers of some workers of a
// project, themselves or through what they were made from.
func (s *Store) ArtefactsOf(ctx context.Context, projectID int64, workers ...string) ([]Artefact, error) {
	as, err := containing(s.read(ctx), projectID, workers)
	return as, explain(err)
}

// DirectlyIn tells which workers' answers are in an artefact of a project
// itself: artefact → worker.
func (s *Store) DirectlyIn(ctx context.Context, projectID int64) (map[int64]map[string]bool, error) {
	rows, err := all[ArtefactWorker](s.read(ctx).Where("project_id = ?", projectID))
	m := map[int64]map[string]bool{}
	for _, r := range rows {
		if m[r.ArtefactID] == nil {
			m[r.ArtefactID] = map[string]bool{}
		}
		m[r.ArtefactID][r.Worker] = true
	}
	return m, err
}
