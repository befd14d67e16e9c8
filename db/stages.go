package db

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
)

// Stages of a member, in the order of the steps. Only StageActive works on the
// project's tasks. In StagePractice and StageScreening, Next hands out items of
// the purpose of that name: ItemRank ones, and ItemPrompt ones to write a
// demonstration for; to everybody regardless of overlap. In every other stage
// Next has nothing: it returns ErrNotReady.
const (
	StageProfile    = "profile"    // languages read, content opt-outs
	StageConsent    = "consent"    // read and answer the consent text
	StageSurvey     = "survey"     // optional questions about oneself
	StageGuidelines = "guidelines" // read and confirm
	StagePractice   = "practice"   // items with feedback
	StageScreening  = "screening"  // items compared with the researchers' key
	StageWaiting    = "waiting"    // for the lead's decision
	StageDeclined   = "declined"   // did not agree to the consent text
	StageRejected   = "rejected"   // the lead decided so
	StageLeft       = "left"       // left the project
)

// StageActive is declared beside Member.

// Steps are the stages that a newcomer passes, in order.
var Steps = []string{StageProfile, StageConsent, StageSurvey, StageGuidelines, StagePractice, StageScreening, StageWaiting}

// ended tells whether a stage is left only by a decision, never by a step.
func ended(stage string) bool {
	return stage == StageDeclined || stage == StageRejected || stage == StageLeft || stage == StageWithdrawn
}

// advance works out the stage that a member has come to and stores it. Call it
// in the transaction that changed something a stage depends on.
func (s *Store) advance(tx *gorm.DB, p Project, m *Member) error {
	if ended(m.Stage) {
		return nil
	}
	steps, err := s.stepsOf(tx, p, *m)
	if err != nil {
		return err
	}
	m.Stage = StageActive
	if i := slices.IndexFunc(steps, func(st Step) bool { return !st.Done }); i >= 0 {
		m.Stage = steps[i].Stage
	}
	if m.Stage == StageActive && m.Admitted == 0 {
		m.Admitted = s.Now()
	}
	return tx.Model(&Member{}).Where("project_id = ? AND user_id = ?", m.ProjectID, m.UserID).
		Updates(map[string]any{"stage": m.Stage, "admitted": m.Admitted}).Error
}

// advanceAll is advance for everybody of a project, after its rules changed.
func (s *Store) advanceAll(tx *gorm.DB, projectID int64) error {
	p, err := first[Project](tx.Where("id = ?", projectID))
	if err != nil {
		return err
	}
	members, err := all[Member](tx.Where("project_id = ?", projectID))
	if err != nil {
		return err
	}
	for i := range members {
		if err := s.advance(tx, p, &members[i]); err != nil {
			return err
		}
	}
	return nil
}

// Step is a stage on a member's way, and whether it is behind them.
type Step struct {
	Stage string
	Done  bool
}

// stepsOf lists the steps that apply to a member. Whoever was admitted once
// meets only the consent step again, when its text changes.
func (s *Store) stepsOf(tx *gorm.DB, p Project, m Member) ([]Step, error) {
	leads, err := s.leads(tx, m.UserID)
	if err != nil || leads {
		return nil, err // researchers try their project out without joining steps
	}
	j, err := joining(tx, p.ID)
	if err != nil {
		return nil, err
	}
	var steps []Step
	for _, check := range []struct {
		stage string
		on    bool
		done  func() (asked, done bool, err error)
	}{
		{StageProfile, j.Profile && m.Admitted == 0, func() (bool, bool, error) { return profileDone(tx, m.UserID) }},
		{StageConsent, true, func() (bool, bool, error) { return consentDone(tx, m) }},
		{StageSurvey, j.Survey && m.Admitted == 0, func() (bool, bool, error) { return true, m.SurveySeen, nil }},
		{StageGuidelines, j.Guidelines && p.Instructions != "" && m.Admitted == 0, func() (bool, bool, error) { return guidelinesDone(tx, m) }},
		{StagePractice, j.Practice && m.Admitted == 0, func() (bool, bool, error) { return s.itemsDone(tx, p, m, ForPractice) }},
		{StageScreening, j.Screening && m.Admitted == 0, func() (bool, bool, error) { return s.itemsDone(tx, p, m, ForScreening) }},
	} {
		if !check.on {
			continue
		}
		asked, done, err := check.done()
		if err != nil {
			return nil, fmt.Errorf("step %s: %w", check.stage, err)
		}
		if asked {
			steps = append(steps, Step{check.stage, done})
		}
	}
	if n := len(steps); n > 0 && steps[n-1].Stage == StageScreening {
		steps = append(steps, Step{StageWaiting, m.Verdict == VerdictAccepted})
	}
	return steps, nil
}

// leads tells whether a user runs projects.
func (s *Store) leads(tx *gorm.DB, userID int64) (bool, error) {
	u, err := first[User](tx.Where("id = ?", userID))
	return u.Role == RoleResearcher || u.Role == RoleAdmin, err
}

