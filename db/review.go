package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// Decisions of a reviewer on an answer. Each is one write transaction, leaves
// an entry in the answer's thread and a line in the audit log, and keeps the
// count of slots exact: taken = open + answered leases of the item.

// ErrPlaceGone means that an answer cannot come back: its place was given to somebody else.
var ErrPlaceGone = errors.New("its place was given to another labeler meanwhile")

// maxReviewText bounds comments and reasons, in bytes.
const maxReviewText = 10_000

// ReworkDays are the times that a returned task may be kept for its labeler.
var ReworkDays = []int{1, 3, 7, 14, 30}

// review is one decision on its way: what it needs to know, loaded and checked.
type review struct {
	tx      *gorm.DB
	by      int64
	answer  Answer
	lease   *Lease // nil: imported
	project Project
}

// decide loads an answer of a project and lets do change it; the note says what was decided.
func (s *Store) decide(ctx context.Context, by, projectID, answerID int64, note ReviewNote, do func(r *review) (map[string]any, error)) error {
	note.Text = strings.TrimSpace(note.Text)
	if len(note.Text) > maxReviewText {
		return Invalid("text", "please keep it under %d bytes", maxReviewText)
	}
	return s.write(ctx, func(tx *gorm.DB) error {
		if err := s.expire(tx); err != nil {
			return err
		}
		r, err := loadReview(tx, by, projectID, answerID)
		if err != nil {
			return err
		}
		detail, err := do(r)
		if err != nil {
			return err
		}
		if err := judged(tx, r.answer.ItemID); err != nil {
			return err
		}
		note.ProjectID, note.AnswerID, note.UserID, note.Created = projectID, answerID, by, s.Now()
		if err := tx.Create(&note).Error; err != nil {
			return fmt.Errorf("note on answer %d: %w", answerID, err)
		}
		if detail == nil {
			detail = map[string]any{}
		}
		detail["item"], detail["worker"], detail["note"] = r.answer.ItemID, r.answer.Worker, note.ID
		return audit(tx, s.Now(), by, "answer."+note.Kind, fmt.Sprintf("answer:%d", answerID), detail)
	})
}

func loadReview(tx *gorm.DB, by, projectID, answerID int64) (*review, error) {
	r := &review{tx: tx, by: by}
	var err error
	if r.answer, err = first[Answer](tx.Where("id = ? AND project_id = ?", answerID, projectID)); err != nil {
		return nil, err
	}
	if r.project, err = first[Project](tx.Where("id = ?", projectID)); err != nil {
		return nil, err
	}
	if r.answer.LeaseID != "" {
		l, err := first[Lease](tx.Where("id = ?", r.answer.LeaseID))
		if err != nil {
			return nil, fmt.Errorf("lease of answer %d: %w", answerID, err)
		}
		r.lease = &l
	}
	return r, nil
}

func (r *review) setState(state string) error {
	return r.tx.Model(&Answer{}).Where("id = ?", r.answer.ID).Update("state", state).Error
}

func (r *review) setLease(set map[string]any) error {
	return r.tx.Model(&Lease{}).Where("id = ?", r.lease.ID).Updates(set).Error
}

// Comment adds to the thread of an answer. toLabeler lets its labeler read it.
func (s *Store) Comment(ctx context.Context, by, projectID, answerID int64, text string, toLabeler bool) error {
	if strings.TrimSpace(text) == "" {
		return Invalid("text", "write something first")
	}
	return s.decide(ctx, by, projectID, answerID, ReviewNote{Kind: NoteComment, Text: text, ToLabeler: toLabeler}, func(r *review) (map[string]any, error) {
		if toLabeler && r.lease == nil {
			return nil, Invalid("to_labeler", "this answer came with an import: nobody here would read the comment")
		}
		return map[string]any{"to_labeler": toLabeler}, nil
	})
}

