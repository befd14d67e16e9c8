package db

import (
	"gorm.io/gorm"
)

// disagreement is how much some rankings of the same completions differ: the
// mean over all pairs of rankings and all pairs of completions that both ranked
// of 1 when they prefer another one, ½ when only one of them says equal, and 0
// when they say the same (Kendall's distance with ties at ½). Two rankings that
// compare nothing in common differ by whether nothing was acceptable. 0 for
// fewer than two rankings.
func disagreement(answers []Answer) float64 {
	sum, n := 0.0, 0
	for i, a := range answers {
		for _, b := range answers[i+1:] {
			d, pairs := rankDistance(a.Ranks, b.Ranks)
			if pairs == 0 {
				pairs = 1
				if a.NoneAcceptable != b.NoneAcceptable {
					d = 1
				}
			}
			sum += d / float64(pairs)
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// rankDistance sums the differences of two rankings over the pairs that both ranked.
func rankDistance(a, b []*int) (sum float64, pairs int) {
	for i := range a {
		for j := range i {
			if i >= len(b) || a[i] == nil || a[j] == nil || b[i] == nil || b[j] == nil {
				continue
			}
			pairs++
			switch x, y := order(*a[i], *a[j]), order(*b[i], *b[j]); {
			case x == y:
			case x == 0 || y == 0:
				sum += .5
			default:
				sum++
			}
		}
	}
	return sum, pairs
}

// order is the sign of a difference of ranks.
func order(a, b int) int { return min(1, max(-1, a-b)) }

// judged brings what the queue knows of an item up to date after its answers
// changed: their disagreement and, when that is large, all places are filled
// and the lead allows it, a place for one more answer. A place that was given
// so stays.
func judged(tx *gorm.DB, itemID int64) error {
	it, err := first[queueItem](tx.Where("id = ?", itemID))
	if err != nil || it.Purpose != ForWork {
		return err
	}
	q, err := queueOf(tx, it.ProjectID)
	if err != nil || q.SortBy != DisagreementFirst && q.MaxOverlap == 0 {
		return err
	}
	answers, err := all[Answer](tx.Where("item_id = ? AND state = ?", itemID, AnswerActive).Order("id"))
	if err != nil {
		return err
	}
	return judge(tx, q, it, answers)
}

func judge(tx *gorm.DB, q QueueSettings, it queueItem, answers []Answer) error {
	set := map[string]any{"disagreement": disagreement(answers)}
	if q.SortBy == DisagreementFirst {
		set["sort"] = set["disagreement"]
	}
	ours := 0
	for _, a := range answers {
		if a.UserID != 0 {
			ours++
		}
	}
	if set["disagreement"].(float64) >= q.ExtraFrom && ours >= it.Wanted && it.Wanted < q.MaxOverlap {
		set["wanted"] = it.Wanted + 1
	}
	return tx.Model(&queueItem{}).Where("id = ?", it.ID).Updates(set).Error
}

// judgeAll is judged for all items of a project with answers, after settings changed.
func judgeAll(tx *gorm.DB, q QueueSettings) error {
	if q.SortBy != DisagreementFirst && q.MaxOverlap == 0 {
		return nil
	}
	var ids []int64
	err := tx.Raw("SELECT DISTINCT item_id FROM answers WHERE project_id = ? AND state = ? AND purpose = '' ORDER BY item_id", q.ProjectID, AnswerActive).Scan(&ids).Error
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := judged(tx, id); err != nil {
			return err
		}
	}
	return nil
}
