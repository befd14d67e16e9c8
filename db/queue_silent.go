package db

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	mrand "math/rand/v2"

	"gorm.io/gorm"
)

// Silent items look like work and count as none: gold, whose answer is known,
// and repeats, which show a labeler an item again that they answered before.
// Which hand-outs are silent is drawn by a generator that the project's secret
// and the labeler seed: the same after a restart, and unknown to everybody
// outside the server.

// draws is a labeler's sequence of draws.
type draws struct {
	rng        *mrand.Rand
	gold, both float64 // a draw below gold is a gold item, below both a repeat
}

func newDraws(q QueueSettings, userID int64) draws {
	seed := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", q.Secret, q.ProjectID, userID))
	return draws{mrand.New(mrand.NewChaCha8(seed)), q.GoldShare, q.GoldShare + q.RepeatShare}
}

// next is the purpose of the next hand-out, and a number to choose the item by.
func (d draws) next() (purpose string, which uint64) {
	x := d.rng.Float64()
	which = d.rng.Uint64()
	switch {
	case x < d.gold:
		return ForGold, which
	case x < d.both:
		return ForRepeat, which
	}
	return ForWork, which
}

// silent tells whether a project mixes silent items in.
func (q QueueSettings) silent() bool { return q.GoldShare+q.RepeatShare > 0 && q.Secret != "" }

// orSilent returns a silent item instead of the item of work that a labeler
// would get, when it is time for one and there is one. Without work left there
// is no reason to check on it: orSilent is only asked when there is.
func (s *Store) orSilent(tx *gorm.DB, k seeker, work int64) (int64, error) {
	if !k.queue.silent() {
		return work, nil
	}
	t, err := turnOf(tx, k.project.ID, k.user)
	if err != nil {
		return 0, err
	}
	d := newDraws(k.queue, k.user)
	for range t.Handed {
		d.next()
	}
	purpose, which := d.next()
	var id int64
	switch purpose {
	case ForGold:
		id, err = k.pickGold(tx, which)
	case ForRepeat:
		id, err = s.pickRepeat(tx, k, which)
	}
	if err != nil || id == 0 {
		return work, err
	}
	return id, nil
}

// pickGold chooses among the gold items that the labeler has not met; 0: none is left.
func (k seeker) pickGold(tx *gorm.DB, which uint64) (int64, error) {
	c := k.fits(k.project.HandsOut())
	c.and("i.purpose = ?", ForGold)
	unseen := k.unseen()
	c.and(unseen.sql, unseen.args...)
	var ids []int64
	err := tx.Raw("SELECT i.id FROM items i WHERE "+c.sql+" ORDER BY i.id", c.args...).Scan(&ids).Error
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return ids[which%uint64(len(ids))], nil
}

// repeatPool is how far back a repeat reaches, in the labeler's answers.
const repeatPool = 200

// pickRepeat chooses an item that the labeler answered at least RepeatAfter
// answers ago and that was not repeated to them yet, and returns its clone; 0: none.
func (s *Store) pickRepeat(tx *gorm.DB, k seeker, which uint64) (int64, error) {
	if k.project.HandsOut() != ItemRank {
		return 0, nil // a text is not written twice
	}
	c := k.fits(ItemRank)
	var ids []int64
	err := tx.Raw(`SELECT i.id FROM (SELECT l.item_id, l.closed, l.taken FROM leases l JOIN items o ON o.id = l.item_id
			WHERE l.user_id = ? AND l.state = ? AND o.project_id = ? ORDER BY l.closed DESC, l.taken DESC, l.item_id DESC LIMIT ? OFFSET ?) mine
		JOIN items i ON i.id = mine.item_id WHERE i.purpose = '' AND `+c.sql+`
		AND NOT EXISTS (SELECT 1 FROM leases r JOIN items again ON again.id = r.item_id WHERE again.clone_of = i.id AND r.user_id = ?)
		ORDER BY i.id`, append(append([]any{k.user, LeaseAnswered, k.project.ID, repeatPool, max(k.queue.RepeatAfter, minRepeatAfter)}, c.args...), k.user)...).Scan(&ids).Error
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return s.clone(tx, ids[which%uint64(len(ids))])
}

// clone returns the copy of an item that repeats are given on: the same texts
// under other keys. All repeats of an item share it.
func (s *Store) clone(tx *gorm.DB, itemID int64) (int64, error) {
	old, err := first[Item](tx.Where("clone_of = ? AND purpose = ?", itemID, ForRepeat))
	if err == nil || !errors.Is(err, ErrNotFound) {
		return old.ID, err
	}
	it, err := first[Item](tx.Where("id = ?", itemID))
	if err != nil {
		return 0, err
	}
	texts, err := all[Completion](tx.Where("item_id = ?", itemID).Order("pos"))
	if err != nil {
		return 0, err
	}
	it.ID, it.CloneOf, it.Purpose, it.Taken, it.Closed, it.Created = 0, itemID, ForRepeat, 0, false, s.Now()
	it.Hash = fmt.Sprintf("repeat:%d", itemID)
	if err := tx.Create(&it).Error; err != nil {
		return 0, fmt.Errorf("clone item %d: %w", itemID, err)
	}
	for i := range texts {
		texts[i].ID, texts[i].ItemID, texts[i].Key = 0, it.ID, rand.Text()[:8]
	}
	if len(texts) == 0 {
		return it.ID, nil
	}
	return it.ID, tx.Create(&texts).Error
}

// turnOf is how many tasks a member was handed so far.
func turnOf(tx *gorm.DB, projectID, userID int64) (turn, error) {
	t, err := first[turn](tx.Where("project_id = ? AND user_id = ?", projectID, userID))
	if errors.Is(err, ErrNotFound) {
		return turn{ProjectID: projectID, UserID: userID}, nil
	}
	return t, err
}

// countTurn notes that a member was handed a task.
func (s *Store) countTurn(tx *gorm.DB, projectID, userID int64) error {
	t, err := turnOf(tx, projectID, userID)
	if err != nil {
		return err
	}
	t.Handed++
	t.Seen = s.Now()
	return tx.Save(&t).Error
}

// handOuts is how many tasks a labeler will be handed until work items of work
// are done, silent ones included, so that progress does not give them away.
// gold is how many gold items are left for them.
func (q QueueSettings) handOuts(userID, handed, work, gold int64) int64 {
	if !q.silent() || work == 0 {
		return work
	}
	d := newDraws(q, userID)
	for range handed {
		d.next()
	}
	n := int64(0)
	for work > 0 {
		switch purpose, _ := d.next(); {
		case purpose == ForGold && gold > 0:
			gold--
		case purpose == ForRepeat && handed+n > int64(max(q.RepeatAfter, minRepeatAfter)):
		default:
			work--
		}
		n++
	}
	return n
}
