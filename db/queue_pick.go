package db

import (
	"strings"
	"time"

	"gorm.io/gorm"
)

// seeker is a labeler who wants a task, with all that limits which.
type seeker struct {
	user    int64
	project Project
	queue   QueueSettings
	reads   []string // languages, primary subtags such as "en"; none: all
	shuns   []string // content categories not to be shown
	group   string   // "": none that the project keeps places for
	takes   []string // groups whose places this labeler may take: the own one, and those of which nobody is active
	wrote   bool     // prompts or completions of the project may be theirs
	stale   Millis   // kept places of items that nothing happened to since then are anybody's
}

// seeker loads what decides on a labeler's next task.
func (s *Store) seeker(tx *gorm.DB, p Project, userID int64) (seeker, error) {
	k := seeker{user: userID, project: p}
	var err error
	if k.queue, err = queueOf(tx, p.ID); err != nil {
		return k, err
	}
	profile, err := profileOf(tx, userID)
	if err != nil {
		return k, err
	}
	for _, tag := range profile.Languages {
		k.reads = append(k.reads, primarySubtag(tag))
	}
	k.shuns = profile.OptOuts
	err = tx.Raw(`SELECT EXISTS (SELECT 1 FROM items WHERE author_id = ? AND author_id <> 0)
		OR EXISTS (SELECT 1 FROM completions WHERE author_id = ? AND author_id <> 0)`, userID, userID).Scan(&k.wrote).Error
	if err != nil {
		return k, err
	}
	return k, s.joinGroup(tx, &k)
}

// primarySubtag is the language of a BCP 47 tag without script and region: "zh" of "zh-Hant".
func primarySubtag(tag string) string {
	first, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
	return strings.ToLower(first)
}

// condition is a piece of SQL with its arguments.
type condition struct {
	sql  string
	args []any
}

func (c *condition) and(sql string, args ...any) {
	c.sql += " AND " + sql
	c.args = append(c.args, args...)
}

// fits are the items i that may be shown to a labeler at all, whatever they are
// for: of a kind that the project hands out, in a language they read, without
// what they do not wish to read, and not of their own hand.
func (k seeker) fits(kind string) condition {
	c := condition{"i.project_id = ? AND NOT i.closed AND i.kind = ? AND i.k <= 9", []any{k.project.ID, kind}}
	if len(k.reads) > 0 {
		// "en" as it stands, or with more after a hyphen. Compared by bytes and not by LIKE, which is
		// slow where few of many items are read.
		read, args := "i.lang = ''", []any{}
		for _, l := range k.reads {
			for _, tag := range []string{l, strings.ToUpper(l)} {
				read += " OR i.lang = ? OR i.lang > ? AND i.lang < ? OR i.lang > ? AND i.lang < ?"
				args = append(args, tag, tag+"-", tag+"-~", tag+"_", tag+"_~")
			}
		}
		c.and("("+read+")", args...)
	}
	if len(k.shuns) > 0 {
		c.and("NOT EXISTS (SELECT 1 FROM item_content t WHERE t.item_id = i.id AND t.category IN ?)", k.shuns)
	}
	if !k.wrote {
		return c
	}
	c.and("i.author_id <> ?", k.user)
	c.and("i.id NOT IN (SELECT own.item_id FROM completions own WHERE own.author_id = ? AND own.author_id <> 0)", k.user)
	return c
}

// free are the items of work with a place for this labeler. The first three
// conditions are those of the index items_queue, word by word.
func (k seeker) free() condition {
	c := k.fits(k.project.HandsOut())
	c.and("i.purpose = '' AND i.taken < i.wanted")
	seat := k.seat()
	c.and(seat.sql, seat.args...)
	return c
}

// seat are the items whose free places are not all kept for other groups.
func (k seeker) seat() condition {
	if len(k.queue.Quotas) == 0 {
		return condition{"1 = 1", nil}
	}
	c := condition{"(i.taken + i.reserved < i.wanted OR i.changed <= ?", []any{k.stale}}
	if len(k.takes) > 0 {
		c.sql += " OR EXISTS (SELECT 1 FROM needs n WHERE n.item_id = i.id AND n.member_group IN ?)"
		c.args = append(c.args, k.takes)
	}
	c.sql += ")"
	return c
}

