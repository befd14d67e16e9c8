package labeler

import (
	"cmp"
	"maps"
	"slices"

	"agora/db"
	"agora/labeler/agree"
)

// groupShare is one row of a pool's composition.
type groupShare struct {
	Value  string
	N      int     // people; 0 where hidden
	Share  float64 // of those whose value is known
	Target float64 // −1: none
	Hidden hidden
}

// hidden says why a row has no number.
type hidden int

const (
	shown         hidden = iota
	tooFew               // fewer than db.SmallestGroup people
	complementary        // large enough, but the others and the total would tell a small one
)

// composition is a pool by one characteristic.
type composition struct {
	Name    string
	Rows    []groupShare // in the survey's order; else those with the largest target first, then the rest by size
	Known   int          // people whose value is known
	Unknown int          // and whose is not
	// KnownHidden: neither number is shown, since with the size of the pool it would tell a small group.
	KnownHidden bool
}

// compose counts people by the value of a characteristic. A value of fewer than
// db.SmallestGroup people is hidden. While the hidden ones together are fewer
// than that, or only one is hidden, the next smallest is hidden with them: the
// total is shown, so that otherwise subtraction would tell. Values that nobody
// has are no people's secret: a target with 0 people is shown as a gap.
func compose(people []db.PoolPerson, name string, targets map[string]float64) composition {
	c := composition{Name: name}
	by := map[string]int{}
	for _, p := range people {
		if v := p.Groups[name]; v != "" {
			by[v]++
			c.Known++
		} else {
			c.Unknown++
		}
	}
	values := maps.Clone(by)
	for v := range targets {
		values[v] = by[v]
	}
	for _, v := range slices.Sorted(maps.Keys(values)) {
		row := groupShare{Value: v, N: values[v], Target: -1}
		if t, ok := targets[v]; ok {
			row.Target = t
		}
		if c.Known > 0 {
			row.Share = float64(row.N) / float64(c.Known)
		}
		c.Rows = append(c.Rows, row)
	}
	options := optionsOf(name)
	slices.SortStableFunc(c.Rows, func(a, b groupShare) int {
		return cmp.Or(cmp.Compare(slices.Index(options, a.Value), slices.Index(options, b.Value)), -cmp.Compare(a.Target, b.Target), -cmp.Compare(a.N, b.N))
	})
	c.suppress()
	alone := 0 // hidden rows; one that has no other to hide behind is told by the total
	for _, r := range c.Rows {
		if r.Hidden != shown {
			alone++
		}
	}
	few := func(n int) bool { return n > 0 && n < db.SmallestGroup }
	c.KnownHidden = alone == 1 || few(c.Known) || few(c.Unknown)
	return c
}

// optionsOf are the answers that the survey offers to a question; none for anything else.
func optionsOf(name string) []string {
	for _, q := range db.SurveyQuestions {
		if q.Key == name {
			return q.Options
		}
	}
	return nil
}

// suppress hides the small rows, and others where the small ones would follow.
func (c *composition) suppress() {
	order := make([]int, 0, len(c.Rows)) // by size, those with people
	for i, r := range c.Rows {
		if r.N > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(c.Rows[a].N, c.Rows[b].N) })
	rows, people := 0, 0
	for _, i := range order {
		r := &c.Rows[i]
		switch {
		case r.N < db.SmallestGroup:
			r.Hidden = tooFew
		case rows > 0 && (rows == 1 || people < db.SmallestGroup):
			r.Hidden = complementary
		default:
			return
		}
		rows++
		people += r.N
	}
}

// groupNames lists the characteristics of a pool and of its targets, survey
// questions in the survey's order first.
func groupNames(people []db.PoolPerson, targets agree.Margins) []string {
	there := map[string]bool{}
	for _, p := range people {
		for name := range p.Groups {
			there[name] = true
		}
	}
	for name := range targets {
		there[name] = true
	}
	var names []string
	for _, q := range db.SurveyQuestions {
		if there[q.Key] {
			names = append(names, q.Key)
			delete(there, q.Key)
		}
	}
	return append(names, slices.Sorted(maps.Keys(there))...)
}

// week is 7 days in milliseconds.
const week = 7 * 24 * 3600 * 1000

// retention is how many people submitted something in the weeks after they joined.
type retention struct {
	Week   int // from 0, the first
	Active int
	Of     int // people who joined long enough ago for the week to be over
}

// retain follows the members of a pool from the day each joined.
func retain(people []db.PoolPerson, work []db.WorkDay, now db.Millis) []retention {
	active := map[int64]map[int]bool{}
	joined := map[int64]db.Millis{}
	longest := 0
	for _, p := range people {
		if p.UserID != 0 {
			joined[p.UserID] = p.Joined
			longest = max(longest, int((now-p.Joined)/week))
		}
	}
	for _, w := range work {
		from, ok := joined[w.UserID]
		if !ok {
			continue
		}
		if active[w.UserID] == nil {
			active[w.UserID] = map[int]bool{}
		}
		active[w.UserID][max(0, int(w.Day-int64(from)/86_400_000)/7)] = true
	}
	var out []retention
	for i := range min(longest, maxWeeks) {
		r := retention{Week: i}
		for user, from := range joined {
			if int64(now-from) < int64(i+1)*week {
				continue
			}
			r.Of++
			if active[user][i] {
				r.Active++
			}
		}
		out = append(out, r)
	}
	return out
}

// maxWeeks is how far retention and hours are shown.
const maxWeeks = 26

// stayed is the share of the members who joined 4 weeks ago or longer that
// submitted something after their first 4 weeks.
func stayed(people []db.PoolPerson, work []db.WorkDay, now db.Millis) (share float64, of int) {
	later := map[int64]bool{}
	joined := map[int64]db.Millis{}
	for _, p := range people {
		if p.UserID != 0 && int64(now-p.Joined) >= 4*week {
			joined[p.UserID] = p.Joined
		}
	}
	for _, w := range work {
		if from, ok := joined[w.UserID]; ok && w.Day-int64(from)/86_400_000 >= 28 {
			later[w.UserID] = true
		}
	}
	if len(joined) == 0 {
		return 0, 0
	}
	return float64(len(later)) / float64(len(joined)), len(joined)
}
