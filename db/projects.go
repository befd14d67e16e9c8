package db

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// projectName keeps names fit for file names and command lines.
var projectName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// DefaultProject holds the settings of a new ranking project.
func DefaultProject(name string) Project {
	return Project{Name: name, Title: name, Kind: KindRank, K: 4, Overlap: 1, LeaseMinutes: 60, EditMinutes: 60, Guideline: 1}
}

// Validate names the first setting that is out of range.
func (p Project) Validate() error {
	switch {
	case !projectName.MatchString(p.Name):
		return Invalid("name", "%q: use 1 to 64 lower-case letters, digits or . _ -", p.Name)
	case !slices.Contains(Kinds, p.Kind):
		return Invalid("kind", "%q is none of %s", p.Kind, KindNames())
	case p.Kind == KindPairwise && p.K != 2:
		return Invalid("k", "a pairwise project compares 2 completions, got %d", p.K)
	case p.Kind == KindRank && (p.K < 2 || p.K > 9):
		return Invalid("k", "%d is not between 2 and 9", p.K)
	case p.Overlap < 1 || p.Overlap > 100:
		return Invalid("overlap", "%d is not between 1 and 100", p.Overlap)
	case p.LeaseMinutes < 1 || p.LeaseMinutes > 7*24*60:
		return Invalid("lease_minutes", "%d is not between 1 minute and 7 days", p.LeaseMinutes)
	case p.EditMinutes < 0:
		return Invalid("edit_minutes", "%d is negative", p.EditMinutes)
	}
	return nil
}

// CreateProject adds a project. It returns ErrNameTaken when the name exists.
func (s *Store) CreateProject(ctx context.Context, p Project) (Project, error) {
	if k, fixed := FixedK(p.Kind); fixed && p.Kind != KindPairwise {
		p.K = k
	}
	if err := p.Validate(); err != nil {
		return p, err
	}
	p.Created = s.Now()
	err := s.write(ctx, func(tx *gorm.DB) error {
		err := tx.Create(&p).Error
		if isUnique(err) {
			return fmt.Errorf("project %s: %w", p.Name, ErrNameTaken)
		}
		if err != nil {
			return err
		}
		if err := s.createForm(tx, p); err != nil {
			return err
		}
		if err := s.keepGuideline(tx, p, "", p.Instructions, p.CreatedBy); err != nil {
			return err
		}
		return audit(tx, s.Now(), p.CreatedBy, "project.create", fmt.Sprintf("project:%d", p.ID), map[string]any{"name": p.Name})
	})
	return p, err
}

// UpdateProject changes title, instructions, overlap, lease and edit times and
// archiving. New instructions count the guideline version up. Kind and K stay.
func (s *Store) UpdateProject(ctx context.Context, by int64, p Project) (Project, error) {
	if err := p.Validate(); err != nil {
		return p, err
	}
	err := s.write(ctx, func(tx *gorm.DB) error {
		old, err := first[Project](tx.Where("id = ?", p.ID))
		if err != nil {
			return err
		}
		p.Name, p.Kind, p.K, p.Guideline, p.Created, p.CreatedBy = old.Name, old.Kind, old.K, old.Guideline, old.Created, old.CreatedBy
		if p.Instructions != old.Instructions {
			p.Guideline++
			if err := s.keepGuideline(tx, p, "", p.Instructions, by); err != nil {
				return err
			}
		}
		if err := audit(tx, s.Now(), by, "project.update", fmt.Sprintf("project:%d", p.ID),
			map[string]any{"before": old, "after": p}); err != nil {
			return err
		}
		if err := s.overlapChanged(tx, old, p); err != nil {
			return err
		}
		return tx.Save(&p).Error
	})
	return p, err
}

// Project returns one project by id.
func (s *Store) Project(ctx context.Context, id int64) (Project, error) {
	return first[Project](s.read(ctx).Where("id = ?", id))
}

// ProjectByName finds a project by its name.
func (s *Store) ProjectByName(ctx context.Context, name string) (Project, error) {
	p, err := first[Project](s.read(ctx).Where("lower(name) = lower(?)", name))
	if errors.Is(err, ErrNotFound) {
		return p, fmt.Errorf("project %s: %w (agora project list shows them)", name, err)
	}
	return p, err
}

// Projects lists all projects, oldest first.
func (s *Store) Projects(ctx context.Context) ([]Project, error) {
	return all[Project](s.read(ctx).Order("id"))
}

// ProjectsOf lists the projects that hand out tasks to a user: those they joined.
func (s *Store) ProjectsOf(ctx context.Context, userID int64) ([]Project, error) {
	return all[Project](s.read(ctx).Where("NOT archived AND id IN (SELECT project_id FROM members WHERE user_id = ?)", userID).Order("id"))
}

// Join makes a user a member of a project, once, and returns the membership.
func (s *Store) Join(ctx context.Context, projectID, userID int64) (Member, error) {
	var m Member
	err := s.write(ctx, func(tx *gorm.DB) (err error) {
		m, err = s.member(tx, projectID, userID)
		return err
	})
	return m, err
}

// IsMember tells whether a user joined a project.
func (s *Store) IsMember(ctx context.Context, projectID, userID int64) (bool, error) {
	_, err := first[Member](s.read(ctx).Where("project_id = ? AND user_id = ?", projectID, userID))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Members lists the people of a project in order of joining.
func (s *Store) Members(ctx context.Context, projectID int64) ([]Member, error) {
	return all[Member](s.read(ctx).Where("project_id = ?", projectID).Order("joined, user_id"))
}

// member finds or makes the membership. The pseudonym is random, so that it
// tells nothing about the person or when they came.
func (s *Store) member(tx *gorm.DB, projectID, userID int64) (Member, error) {
	m, err := first[Member](tx.Where("project_id = ? AND user_id = ?", projectID, userID))
	if !errors.Is(err, ErrNotFound) {
		return m, err
	}
	for {
		m = Member{ProjectID: projectID, UserID: userID, Worker: "w" + strings.ToLower(rand.Text()[:7]), Joined: s.Now(), Stage: StageProfile, Tags: map[string]string{}}
		var clash int64 // with the name of an imported worker
		if err := tx.Model(&Answer{}).Where("project_id = ? AND worker = ?", projectID, m.Worker).Limit(1).Count(&clash).Error; err != nil {
			return m, err
		}
		if clash == 0 {
			break
		}
	}
	if err := tx.Create(&m).Error; err != nil {
		return m, err
	}
	p, err := first[Project](tx.Where("id = ?", projectID))
	if err != nil {
		return m, err
	}
	return m, s.advance(tx, p, &m)
}
