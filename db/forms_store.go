package db

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
)

// FormVersion is one version of a project's task form. It never changes:
// saving makes the next one, so that an answer's version says for ever what
// was asked.
type FormVersion struct {
	ID        int64
	ProjectID int64
	Version   int
	Body      Form `gorm:"serializer:json"`
	Created   Millis
	CreatedBy int64 // 0: made with the project on the command line
}

// TableName is the table of all versions.
func (FormVersion) TableName() string { return "forms" }

// Name is how answers and records call the version: "f2".
func (v FormVersion) Name() string { return FormName(v.Version) }

// ErrFormChanged means that somebody saved another version of the form in the meantime.
var ErrFormChanged = errors.New("somebody else saved a newer version of this form")

// Form returns the newest version of a project's form.
func (s *Store) Form(ctx context.Context, projectID int64) (FormVersion, error) {
	return newestForm(s.read(ctx), projectID)
}

func newestForm(tx *gorm.DB, projectID int64) (FormVersion, error) {
	v, err := first[FormVersion](tx.Where("project_id = ?", projectID).Order("version DESC"))
	if err != nil {
		return v, fmt.Errorf("form of project %d: %w", projectID, err)
	}
	return v, nil
}

// ErrNothingNew means that there is nothing that the other project does not have already.
var ErrNothingNew = errors.New("there is nothing new to pass on")

// FormUse is a version with what was done under it.
type FormUse struct {
	FormVersion
	By      string // who saved it, by name; "": the command line
	Answers int64  // given under it, in whatever state
}

// Forms lists a project's versions, newest first.
func (s *Store) Forms(ctx context.Context, projectID int64) ([]FormUse, error) {
	var uses []FormUse
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		versions, err := all[FormVersion](tx.Where("project_id = ?", projectID).Order("version DESC"))
		if err != nil {
			return err
		}
		for _, v := range versions {
			use := FormUse{FormVersion: v}
			if err := tx.Model(&Answer{}).Where("project_id = ? AND form = ? AND user_id <> 0", projectID, v.Name()).Count(&use.Answers).Error; err != nil {
				return err
			}
			if err := tx.Model(&User{}).Where("id = ?", v.CreatedBy).Limit(1).Pluck("name", &use.By).Error; err != nil {
				return err
			}
			uses = append(uses, use)
		}
		return nil
	})
	return uses, err
}

// SaveForm makes f the next version of a project's form. base is the version
// that the change began from: when another was saved since, it is
// ErrFormChanged. A form that changes nothing makes no version.
func (s *Store) SaveForm(ctx context.Context, by, projectID int64, base int, f Form) (FormVersion, error) {
	var v FormVersion
	err := s.write(ctx, func(tx *gorm.DB) error {
		p, err := first[Project](tx.Where("id = ?", projectID))
		if err != nil {
			return err
		}
		if err := f.Validate(p.Kind); err != nil {
			return err
		}
		if v, err = newestForm(tx, projectID); err != nil {
			return err
		}
		if v.Version != base {
			return ErrFormChanged
		}
		if sameForm(v.Body, f) {
			return nil
		}
		v = FormVersion{ProjectID: projectID, Version: base + 1, Body: f, Created: s.Now(), CreatedBy: by}
		if err := tx.Create(&v).Error; err != nil {
			return fmt.Errorf("save form: %w", err)
		}
		return audit(tx, s.Now(), by, "form.save", fmt.Sprintf("project:%d", projectID), map[string]any{"version": v.Name(), "form": f})
	})
	return v, err
}

func sameForm(a, b Form) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}

// createForm makes the first version for a new project.
func (s *Store) createForm(tx *gorm.DB, p Project) error {
	f, err := firstForm(p)
	if err != nil {
		return err
	}
	return tx.Create(&FormVersion{ProjectID: p.ID, Version: 1, Body: f, Created: p.Created, CreatedBy: p.CreatedBy}).Error
}

// leaseForm is the form that a lease's task asks. The lease keeps the version
// it was first shown with, so that nobody answers a form they did not see.
func (s *Store) leaseForm(tx *gorm.DB, projectID int64, l *Lease) (FormVersion, error) {
	if l.Form == 0 {
		v, err := newestForm(tx, projectID)
		if err != nil {
			return v, err
		}
		l.Form = v.Version
		return v, tx.Model(&Lease{}).Where("id = ?", l.ID).Update("form", l.Form).Error
	}
	return first[FormVersion](tx.Where("project_id = ? AND version = ?", projectID, l.Form))
}

// Brief is what a labeler is asked to write a prompt about; the words are the item's prompt.
type Brief struct {
	Style   string `json:"style,omitempty"`    // one of Styles; "": as the labeler likes
	UseCase string `json:"use_case,omitempty"` // one of UseCases; "": as the labeler likes
}

// brief reads what an item asks a labeler to write.
func (it Item) brief() (Brief, error) {
	var b Brief
	if it.Kind != ItemBrief || it.Extra == "" {
		return b, nil
	}
	err := json.Unmarshal([]byte(it.Extra), &b)
	return b, err
}

// NewBriefs makes n items that ask for a prompt each, about the same thing.
func NewBriefs(about string, b Brief, n int) ([]NewItem, error) {
	switch {
	case n < 1 || n > 1000:
		return nil, Invalid("count", "%d is not between 1 and 1000", n)
	case b.Style != "" && !slices.Contains(Styles, b.Style):
		return nil, Invalid("style", "%q is none of %v", b.Style, Styles)
	case b.UseCase != "" && !slices.Contains(UseCases, b.UseCase):
		return nil, Invalid("use_case", "%q is none of %v", b.UseCase, UseCases)
	}
	extra, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	prompt := []Message{}
	if about != "" {
		prompt = append(prompt, Message{"user", about})
	}
	items := make([]NewItem, n)
	for i := range items {
		items[i] = NewItem{Kind: ItemBrief, Prompt: prompt, Extra: string(extra)}
	}
	return items, nil
}

// AddBriefs queues briefs. Two that ask for the same are two tasks.
func (s *Store) AddBriefs(ctx context.Context, by, projectID int64, briefs []NewItem) error {
	sum := sha256.Sum256([]byte(rand.Text())) // asking again for the same is no second import of one file
	imp := Import{ProjectID: projectID, File: "briefs", Format: "briefs", SHA256: hex.EncodeToString(sum[:]), CreatedBy: by}
	i := 0
	_, err := s.ImportBatch(ctx, imp, func() (NewItem, bool, error) {
		if i == len(briefs) {
			return NewItem{}, false, nil
		}
		it := briefs[i]
		i++
		it.Line, it.Queue = i, true
		return it, true, nil
	})
	return err
}
