package db

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
)

// Progress is one labeler's own count in a project.
type Progress struct {
	Answered   int64 // by this labeler, still counted
	Today      int64 // of those, since midnight of the store's clock
	Skipped    int64
	Left       int64 // items this labeler could still get
	MedianMS   int64 // median time from hand-out to submission of the last 50 answers, 0: none
	CanUndo    bool  // the latest answer or skip is young enough
	EditsUntil Millis
}

// Progress counts a labeler's work in a project.
func (s *Store) Progress(ctx context.Context, projectID, userID int64) (Progress, error) {
	var p Progress
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		proj, err := first[Project](tx.Where("id = ?", projectID))
		if err != nil {
			return err
		}
		y, m, d := s.now().Date()
		midnight := AtMillis(time.Date(y, m, d, 0, 0, 0, 0, s.now().Location()))
		mine := func() *gorm.DB { // gold and repeats count like work, so that they do not stand out
			return tx.Model(&Answer{}).Where("user_id = ? AND project_id = ? AND state = ? AND purpose IN (?, ?, ?)",
				userID, projectID, AnswerActive, ForWork, ForGold, ForRepeat)
		}
		if err := mine().Count(&p.Answered).Error; err != nil {
			return err
		}
		if err := mine().Where("answered >= ?", midnight).Count(&p.Today).Error; err != nil {
			return err
		}
		if err := s.countQueue(tx, proj, userID, &p); err != nil {
			return err
		}
		var ms []int64
		if err := mine().Order("id DESC").Limit(50).Pluck("duration_ms", &ms).Error; err != nil {
			return err
		}
		p.MedianMS = median(ms)
		return s.undoState(tx, proj, userID, &p)
	})
	return p, err
}

// undoState tells whether Undo would find something.
func (s *Store) undoState(tx *gorm.DB, proj Project, userID int64, p *Progress) error {
	ls, err := all[Lease](tx.Where("user_id = ? AND state IN (?, ?) AND NOT locked AND (SELECT i.project_id FROM items i WHERE i.id = leases.item_id) = ?",
		userID, LeaseAnswered, LeaseSkipped, proj.ID).Order("closed DESC, taken DESC").Limit(1))
	if err != nil || len(ls) == 0 {
		return err
	}
	p.CanUndo = s.editable(proj, ls[0]) == nil
	p.EditsUntil = ls[0].Closed + Millis(proj.EditMinutes)*60_000
	return nil
}

// RecentAnswer is a line of a labeler's list of own submissions.
type RecentAnswer struct {
	LeaseID  string // opens the task again with Task
	ItemID   int64
	Prompt   string // JSON list of messages
	State    string // LeaseAnswered or LeaseSkipped
	Reason   string // why it was skipped
	Closed   Millis
	Locked   bool // excluded or withdrawn: stays as it is
	Editable bool
}

// Recent lists a labeler's latest n submissions and skips in a project, newest first.
func (s *Store) Recent(ctx context.Context, projectID, userID int64, n int) ([]RecentAnswer, error) {
	p, err := s.Project(ctx, projectID)
	if err != nil {
		return nil, err
	}
	var rows []RecentAnswer
	err = s.read(ctx).Raw(`SELECT l.id AS lease_id, l.item_id, i.prompt, l.state, l.reason, l.closed, l.locked FROM leases l JOIN items i ON i.id = l.item_id
		WHERE l.user_id = ? AND l.state IN (?, ?) AND i.project_id = ? ORDER BY l.closed DESC, l.taken DESC LIMIT ?`,
		userID, LeaseAnswered, LeaseSkipped, projectID, n).Scan(&rows).Error
	for i, r := range rows {
		rows[i].Editable = r.State == LeaseAnswered && s.editable(p, Lease{Closed: r.Closed, Locked: r.Locked}) == nil
	}
	return rows, explain(err)
}

// MemberProgress is one labeler's work as the lead sees it.
type MemberProgress struct {
	UserID     int64
	Name       string
	Worker     string
	Answered   int64
	Skipped    int64
	LastAnswer Millis
	MeanMS     float64
}

// MembersProgress lists the people of a project with their counts.
func (s *Store) MembersProgress(ctx context.Context, projectID int64) ([]MemberProgress, error) {
	var rows []MemberProgress
	err := s.read(ctx).Raw(`SELECT m.user_id, u.name, m.worker,
		(SELECT count(*) FROM answers a WHERE a.project_id = m.project_id AND a.user_id = m.user_id AND a.state = 'active') AS answered,
		(SELECT count(*) FROM leases l JOIN items i ON i.id = l.item_id WHERE i.project_id = m.project_id AND l.user_id = m.user_id AND l.state = 'skipped') AS skipped,
		(SELECT coalesce(max(a.answered), 0) FROM answers a WHERE a.project_id = m.project_id AND a.user_id = m.user_id AND a.state = 'active') AS last_answer,
		(SELECT coalesce(avg(a.duration_ms), 0) FROM answers a WHERE a.project_id = m.project_id AND a.user_id = m.user_id AND a.state = 'active') AS mean_ms
		FROM members m JOIN users u ON u.id = m.user_id WHERE m.project_id = ? ORDER BY answered DESC, m.joined`, projectID).Scan(&rows).Error
	return rows, explain(err)
}

// median returns the middle of the values, 0 of none. It sorts them in place.
func median(v []int64) int64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[len(v)/2]
}
