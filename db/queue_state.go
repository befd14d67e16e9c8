package db

import (
	"context"
	"maps"
	"slices"

	"gorm.io/gorm"
)

// QueueState is how a project's queue stands, in detail, for its lead.
type QueueState struct {
	Items     int64 // that are handed out, and their places:
	Waiting   int64 // free
	Leased    int64 // with somebody
	Answered  int64 // answered
	Done      int64 // items without a free or leased place
	Kept      int64 // items whose free places are all kept for groups
	Extra     int64 // places beyond the overlap, given where people disagree
	Scored    int64 // items whose uncertainty is known
	Silent    map[string]SilentCount
	Languages []LanguageState
	Groups    []GroupState
}

// SilentCount counts the items of a purpose other than work, and the answers to them.
type SilentCount struct{ Items, Answers int64 }

// LanguageState is the part of a queue in one language.
type LanguageState struct {
	Lang                             string // as the items say, "": unknown
	Items, Waiting, Leased, Answered int64
	Readers                          int // members who read it, those who named no language included
}

// GroupState is how the quota of a group stands.
type GroupState struct {
	Group           string
	Quota           int
	Members, Active int // Active: handed a task within ActiveHours
	Kept            int64
	Answered        int64
}

// QueueState counts a project's queue.
func (s *Store) QueueState(ctx context.Context, projectID int64) (QueueState, error) {
	st := QueueState{Silent: map[string]SilentCount{}}
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		p, err := first[Project](tx.Where("id = ?", projectID))
		if err != nil {
			return err
		}
		q, err := queueOf(tx, projectID)
		if err != nil {
			return err
		}
		for _, count := range []func() error{
			func() error { return countLanguages(tx, p, &st) },
			func() error { return countItems(tx, p, &st) },
			func() error { return countSilent(tx, p, &st) },
			func() error { return s.countGroups(tx, q, &st) },
			func() error { return countReaders(tx, p, &st) },
		} {
			if err := count(); err != nil {
				return err
			}
		}
		return nil
	})
	return st, err
}

// countLanguages counts items and places by language, and their sums.
func countLanguages(tx *gorm.DB, p Project, st *QueueState) error {
	err := tx.Raw(`SELECT i.lang, count(*) AS items, coalesce(sum(CASE WHEN i.taken < i.wanted THEN i.wanted - i.taken ELSE 0 END), 0) AS waiting,
		coalesce(sum((SELECT count(*) FROM leases l WHERE l.item_id = i.id AND l.state = 'open')), 0) AS leased,
		coalesce(sum((SELECT count(*) FROM answers a WHERE a.item_id = i.id AND a.state = 'active' AND a.user_id <> 0)), 0) AS answered
		FROM items i WHERE i.project_id = ? AND i.kind = ? AND i.purpose = '' AND NOT i.closed GROUP BY i.lang ORDER BY items DESC, i.lang`,
		p.ID, p.HandsOut()).Scan(&st.Languages).Error
	for _, l := range st.Languages {
		st.Items += l.Items
		st.Waiting += l.Waiting
		st.Leased += l.Leased
		st.Answered += l.Answered
	}
	return err
}

// countItems counts what is true of whole items.
func countItems(tx *gorm.DB, p Project, st *QueueState) error {
	var c struct{ Done, Kept, Extra, Scored int64 }
	err := tx.Raw(`SELECT coalesce(sum(CASE WHEN taken >= wanted AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.item_id = i.id AND l.state = 'open') THEN 1 ELSE 0 END), 0) AS done,
		coalesce(sum(CASE WHEN taken < wanted AND taken + reserved >= wanted THEN 1 ELSE 0 END), 0) AS kept,
		coalesce(sum(CASE WHEN wanted > ? THEN wanted - ? ELSE 0 END), 0) AS extra,
		coalesce(sum(CASE WHEN uncertainty >= 0 THEN 1 ELSE 0 END), 0) AS scored
		FROM items i WHERE project_id = ? AND kind = ? AND purpose = '' AND NOT closed`, p.Overlap, p.Overlap, p.ID, p.HandsOut()).Scan(&c).Error
	st.Done, st.Kept, st.Extra, st.Scored = c.Done, c.Kept, c.Extra, c.Scored
	return err
}