// ReturnAnswer gives a task back to its labeler, with a comment and their
// former answer as draft. Its slot stays theirs for some days, then it goes
// back to the queue.
func (s *Store) ReturnAnswer(ctx context.Context, by, projectID, answerID int64, comment string, days int) error {
	if strings.TrimSpace(comment) == "" {
		return Invalid("text", "say what should be done differently")
	}
	if days < 1 || days > 30 {
		return Invalid("days", "%d is not between 1 and 30", days)
	}
	return s.decide(ctx, by, projectID, answerID, ReviewNote{Kind: NoteReturn, Text: comment, ToLabeler: true}, func(r *review) (map[string]any, error) {
		if err := r.returnable(); err != nil {
			return nil, err
		}
		if err := r.setState(AnswerReturned); err != nil {
			return nil, err
		}
		until := AtMillis(s.now().AddDate(0, 0, days))
		err := r.setLease(map[string]any{"state": LeaseOpen, "returned": s.Now(), "expires": until, "locked": false})
		return map[string]any{"days": days}, err
	})
}

// returnable says why an answer cannot be given back.
func (r *review) returnable() error {
	switch {
	case r.answer.State != AnswerActive:
		return Invalid("answer", "only an answer in use can be given back, this one is %s", r.answer.State)
	case r.lease == nil:
		return Invalid("answer", "it came with an import: there is nobody to give it back to")
	case r.lease.State != LeaseAnswered:
		return Invalid("answer", "its labeler is changing it right now")
	case r.answer.Purpose != ForWork:
		return Invalid("answer", "answers to check items are not given back, they would give the check away")
	}
	u, err := first[User](r.tx.Where("id = ?", r.answer.UserID))
	if err != nil {
		return err
	}
	m, err := first[Member](r.tx.Where("project_id = ? AND user_id = ?", r.project.ID, u.ID))
	if err != nil {
		return err
	}
	if u.Disabled || m.Stage != StageActive {
		return Invalid("answer", "its labeler does not work here any more; exclude it instead")
	}
	return nil
}

// TakeBackReturn puts a returned answer back into use, as long as its labeler
// did not answer again and its place is still theirs or free.
func (s *Store) TakeBackReturn(ctx context.Context, by, projectID, answerID int64) error {
	return s.decide(ctx, by, projectID, answerID, ReviewNote{Kind: NoteTakeBack, ToLabeler: true}, func(r *review) (map[string]any, error) {
		if r.answer.State != AnswerReturned {
			return nil, Invalid("answer", "it is not waiting for rework, it is %s", r.answer.State)
		}
		return nil, s.useAgain(r)
	})
}

// ExcludeAnswer takes an answer out of exports, trainings and counts, with a
// reason. reopen gives its place to another labeler.
func (s *Store) ExcludeAnswer(ctx context.Context, by, projectID, answerID int64, reason string, reopen bool) error {
	if strings.TrimSpace(reason) == "" {
		return Invalid("text", "give a reason")
	}
	return s.decide(ctx, by, projectID, answerID, ReviewNote{Kind: NoteExclude, Text: reason}, func(r *review) (map[string]any, error) {
		if r.answer.State != AnswerActive && r.answer.State != AnswerReturned {
			return nil, Invalid("answer", "it is not in use, it is %s", r.answer.State)
		}
		if r.answer.State == AnswerReturned {
			if err := r.refuseSecond(); err != nil {
				return nil, err
			}
		}
		if err := r.setState(AnswerExcluded); err != nil {
			return nil, err
		}
		return map[string]any{"reopen": reopen, "was": r.answer.State}, s.closePlace(r, reopen)
	})
}

// closePlace ends the lease of an answer that goes out of use.
func (s *Store) closePlace(r *review, reopen bool) error {
	switch {
	case r.lease == nil:
		return nil
	case r.lease.State != LeaseOpen && r.lease.State != LeaseAnswered: // a returned task that ran out or was skipped
		return r.setLease(map[string]any{"state": LeaseRemoved, "closed": s.Now(), "returned": 0})
	case reopen:
		return s.closeLease(r.tx, *r.lease, LeaseRemoved, map[string]any{"returned": 0})
	}
	return r.setLease(map[string]any{"state": LeaseAnswered, "locked": true, "returned": 0})
}

