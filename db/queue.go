package db

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"time"

	"gorm.io/gorm"
)

// Task is what a labeler sees: a leased item without a trace of who wrote its
// completions. They come in the order to show, which is shuffled per lease and
// stored with the answer.
type Task struct {
	Lease       Lease
	Project     Project
	ItemID      int64
	Prompt      []Message
	Lang        string
	Completions []Text
	Draft       *Ranking // saved but unsubmitted work, or the answer being edited; nil: none
	DraftSaved  Millis
	Answered    bool // an answer exists already and may still be edited

	Kind  string // what is asked, one of Kinds
	Form  Form   // what else is asked
	Brief Brief  // of a prompt to write

	Warnings []string // what the item is marked as containing, of ContentCategories or a lead's own word
}

// Text is a completion as a labeler may see it.
type Text struct {
	Key  string // opaque; ranks are given by it
	Text string
}

// Next hands a task of the project to a labeler: the one they hold already, or
// else the first item with a free slot that they neither answered nor skipped,
// did not write, and can read; seeker.pick says which is the first. Taking the
// slot happens in one write transaction, so an item is never given to more
// people than it asks for. Now and then the task is a silent one (queue_silent.go).
// Next joins the labeler to the project. It returns ErrNoTask when nothing is
// left for this labeler, ErrNotReady when a step of joining comes before.
func (s *Store) Next(ctx context.Context, projectID, userID int64) (Task, error) {
	var t Task
	err := s.write(ctx, func(tx *gorm.DB) error {
		p, err := first[Project](tx.Where("id = ?", projectID))
		if err != nil {
			return err
		}
		m, err := s.member(tx, projectID, userID)
		if err != nil {
			return err
		}
		if err := s.expire(tx); err != nil {
			return err
		}
		l, err := s.holdOrTake(tx, p, m)
		if err != nil {
			return err
		}
		t, err = s.task(tx, p, l)
		return err
	})
	return t, err
}

// holdOrTake returns the open lease of a labeler, renewed, or takes a new one.
func (s *Store) holdOrTake(tx *gorm.DB, p Project, m Member) (Lease, error) {
	l, err := first[Lease](tx.Where("user_id = ? AND state = ? AND (SELECT i.project_id FROM items i WHERE i.id = leases.item_id) = ?",
		m.UserID, LeaseOpen, p.ID).Order("returned DESC, taken, id"))
	if err == nil {
		err = s.renew(tx, p, &l)
		return l, err
	}
	if !errors.Is(err, ErrNotFound) {
		return l, err
	}
	if p.Archived {
		return l, ErrNoTask
	}
	itemID, err := s.choose(tx, p, m)
	if err != nil {
		return l, err
	}
	if err := s.countTurn(tx, p.ID, m.UserID); err != nil {
		return l, err
	}
	return s.take(tx, p, itemID, m.UserID)
}

// take leases the lowest free slot of an item; the caller knows there is one.
// A person has at most one lease of an item ever: one that ran out is opened
// again, so that its page keeps working and its draft looks as it was left.
func (s *Store) take(tx *gorm.DB, p Project, itemID, userID int64) (Lease, error) {
	old, err := first[Lease](tx.Where("item_id = ? AND user_id = ?", itemID, userID))
	if err == nil {
		old.Taken = s.Now()
		return s.openAgain(tx, p, old)
	}
	if !errors.Is(err, ErrNotFound) {
		return old, err
	}
	slot, err := freeSlot(tx, itemID)
	if err != nil {
		return Lease{}, err
	}
	l := Lease{ID: rand.Text(), ItemID: itemID, Slot: slot, UserID: userID, State: LeaseOpen, Taken: s.Now(), Expires: s.leaseEnd(p)}
	if l.Shown, err = shuffled(tx, itemID); err != nil {
		return l, err
	}
	if err := tx.Create(&l).Error; err != nil {
		return l, fmt.Errorf("lease item %d: %w", itemID, err)
	}
	return l, s.addTaken(tx, itemID, 1)
}

// openAgain gives an expired or skipped lease a free slot of its item, or
// returns ErrLeaseLost when there is none.
func (s *Store) openAgain(tx *gorm.DB, p Project, l Lease) (Lease, error) {
	it, err := first[Item](tx.Where("id = ?", l.ItemID))
	if err != nil {
		return l, err
	}
	free, err := s.mayTake(tx, p, it, l.UserID)
	if err == nil && !free {
		err = ErrLeaseLost
	}
	if err != nil {
		return l, err
	}
	if l.Slot, err = freeSlot(tx, l.ItemID); err != nil {
		return l, err
	}
	l.State, l.Closed, l.Expires, l.Reason, l.Comment, l.Form = LeaseOpen, 0, s.leaseEnd(p), "", "", 0 // it is shown anew
	if err := tx.Save(&l).Error; err != nil {
		return l, fmt.Errorf("lease item %d again: %w", l.ItemID, err)
	}
	return l, s.addTaken(tx, l.ItemID, 1)
}

// shuffled returns the keys of an item's completions in a random order.
func shuffled(tx *gorm.DB, itemID int64) ([]string, error) {
	var keys []string
	err := tx.Model(&Completion{}).Where("item_id = ?", itemID).Order("pos").Pluck("key", &keys).Error
	mrand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys, err
}

// freeSlot returns the lowest slot of an item that nobody holds or answered.
func freeSlot(tx *gorm.DB, itemID int64) (int, error) {
	var used []int
	err := tx.Model(&Lease{}).Where("item_id = ? AND state IN (?, ?)", itemID, LeaseOpen, LeaseAnswered).Order("slot").Pluck("slot", &used).Error
	for i, u := range used {
		if u != i {
			return i, err
		}
	}
	return len(used), err
}

