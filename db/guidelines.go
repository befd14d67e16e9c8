package db

import (
	"errors"

	"gorm.io/gorm"
)

// guidelineRead is the newest version of the guidelines that a member confirmed.
type guidelineRead struct {
	ProjectID int64 `gorm:"primaryKey"`
	UserID    int64 `gorm:"primaryKey"`
	Version   int
	At        Millis
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
