package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
)

// StageWithdrawn is the stage of a member who took their answers back: they get no more tasks.
const StageWithdrawn = "withdrawn"

// Withdraw asks that a person's answers in a project be used no more.
type Withdraw struct {
	ProjectID int64
	Worker    string // pseudonym; of a member of the site or of an import
	By        int64  // who asks: the person, a lead, or 0 for the command line
	Reopen    bool   // give the answers' places in the queue to other labelers
}

// Withdrawn says what a withdrawal did, and what it cannot reach by itself.
type Withdrawn struct {
	Record    Withdrawal
	Answers   int        // that were in use until now
	Places    int        // given back to the queue
	Drafts    int        // deleted
	Artefacts []Artefact // files and models made before that hold answers of this person: to be deleted or made again
}

// Withdraw takes all answers of a worker out of use, in one transaction: they
// stay stored as AnswerWithdrawn, but are neither exported nor learned from nor
// counted from now on; drafts are deleted, open tasks given back, and the
// membership ends at StageWithdrawn. The result lists by hash what was made of
// the answers before. Withdrawing again is harmless and lists it again. A
// worker whom the project does not know is ErrNotFound.
func (s *Store) Withdraw(ctx context.Context, w Withdraw) (Withdrawn, error) {
	var out Withdrawn
	err := s.write(ctx, func(tx *gorm.DB) error {
		userID, err := workerUser(tx, w.ProjectID, w.Worker)
		if err != nil {
			return err
		}
		if out, err = s.withdrawAnswers(tx, w); err != nil {
			return err
		}
		if userID != 0 {
			if err := s.withdrawWork(tx, w, userID, &out); err != nil {
				return err
			}
		}
		q, err := queueOf(tx, w.ProjectID)
		if err == nil {
			err = judgeAll(tx, q)
		}
		if err != nil {
			return err
		}
		if out.Artefacts, err = containing(tx, w.ProjectID, []string{w.Worker}); err != nil {
			return err
		}
		hashes := make([]string, len(out.Artefacts))
		for i, a := range out.Artefacts {
			hashes[i] = a.SHA256
		}
		return audit(tx, s.Now(), w.By, "answers.withdraw", fmt.Sprintf("project:%d", w.ProjectID), map[string]any{
			"worker": w.Worker, "answers": out.Answers, "places": out.Places, "drafts": out.Drafts, "artefacts": hashes})
	})
	return out, err
}

// workerUser finds who is behind a pseudonym; 0 is a worker of an import.
func workerUser(tx *gorm.DB, projectID int64, worker string) (int64, error) {
	m, err := first[Member](tx.Where("project_id = ? AND worker = ?", projectID, worker))
	if err == nil {
		return m.UserID, nil
	}
	if !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	_, err = first[Answer](tx.Where("project_id = ? AND worker = ?", projectID, worker))
	if errors.Is(err, ErrNotFound) && worker != "" {
		err = contributed(tx, projectID, worker)
	}
	if err != nil {
		return 0, fmt.Errorf("labeler %q: %w", worker, err)
	}
	return 0, nil
}

// contributed returns ErrNotFound unless an imported demonstration is by the worker.
func contributed(tx *gorm.DB, projectID int64, worker string) error {
	items, err := all[Item](tx.Select("id", "extra").Where("project_id = ? AND kind = ? AND extra LIKE ?", projectID, ItemDemo, `%"worker"%`))
	if err == nil && !slices.ContainsFunc(items, func(it Item) bool { return it.Contributor() == worker }) {
		err = ErrNotFound
	}
	return err
}

// Contributor is the pseudonym that an imported demonstration names, "" for none.
func (it Item) Contributor() string {
	var extra struct {
		Worker string `json:"worker"`
	}
	if it.Extra == "" || json.Unmarshal([]byte(it.Extra), &extra) != nil {
		return ""
	}
	return extra.Worker
}

// withdrawnWorkers are the pseudonyms of those who withdrew from a project.
func withdrawnWorkers(tx *gorm.DB, projectID int64) (map[string]bool, error) {
	rows, err := all[Withdrawal](tx.Where("project_id = ?", projectID))
	m := make(map[string]bool, len(rows))
	for _, r := range rows {
		m[r.Worker] = true
	}
	return m, err
}

