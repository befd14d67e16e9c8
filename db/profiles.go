package db

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/text/language"
	"gorm.io/gorm"
)

// ContentCategories are what a person may ask not to be shown. An item names
// them in the member content_warnings of its record, a list of strings.
var ContentCategories = []string{"sexual", "violence", "self_harm", "hate", "abuse", "crime", "medical", "politics"}

// Profile returns a person's; Updated is 0 when they never filled it in.
func (s *Store) Profile(ctx context.Context, userID int64) (Profile, error) {
	return profileOf(s.read(ctx), userID)
}

// profileOf is Profile within a transaction.
func profileOf(q *gorm.DB, userID int64) (Profile, error) {
	p, err := first[Profile](q.Where("user_id = ?", userID))
	if errors.Is(err, ErrNotFound) {
		return Profile{UserID: userID}, nil
	}
	return p, err
}

func profileDone(tx *gorm.DB, userID int64) (asked, done bool, err error) {
	p, err := profileOf(tx, userID)
	return true, p.Updated != 0, err
}

// SetProfile stores a person's profile and moves them on where they joined.
func (s *Store) SetProfile(ctx context.Context, p Profile) error {
	if err := p.tidy(); err != nil {
		return err
	}
	p.Updated = s.Now()
	return s.write(ctx, func(tx *gorm.DB) error {
		if err := tx.Save(&p).Error; err != nil {
			return err
		}
		members, err := all[Member](tx.Where("user_id = ?", p.UserID))
		if err != nil {
			return err
		}
		for _, m := range members {
			project, err := first[Project](tx.Where("id = ?", m.ProjectID))
			if err != nil {
				return err
			}
			if err := s.advance(tx, project, &m); err != nil {
				return err
			}
		}
		return nil
	})
}

// tidy checks a profile and writes its languages one way.
func (p *Profile) tidy() error {
	var languages []string
	for _, l := range p.Languages {
		if err := checkLanguage("languages", l); err != nil {
			return err
		}
		if l = language.Make(l).String(); !slices.Contains(languages, l) {
			languages = append(languages, l)
		}
	}
	for _, c := range p.OptOuts {
		if !slices.Contains(ContentCategories, c) {
			return Invalid("opt_outs", "%q is none of %v", c, ContentCategories)
		}
	}
	if len(languages) > 100 {
		return Invalid("languages", "please name at most 100")
	}
	p.Topics = strings.TrimSpace(p.Topics)
	if len(p.Topics) > 5000 {
		return Invalid("topics", "please keep it under 5,000 bytes")
	}
	slices.Sort(languages)
	p.Languages, p.OptOuts = append([]string{}, languages...), append([]string{}, p.OptOuts...)
	slices.Sort(p.OptOuts)
	p.OptOuts = slices.Compact(p.OptOuts)
	return nil
}

// checkLanguage refuses what is no BCP 47 tag.
func checkLanguage(field, tag string) error {
	if _, err := language.Parse(tag); err != nil || tag == "" {
		return Invalid(field, "%q is not a language tag such as en, es or zh-Hant", tag)
	}
	return nil
}

// ItemLanguages lists the languages of the items in a person's projects.
func (s *Store) ItemLanguages(ctx context.Context, userID int64) ([]string, error) {
	var langs []string
	err := s.read(ctx).Raw(`SELECT DISTINCT i.lang FROM items i JOIN members m ON m.project_id = i.project_id
		WHERE m.user_id = ? AND i.lang <> '' ORDER BY i.lang`, userID).Scan(&langs).Error
	return langs, explain(err)
}
