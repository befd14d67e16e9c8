package db

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"
)

// Log notes that somebody (userID 0: the command line) did something.
// detail becomes a JSON object; it must hold no secrets.
func (s *Store) Log(ctx context.Context, userID int64, action, object string, detail map[string]any) error {
	return s.write(ctx, func(tx *gorm.DB) error { return audit(tx, s.Now(), userID, action, object, detail) })
}

// AuditLog returns the newest n lines, newest first.
func (s *Store) AuditLog(ctx context.Context, n int) ([]Audit, error) {
	return all[Audit](s.read(ctx).Order("id DESC").Limit(n))
}

func audit(tx *gorm.DB, now Millis, userID int64, action, object string, detail map[string]any) error {
	text := "{}"
	if len(detail) > 0 {
		b, err := json.Marshal(detail)
		if err != nil {
			return err
		}
		text = string(b)
	}
	project, err := projectOf(tx, object)
	if err != nil {
		return err
	}
	return tx.Create(&Audit{At: now, UserID: userID, Action: action, Object: object, ProjectID: project, Detail: text}).Error
}

// projectOf is the project that an object such as "answer:7" belongs to, 0 for
// none. "member:3/8" and the like name the project first.
func projectOf(tx *gorm.DB, object string) (int64, error) {
	kind, rest, _ := strings.Cut(object, ":")
	number, _, _ := strings.Cut(rest, "/")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, nil // such as a settings key
	}
	table, ok := map[string]string{"answer": "answers", "item": "items", "run": "runs", "import": "imports", "invite": "invites", "artefact": "artefacts"}[kind]
	switch {
	case kind == "project" || kind == "member":
		return id, nil
	case !ok:
		return 0, nil
	}
	var project int64
	return project, tx.Raw("SELECT coalesce(max(project_id), 0) FROM "+table+" WHERE id = ?", id).Scan(&project).Error
}

// AuditFilter chooses lines of the log. Zero fields but UserID choose everything.
type AuditFilter struct {
	ProjectID int64
	UserID    int64  // who did it; 0 is the command line
	AnyUser   bool   // whoever did it
	Action    string // whole, or its beginning up to a dot: "answer" finds "answer.exclude"
	Object    string
	From, To  Millis // To is not included
	Before    int64  // lines older than this one, by id
	After     int64  // lines newer than this one; the oldest of them come first
}

func (f AuditFilter) where(q *gorm.DB) *gorm.DB {
	if f.ProjectID != 0 {
		q = q.Where("project_id = ?", f.ProjectID)
	}
	if !f.AnyUser {
		q = q.Where("user_id = ?", f.UserID)
	}
	if f.Action != "" {
		q = q.Where("(action = ? OR substr(action, 1, ?) = ?)", f.Action, len([]rune(f.Action))+1, f.Action+".")
	}
	if f.Object != "" {
		q = q.Where("object = ?", f.Object)
	}
	if f.From != 0 {
		q = q.Where("at >= ?", f.From)
	}
	if f.To != 0 {
		q = q.Where("at < ?", f.To)
	}
	if f.Before != 0 {
		q = q.Where("id < ?", f.Before)
	}
	if f.After != 0 {
		q = q.Where("id > ?", f.After)
	}
	return q
}

// AuditLines returns up to n lines, newest first.
func (s *Store) AuditLines(ctx context.Context, f AuditFilter, n int) ([]Audit, error) {
	order := "id DESC"
	if f.After != 0 {
		order = "id"
	}
	lines, err := all[Audit](f.where(s.read(ctx)).Order(order).Limit(n))
	if f.After != 0 {
		slices.Reverse(lines)
	}
	return lines, err
}

// EachAudit calls fn with every line that the filter chooses, oldest first, as of one moment.
func (s *Store) EachAudit(ctx context.Context, f AuditFilter, fn func(Audit) error) error {
	return s.snapshot(ctx, func(tx *gorm.DB) error {
		for {
			lines, err := all[Audit](f.where(tx).Order("id").Limit(exportPage))
			if err != nil || len(lines) == 0 {
				return err
			}
			for _, l := range lines {
				if err := fn(l); err != nil {
					return err
				}
			}
			f.After = lines[len(lines)-1].ID
		}
	})
}

// AuditActions lists the actions that a project's log, or for 0 the whole log, has.
func (s *Store) AuditActions(ctx context.Context, projectID int64) ([]string, error) {
	var actions []string
	q := s.read(ctx).Model(&Audit{})
	if projectID != 0 {
		q = q.Where("project_id = ?", projectID)
	}
	return actions, explain(q.Distinct().Order("action").Pluck("action", &actions).Error)
}
