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
}

// Text is a completion as a labeler may see it.
type Text struct {
	Key  string // opaque; ranks are given by it
	Text string
}

// Next hands a task of the project to a labeler: the one they hold already, or
// else the first item with a free slot that they neither answered nor skipped.
// An item whose draft they left behind comes first. Taking the slot happens in
// one write transaction, so an item is never given to more people than the
// project's overlap asks for. Next joins the labeler to the project.
// It returns ErrNoTask when nothing is left for this labeler.
func (s *Store) Next(ctx context.Context, projectID, userID int64) (Task, error) {
	var t Task
	err := s.write(ctx, func(tx *gorm.DB) error {
		p, err := first[Project](tx.Where("id = ?", projectID))
		if err != nil {
			return err
		}
		if _, err := s.member(tx, projectID, userID); err != nil {
			return err
		}
		if err := s.expire(tx); err != nil {
			return err
		}
		l, err := s.holdOrTake(tx, p, userID)
		if err != nil {
			return err
		}
		t, err = s.task(tx, p, l)
		return err
	})
	return t, err
}

// holdOrTake returns the open lease of a labeler, renewed, or takes a new one.
func (s *Store) holdOrTake(tx *gorm.DB, p Project, userID int64) (Lease, error) {
	l, err := first[Lease](tx.Where("user_id = ? AND state = ? AND item_id IN (SELECT id FROM items WHERE project_id = ?)",
		userID, LeaseOpen, p.ID).Order("taken, id"))
	if err == nil {
		l.Expires = s.leaseEnd(p)
		return l, tx.Model(&Lease{}).Where("id = ?", l.ID).Update("expires", l.Expires).Error
	}
	if !errors.Is(err, ErrNotFound) {
		return l, err
	}
	if p.Archived {
		return l, ErrNoTask
	}
	itemID, err := pick(tx, p, userID)
	if err != nil {
		return l, err
	}
	return s.take(tx, p, itemID, userID)
}

// pick chooses the next item for a labeler: left-behind drafts first, then by
// priority, then in the order they came.
func pick(tx *gorm.DB, p Project, userID int64) (int64, error) {
	const free = `i.project_id = ? AND i.closed = ? AND i.kind = ? AND i.taken < ? AND i.k <= 9
		AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.item_id = i.id AND l.user_id = ? AND l.state <> ?)
		ORDER BY i.priority DESC, i.id LIMIT 1`
	args := []any{p.ID, false, ItemRank, p.Overlap, userID, LeaseExpired}
	var id int64
	err := tx.Raw("SELECT i.id FROM drafts d JOIN items i ON i.id = d.item_id WHERE d.user_id = ? AND "+free, append([]any{userID}, args...)...).Scan(&id).Error
	if err == nil && id == 0 {
		err = tx.Raw("SELECT i.id FROM items i WHERE "+free, args...).Scan(&id).Error
	}
	if err == nil && id == 0 {
		err = ErrNoTask
	}
	return id, err
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
	return l, addTaken(tx, itemID, 1)
}

// openAgain gives an expired or skipped lease a free slot of its item, or
// returns ErrLeaseLost when there is none.
func (s *Store) openAgain(tx *gorm.DB, p Project, l Lease) (Lease, error) {
	it, err := first[Item](tx.Where("id = ?", l.ItemID))
	if err != nil {
		return l, err
	}
	if it.Taken >= p.Overlap || it.Closed {
		return l, ErrLeaseLost
	}
	if l.Slot, err = freeSlot(tx, l.ItemID); err != nil {
		return l, err
	}
	l.State, l.Closed, l.Expires, l.Reason, l.Comment = LeaseOpen, 0, s.leaseEnd(p), "", ""
	if err := tx.Save(&l).Error; err != nil {
		return l, fmt.Errorf("lease item %d again: %w", l.ItemID, err)
	}
	return l, addTaken(tx, l.ItemID, 1)
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

// addTaken counts a slot of an item in or out.
func addTaken(tx *gorm.DB, itemID int64, by int) error {
	return tx.Model(&Item{}).Where("id = ?", itemID).Update("taken", gorm.Expr("taken + ?", by)).Error
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
	for k, v := range also {
		set[k] = v
	}
	if err := tx.Model(&Lease{}).Where("id = ?", l.ID).Updates(set).Error; err != nil {
		return err
	}
	if state == LeaseAnswered {
		return nil
	}
	return addTaken(tx, l.ItemID, -1)
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
		l.Expires = s.leaseEnd(p)
		return l, p, tx.Model(&Lease{}).Where("id = ?", l.ID).Update("expires", l.Expires).Error
	case LeaseAnswered:
		return l, p, s.editable(p, l)
	case LeaseExpired:
		l, err = s.openAgain(tx, p, l)
		return l, p, err
	}
	return l, p, ErrLeaseLost
}

// editable returns ErrTooLate when the answer of a lease can no longer change.
func (s *Store) editable(p Project, l Lease) error {
	if s.now().Sub(l.Closed.Time()) > time.Duration(p.EditMinutes)*time.Minute {
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
	t := Task{Lease: l, Project: p, ItemID: it.ID, Prompt: prompt, Lang: it.Lang, Answered: l.State == LeaseAnswered}
	byKey := make(map[string]string, len(cs))
	for _, c := range cs {
		byKey[c.Key] = c.Text
	}
	for _, k := range l.Shown {
		t.Completions = append(t.Completions, Text{k, byKey[k]})
	}
	return t, s.attachDraft(tx, &t)
}
