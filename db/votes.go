package db

import (
	"context"

	"gorm.io/gorm"
)

// Vote is one labeler's choice between two policies on one prompt: what win
// rates and leaderboards are made of. Pairs of texts by the same policy, by an
// unnamed one, or without ranks cast no vote.
type Vote struct {
	ItemID int64
	Worker string  // pseudonym: votes of one worker, and on one item, hang together
	A, B   string  // policies, A < B
	Score  float64 // 1: A won, 0.5: tie, 0: B won
}

// Votes lists all votes of a project in the order the answers were given.
func (s *Store) Votes(ctx context.Context, projectID int64) ([]Vote, error) {
	var votes []Vote
	err := s.EachRecord(ctx, Export{ProjectID: projectID}, func(r Record) error {
		votes = appendVotes(votes, r)
		return nil
	})
	return votes, err
}

// appendVotes adds the pairs of one answer.
func appendVotes(votes []Vote, r Record) []Vote {
	for i, a := range r.Completions {
		for j, b := range r.Completions {
			ri, rj := r.Answer.Ranks[i], r.Answer.Ranks[j]
			if a.Policy == "" || a.Policy >= b.Policy || ri == nil || rj == nil {
				continue
			}
			score := 0.5
			if *ri < *rj {
				score = 1
			} else if *ri > *rj {
				score = 0
			}
			votes = append(votes, Vote{r.Item.ID, r.Answer.Worker, a.Policy, b.Policy, score})
		}
	}
	return votes
}

// PolicyCount is a policy with the number of its texts in a project.
type PolicyCount struct {
	Policy string
	Texts  int64
}

// Policies lists the named policies of a project, most texts first.
func (s *Store) Policies(ctx context.Context, projectID int64) ([]PolicyCount, error) {
	var rows []PolicyCount
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		return tx.Raw(`SELECT c.policy, count(*) AS texts FROM completions c JOIN items i ON i.id = c.item_id
			WHERE i.project_id = ? AND c.policy <> '' GROUP BY c.policy ORDER BY texts DESC, c.policy`, projectID).Scan(&rows).Error
	})
	return rows, err
}
