package db

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"gorm.io/gorm"
)

// StatsVersion is a name for the state of everything that a project's statistics are computed from:
// the answers in force, the keys of items with a known answer, the imported scores. When one of them
// comes, goes or changes, so does the name; only three or more answers that change places at once could
// leave it as it was, by a rare accident. Groups and weights of people are not part of it.
func (s *Store) StatsVersion(ctx context.Context, projectID int64) (string, error) {
	var parts []any
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		// two answers that change places in force leave count and sum as they were, hence the squares
		var answers []struct {
			Purpose       string
			N, Sum, Check int64
		}
		err := tx.Raw(`SELECT purpose, count(*) AS n, CAST(sum(id) AS BIGINT) AS sum, CAST(sum((id % 46337) * (id % 46337)) AS BIGINT) AS "check"
			FROM answers WHERE project_id = ? AND state = ? GROUP BY purpose ORDER BY purpose`, projectID, AnswerActive).Scan(&answers).Error
		if err != nil {
			return err
		}
		keys, err := all[Item](tx.Select("id", "solution").Where("project_id = ? AND purpose <> ''", projectID).Order("id"))
		if err != nil {
			return err
		}
		var scores struct{ N, Last, Rows int64 }
		err = tx.Raw(`SELECT count(*) AS n, coalesce(max(id), 0) AS last, CAST(coalesce(sum(matched), 0) AS BIGINT) AS rows
			FROM score_sets WHERE project_id = ?`, projectID).Scan(&scores).Error
		parts = append(parts, answers, scores)
		for _, it := range keys {
			parts = append(parts, it.ID, it.Solution)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(parts)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8]), err
}

// EachCheck calls fn with every answer in force to the items of a purpose other than work, in the
// order they were given.
func (s *Store) EachCheck(ctx context.Context, projectID int64, purpose string, fn func(Record) error) error {
	return s.snapshot(ctx, func(tx *gorm.DB) error { return eachCheck(tx, projectID, purpose, fn) })
}

func eachCheck(tx *gorm.DB, projectID int64, purpose string, fn func(Record) error) error {
	var after int64
	for {
		answers, err := all[Answer](tx.Where("project_id = ? AND state = ? AND purpose = ? AND id > ?", projectID, AnswerActive, purpose, after).
			Order("id").Limit(exportPage))
		if err != nil || len(answers) == 0 {
			return err
		}
		if err := withItems(tx, answers, fn); err != nil {
			return err
		}
		after = answers[len(answers)-1].ID
	}
}

// Repeat is one labeler's two answers to the same item.
type Repeat struct{ First, Again Record }

// Repeats lists the answers to repeated items with the same labeler's first one, in the order the
// second was given.
func (s *Store) Repeats(ctx context.Context, projectID int64) ([]Repeat, error) {
	var again []Record
	firsts := map[[2]int64]Record{} // original item, user
	origin := map[int64]int64{}
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		err := eachCheck(tx, projectID, ForRepeat, func(r Record) error {
			again = append(again, r)
			return nil
		})
		if err != nil {
			return err
		}
		var clones []struct{ ID, CloneOf int64 }
		if err := tx.Raw(`SELECT id, clone_of FROM items WHERE project_id = ? AND clone_of <> 0`, projectID).Scan(&clones).Error; err != nil {
			return err
		}
		for _, c := range clones {
			origin[c.ID] = c.CloneOf
		}
		answers, err := all[Answer](tx.Where(`state = ? AND user_id <> 0 AND item_id IN (SELECT clone_of FROM items WHERE project_id = ? AND clone_of <> 0)`,
			AnswerActive, projectID).Order("id"))
		if err != nil {
			return err
		}
		for page := range slices.Chunk(answers, exportPage) {
			err := withItems(tx, page, func(r Record) error {
				firsts[[2]int64{r.Item.ID, r.Answer.UserID}] = r
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	var out []Repeat
	for _, r := range again {
		if first, ok := firsts[[2]int64{origin[r.Item.ID], r.Answer.UserID}]; ok {
			out = append(out, Repeat{first, r})
		}
	}
	return out, err
}

// Scorer is something that scored a project's texts: a reward model, or a policy's likelihood.
type Scorer struct {
	ID   int64
	Name string
}

// Scorers lists a project's sets of scores, oldest first.
func (s *Store) Scorers(ctx context.Context, projectID int64) ([]Scorer, error) {
	var rows []Scorer
	err := s.read(ctx).Raw("SELECT id, name FROM score_sets WHERE project_id = ? ORDER BY id", projectID).Scan(&rows).Error
	return rows, explain(err)
}

// ScoresOf returns the scores of some texts: text → set → score.
func (s *Store) ScoresOf(ctx context.Context, completionIDs []int64) (map[int64]map[int64]float64, error) {
	var rows []struct {
		CompletionID, SetID int64
		Score               float64
	}
	err := s.read(ctx).Raw("SELECT completion_id, set_id, score FROM scores WHERE completion_id IN ?", completionIDs).Scan(&rows).Error
	out := map[int64]map[int64]float64{}
	for _, r := range rows {
		if out[r.CompletionID] == nil {
			out[r.CompletionID] = map[int64]float64{}
		}
		out[r.CompletionID][r.SetID] = r.Score
	}
	return out, explain(err)
}