func countSilent(tx *gorm.DB, p Project, st *QueueState) error {
	var rows []struct {
		Purpose string
		SilentCount
	}
	err := tx.Raw(`SELECT i.purpose, count(*) AS items, coalesce(sum((SELECT count(*) FROM answers a WHERE a.item_id = i.id AND a.state = 'active' AND a.purpose = i.purpose)), 0) AS answers
		FROM items i WHERE i.project_id = ? AND i.purpose <> '' AND NOT i.closed GROUP BY i.purpose`, p.ID).Scan(&rows).Error
	for _, r := range rows {
		st.Silent[r.Purpose] = r.SilentCount
	}
	return err
}

// countGroups tells for each quota who is there and what is still kept.
func (s *Store) countGroups(tx *gorm.DB, q QueueSettings, st *QueueState) error {
	if len(q.Quotas) == 0 {
		return nil
	}
	groups, err := memberGroups(tx, q.ProjectID, q.GroupBy)
	if err != nil {
		return err
	}
	seen, err := all[turn](tx.Where("project_id = ? AND seen > ?", q.ProjectID, s.hoursAgo(q.ActiveHours)))
	if err != nil {
		return err
	}
	by := map[string]*GroupState{}
	for _, g := range slices.Sorted(maps.Keys(q.Quotas)) {
		by[g] = &GroupState{Group: g, Quota: q.Quotas[g]}
	}
	answers, err := answersByUser(tx, q.ProjectID)
	if err != nil {
		return err
	}
	for user, g := range groups {
		if st := by[g]; st != nil {
			st.Members++
			st.Answered += answers[user]
			if slices.ContainsFunc(seen, func(t turn) bool { return t.UserID == user }) {
				st.Active++
			}
		}
	}
	var kept []need
	err = tx.Raw(`SELECT n.member_group, sum(n.places) AS places FROM needs n JOIN items i ON i.id = n.item_id
		WHERE n.project_id = ? AND i.taken < i.wanted AND NOT i.closed GROUP BY n.member_group`, q.ProjectID).Scan(&kept).Error
	for _, n := range kept {
		if st := by[n.MemberGroup]; st != nil {
			st.Kept = int64(n.Places)
		}
	}
	for _, g := range slices.Sorted(maps.Keys(by)) {
		st.Groups = append(st.Groups, *by[g])
	}
	return err
}

// answersByUser counts the answers for work in use by member.
func answersByUser(tx *gorm.DB, projectID int64) (map[int64]int64, error) {
	var rows []struct{ UserID, N int64 }
	err := tx.Raw("SELECT user_id, count(*) AS n FROM answers WHERE project_id = ? AND state = ? AND purpose = '' AND user_id <> 0 GROUP BY user_id", projectID, AnswerActive).Scan(&rows).Error
	by := map[int64]int64{}
	for _, r := range rows {
		by[r.UserID] = r.N
	}
	return by, err
}

// countReaders counts the working members who read each language.
func countReaders(tx *gorm.DB, p Project, st *QueueState) error {
	var users []int64
	if err := tx.Model(&Member{}).Where("project_id = ? AND stage = ?", p.ID, StageActive).Pluck("user_id", &users).Error; err != nil {
		return err
	}
	profiles, err := all[Profile](tx.Where("user_id IN ?", append(users, 0)))
	if err != nil {
		return err
	}
	for i, l := range st.Languages {
		st.Languages[i].Readers = len(users)
		for _, who := range profiles {
			reads := slices.ContainsFunc(who.Languages, func(tag string) bool { return primarySubtag(tag) == primarySubtag(l.Lang) })
			if l.Lang != "" && len(who.Languages) > 0 && !reads {
				st.Languages[i].Readers--
			}
		}
	}
	return nil
}
