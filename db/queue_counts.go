package db

import (
	"context"
	"errors"

	"gorm.io/gorm"
)

// countQueue fills Skipped and Left. Left is the hand-outs to come, silent ones
// included: were it the items of work, a silent item would show as the one
// that does not bring the end nearer.
func (s *Store) countQueue(tx *gorm.DB, proj Project, userID int64, p *Progress) error {
	err := tx.Raw(`SELECT count(*) FROM leases l JOIN items i ON i.id = l.item_id
		WHERE l.user_id = ? AND l.state = ? AND i.project_id = ?`, userID, LeaseSkipped, proj.ID).Scan(&p.Skipped).Error
	if err != nil || proj.Archived {
		return err
	}
	var held int64 // the one in hand
	err = tx.Raw("SELECT count(*) FROM leases l JOIN items i ON i.id = l.item_id WHERE l.user_id = ? AND l.state = ? AND i.project_id = ?",
		userID, LeaseOpen, proj.ID).Scan(&held).Error
	if err != nil {
		return err
	}
	m, err := first[Member](tx.Where("project_id = ? AND user_id = ?", proj.ID, userID))
	if errors.Is(err, ErrNotFound) { // a researcher who has not tried the project yet
		m, err = Member{ProjectID: proj.ID, UserID: userID, Stage: StageActive}, nil
	}
	if err != nil {
		return err
	}
	left, err := s.left(tx, proj, m)
	p.Left = left + held
	return err
}

// left counts the tasks that a member could still be handed.
func (s *Store) left(tx *gorm.DB, p Project, m Member) (int64, error) {
	k, err := s.seeker(tx, p, m.UserID)
	if err != nil {
		return 0, err
	}
	switch m.Stage {
	case StageActive:
	case StagePractice:
		return k.countTrials(tx, ForPractice)
	case StageScreening:
		return k.countTrials(tx, ForScreening)
	default:
		return 0, nil
	}
	c := k.free()
	var free, seen int64 // items with a place; those of them not to come (again)
	if err := tx.Raw("SELECT count(*) FROM items i WHERE "+c.sql, c.args...).Scan(&free).Error; err != nil {
		return 0, err
	}
	err = tx.Raw("SELECT count(*) FROM leases l CROSS JOIN items i WHERE i.id = l.item_id AND l.user_id = ? AND l.state <> ? AND "+c.sql,
		append([]any{m.UserID, LeaseExpired}, c.args...)...).Scan(&seen).Error
	if err != nil || !k.queue.silent() {
		return free - seen, err
	}
	gold, err := k.countFor(tx, p.HandsOut(), ForGold)
	if err != nil {
		return 0, err
	}
	t, err := turnOf(tx, p.ID, m.UserID)
	return k.queue.handOuts(m.UserID, t.Handed, free-seen, gold), err
}

// countTrials counts the practice or screening items that a labeler has not met.
func (k seeker) countTrials(tx *gorm.DB, purpose string) (n int64, err error) {
	for _, kind := range trialKinds {
		of, err := k.countFor(tx, kind, purpose)
		if err != nil {
			return 0, err
		}
		n += of
	}
	return n, nil
}

// countFor counts the items of a purpose that a labeler has not met.
func (k seeker) countFor(tx *gorm.DB, kind, purpose string) (n int64, err error) {
	c := k.fits(kind)
	c.and("i.purpose = ?", purpose)
	unseen := k.unseen()
	c.and(unseen.sql, unseen.args...)
	err = tx.Raw("SELECT count(*) FROM items i WHERE "+c.sql, c.args...).Scan(&n).Error
	return n, err
}

// QueueCounts is the state of a project's queue for its lead. Items and answers
// are those of the project's own work, without gold, repeats, practice and screening.
type QueueCounts struct {
	Items    int64 // to be ranked
	Wanted   int64 // answers wanted: the overlap of each item, and extra ones
	Answered int64 // answers given on the site, still counted
	Open     int64 // leases out right now
	Finished int64 // items with all their answers
	Skips    int64
	Imported int64 // answers that came with imports
	Members  int64
}

// Queue counts a project's tasks.
func (s *Store) Queue(ctx context.Context, projectID int64) (QueueCounts, error) {
	var c QueueCounts
	p, err := s.Project(ctx, projectID)
	if err != nil {
		return c, err
	}
	kind := p.HandsOut()
	err = s.read(ctx).Raw(`SELECT
		(SELECT count(*) FROM items WHERE project_id = p.id AND kind = ? AND purpose = '') AS items,
		(SELECT coalesce(sum(wanted), 0) FROM items WHERE project_id = p.id AND kind = ? AND purpose = '' AND NOT closed) AS wanted,
		(SELECT count(*) FROM answers WHERE project_id = p.id AND state = 'active' AND purpose = '' AND user_id <> 0) AS answered,
		(SELECT count(*) FROM leases l JOIN items i ON i.id = l.item_id WHERE i.project_id = p.id AND l.state = 'open' AND l.expires > ?) AS open,
		(SELECT count(*) FROM items i WHERE i.project_id = p.id AND i.kind = ? AND i.purpose = '' AND
			(SELECT count(*) FROM answers a WHERE a.item_id = i.id AND a.state = 'active' AND a.user_id <> 0) >= i.wanted) AS finished,
		(SELECT count(*) FROM leases l JOIN items i ON i.id = l.item_id WHERE i.project_id = p.id AND l.state = 'skipped') AS skips,
		(SELECT count(*) FROM answers WHERE project_id = p.id AND state = 'active' AND user_id = 0) AS imported,
		(SELECT count(*) FROM members WHERE project_id = p.id) AS members
		FROM projects p WHERE p.id = ?`, kind, kind, s.Now(), kind, projectID).Scan(&c).Error
	return c, explain(err)
}