// itemsDone tells whether a project has items of a purpose, and whether a
// member has answered or skipped all of those they may be shown.
func (s *Store) itemsDone(tx *gorm.DB, p Project, m Member, purpose string) (asked, done bool, err error) {
	var any int64
	err = tx.Model(&Item{}).Where("project_id = ? AND purpose = ? AND NOT closed AND kind IN ? AND k <= 9", p.ID, purpose, trialKinds).Limit(1).Count(&any).Error
	if err != nil || any == 0 {
		return false, true, err
	}
	n, of, err := s.trials(tx, p, m.UserID, purpose)
	return true, n == of, err
}

// trialKinds are the kinds of items that practice and screening can be made of.
var trialKinds = []string{ItemRank, ItemPrompt}

// trials counts the items of a purpose that a member may be shown: those
// answered or skipped, and all.
func (s *Store) trials(tx *gorm.DB, p Project, userID int64, purpose string) (done, of int64, err error) {
	k, err := s.seeker(tx, p, userID)
	if err != nil {
		return 0, 0, err
	}
	for _, kind := range trialKinds {
		c := k.fits(kind)
		c.and("i.purpose = ?", purpose)
		var n struct{ Done, Items int64 }
		err := tx.Raw(`SELECT count(*) AS items, coalesce(sum(CASE WHEN EXISTS (SELECT 1 FROM leases l WHERE l.item_id = i.id AND l.user_id = ?
			AND l.state IN (?, ?)) THEN 1 ELSE 0 END), 0) AS done FROM items i WHERE `+c.sql, append([]any{userID, LeaseAnswered, LeaseSkipped}, c.args...)...).Scan(&n).Error
		if err != nil {
			return 0, 0, err
		}
		done, of = done+n.Done, of+n.Items
	}
	return done, of, nil
}

// Trials is trials for a page.
func (s *Store) Trials(ctx context.Context, projectID, userID int64, purpose string) (done, of int64, err error) {
	err = s.snapshot(ctx, func(tx *gorm.DB) error {
		p, err := first[Project](tx.Where("id = ?", projectID))
		if err != nil {
			return err
		}
		done, of, err = s.trials(tx, p, userID, purpose)
		return err
	})
	return done, of, err
}

// afterItem moves a member on when an answer or a skip finished a step.
func (s *Store) afterItem(tx *gorm.DB, p Project, userID int64) error {
	m, err := first[Member](tx.Where("project_id = ? AND user_id = ?", p.ID, userID))
	if err != nil || m.Stage != StagePractice && m.Stage != StageScreening {
		return err
	}
	return s.advance(tx, p, &m)
}

// Standing is where a member is on the way to work.
type Standing struct {
	Project Project
	Member  Member
	Joining Joining
	Steps   []Step // those that apply, in order; without StageWaiting's turn nothing is done twice
}

// Standing brings a member's stage up to date and returns it. It returns
// ErrNotFound for somebody who is no member.
func (s *Store) Standing(ctx context.Context, projectID, userID int64) (Standing, error) {
	var st Standing
	err := s.write(ctx, func(tx *gorm.DB) (err error) {
		if st.Project, err = first[Project](tx.Where("id = ?", projectID)); err != nil {
			return err
		}
		if st.Member, err = first[Member](tx.Where("project_id = ? AND user_id = ?", projectID, userID)); err != nil {
			return err
		}
		if err = s.advance(tx, st.Project, &st.Member); err != nil {
			return err
		}
		if st.Joining, err = joining(tx, projectID); err != nil {
			return err
		}
		st.Steps, err = s.stepsOf(tx, st.Project, st.Member)
		return err
	})
	return st, err
}

// MemberStage returns the stage of a member, "" for who is none.
func (s *Store) MemberStage(ctx context.Context, projectID, userID int64) (string, error) {
	m, err := first[Member](s.read(ctx).Where("project_id = ? AND user_id = ?", projectID, userID))
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return m.Stage, err
}

// Joining returns how newcomers join a project.
func (s *Store) Joining(ctx context.Context, projectID int64) (Joining, error) {
	return joining(s.read(ctx), projectID)
}

func joining(q *gorm.DB, projectID int64) (Joining, error) {
	j, err := first[Joining](q.Where("project_id = ?", projectID))
	if errors.Is(err, ErrNotFound) {
		return DefaultJoining(projectID), nil
	}
	return j, err
}

// SetJoining changes how newcomers join. A step switched off lets those pass
// who wait at it.
func (s *Store) SetJoining(ctx context.Context, by int64, j Joining) error {
	if err := j.Validate(); err != nil {
		return err
	}
	return s.write(ctx, func(tx *gorm.DB) error {
		old, err := joining(tx, j.ProjectID)
		if err != nil {
			return err
		}
		if err := tx.Save(&j).Error; err != nil {
			return err
		}
		if err := audit(tx, s.Now(), by, "project.joining", fmt.Sprintf("project:%d", j.ProjectID), map[string]any{"before": old, "after": j}); err != nil {
			return err
		}
		return s.advanceAll(tx, j.ProjectID)
	})
}
