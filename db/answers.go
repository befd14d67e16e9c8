package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
)

// Submit stores a ranking and closes its lease in one transaction. Only the
// lease holder may call it; anybody else gets ErrNotFound. A lease that ran out
// is honoured while its item still has a free slot; otherwise ErrLeaseLost, and
// the work is kept as a draft. Submitting a lease again within the project's
// edit time replaces the answer, later it is ErrTooLate. Ranks are stored
// dense: 2,5,5 becomes 1,2,2. An answer without something that its form needs
// is an InvalidError.
func (s *Store) Submit(ctx context.Context, userID int64, leaseID string, r Ranking) (Answer, error) {
	var a Answer
	var lost error
	err := s.write(ctx, func(tx *gorm.DB) error {
		l, p, err := s.held(tx, userID, leaseID)
		if errors.Is(err, ErrLeaseLost) {
			lost = err
			return putDraft(tx, Draft{l.ItemID, userID, r, s.Now()})
		}
		if err != nil {
			return err
		}
		if a, err = s.answer(tx, p, l, r); err != nil {
			return err
		}
		if err := s.replaceAnswer(tx, l, &a, r); err != nil {
			return err
		}
		if err := s.afterItem(tx, p, userID); err != nil {
			return err
		}
		return judged(tx, l.ItemID)
	})
	return a, cmp.Or(err, lost)
}

// replaceAnswer stores a new active answer of a lease, retires the one before,
// and keeps the ranking as the draft that an edit starts from.
func (s *Store) replaceAnswer(tx *gorm.DB, l Lease, a *Answer, r Ranking) error {
	old, err := first[Answer](tx.Where("item_id = ? AND user_id = ? AND state = ?", l.ItemID, l.UserID, AnswerActive))
	edit := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if edit {
		a.DurationMS = old.DurationMS // the time until the edit was not spent on the task
		if err := tx.Model(&old).Update("state", AnswerReplaced).Error; err != nil {
			return err
		}
	}
	if err := tx.Create(a).Error; err != nil {
		return fmt.Errorf("store answer: %w", err)
	}
	if err := putDraft(tx, Draft{l.ItemID, l.UserID, r, s.Now()}); err != nil {
		return err
	}
	if edit {
		return audit(tx, s.Now(), l.UserID, "answer.edit", fmt.Sprintf("answer:%d", a.ID), map[string]any{"replaces": old.ID})
	}
	return s.closeLease(tx, l, LeaseAnswered, nil) // an edit's time runs from the first submission
}

// answer checks a ranking against its item and turns keys into positions.
func (s *Store) answer(tx *gorm.DB, p Project, l Lease, r Ranking) (Answer, error) {
	cs, err := all[Completion](tx.Where("item_id = ?", l.ItemID).Order("pos"))
	if err != nil {
		return Answer{}, err
	}
	it, err := first[Item](tx.Where("id = ?", l.ItemID))
	if err != nil {
		return Answer{}, err
	}
	form, err := s.leaseForm(tx, p.ID, &l)
	if err != nil {
		return Answer{}, err
	}
	kind := taskKind(p, it)
	brief, err := it.brief()
	if err != nil {
		return Answer{}, err
	}
	r = brief.settle(r)
	if err := form.Body.check(kind, cs, r); err != nil {
		return Answer{}, err
	}
	details, err := form.Body.details(kind, cs, r)
	if err != nil {
		return Answer{}, err
	}
	ranks, err := rankCompletions(cs, r)
	if err != nil {
		return Answer{}, err
	}
	m, err := s.member(tx, p.ID, l.UserID)
	if err != nil {
		return Answer{}, err
	}
	shown := make([]string, len(l.Shown))
	for i, key := range l.Shown {
		at := slices.IndexFunc(cs, func(c Completion) bool { return c.Key == key })
		shown[i] = cs[at].ExtID
	}
	return Answer{
		ProjectID: p.ID, ItemID: l.ItemID, LeaseID: l.ID, UserID: l.UserID, Worker: m.Worker, State: AnswerActive,
		Ranks: ranks, Strength: r.Strength, NoneAcceptable: r.NoneAcceptable, Confidence: toFloat(r.Confidence), Note: r.Note,
		Shown: shown, DurationMS: int64(s.Now() - l.Taken), ActiveMS: r.ActiveMS,
		Guideline: p.GuidelineVersion(), UIVersion: r.UIVersion, Answered: s.Now(),
		Purpose: it.Purpose, Form: form.Name(), Details: details,
	}, nil
}

func toFloat(n *int) *float64 {
	if n == nil {
		return nil
	}
	f := float64(*n)
	return &f
}

// rankCompletions returns dense ranks by position. What has no rank stays null;
// whether that may be is the form's business.
func rankCompletions(cs []Completion, r Ranking) ([]*int, error) {
	if err := checkRanking(cs, r); err != nil {
		return nil, err
	}
	var levels []int // distinct ranks in use, best first
	for _, v := range r.Ranks {
		if !slices.Contains(levels, v) {
			levels = append(levels, v)
		}
	}
	slices.Sort(levels)
	ranks := make([]*int, len(cs))
	for i, c := range cs {
		if v, ok := r.Ranks[c.Key]; ok {
			dense := slices.Index(levels, v) + 1
			ranks[i] = &dense
		}
	}
	return ranks, nil
}

