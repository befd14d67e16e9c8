package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/language"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// GuidelineText is one version of the guidelines in one language. The versions
// of all languages count together, so that the version stored with an answer
// names one state of them all.
type GuidelineText struct {
	ProjectID int64  `gorm:"primaryKey"`
	Version   int    `gorm:"primaryKey"`
	Lang      string `gorm:"primaryKey"` // BCP 47; "": the project's own text, in Joining.Language
	Text      string // Markdown; empty: taken away
	Created   Millis
	CreatedBy int64
}

// Name is what answers call the version, such as "g3".
func (g GuidelineText) Name() string { return fmt.Sprintf("g%d", g.Version) }

// guidelineRead is the newest version of the guidelines that a member confirmed.
type guidelineRead struct {
	ProjectID int64 `gorm:"primaryKey"`
	UserID    int64 `gorm:"primaryKey"`
	Version   int
	At        Millis
}

// Guidelines is a project's guidelines as one reader gets them.
type Guidelines struct {
	GuidelineText
	Lang     string // BCP 47 of the text, also of the project's own
	Wanted   string // the reader's language when there is no text in it; "": there is
	Outdated bool   // a translation made before the project's own text changed last
	Unread   bool   // the reader is a member and has not confirmed this version; it is new to them
}

// GuidelineTexts lists every version, newest first.
func (s *Store) GuidelineTexts(ctx context.Context, projectID int64) ([]GuidelineText, error) {
	return all[GuidelineText](s.read(ctx).Where("project_id = ?", projectID).Order("version DESC, lang"))
}

// newest keeps the newest text of each language, given newest first.
func newest(texts []GuidelineText) map[string]GuidelineText {
	by := map[string]GuidelineText{}
	for _, t := range texts {
		if _, seen := by[t.Lang]; !seen {
			by[t.Lang] = t
		}
	}
	return by
}

// GuidelinesFor chooses the text for a reader who wants some languages, best
// first, and tells whether it is news to them. Without a text in a wanted
// language it is the project's own, and says so.
func (s *Store) GuidelinesFor(ctx context.Context, projectID, userID int64, wanted ...string) (Guidelines, error) {
	var g Guidelines
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		j, err := joining(tx, projectID)
		if err != nil {
			return err
		}
		texts, err := all[GuidelineText](tx.Where("project_id = ?", projectID).Order("version DESC"))
		if err != nil {
			return err
		}
		g = chooseText(newest(texts), j.Language, wanted)
		g.Unread, err = unread(tx, projectID, userID, g.GuidelineText)
		return err
	})
	return g, err
}

// chooseText takes the text in the first wish that has one: of the very tag, or
// else of the same language, so that a reader of es-MX gets es. Nobody is given
// a language they did not name.
func chooseText(texts map[string]GuidelineText, own string, wanted []string) Guidelines {
	langs := []string{""}
	for _, lang := range slices.Sorted(maps.Keys(texts)) {
		if lang != "" && texts[lang].Text != "" {
			langs = append(langs, lang)
		}
	}
	for _, w := range wanted {
		for _, alike := range []func(a, b string) bool{sameTag, sameLanguage} {
			for _, lang := range langs {
				if alike(w, cmp.Or(lang, own)) {
					g := Guidelines{GuidelineText: texts[lang], Lang: cmp.Or(lang, own)}
					g.Outdated = lang != "" && g.Version < texts[""].Version
					return g
				}
			}
		}
	}
	g := Guidelines{GuidelineText: texts[""], Lang: own}
	if len(wanted) > 0 {
		g.Wanted = wanted[0]
	}
	return g
}

func sameTag(a, b string) bool { return language.Make(a) == language.Make(b) }

func sameLanguage(a, b string) bool { return primarySubtag(a) == primarySubtag(b) }

// unread tells whether a member has not confirmed a text that came after they
// last did, or after they joined.
func unread(q *gorm.DB, projectID, userID int64, g GuidelineText) (bool, error) {
	m, err := first[Member](q.Where("project_id = ? AND user_id = ?", projectID, userID))
	if errors.Is(err, ErrNotFound) || g.Text == "" {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r, err := readOf(q, projectID, userID)
	return g.Version > r.Version && (r.Version > 0 || g.Created > m.Joined), err
}

func readOf(q *gorm.DB, projectID, userID int64) (guidelineRead, error) {
	r, err := first[guidelineRead](q.Where("project_id = ? AND user_id = ?", projectID, userID))
	if errors.Is(err, ErrNotFound) {
		return guidelineRead{ProjectID: projectID, UserID: userID}, nil
	}
	return r, err
}

func guidelinesDone(tx *gorm.DB, m Member) (asked, done bool, err error) {
	r, err := readOf(tx, m.ProjectID, m.UserID)
	return true, r.Version > 0, err
}

// ReadGuidelines notes that a member confirmed a version.
func (s *Store) ReadGuidelines(ctx context.Context, projectID, userID int64, version int) error {
	return s.asMember(ctx, projectID, userID, func(tx *gorm.DB, p Project, m *Member) error {
		if version < 1 || version > p.Guideline {
			return Invalid("version", "there is no version %d", version)
		}
		old, err := readOf(tx, projectID, userID)
		if err != nil {
			return err
		}
		if version > old.Version {
			row := guidelineRead{projectID, userID, version, s.Now()}
			if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error; err != nil {
				return err
			}
		}
		return s.advance(tx, p, m)
	})
}

// SetGuidelines writes a new version in one language; lang "" or the project's
// own language changes the project's own text. An unchanged text makes no
// version; an empty translation takes the language away.
func (s *Store) SetGuidelines(ctx context.Context, by, projectID int64, lang, text string) (Project, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	if len(text) > 200_000 {
		return Project{}, Invalid("text", "please keep it under 200,000 bytes")
	}
	var p Project
	err := s.write(ctx, func(tx *gorm.DB) error {
		var err error
		if p, err = first[Project](tx.Where("id = ?", projectID)); err != nil {
			return err
		}
		j, err := joining(tx, projectID)
		if err != nil {
			return err
		}
		if lang == j.Language {
			lang = ""
		}
		if lang != "" {
			if err := checkLanguage("lang", lang); err != nil {
				return err
			}
			lang = language.Make(lang).String()
		}
		old, err := first[GuidelineText](tx.Where("project_id = ? AND lang = ?", projectID, lang).Order("version DESC"))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if old.Text == text {
			return nil
		}
		p.Guideline++
		if lang == "" {
			p.Instructions = text
		}
		if err := tx.Model(&Project{}).Where("id = ?", p.ID).Updates(map[string]any{"guideline": p.Guideline, "instructions": p.Instructions}).Error; err != nil {
			return err
		}
		return s.keepGuideline(tx, p, lang, text, by)
	})
	return p, err
}

// keepGuideline adds a row to the history, at the project's current version.
func (s *Store) keepGuideline(tx *gorm.DB, p Project, lang, text string, by int64) error {
	row := GuidelineText{ProjectID: p.ID, Version: p.Guideline, Lang: lang, Text: text, Created: s.Now(), CreatedBy: by}
	if err := tx.Create(&row).Error; err != nil {
		return fmt.Errorf("keep guidelines %s: %w", row.Name(), err)
	}
	return audit(tx, s.Now(), by, "guidelines.write", fmt.Sprintf("project:%d", p.ID), map[string]any{"version": row.Name(), "lang": lang})
}
