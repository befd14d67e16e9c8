package db

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// MyProject is what a project holds about one person, for that person to read.
type MyProject struct {
	Project   Project
	Member    Member
	Answers   map[string]int // by state
	Drafts    int
	Consents  []Consent     // oldest first
	Survey    *SurveyAnswer // nil: none, or cut off
	Read      int           // version of the guidelines confirmed, 0: none
	Feedback  bool          // given; which one is not known
	Questions []Question
}

// MyData lists a person's projects with what these hold about them, also those
// they left.
func (s *Store) MyData(ctx context.Context, userID int64) ([]MyProject, error) {
	var out []MyProject
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		members, err := all[Member](tx.Where("user_id = ?", userID).Order("project_id"))
		if err != nil {
			return err
		}
		for _, m := range members {
			d, err := myProject(tx, m)
			if err != nil {
				return fmt.Errorf("project %d: %w", m.ProjectID, err)
			}
			out = append(out, d)
		}
		return nil
	})
	return out, err
}

// MyProject is MyData of one project; ErrNotFound for who is no member.
func (s *Store) MyProject(ctx context.Context, projectID, userID int64) (MyProject, error) {
	var d MyProject
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		m, err := first[Member](tx.Where("project_id = ? AND user_id = ?", projectID, userID))
		if err != nil {
			return err
		}
		d, err = myProject(tx, m)
		return err
	})
	return d, err
}

func myProject(tx *gorm.DB, m Member) (MyProject, error) {
	d := MyProject{Member: m, Answers: map[string]int{}}
	of := func() *gorm.DB { return tx.Where("project_id = ? AND user_id = ?", m.ProjectID, m.UserID) }
	var err error
	if d.Project, err = first[Project](tx.Where("id = ?", m.ProjectID)); err != nil {
		return d, err
	}
	var counts []struct {
		State string
		N     int
	}
	if err := of().Model(&Answer{}).Select("state, count(*) AS n").Group("state").Scan(&counts).Error; err != nil {
		return d, err
	}
	for _, c := range counts {
		d.Answers[c.State] = c.N
	}
	var drafts int64
	err = tx.Model(&Draft{}).Where(`user_id = ? AND item_id IN (SELECT id FROM items WHERE project_id = ?)
		AND item_id NOT IN (SELECT item_id FROM answers WHERE user_id = ? AND state = ?)`, m.UserID, m.ProjectID, m.UserID, AnswerActive).Count(&drafts).Error
	if err != nil {
		return d, err
	}
	d.Drafts = int(drafts)
	if d.Consents, err = all[Consent](of().Order("id")); err != nil {
		return d, err
	}
	survey, err := first[SurveyAnswer](tx.Where("key = (SELECT key FROM survey_links WHERE project_id = ? AND user_id = ?)", m.ProjectID, m.UserID))
	if err == nil {
		d.Survey = &survey
	} else if !errors.Is(err, ErrNotFound) {
		return d, err
	}
	read, err := readOf(tx, m.ProjectID, m.UserID)
	if err != nil {
		return d, err
	}
	d.Read = read.Version
	var given int64
	if err := of().Model(&feedbackGiven{}).Count(&given).Error; err != nil {
		return d, err
	}
	d.Feedback = given > 0
	d.Questions, err = all[Question](of().Order("id"))
	return d, err
}

// MyAnswers yields a person's answers in a project, in every state, oldest
// first, with the items they are about.
func (s *Store) MyAnswers(ctx context.Context, projectID, userID int64, fn func(Record) error) error {
	return s.snapshot(ctx, func(tx *gorm.DB) error {
		answers, err := all[Answer](tx.Where("project_id = ? AND user_id = ?", projectID, userID).Order("id"))
		if err != nil {
			return err
		}
		for len(answers) > 0 {
			n := min(exportPage, len(answers))
			if err := withItems(tx, answers[:n], fn); err != nil {
				return err
			}
			answers = answers[n:]
		}
		return nil
	})
}

// Leave ends a person's membership. Open tasks go back to the queue, drafts and
// survey answers are deleted; answers given stay in use, unless they are
// withdrawn as well.
func (s *Store) Leave(ctx context.Context, projectID, userID int64) error {
	return s.asMember(ctx, projectID, userID, func(tx *gorm.DB, _ Project, m *Member) error {
		open, err := all[Lease](tx.Where("user_id = ? AND state = ? AND item_id IN (SELECT id FROM items WHERE project_id = ?)", userID, LeaseOpen, projectID))
		if err != nil {
			return err
		}
		for _, l := range open {
			if err := s.closeLease(tx, l, LeaseExpired, nil); err != nil {
				return err
			}
		}
		if err := tx.Where("user_id = ? AND item_id IN (SELECT id FROM items WHERE project_id = ?)", userID, projectID).Delete(&Draft{}).Error; err != nil {
			return err
		}
		if _, err := unlinkSurvey(tx, projectID, userID, false); err != nil {
			return err
		}
		stage := StageLeft
		if m.Stage == StageWithdrawn {
			stage = m.Stage // says more
		}
		err = tx.Model(&Member{}).Where("project_id = ? AND user_id = ?", projectID, userID).Updates(map[string]any{"stage": stage, "survey_seen": false}).Error
		if err != nil {
			return err
		}
		return audit(tx, s.Now(), userID, "member.leave", fmt.Sprintf("project:%d", projectID), map[string]any{"worker": m.Worker})
	})
}
