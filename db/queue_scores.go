package db

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"gorm.io/gorm"
)

// Score is a reward model's score of one text, as `agora reward score` prints it.
type Score struct {
	PromptID string
	ID       string // of the completion, such as "c1"
	Score    float64
}

// ScoreSet is one file of scores that a project took in. The newest that is a
// measure decides which items are the most uncertain.
type ScoreSet struct {
	ID        int64
	ProjectID int64
	Name      string // of the file or of the run
	SHA256    string // of the file's bytes
	Rows      int
	Matched   int  // texts of the project that got a score
	Items     int  // items whose texts all have one
	Measure   bool // it is a reward model's, to tell by how uncertain that is
	Created   Millis
	CreatedBy int64
}

// textScore is the score of a stored text.
type textScore struct {
	SetID        int64 `gorm:"primaryKey"`
	CompletionID int64 `gorm:"primaryKey"`
	Score        float64
}

// TableName is the plural that everybody expects.
func (textScore) TableName() string { return "scores" }

// Uncertainty is how unsure a reward model is about an item: the mean over all
// pairs of its completions of the entropy, in bits, of the Bradley-Terry
// probability σ(r_i − r_j) that one is preferred. 1: it cannot tell any two
// apart; near 0: it is sure of every pair. Fewer than two scores: −1, not known.
func Uncertainty(scores []float64) float64 {
	sum, n := 0.0, 0
	for i, a := range scores {
		for _, b := range scores[:i] {
			sum += bernoulliBits(1 / (1 + math.Exp(b-a)))
			n++
		}
	}
	if n == 0 {
		return -1
	}
	return sum / float64(n)
}

// bernoulliBits is the entropy of a coin that shows heads with probability p.
func bernoulliBits(p float64) float64 {
	if p <= 0 || p >= 1 {
		return 0
	}
	return -p*math.Log2(p) - (1-p)*math.Log2(1-p)
}

// ImportScores takes scores of a project's texts in, all or none, and works out
// how uncertain the model is about each item. A text is named by the ids of its
// prompt and of its completion; where several items of the project carry the
// same names, the file must have one score (the items' texts are then equal) or
// as many as there are, in the order of the items. Scores of texts that the
// project does not have are passed over; when it has none of them, it is an
// InvalidError. A measure replaces the one before.
func (s *Store) ImportScores(ctx context.Context, set ScoreSet, scores []Score) (ScoreSet, error) {
	by := map[[2]string][]float64{}
	prompts := map[string]bool{}
	for i, sc := range scores {
		if math.IsNaN(sc.Score) || math.IsInf(sc.Score, 0) {
			return set, Invalid("score", "row %d: %g is no finite number", i+1, sc.Score)
		}
		key := [2]string{sc.PromptID, sc.ID}
		by[key] = append(by[key], sc.Score)
		prompts[sc.PromptID] = true
	}
	set.Rows, set.Created = len(scores), s.Now()
	err := s.write(ctx, func(tx *gorm.DB) error {
		if _, err := first[Project](tx.Where("id = ?", set.ProjectID)); err != nil {
			return err
		}
		old, err := first[ScoreSet](tx.Where("project_id = ? AND sha256 = ?", set.ProjectID, set.SHA256))
		if err == nil {
			return fmt.Errorf("%w (scores %d, %s)", ErrImportedTwice, old.ID, old.Name)
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		if err := tx.Create(&set).Error; err != nil {
			return err
		}
		if set.Measure {
			err := tx.Model(&queueItem{}).Where("project_id = ? AND uncertainty <> -1", set.ProjectID).Update("uncertainty", -1).Error
			if err != nil {
				return err
			}
		}
		for chunk := range slices.Chunk(slices.Sorted(maps.Keys(prompts)), 200) {
			if err := matchScores(tx, &set, chunk, by); err != nil {
				return err
			}
		}
		if set.Matched == 0 {
			return Invalid("scores", "none of the %d scores is of a text of this project", set.Rows)
		}
		if err := sortByUncertainty(tx, set.ProjectID); err != nil {
			return err
		}
		if err := audit(tx, s.Now(), set.CreatedBy, "scores.import", fmt.Sprintf("project:%d", set.ProjectID),
			map[string]any{"name": set.Name, "sha256": set.SHA256, "rows": set.Rows, "matched": set.Matched}); err != nil {
			return err
		}
		return tx.Save(&set).Error
	})
	return set, err
}

// matchScores stores the scores of some prompts' texts.
func matchScores(tx *gorm.DB, set *ScoreSet, prompts []string, by map[[2]string][]float64) error {
	var texts []struct {
		ID, ItemID      int64
		PromptID, ExtID string
	}
	err := tx.Raw(`SELECT c.id, c.item_id, i.prompt_id, c.ext_id FROM items i JOIN completions c ON c.item_id = i.id
		WHERE i.project_id = ? AND i.prompt_id IN ? AND i.kind = ? AND i.purpose <> ? ORDER BY c.item_id, c.pos`, set.ProjectID, prompts, ItemRank, ForRepeat).Scan(&texts).Error
	if err != nil {
		return err
	}
	places := map[[2]string]int{}
	for _, t := range texts {
		places[[2]string{t.PromptID, t.ExtID}]++
	}
	met := map[[2]string]int{}
	byItem, size := map[int64][]float64{}, map[int64]int{}
	var rows []textScore
	for _, t := range texts {
		key := [2]string{t.PromptID, t.ExtID}
		given := by[key]
		size[t.ItemID]++
		if len(given) == 0 {
			continue
		}
		if len(given) != 1 && len(given) != places[key] {
			return Invalid("scores", "prompt %s, text %s: %d scores for the %d texts of that name", t.PromptID, t.ExtID, len(given), places[key])
		}
		score := given[min(met[key], len(given)-1)]
		met[key]++
		rows = append(rows, textScore{set.ID, t.ID, score})
		byItem[t.ItemID] = append(byItem[t.ItemID], score)
	}
	set.Matched += len(rows)
	if len(rows) > 0 {
		if err := tx.CreateInBatches(&rows, 500).Error; err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(byItem)) {
		if len(byItem[id]) != size[id] {
			continue // a text without a score: nothing is known of its pairs
		}
		set.Items++
		if !set.Measure {
			continue
		}
		if err := tx.Model(&queueItem{}).Where("id = ?", id).Update("uncertainty", Uncertainty(byItem[id])).Error; err != nil {
			return err
		}
	}
	return nil
}

// sortByUncertainty brings the order up to date where it is the project's.
func sortByUncertainty(tx *gorm.DB, projectID int64) error {
	q, err := queueOf(tx, projectID)
	if err != nil || q.SortBy != UncertainFirst {
		return err
	}
	return tx.Exec("UPDATE items SET sort = uncertainty WHERE project_id = ?", projectID).Error
}

// ScoreSets lists what a project took in, newest first.
func (s *Store) ScoreSets(ctx context.Context, projectID int64) ([]ScoreSet, error) {
	return all[ScoreSet](s.read(ctx).Where("project_id = ?", projectID).Order("id DESC"))
}

// Scores returns the scores of a set by completion.
func (s *Store) Scores(ctx context.Context, setID int64) (map[int64]float64, error) {
	rows, err := all[textScore](s.read(ctx).Where("set_id = ?", setID))
	by := make(map[int64]float64, len(rows))
	for _, r := range rows {
		by[r.CompletionID] = r.Score
	}
	return by, err
}