// addTaken counts a slot of an item in or out, and looks anew for whom its free
// ones are kept.
func (s *Store) addTaken(tx *gorm.DB, itemID int64, by int) error {
	err := tx.Model(&queueItem{}).Where("id = ?", itemID).Updates(map[string]any{"taken": gorm.Expr("taken + ?", by), "changed": s.Now()}).Error
	if err != nil {
		return err
	}
	return reserve(tx, itemID)
}

func (s *Store) leaseEnd(p Project) Millis {
	return AtMillis(s.now().Add(time.Duration(p.LeaseMinutes) * time.Minute))
}

// expire frees the slots of all leases whose time is over. Drafts stay.
func (s *Store) expire(tx *gorm.DB) error {
	over, err := all[Lease](tx.Where("state = ? AND expires <= ?", LeaseOpen, s.Now()))
	if err != nil {
		return err
	}
	for _, l := range over {
		if err := s.closeLease(tx, l, LeaseExpired, nil); err != nil {
			return err
		}
	}
	return nil
}

// closeLease ends an open lease. Every end but an answer frees the slot.
func (s *Store) closeLease(tx *gorm.DB, l Lease, state string, also map[string]any) error {
	set := map[string]any{"state": state, "closed": s.Now()}
	if state == LeaseAnswered {
		set["returned"] = 0
	}
	for k, v := range also {
		set[k] = v
	}
	if err := tx.Model(&Lease{}).Where("id = ?", l.ID).Updates(set).Error; err != nil {
		return err
	}
	if state == LeaseAnswered {
		return nil
	}
	return s.addTaken(tx, l.ItemID, -1)
}

// Task loads a lease for its holder again, for the page after a reload or an
// edit. It returns ErrNotFound for a lease of somebody else. For a lease that
// ended otherwise than by an answer that may still change, it returns the task
// to read together with ErrLeaseLost or ErrTooLate.
func (s *Store) Task(ctx context.Context, userID int64, leaseID string) (Task, error) {
	var t Task
	var lost error
	err := s.write(ctx, func(tx *gorm.DB) error {
		l, p, err := s.held(tx, userID, leaseID)
		if errors.Is(err, ErrLeaseLost) || errors.Is(err, ErrTooLate) {
			lost = err
		} else if err != nil {
			return err
		}
		t, err = s.task(tx, p, l)
		return err
	})
	return t, cmp.Or(err, lost)
}

// held loads a lease for writing. An open lease is renewed; an expired one is
// opened again when its item still has a free slot, else it is ErrLeaseLost.
// An answered lease is returned as it is while its answer may be edited.
func (s *Store) held(tx *gorm.DB, userID int64, leaseID string) (Lease, Project, error) {
	if err := s.expire(tx); err != nil {
		return Lease{}, Project{}, err
	}
	l, err := first[Lease](tx.Where("id = ? AND user_id = ?", leaseID, userID))
	if err != nil {
		return l, Project{}, err
	}
	p, err := first[Project](tx.Where("id = (SELECT project_id FROM items WHERE id = ?)", l.ItemID))
	if err != nil {
		return l, p, err
	}
	switch l.State {
	case LeaseOpen:
		err = s.renew(tx, p, &l)
		return l, p, err
	case LeaseAnswered:
		return l, p, s.editable(p, l)
	case LeaseExpired:
		l, err = s.openAgain(tx, p, l)
		return l, p, err
	}
	return l, p, ErrLeaseLost
}

// renew moves the end of an open lease, never to an earlier time. The time
// spent on a task that a reviewer gave back counts from when it is opened.
func (s *Store) renew(tx *gorm.DB, p Project, l *Lease) error {
	if l.Taken < l.Returned {
		l.Taken = s.Now()
	}
	l.Expires = max(l.Expires, s.leaseEnd(p))
	return tx.Model(&Lease{}).Where("id = ?", l.ID).Updates(map[string]any{"expires": l.Expires, "taken": l.Taken}).Error
}

// editable returns ErrTooLate when the answer of a lease can no longer change.
func (s *Store) editable(p Project, l Lease) error {
	if l.Locked || s.now().Sub(l.Closed.Time()) > time.Duration(p.EditMinutes)*time.Minute {
		return ErrTooLate
	}
	return nil
}

// task assembles the page's data.
func (s *Store) task(tx *gorm.DB, p Project, l Lease) (Task, error) {
	it, err := first[Item](tx.Where("id = ?", l.ItemID))
	if err != nil {
		return Task{}, err
	}
	prompt, err := it.Messages()
	if err != nil {
		return Task{}, err
	}
	cs, err := all[Completion](tx.Where("item_id = ?", it.ID))
	if err != nil {
		return Task{}, err
	}
	form, err := s.leaseForm(tx, p.ID, &l)
	if err != nil {
		return Task{}, err
	}
	brief, err := it.brief()
	if err != nil {
		return Task{}, err
	}
	t := Task{Lease: l, Project: p, ItemID: it.ID, Prompt: prompt, Lang: it.Lang, Answered: l.State == LeaseAnswered,
		Kind: taskKind(p, it), Form: form.Body, Brief: brief}
	if t.Warnings, err = warningsOf(tx, it.ID); err != nil {
		return Task{}, err
	}
	byKey := make(map[string]string, len(cs))
	for _, c := range cs {
		byKey[c.Key] = c.Text
	}
	for _, k := range l.Shown {
		t.Completions = append(t.Completions, Text{k, byKey[k]})
	}
	return t, s.attachDraft(tx, &t)
}