// IncludeAnswer takes an exclusion back. It returns ErrPlaceGone when the
// answer's place was given away meanwhile.
func (s *Store) IncludeAnswer(ctx context.Context, by, projectID, answerID int64) error {
	return s.decide(ctx, by, projectID, answerID, ReviewNote{Kind: NoteInclude}, func(r *review) (map[string]any, error) {
		if r.answer.State != AnswerExcluded {
			return nil, Invalid("answer", "it is not excluded, it is %s", r.answer.State)
		}
		return nil, s.useAgain(r)
	})
}

// useAgain makes an answer active and its lease answered, on the slot it has or a free one.
func (s *Store) useAgain(r *review) error {
	if err := r.refuseSecond(); err != nil {
		return err
	}
	if err := r.setState(AnswerActive); err != nil {
		return err
	}
	if r.lease == nil {
		return nil
	}
	set := map[string]any{"state": LeaseAnswered, "locked": false, "returned": 0}
	if r.lease.State == LeaseOpen || r.lease.State == LeaseAnswered {
		return r.setLease(set)
	}
	it, err := first[Item](r.tx.Where("id = ?", r.answer.ItemID))
	if err != nil {
		return err
	}
	if free, err := hasPlace(r.tx, it.ID); err != nil || !free {
		return cmp.Or(err, ErrPlaceGone)
	}
	if set["slot"], err = freeSlot(r.tx, it.ID); err != nil {
		return err
	}
	if err := r.setLease(set); err != nil {
		return err
	}
	return s.addTaken(r.tx, it.ID, 1)
}

// refuseSecond keeps a person from having two answers to one item in use.
func (r *review) refuseSecond() error {
	if r.answer.UserID == 0 {
		return nil
	}
	_, err := first[Answer](r.tx.Where("item_id = ? AND user_id = ? AND state = ?", r.answer.ItemID, r.answer.UserID, AnswerActive))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return Invalid("answer", "its labeler answered this item again meanwhile")
}

// ReviewNotes returns the threads of some answers, oldest first.
func (s *Store) ReviewNotes(ctx context.Context, answerIDs ...int64) (map[int64][]ReviewNote, error) {
	notes, err := all[ReviewNote](s.read(ctx).Where("answer_id IN ?", answerIDs).Order("id"))
	m := map[int64][]ReviewNote{}
	for _, n := range notes {
		m[n.AnswerID] = append(m[n.AnswerID], n)
	}
	return m, err
}

// NotesForLabeler returns what reviewers wrote to a labeler about their answers
// to the item of a lease, oldest first.
func (s *Store) NotesForLabeler(ctx context.Context, userID int64, leaseID string) ([]ReviewNote, error) {
	return all[ReviewNote](s.read(ctx).Where("to_labeler = ? AND answer_id IN (SELECT id FROM answers WHERE lease_id = ? AND user_id = ?)", true, leaseID, userID).Order("id"))
}

// ReturnedTask is a task that waits for its labeler's rework.
type ReturnedTask struct {
	LeaseID      string
	ProjectID    int64
	ProjectTitle string
	Prompt       string // JSON
	Comment      string
	Returned     Millis
	Expires      Millis
}

// ReturnedTasks lists what reviewers gave back to a labeler and is still theirs, oldest first.
func (s *Store) ReturnedTasks(ctx context.Context, userID int64) ([]ReturnedTask, error) {
	var rows []ReturnedTask
	err := s.read(ctx).Raw(`SELECT l.id AS lease_id, i.project_id, p.title AS project_title, i.prompt, l.returned, l.expires,
		coalesce((SELECT n.text FROM review_notes n JOIN answers a ON a.id = n.answer_id WHERE a.lease_id = l.id AND n.kind = ? ORDER BY n.id DESC LIMIT 1), '') AS comment
		FROM leases l JOIN items i ON i.id = l.item_id JOIN projects p ON p.id = i.project_id
		WHERE l.user_id = ? AND l.state = ? AND l.returned <> 0 AND l.expires > ? ORDER BY l.returned, l.id`,
		NoteReturn, userID, LeaseOpen, s.Now()).Scan(&rows).Error
	return rows, explain(err)
}