// checkRanking names what is out of range.
func checkRanking(cs []Completion, r Ranking) error {
	known := 0
	for _, c := range cs {
		v, ok := r.Ranks[c.Key]
		if ok && (v < 1 || v > len(cs)) {
			return Invalid("rank", "%d is not between 1 and %d", v, len(cs))
		}
		if ok {
			known++
		}
	}
	switch {
	case known != len(r.Ranks):
		return Invalid("rank", "a rank was given for a text that is not part of this task")
	case r.Confidence != nil && (*r.Confidence < 1 || *r.Confidence > 10):
		return Invalid("confidence", "%d is not between 1 and 10", *r.Confidence)
	case len(r.Note) > 10_000:
		return Invalid("note", "please keep it under 10,000 bytes")
	case r.ActiveMS < 0:
		return Invalid("active_ms", "%d is negative", r.ActiveMS)
	}
	return checkStrength(cs, r)
}

// checkStrength wants a strength only for two completions, and in line with their ranks.
func checkStrength(cs []Completion, r Ranking) error {
	if r.Strength == nil {
		return nil
	}
	switch v := *r.Strength; {
	case len(cs) != 2:
		return Invalid("strength", "is only for two completions")
	case v != 0 && v != 1 && v != 2:
		return Invalid("strength", "%g is not 0, 1 or 2", v)
	case len(r.Ranks) == 2 && (v == 0) != (r.Ranks[cs[0].Key] == r.Ranks[cs[1].Key]):
		return Invalid("strength", "%g does not fit the ranks", v)
	}
	return nil
}

// SkipReasons are the reasons a labeler may give.
var SkipReasons = []string{"unclear", "expertise", "language", "sensitive", "broken", "other"}

// Skip returns a task unanswered: its slot goes to somebody else and the
// labeler does not get it again. A draft is kept.
func (s *Store) Skip(ctx context.Context, userID int64, leaseID, reason, comment string) error {
	if !slices.Contains(SkipReasons, reason) {
		return Invalid("reason", "%q is none of %v", reason, SkipReasons)
	}
	return s.write(ctx, func(tx *gorm.DB) error {
		l, p, err := s.held(tx, userID, leaseID)
		if err != nil {
			return err
		}
		if l.State != LeaseOpen {
			return Invalid("task", "it is answered already; undo the answer first")
		}
		if err := s.closeLease(tx, l, LeaseSkipped, map[string]any{"reason": reason, "comment": comment}); err != nil {
			return err
		}
		return s.afterItem(tx, p, userID)
	})
}

// Undo takes the labeler's latest answer or skip in a project back, when it is
// younger than the project's edit time, and returns the task with the ranking
// as its draft. The old answer is kept as undone. It returns ErrNotFound when
// there is nothing to undo, ErrTooLate when it is too old, and ErrLeaseLost
// when a skipped task was given away.
func (s *Store) Undo(ctx context.Context, projectID, userID int64) (Task, error) {
	var t Task
	err := s.write(ctx, func(tx *gorm.DB) error {
		p, err := first[Project](tx.Where("id = ?", projectID))
		if err != nil {
			return err
		}
		l, err := first[Lease](tx.Where("user_id = ? AND state IN (?, ?) AND NOT locked AND (SELECT i.project_id FROM items i WHERE i.id = leases.item_id) = ?",
			userID, LeaseAnswered, LeaseSkipped, projectID).Order("closed DESC, taken DESC"))
		if err != nil {
			return err
		}
		if err := s.editable(p, l); err != nil {
			return err
		}
		if l, err = s.takeBack(tx, p, l); err != nil {
			return err
		}
		t, err = s.task(tx, p, l)
		return err
	})
	return t, err
}

// takeBack opens a closed lease again. An answered one still has its slot; a
// skipped one needs a free slot.
func (s *Store) takeBack(tx *gorm.DB, p Project, l Lease) (Lease, error) {
	if l.State == LeaseSkipped {
		if err := s.expire(tx); err != nil {
			return l, err
		}
		return s.openAgain(tx, p, l)
	}
	if err := s.undoAnswer(tx, l); err != nil {
		return l, err
	}
	l.State, l.Closed, l.Expires = LeaseOpen, 0, s.leaseEnd(p)
	if err := judged(tx, l.ItemID); err != nil {
		return l, err
	}
	return l, tx.Save(&l).Error
}

// undoAnswer retires the active answer of a lease.
func (s *Store) undoAnswer(tx *gorm.DB, l Lease) error {
	a, err := first[Answer](tx.Where("item_id = ? AND user_id = ? AND state = ?", l.ItemID, l.UserID, AnswerActive))
	if err != nil {
		return err
	}
	if err := audit(tx, s.Now(), l.UserID, "answer.undo", fmt.Sprintf("answer:%d", a.ID), nil); err != nil {
		return err
	}
	return tx.Model(&a).Update("state", AnswerUndone).Error
}