// unseen are items that the labeler neither has nor answered nor skipped.
func (k seeker) unseen() condition {
	return condition{"NOT EXISTS (SELECT 1 FROM leases l WHERE l.item_id = i.id AND l.user_id = ? AND l.state <> ?)", []any{k.user, LeaseExpired}}
}

// pick chooses the next item of work for a labeler: left-behind drafts first,
// then one that has a place kept for their group, then any, each by priority
// and then in the project's order. It returns ErrNoTask when none is left.
func (k seeker) pick(tx *gorm.DB) (int64, error) {
	c := k.free()
	unseen := k.unseen()
	c.and(unseen.sql, unseen.args...)
	const order = " ORDER BY i.priority DESC, i.sort DESC, i.id LIMIT 1"
	// CROSS JOIN makes SQLite begin with the few leases of one person, not with all items.
	tries := []condition{{`SELECT i.id FROM leases mine CROSS JOIN items i WHERE mine.user_id = ? AND mine.state = ? AND i.id = mine.item_id
		AND EXISTS (SELECT 1 FROM drafts d WHERE d.item_id = i.id AND d.user_id = mine.user_id) AND ` + c.sql + order, append([]any{k.user, LeaseExpired}, c.args...)}}
	wanted, err := k.needed(tx)
	if err != nil {
		return 0, err
	}
	if wanted {
		tries = append(tries, condition{"SELECT i.id FROM items i WHERE EXISTS (SELECT 1 FROM needs n WHERE n.item_id = i.id AND n.member_group = ?) AND " + c.sql + order,
			append([]any{k.group}, c.args...)})
	}
	tries = append(tries, condition{"SELECT i.id FROM items i WHERE " + c.sql + order, c.args})
	for _, t := range tries {
		var id int64
		if err := tx.Raw(t.sql, t.args...).Scan(&id).Error; err != nil || id != 0 {
			return id, err
		}
	}
	return 0, ErrNoTask
}

// pickFor chooses the next practice or screening item: those of a purpose in
// the order they came, each once, however many others got them; rankings first,
// then prompts to write a demonstration for.
func (k seeker) pickFor(tx *gorm.DB, purpose string) (int64, error) {
	for _, kind := range trialKinds {
		c := k.fits(kind)
		c.and("i.purpose = ?", purpose)
		unseen := k.unseen()
		c.and(unseen.sql, unseen.args...)
		var id int64
		err := tx.Raw("SELECT i.id FROM items i WHERE "+c.sql+" ORDER BY i.priority DESC, i.id LIMIT 1", c.args...).Scan(&id).Error
		if err != nil || id != 0 {
			return id, err
		}
	}
	return 0, ErrNoTask
}

// choose decides what a labeler gets next, by their stage: work, with silent
// items now and then, or what comes before work.
func (s *Store) choose(tx *gorm.DB, p Project, m Member) (int64, error) {
	k, err := s.seeker(tx, p, m.UserID)
	if err != nil {
		return 0, err
	}
	switch m.Stage {
	case StageActive:
	case StagePractice:
		return k.pickFor(tx, ForPractice)
	case StageScreening:
		return k.pickFor(tx, ForScreening)
	default:
		return 0, ErrNotReady
	}
	id, err := k.pick(tx)
	if err != nil {
		return 0, err
	}
	return s.orSilent(tx, k, id)
}

// mayTake tells whether an item has a place for a labeler whose lease of it
// ended, as openAgain needs.
func (s *Store) mayTake(tx *gorm.DB, p Project, it Item, userID int64) (bool, error) {
	if it.Closed {
		return false, nil
	}
	if it.Purpose != ForWork {
		return true, nil
	}
	k, err := s.seeker(tx, p, userID)
	if err != nil {
		return false, err
	}
	c := k.seat()
	c.and("i.id = ? AND i.taken < i.wanted", it.ID)
	var n int64
	err = tx.Raw("SELECT count(*) FROM items i WHERE "+c.sql, c.args...).Scan(&n).Error
	return n > 0, err
}

// hasPlace tells whether an item has a free place, whoever it may be kept for.
// Items that are not work have one for everybody.
func hasPlace(tx *gorm.DB, itemID int64) (bool, error) {
	it, err := first[queueItem](tx.Where("id = ?", itemID))
	return it.Purpose != ForWork || it.Taken < it.Wanted, err
}

// hoursAgo is a moment of the store's clock, n hours before now.
func (s *Store) hoursAgo(n int) Millis {
	return AtMillis(s.now().Add(-time.Duration(n) * time.Hour))
}
