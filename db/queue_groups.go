package db

import (
	"errors"
	"slices"

	"gorm.io/gorm"
)

// memberGroups gives the members of a project their value of a group name, a tag
// or a survey question (MemberGroups). Who has none is absent. Users, when given,
// limit the answer to them. What it returns is not stored anywhere with a person.
func memberGroups(tx *gorm.DB, projectID int64, by string, users ...int64) (map[int64]string, error) {
	of := func() *gorm.DB {
		q := tx.Where("project_id = ?", projectID)
		if len(users) > 0 {
			q = q.Where("user_id IN ?", users)
		}
		return q
	}
	members, err := all[Member](of())
	if err != nil {
		return nil, err
	}
	links, err := all[surveyLink](of())
	if err != nil {
		return nil, err
	}
	answers, err := all[SurveyAnswer](tx.Where("key IN (?)", of().Model(&surveyLink{}).Select("key")))
	if err != nil {
		return nil, err
	}
	said := map[string]SurveyAnswer{}
	for _, a := range answers {
		said[a.Key] = a
	}
	survey := map[int64]SurveyAnswer{}
	for _, l := range links {
		survey[l.UserID] = said[l.Key]
	}
	groups := map[int64]string{}
	for _, m := range members {
		if v := (person{member: m, survey: survey[m.UserID]}).groups(true)[by]; v != "" {
			groups[m.UserID] = v
		}
	}
	return groups, nil
}

// joinGroup fills in what a labeler's group means for the places they may take.
func (s *Store) joinGroup(tx *gorm.DB, k *seeker) error {
	q := k.queue
	if len(q.Quotas) == 0 {
		return nil
	}
	groups, err := memberGroups(tx, q.ProjectID, q.GroupBy)
	if err != nil {
		return err
	}
	if g := groups[k.user]; q.Quotas[g] > 0 {
		k.group = g
	}
	var seen []turn
	if err := tx.Where("project_id = ? AND seen > ?", q.ProjectID, s.hoursAgo(q.ActiveHours)).Find(&seen).Error; err != nil {
		return err
	}
	active := map[string]bool{k.group: true}
	for _, t := range seen {
		active[groups[t.UserID]] = true
	}
	for g := range q.Quotas {
		if g == k.group || !active[g] {
			k.takes = append(k.takes, g)
		}
	}
	slices.Sort(k.takes)
	k.stale = s.hoursAgo(q.FallbackHours)
	return nil
}

// needed tells whether any item keeps a place for the labeler's group.
func (k seeker) needed(tx *gorm.DB) (bool, error) {
	if k.group == "" {
		return false, nil
	}
	_, err := first[need](tx.Where("project_id = ? AND member_group = ?", k.project.ID, k.group))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// reserve works out anew which free places of an item are kept for which group:
// as many as the group's quota lacks, and no more than are free.
func reserve(tx *gorm.DB, itemID int64) error {
	it, err := first[queueItem](tx.Where("id = ?", itemID))
	if err != nil || it.Purpose != ForWork {
		return err
	}
	q, err := queueOf(tx, it.ProjectID)
	if err != nil || len(q.Quotas) == 0 {
		return err
	}
	var holders []int64
	if err := tx.Model(&Lease{}).Where("item_id = ? AND state IN (?, ?)", itemID, LeaseOpen, LeaseAnswered).Pluck("user_id", &holders).Error; err != nil {
		return err
	}
	has := map[string]int{}
	if len(holders) > 0 {
		groups, err := memberGroups(tx, q.ProjectID, q.GroupBy, holders...)
		if err != nil {
			return err
		}
		for _, g := range groups {
			has[g]++
		}
	}
	needs := q.Quotas.lacking(has)
	reserved := 0
	rows := []need{}
	for g, n := range needs {
		reserved += n
		rows = append(rows, need{itemID, q.ProjectID, g, n})
	}
	reserved = min(reserved, max(0, it.Wanted-it.Taken))
	if err := tx.Where("item_id = ?", itemID).Delete(&need{}).Error; err != nil {
		return err
	}
	if reserved > 0 {
		if err := tx.Create(&rows).Error; err != nil {
			return err
		}
	}
	return tx.Model(&queueItem{}).Where("id = ?", itemID).Update("reserved", reserved).Error
}

// lacking is how many answers of each group are still to come when has are there.
func (q Quotas) lacking(has map[string]int) map[string]int {
	out := map[string]int{}
	for g, n := range q {
		if n > has[g] {
			out[g] = n - has[g]
		}
	}
	return out
}
