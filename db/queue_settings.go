package db

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"

	"gorm.io/gorm"
)

// minRepeatAfter keeps a repeat from standing close to its item.
const minRepeatAfter = 5

// DefaultQueue holds the settings of a project whose lead has not changed any.
func DefaultQueue(projectID int64) QueueSettings {
	return QueueSettings{ProjectID: projectID, SortBy: OldestFirst, RepeatAfter: 20, ExtraFrom: .4, Quotas: Quotas{}, FallbackHours: 48, ActiveHours: 24}
}

// Validate names the first setting that is out of range.
func (q QueueSettings) Validate(p Project) error {
	switch {
	case !slices.Contains(Orders, q.SortBy):
		return Invalid("sort_by", "%q is none of %v", q.SortBy, Orders)
	case !(q.GoldShare >= 0 && q.GoldShare <= .5):
		return Invalid("gold_share", "%g %% is not between 0 and 50", 100*q.GoldShare)
	case !(q.RepeatShare >= 0 && q.RepeatShare <= .5):
		return Invalid("repeat_share", "%g %% is not between 0 and 50", 100*q.RepeatShare)
	case q.GoldShare+q.RepeatShare > .5:
		return Invalid("repeat_share", "gold and repeats together may be half of all tasks at most")
	case q.RepeatAfter < minRepeatAfter || q.RepeatAfter > 1000:
		return Invalid("repeat_after", "%d is not between %d and 1000", q.RepeatAfter, minRepeatAfter)
	case q.MaxOverlap != 0 && (q.MaxOverlap < p.Overlap || q.MaxOverlap > 100):
		return Invalid("max_overlap", "%d is not between the project's overlap %d and 100", q.MaxOverlap, p.Overlap)
	case !(q.ExtraFrom > 0 && q.ExtraFrom <= 1):
		return Invalid("extra_from", "%g %% is not between 1 and 100", 100*q.ExtraFrom)
	case q.FallbackHours < 1 || q.FallbackHours > 24*365:
		return Invalid("fallback_hours", "%d is not between 1 hour and a year", q.FallbackHours)
	case q.ActiveHours < 1 || q.ActiveHours > 24*365:
		return Invalid("active_hours", "%d is not between 1 hour and a year", q.ActiveHours)
	}
	return q.validateQuotas(p)
}

func (q QueueSettings) validateQuotas(p Project) error {
	if len(q.Quotas) == 0 {
		return nil
	}
	if q.GroupBy == "" {
		return Invalid("group_by", "quotas need something that divides people into groups")
	}
	sum := 0
	for _, g := range slices.Sorted(maps.Keys(q.Quotas)) {
		n := q.Quotas[g]
		if g == "" || n < 1 {
			return Invalid("quotas", "%q: %d is no quota; each group has a name and 1 answer or more", g, n)
		}
		sum += n
	}
	if sum > p.Overlap {
		return Invalid("quotas", "%d places are more than the overlap of %d", sum, p.Overlap)
	}
	return nil
}

// queueOf loads a project's settings.
func queueOf(tx *gorm.DB, projectID int64) (QueueSettings, error) {
	q, err := first[QueueSettings](tx.Where("project_id = ?", projectID))
	if errors.Is(err, ErrNotFound) {
		return DefaultQueue(projectID), nil
	}
	return q, err
}

// QueueSettings returns how a project hands out its items.
func (s *Store) QueueSettings(ctx context.Context, projectID int64) (QueueSettings, error) {
	return queueOf(s.read(ctx), projectID)
}

// SetQueue changes how a project hands out its items. Places that people hold
// or answered stay theirs; everything else follows the new settings at once.
func (s *Store) SetQueue(ctx context.Context, by int64, q QueueSettings) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		p, err := first[Project](tx.Where("id = ?", q.ProjectID))
		if err != nil {
			return err
		}
		if err := q.Validate(p); err != nil {
			return err
		}
		old, err := queueOf(tx, p.ID)
		if err != nil {
			return err
		}
		if q.Secret = old.Secret; q.Secret == "" {
			q.Secret = rand.Text()
		}
		if err := tx.Save(&q).Error; err != nil {
			return err
		}
		if err := s.requeue(tx, p, p.Overlap, q); err != nil {
			return err
		}
		old.Secret, q.Secret = "", ""
		return audit(tx, s.Now(), by, "queue.update", fmt.Sprintf("project:%d", p.ID), map[string]any{"before": old, "after": q})
	})
}

