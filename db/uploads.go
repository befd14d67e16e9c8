package db

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Upload states.
const (
	UploadReady   = "ready"   // waits for somebody to look at it and start it
	UploadRunning = "running" // is being imported
	UploadDone    = "done"
)

// uploadLife is how long a file waits to be imported.
const uploadLife = 24 * time.Hour

// Upload is a file on its way into a project. Its bytes lie in the folder
// "uploads" beside the database under the upload's id.
type Upload struct {
	ID        string // random
	ProjectID int64
	UserID    int64
	File      string // name as given
	Size      int64
	SHA256    string
	Format    string // chosen; "": as found
	Mapping   string // JSON of a mapping; "": none
	Queue     bool   // hand out also what comes with judgements
	State     string
	Message   string // what happened last, for people; "": nothing
	ImportID  int64  // when done
	Created   Millis
	Expires   Millis
}

// AddUpload notes a file that was received.
func (s *Store) AddUpload(ctx context.Context, u Upload) (Upload, error) {
	u.ID, u.State, u.Created, u.Expires = rand.Text(), UploadReady, s.Now(), AtMillis(s.now().Add(uploadLife))
	return u, s.write(ctx, func(tx *gorm.DB) error {
		if err := tx.Create(&u).Error; err != nil {
			return fmt.Errorf("note upload: %w", err)
		}
		return audit(tx, s.Now(), u.UserID, "upload", fmt.Sprintf("project:%d", u.ProjectID), map[string]any{"file": u.File, "bytes": u.Size, "sha256": u.SHA256})
	})
}

// Upload returns one that is not expired.
func (s *Store) Upload(ctx context.Context, projectID int64, id string) (Upload, error) {
	return first[Upload](s.read(ctx).Where("id = ? AND project_id = ? AND expires > ?", id, projectID, s.Now()))
}

// Uploads lists a project's uploads that are not expired, newest first.
func (s *Store) Uploads(ctx context.Context, projectID int64) ([]Upload, error) {
	return all[Upload](s.read(ctx).Where("project_id = ? AND expires > ?", projectID, s.Now()).Order("created DESC, id"))
}

// SaveUpload stores the choices and the state of an upload.
func (s *Store) SaveUpload(ctx context.Context, u Upload) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		return one(tx.Model(&Upload{}).Where("id = ?", u.ID).Updates(map[string]any{
			"format": u.Format, "mapping": u.Mapping, "queue": u.Queue, "state": u.State, "message": u.Message, "import_id": u.ImportID}))
	})
}

// DropUpload forgets an upload; its file is the caller's to delete.
func (s *Store) DropUpload(ctx context.Context, by int64, u Upload) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		if err := one(tx.Where("id = ?", u.ID).Delete(&Upload{})); err != nil {
			return err
		}
		if u.State == UploadDone {
			return nil
		}
		return audit(tx, s.Now(), by, "upload.discard", fmt.Sprintf("project:%d", u.ProjectID), map[string]any{"file": u.File})
	})
}

// ExpiredUploads removes the uploads whose time is over and returns their ids.
func (s *Store) ExpiredUploads(ctx context.Context) ([]string, error) {
	var ids []string
	err := s.write(ctx, func(tx *gorm.DB) error {
		if err := tx.Model(&Upload{}).Where("expires <= ?", s.Now()).Pluck("id", &ids).Error; err != nil || len(ids) == 0 {
			return err
		}
		return tx.Where("id IN ?", ids).Delete(&Upload{}).Error
	})
	return ids, err
}

// KnownUploads lists the ids of all uploads, so that files of none can be deleted.
func (s *Store) KnownUploads(ctx context.Context) (map[string]bool, error) {
	var ids []string
	err := s.read(ctx).Model(&Upload{}).Pluck("id", &ids).Error
	known := make(map[string]bool, len(ids))
	for _, id := range ids {
		known[id] = true
	}
	return known, explain(err)
}

// importMapping is what somebody said about files with certain columns.
type importMapping struct {
	ProjectID int64  `gorm:"primaryKey"`
	Columns   string `gorm:"primaryKey"`
	Mapping   string
	Saved     Millis
}

// RememberMapping keeps the mapping of files with these columns for the next one.
func (s *Store) RememberMapping(ctx context.Context, projectID int64, columns, mapping string) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&importMapping{projectID, columns, mapping, s.Now()}).Error
	})
}

// RememberedMapping returns it, "" for none.
func (s *Store) RememberedMapping(ctx context.Context, projectID int64, columns string) (string, error) {
	m, err := first[importMapping](s.read(ctx).Where("project_id = ? AND columns = ?", projectID, columns))
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return m.Mapping, err
}

// ImportPreview is what an import would do.
type ImportPreview struct {
	Rows    int // that can be read
	New     int // items that the project does not have
	Known   int // items that it has, or that the file has twice
	Answers int
	Already string // name of the earlier import of the same bytes; "": none
}

// PreviewImport reads rows as ImportBatch would and stores nothing. A row that
// could not be stored goes to bad, and the preview goes on.
func (s *Store) PreviewImport(ctx context.Context, projectID int64, sha256 string, next func() (NewItem, bool, error), bad func(line int, err error)) (ImportPreview, error) {
	var v ImportPreview
	p, err := s.Project(ctx, projectID)
	if err != nil {
		return v, err
	}
	form, err := newestForm(s.read(ctx), projectID)
	if err != nil {
		return v, err
	}
	old, err := first[Import](s.read(ctx).Where("project_id = ? AND sha256 = ?", projectID, sha256))
	if err == nil {
		v.Already = old.File
	} else if !errors.Is(err, ErrNotFound) {
		return v, err
	}
	seen := map[string]bool{}
	var fresh []string // hashes not seen before in the file
	for {
		in, ok, err := next()
		if err != nil {
			return v, err
		}
		if ok {
			v.Rows++
			for _, it := range in.split(p) {
				hash, err := it.check(p, form.Body)
				switch {
				case err != nil:
					bad(in.Line, err)
					continue
				case seen[hash]:
					v.Known++
				default:
					seen[hash] = true
					fresh = append(fresh, hash)
				}
				if it.Answer != nil {
					v.Answers++
				}
			}
		}
		if len(fresh) >= exportPage || !ok {
			var known int64
			if err := s.read(ctx).Model(&Item{}).Where("project_id = ? AND hash IN ?", projectID, fresh).Count(&known).Error; err != nil {
				return v, explain(err)
			}
			v.Known, v.New, fresh = v.Known+int(known), v.New+len(fresh)-int(known), fresh[:0]
		}
		if !ok {
			return v, nil
		}
	}
}

// check fills a row in as an import would and returns its hash.
func (in *NewItem) check(p Project, f Form) (string, error) {
	if err := in.fill(p, f); err != nil {
		return "", err
	}
	return in.hash(0)
}
