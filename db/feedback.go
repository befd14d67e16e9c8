package db

import (
	"context"
	"crypto/rand"
	"strings"

	"gorm.io/gorm"
)

// FeedbackStatements are the statements of InstructGPT's Table 13, in its
// order; their words are in the catalogue.
var FeedbackStatements = []string{"clear", "enjoyable", "repetitive", "paid_fairly", "glad"}

// FeedbackScale is the number of steps from "strongly agree" (1) to "strongly disagree".
const FeedbackScale = 5

// feedback is one person's, without the person and without a time.
type feedback struct {
	Key       string `gorm:"primaryKey"` // random, so that rows have no order
	ProjectID int64
	Ratings   []int `gorm:"serializer:json"` // by FeedbackStatements, 1…FeedbackScale; 0: left out
	Comment   string
}

// TableName keeps the uncountable word.
func (feedback) TableName() string { return "feedback" }

// feedbackGiven says that somebody gave feedback, so that nobody counts twice.
type feedbackGiven struct {
	ProjectID int64 `gorm:"primaryKey"`
	UserID    int64 `gorm:"primaryKey"`
}

// TableName says what a row is.
func (feedbackGiven) TableName() string { return "feedback_given" }

// GiveFeedback stores a member's feedback, once, without their name.
func (s *Store) GiveFeedback(ctx context.Context, projectID, userID int64, ratings []int, comment string) error {
	comment = strings.TrimSpace(comment)
	said := comment != ""
	for _, r := range ratings {
		if r < 0 || r > FeedbackScale {
			return Invalid("ratings", "%d is not between 1 and %d", r, FeedbackScale)
		}
		said = said || r > 0
	}
	switch {
	case len(ratings) != len(FeedbackStatements):
		return Invalid("ratings", "%d ratings for %d statements", len(ratings), len(FeedbackStatements))
	case len(comment) > 10_000:
		return Invalid("comment", "please keep it under 10,000 bytes")
	case !said:
		return Invalid("ratings", "please answer one statement or write something")
	}
	return s.asMember(ctx, projectID, userID, func(tx *gorm.DB, _ Project, _ *Member) error {
		err := tx.Create(&feedbackGiven{projectID, userID}).Error
		if isUnique(err) {
			return Invalid("feedback", "you gave yours already; it is anonymous, so it cannot be found again to change it")
		}
		if err != nil {
			return err
		}
		return tx.Create(&feedback{rand.Text(), projectID, ratings, comment}).Error
	})
}

// FeedbackGiven tells whether a member gave feedback already.
func (s *Store) FeedbackGiven(ctx context.Context, projectID, userID int64) (bool, error) {
	var n int64
	err := s.read(ctx).Model(&feedbackGiven{}).Where("project_id = ? AND user_id = ?", projectID, userID).Count(&n).Error
	return n > 0, explain(err)
}

// FeedbackResults is a project's feedback for its leads. With fewer than
// SmallestGroup people it holds nothing but their number.
type FeedbackResults struct {
	People   int
	Counts   [][FeedbackScale]int // by FeedbackStatements; nil: too few people
	Comments []string             // in no order of time
}

// FeedbackResults sums a project's feedback up. A statement that fewer than
// SmallestGroup people answered counts none of them.
func (s *Store) FeedbackResults(ctx context.Context, projectID int64) (FeedbackResults, error) {
	rows, err := all[feedback](s.read(ctx).Where("project_id = ?", projectID).Order("key"))
	r := FeedbackResults{People: len(rows)}
	if err != nil || r.People < SmallestGroup {
		return r, err
	}
	r.Counts = make([][FeedbackScale]int, len(FeedbackStatements))
	for i := range FeedbackStatements {
		var counts [FeedbackScale]int
		n := 0
		for _, f := range rows {
			if f.Ratings[i] > 0 {
				counts[f.Ratings[i]-1]++
				n++
			}
		}
		if n >= SmallestGroup {
			r.Counts[i] = counts
		}
	}
	for _, f := range rows {
		if f.Comment != "" {
			r.Comments = append(r.Comments, f.Comment)
		}
	}
	return r, nil
}