// overlapChanged makes the items of a project ask for as many answers as it
// does now. An overlap below the sum of its quotas is refused.
func (s *Store) overlapChanged(tx *gorm.DB, old, p Project) error {
	if old.Overlap == p.Overlap {
		return nil
	}
	q, err := queueOf(tx, p.ID)
	if err != nil {
		return err
	}
	var invalid *InvalidError
	if err := q.validateQuotas(p); errors.As(err, &invalid) {
		return &InvalidError{"overlap", invalid.Reason, invalid.format, invalid.args}
	}
	if q.MaxOverlap != 0 && q.MaxOverlap < p.Overlap {
		return Invalid("overlap", "%d is more than the %d answers that the queue allows at most", p.Overlap, q.MaxOverlap)
	}
	return s.requeue(tx, p, old.Overlap, q)
}

// requeue makes the items of a project fit settings that changed. Before, an
// item asked for overlap answers and perhaps some more.
func (s *Store) requeue(tx *gorm.DB, p Project, overlap int, q QueueSettings) error {
	shift, most := p.Overlap-overlap, max(p.Overlap, q.MaxOverlap)
	err := tx.Exec(`UPDATE items SET sort = `+sortColumn[q.SortBy]+`, reserved = 0,
		wanted = CASE WHEN wanted + ? > ? THEN ? ELSE wanted + ? END WHERE project_id = ?`, shift, most, most, shift, p.ID).Error
	if err != nil {
		return err
	}
	if err := judgeAll(tx, q); err != nil {
		return err
	}
	if err := tx.Where("project_id = ?", p.ID).Delete(&need{}).Error; err != nil {
		return err
	}
	return reserveAll(tx, p, q, condition{"i.project_id = ?", []any{p.ID}})
}

// reserveAll keeps the places of quotas in all items that a condition names: by
// whole statements where nobody has a place yet, one by one where somebody has.
func reserveAll(tx *gorm.DB, p Project, q QueueSettings, which condition) error {
	total := 0
	for g, n := range q.Quotas {
		total += n
		err := tx.Exec(`INSERT INTO needs (item_id, project_id, member_group, places) SELECT i.id, i.project_id, ?, ? FROM items i
			WHERE i.purpose = '' AND i.taken = 0 AND `+which.sql, append([]any{g, n}, which.args...)...).Error
		if err != nil {
			return err
		}
	}
	if total == 0 {
		return nil
	}
	err := tx.Exec(`UPDATE items AS i SET reserved = CASE WHEN i.wanted < ? THEN i.wanted ELSE ? END WHERE i.purpose = '' AND i.taken = 0 AND `+which.sql,
		append([]any{total, total}, which.args...)...).Error
	if err != nil {
		return err
	}
	var begun []int64
	err = tx.Raw("SELECT i.id FROM items i WHERE i.purpose = '' AND i.taken > 0 AND i.taken < i.wanted AND "+which.sql, which.args...).Scan(&begun).Error
	if err != nil {
		return err
	}
	for _, id := range begun {
		if err := reserve(tx, id); err != nil {
			return err
		}
	}
	return nil
}

// enqueue puts the new items of an import into the order of the queue.
func (s *Store) enqueue(tx *gorm.DB, p Project, importID int64) error {
	q, err := queueOf(tx, p.ID)
	if err != nil {
		return err
	}
	err = tx.Exec("UPDATE items SET wanted = ?, changed = created WHERE import_id = ? AND project_id = ?", p.Overlap, importID, p.ID).Error
	if err != nil {
		return err
	}
	if column := sortColumn[q.SortBy]; q.SortBy != OldestFirst {
		if err := tx.Exec("UPDATE items SET sort = "+column+" WHERE import_id = ? AND project_id = ?", importID, p.ID).Error; err != nil {
			return err
		}
	}
	return reserveAll(tx, p, q, condition{"i.project_id = ? AND i.import_id = ?", []any{p.ID, importID}})
}