// withdrawAnswers marks the answers and remembers the withdrawal.
func (s *Store) withdrawAnswers(tx *gorm.DB, w Withdraw) (Withdrawn, error) {
	mine := func() *gorm.DB {
		return tx.Model(&Answer{}).Where("project_id = ? AND worker = ?", w.ProjectID, w.Worker)
	}
	var items []int64 // one for each answer in use
	if err := mine().Where("state = ?", AnswerActive).Order("item_id").Pluck("item_id", &items).Error; err != nil {
		return Withdrawn{}, err
	}
	res := mine().Where("state <> ?", AnswerWithdrawn).Update("state", AnswerWithdrawn)
	if res.Error != nil {
		return Withdrawn{}, res.Error
	}
	for _, id := range items {
		if err := judged(tx, id); err != nil {
			return Withdrawn{}, err
		}
	}
	rec, err := first[Withdrawal](tx.Where("project_id = ? AND worker = ?", w.ProjectID, w.Worker))
	if errors.Is(err, ErrNotFound) {
		rec, err = Withdrawal{ProjectID: w.ProjectID, Worker: w.Worker, Created: s.Now(), CreatedBy: w.By}, nil
	}
	if err != nil {
		return Withdrawn{}, err
	}
	rec.Answers += int64(len(items))
	return Withdrawn{Record: rec, Answers: len(items)}, tx.Save(&rec).Error
}

// withdrawWork ends the person's work in the project: leases, drafts, membership.
func (s *Store) withdrawWork(tx *gorm.DB, w Withdraw, userID int64, out *Withdrawn) error {
	if err := s.expire(tx); err != nil {
		return err
	}
	leases, err := all[Lease](tx.Where("user_id = ? AND state IN (?, ?) AND item_id IN (SELECT id FROM items WHERE project_id = ?)",
		userID, LeaseOpen, LeaseAnswered, w.ProjectID))
	if err != nil {
		return err
	}
	for _, l := range leases {
		if l.State == LeaseAnswered && !w.Reopen {
			if err := tx.Model(&l).Update("locked", true).Error; err != nil {
				return err
			}
			continue
		}
		if err := s.closeLease(tx, l, LeaseRemoved, nil); err != nil {
			return err
		}
		out.Places++
	}
	res := tx.Where("user_id = ? AND item_id IN (SELECT id FROM items WHERE project_id = ?)", userID, w.ProjectID).Delete(&Draft{})
	if res.Error != nil {
		return res.Error
	}
	out.Drafts = int(res.RowsAffected)
	return tx.Model(&Member{}).Where("project_id = ? AND user_id = ?", w.ProjectID, userID).Update("stage", StageWithdrawn).Error
}

// Withdrawals lists who withdrew from a project, oldest first.
func (s *Store) Withdrawals(ctx context.Context, projectID int64) ([]Withdrawal, error) {
	return all[Withdrawal](s.read(ctx).Where("project_id = ?", projectID).Order("created, worker"))
}

// WithdrawnArtefacts lists everything that holds answers of people who
// withdrew, from whatever project, oldest first. Retired ones are among them.
func (s *Store) WithdrawnArtefacts(ctx context.Context) ([]Artefact, error) {
	var as []Artefact
	err := s.read(ctx).Raw(`WITH RECURSIVE hit (id, sha256) AS (
			SELECT a.id, a.sha256 FROM artefacts a JOIN artefact_workers w ON w.artefact_id = a.id
				JOIN withdrawals g ON g.project_id = w.project_id AND g.worker = w.worker
			UNION
			SELECT a.id, a.sha256 FROM artefacts a JOIN artefact_parents p ON p.artefact_id = a.id JOIN hit h ON h.sha256 = p.sha256
		) SELECT * FROM artefacts WHERE id IN (SELECT id FROM hit) ORDER BY id`).Scan(&as).Error
	return as, explain(err)
}

// LeftOut counts what exports of a project leave out.
type LeftOut struct {
	WithdrawnPeople, WithdrawnAnswers int64
	Excluded, Returned                int64
}

// LeftOut counts it.
func (s *Store) LeftOut(ctx context.Context, projectID int64) (LeftOut, error) {
	var l LeftOut
	err := s.read(ctx).Raw(`SELECT
		(SELECT count(*) FROM withdrawals WHERE project_id = p.id) AS withdrawn_people,
		(SELECT CAST(coalesce(sum(answers), 0) AS BIGINT) FROM withdrawals WHERE project_id = p.id) AS withdrawn_answers,
		(SELECT count(*) FROM answers WHERE project_id = p.id AND state = 'excluded' AND purpose = '') AS excluded,
		(SELECT count(*) FROM answers WHERE project_id = p.id AND state = 'returned' AND purpose = '') AS returned
		FROM projects p WHERE p.id = ?`, projectID).Scan(&l).Error
	return l, explain(err)
}
