package db

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// demoScore is a lead's score of a demonstration, 1 to 7.
type demoScore struct {
	AnswerID int64 `gorm:"primaryKey"`
	Score    int
	ScoredBy int64
	Scored   Millis
}

// Candidate is a newcomer's screening as the lead decides on it: without name
// or anything about who they are (InstructGPT, appendix B.1).
type Candidate struct {
	Worker  string // pseudonym
	Stage   string
	Verdict string
	Flags   Agreement // with the researchers' keys
	Ranks   Agreement
	Demos   []ScreeningDemo
	Topics  string // "For what topics or cultural groups are you comfortable identifying sensitive speech?"
}

// ScreeningDemo is a demonstration that a candidate wrote.
type ScreeningDemo struct {
	AnswerID int64
	Prompt   string // JSON list of messages
	Text     string
	Score    int // 0: not yet
}

// DemoMean is the mean score of the demonstrations scored so far.
func (c Candidate) DemoMean() (mean float64, n int) {
	for _, d := range c.Demos {
		if d.Score > 0 {
			mean += float64(d.Score)
			n++
		}
	}
	return mean / float64(n), n
}

// Candidates lists everybody who answered a screening item, those who wait
// first.
func (s *Store) Candidates(ctx context.Context, projectID int64) ([]Candidate, error) {
	var out []Candidate
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		members, err := all[Member](tx.Where(`project_id = ? AND user_id IN (SELECT user_id FROM answers WHERE project_id = ? AND purpose = ? AND state = ?)`,
			projectID, projectID, ForScreening, AnswerActive).Order("worker"))
		if err != nil {
			return err
		}
		for _, m := range members {
			leads, err := s.leads(tx, m.UserID)
			if err != nil {
				return err
			}
			if leads {
				continue // whoever made the key
			}
			c, err := candidate(tx, m)
			if err != nil {
				return err
			}
			out = append(out, c)
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b Candidate) int { return rankStage(a.Stage) - rankStage(b.Stage) })
	return out, err
}

func rankStage(stage string) int {
	if stage == StageWaiting {
		return 0
	}
	return 1
}

// candidate sums one member's screening up.
func candidate(tx *gorm.DB, m Member) (Candidate, error) {
	c := Candidate{Worker: m.Worker, Stage: m.Stage, Verdict: m.Verdict}
	profile, err := profileOf(tx, m.UserID)
	if err != nil {
		return c, err
	}
	c.Topics = profile.Topics
	answers, err := all[Answer](tx.Where("project_id = ? AND user_id = ? AND purpose = ? AND state = ?", m.ProjectID, m.UserID, ForScreening, AnswerActive).Order("id"))
	if err != nil {
		return c, err
	}
	for _, a := range answers {
		it, err := first[Item](tx.Where("id = ?", a.ItemID))
		if err != nil {
			return c, err
		}
		key, err := it.ParseSolution()
		if err != nil {
			return c, err
		}
		d, err := a.ParseDetails()
		if err != nil {
			return c, err
		}
		c.Ranks.add(key.RankAgreement(a.Ranks))
		c.Flags.add(key.FlagAgreement(d))
		if d.Written == nil {
			continue
		}
		scores, err := all[demoScore](tx.Where("answer_id = ?", a.ID))
		if err != nil {
			return c, err
		}
		demo := ScreeningDemo{AnswerID: a.ID, Prompt: it.Prompt, Text: d.Written.Text}
		if len(scores) > 0 {
			demo.Score = scores[0].Score
		}
		c.Demos = append(c.Demos, demo)
	}
	return c, nil
}

// ScoreDemo stores a lead's score of a screening demonstration.
func (s *Store) ScoreDemo(ctx context.Context, by, projectID, answerID int64, score int) error {
	if score < 1 || score > 7 {
		return Invalid("score", "%d is not between 1 and 7", score)
	}
	return s.write(ctx, func(tx *gorm.DB) error {
		a, err := first[Answer](tx.Where("id = ? AND project_id = ? AND purpose = ?", answerID, projectID, ForScreening))
		if err != nil {
			return err
		}
		row := demoScore{a.ID, score, by, s.Now()}
		if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error; err != nil {
			return err
		}
		return audit(tx, s.Now(), by, "screening.score", fmt.Sprintf("answer:%d", a.ID), map[string]any{"score": score})
	})
}

// Decide stores a lead's verdict on a candidate. VerdictPractice sends them
// back to the first practice item; their earlier answers stay, as replaced.
func (s *Store) Decide(ctx context.Context, by, projectID int64, worker, verdict string) error {
	if !slices.Contains([]string{VerdictAccepted, VerdictRejected, VerdictPractice}, verdict) {
		return Invalid("verdict", "%q is none of accepted, rejected, practice", verdict)
	}
	return s.write(ctx, func(tx *gorm.DB) error {
		p, err := first[Project](tx.Where("id = ?", projectID))
		if err != nil {
			return err
		}
		m, err := first[Member](tx.Where("project_id = ? AND worker = ?", projectID, worker))
		if err != nil {
			return err
		}
		if m.Stage != StageWaiting && m.Stage != StageRejected {
			return Invalid("verdict", "%s is not waiting for a decision", worker)
		}
		if m.Verdict = verdict; verdict == VerdictPractice {
			m.Verdict = VerdictNone
			if err := s.forgetTrials(tx, m); err != nil {
				return err
			}
		}
		if m.Stage = StageScreening; verdict == VerdictRejected {
			m.Stage = StageRejected
		}
		if err := tx.Model(&Member{}).Where("project_id = ? AND user_id = ?", projectID, m.UserID).
			Updates(map[string]any{"verdict": m.Verdict, "stage": m.Stage}).Error; err != nil {
			return err
		}
		if err := audit(tx, s.Now(), by, "screening.decide", fmt.Sprintf("project:%d", projectID), map[string]any{"worker": worker, "verdict": verdict}); err != nil {
			return err
		}
		return s.advance(tx, p, &m)
	})
}

// forgetTrials lets a member meet the practice and screening items anew.
func (s *Store) forgetTrials(tx *gorm.DB, m Member) error {
	const trials = "item_id IN (SELECT id FROM items WHERE project_id = ? AND purpose IN ('practice', 'screening')) AND user_id = ?"
	leases, err := all[Lease](tx.Where(trials+" AND state IN (?, ?, ?)", m.ProjectID, m.UserID, LeaseOpen, LeaseAnswered, LeaseSkipped))
	if err != nil {
		return err
	}
	for _, l := range leases {
		held := l.State != LeaseSkipped
		if err := tx.Model(&Lease{}).Where("id = ?", l.ID).Updates(map[string]any{"state": LeaseExpired, "closed": s.Now()}).Error; err != nil {
			return err
		}
		if held {
			if err := s.addTaken(tx, l.ItemID, -1); err != nil {
				return err
			}
		}
	}
	if err := tx.Where(trials, m.ProjectID, m.UserID).Delete(&Draft{}).Error; err != nil {
		return err
	}
	return tx.Model(&Answer{}).Where(trials+" AND state = ?", m.ProjectID, m.UserID, AnswerActive).Update("state", AnswerReplaced).Error
}
