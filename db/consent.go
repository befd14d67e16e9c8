package db

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// latestConsent is the newest text of a project; version 0: none was written.
func latestConsent(q *gorm.DB, projectID int64) (ConsentText, error) {
	c, err := first[ConsentText](q.Where("project_id = ?", projectID).Order("version DESC"))
	if errors.Is(err, ErrNotFound) {
		return ConsentText{ProjectID: projectID}, nil
	}
	return c, err
}

// consentOf is a member's newest answer; version 0: none.
func consentOf(q *gorm.DB, projectID, userID int64) (Consent, error) {
	c, err := first[Consent](q.Where("project_id = ? AND user_id = ?", projectID, userID).Order("id DESC"))
	if errors.Is(err, ErrNotFound) {
		return Consent{}, nil
	}
	return c, err
}

// consentDone tells whether there is a text to agree to, and whether the
// member agreed to its newest version.
func consentDone(tx *gorm.DB, m Member) (asked, done bool, err error) {
	text, err := latestConsent(tx, m.ProjectID)
	if err != nil || text.Text == "" {
		return false, true, err
	}
	c, err := consentOf(tx, m.ProjectID, m.UserID)
	return true, c.Agreed && c.Version == text.Version, err
}

// ConsentText returns a project's newest text; version 0 when there is none.
func (s *Store) ConsentText(ctx context.Context, projectID int64) (ConsentText, error) {
	return latestConsent(s.read(ctx), projectID)
}

// ConsentTexts lists all versions, newest first.
func (s *Store) ConsentTexts(ctx context.Context, projectID int64) ([]ConsentText, error) {
	return all[ConsentText](s.read(ctx).Where("project_id = ?", projectID).Order("version DESC"))
}

// ConsentGiven returns a member's newest answer; version 0: none.
func (s *Store) ConsentGiven(ctx context.Context, projectID, userID int64) (Consent, error) {
	return consentOf(s.read(ctx), projectID, userID)
}

// SetConsentText writes a new version, which every member is asked to agree to
// before they go on. An unchanged text makes no version.
func (s *Store) SetConsentText(ctx context.Context, by, projectID int64, text string, training bool) (ConsentText, error) {
	text = strings.TrimSpace(text)
	if len(text) > 100_000 {
		return ConsentText{}, Invalid("text", "please keep it under 100,000 bytes")
	}
	var c ConsentText
	err := s.write(ctx, func(tx *gorm.DB) error {
		old, err := latestConsent(tx, projectID)
		if err != nil {
			return err
		}
		if c = old; old.Text == text && old.Training == training {
			return nil
		}
		c = ConsentText{ProjectID: projectID, Version: old.Version + 1, Text: text, Training: training, Created: s.Now(), CreatedBy: by}
		if err := tx.Create(&c).Error; err != nil {
			return err
		}
		if err := audit(tx, s.Now(), by, "consent.write", fmt.Sprintf("project:%d", projectID), map[string]any{"version": c.Name(), "training": training}); err != nil {
			return err
		}
		return s.advanceAll(tx, projectID)
	})
	return c, err
}

// AnswerConsent stores what a member says to the version they read. Declining
// ends the joining; it can be taken up again by agreeing. A version that is
// not the newest any more is refused, so that nobody agrees to what they did
// not read.
func (s *Store) AnswerConsent(ctx context.Context, projectID, userID int64, version int, agreed bool) error {
	return s.asMember(ctx, projectID, userID, func(tx *gorm.DB, p Project, m *Member) error {
		text, err := latestConsent(tx, projectID)
		if err != nil {
			return err
		}
		if text.Version != version || version == 0 {
			return Invalid("consent", "the text has changed meanwhile; please read it again")
		}
		if err := tx.Create(&Consent{ProjectID: projectID, UserID: userID, Version: version, Agreed: agreed, At: s.Now()}).Error; err != nil {
			return err
		}
		switch {
		case agreed && m.Stage == StageDeclined:
			m.Stage = StageConsent
		case !agreed && !ended(m.Stage):
			m.Stage = StageDeclined
			return tx.Model(&Member{}).Where("project_id = ? AND user_id = ?", projectID, userID).Update("stage", m.Stage).Error
		}
		return s.advance(tx, p, m)
	})
}

// asMember runs fn for a membership in one write transaction, or returns
// ErrNotFound for who is no member.
func (s *Store) asMember(ctx context.Context, projectID, userID int64, fn func(*gorm.DB, Project, *Member) error) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		p, err := first[Project](tx.Where("id = ?", projectID))
		if err != nil {
			return err
		}
		m, err := first[Member](tx.Where("project_id = ? AND user_id = ?", projectID, userID))
		if err != nil {
			return err
		}
		return fn(tx, p, &m)
	})
}

// ConsentCounts counts the people whose newest answer agrees to a version.
func (s *Store) ConsentCounts(ctx context.Context, projectID int64) (map[int]int, error) {
	answers, err := all[Consent](s.read(ctx).Where("project_id = ?", projectID).Order("id"))
	newest := map[int64]Consent{}
	for _, a := range answers {
		newest[a.UserID] = a
	}
	counts := map[int]int{}
	for _, a := range newest {
		if a.Agreed {
			counts[a.Version]++
		}
	}
	return counts, err
}
