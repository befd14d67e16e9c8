package db

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Question is asked by a member on a project's guidelines, for all to see.
type Question struct {
	ID        int64
	ProjectID int64
	UserID    int64
	Text      string // Markdown
	Asked     Millis
	Hidden    bool // by a lead; its asker and the leads still see it
}

// QuestionReply is an answer to it, or the asker's word back.
type QuestionReply struct {
	ID         int64
	QuestionID int64
	UserID     int64
	Lead       bool // by somebody who runs the project
	Text       string
	At         Millis
}

// questionRead is up to when a person has seen a project's questions.
type questionRead struct {
	ProjectID int64 `gorm:"primaryKey"`
	UserID    int64 `gorm:"primaryKey"`
	Seen      Millis
}

// Thread is a question with its replies, as one reader sees it.
type Thread struct {
	Question
	Replies []QuestionReply
	Mine    bool
	New     bool // something in it by somebody else, since the reader last looked
}

// Threads lists a project's questions, newest word first. lead shows hidden ones.
func (s *Store) Threads(ctx context.Context, projectID, userID int64, lead bool) ([]Thread, error) {
	var out []Thread
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		seen, err := first[questionRead](tx.Where("project_id = ? AND user_id = ?", projectID, userID))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		q := tx.Where("project_id = ?", projectID)
		if !lead {
			q = q.Where("NOT hidden OR user_id = ?", userID)
		}
		questions, err := all[Question](q.Order("id DESC"))
		if err != nil {
			return err
		}
		replies, err := all[QuestionReply](tx.Where("question_id IN (SELECT id FROM questions WHERE project_id = ?)", projectID).Order("id"))
		if err != nil {
			return err
		}
		for _, q := range questions {
			t := Thread{Question: q, Mine: q.UserID == userID, New: q.UserID != userID && q.Asked > seen.Seen}
			for _, r := range replies {
				if r.QuestionID == q.ID {
					t.Replies = append(t.Replies, r)
					t.New = t.New || r.UserID != userID && r.At > seen.Seen
				}
			}
			out = append(out, t)
		}
		return nil
	})
	return out, err
}

// UnreadThreads counts the questions with something new for a reader.
func (s *Store) UnreadThreads(ctx context.Context, projectID, userID int64, lead bool) (int, error) {
	threads, err := s.Threads(ctx, projectID, userID, lead)
	n := 0
	for _, t := range threads {
		if t.New {
			n++
		}
	}
	return n, err
}

// SawThreads notes that a reader has seen all there was up to a moment.
func (s *Store) SawThreads(ctx context.Context, projectID, userID int64, upTo Millis) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&questionRead{projectID, userID, upTo}).Error
	})
}

// Ask stores a member's question.
func (s *Store) Ask(ctx context.Context, projectID, userID int64, text string) (Question, error) {
	text, err := checkWords("text", text)
	q := Question{ProjectID: projectID, UserID: userID, Text: text, Asked: s.Now()}
	if err != nil {
		return q, err
	}
	return q, s.write(ctx, func(tx *gorm.DB) error { return tx.Create(&q).Error })
}

// Reply stores a word on a question: a lead's on any, a member's on their own.
func (s *Store) Reply(ctx context.Context, projectID, questionID, userID int64, lead bool, text string) error {
	text, err := checkWords("text", text)
	if err != nil {
		return err
	}
	return s.write(ctx, func(tx *gorm.DB) error {
		q, err := first[Question](tx.Where("id = ? AND project_id = ?", questionID, projectID))
		if err != nil {
			return err
		}
		if !lead && q.UserID != userID {
			return ErrNotFound
		}
		return tx.Create(&QuestionReply{QuestionID: q.ID, UserID: userID, Lead: lead, Text: text, At: s.Now()}).Error
	})
}

// HideQuestion takes a question out of the members' sight, or shows it again.
func (s *Store) HideQuestion(ctx context.Context, by, projectID, questionID int64, hide bool) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		if err := one(tx.Model(&Question{}).Where("id = ? AND project_id = ?", questionID, projectID).Update("hidden", hide)); err != nil {
			return err
		}
		return audit(tx, s.Now(), by, "question.hide", fmt.Sprintf("question:%d", questionID), map[string]any{"hidden": hide})
	})
}

// checkWords wants something written, and not a book.
func checkWords(field, text string) (string, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch {
	case text == "":
		return "", Invalid(field, "please write something")
	case len(text) > 10_000:
		return "", Invalid(field, "please keep it under 10,000 bytes")
	}
	return text, nil
}
