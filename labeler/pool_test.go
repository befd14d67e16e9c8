package labeler

import (
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"agora/db"
)

// crowdOf makes a pool with so many people of each value.
func crowdOf(counts map[string]int) []db.PoolPerson {
	var people []db.PoolPerson
	for _, v := range slices.Sorted(maps.Keys(counts)) {
		for range counts[v] {
			people = append(people, db.PoolPerson{Worker: fmt.Sprint(len(people)), Groups: map[string]string{"x": v}})
		}
	}
	return people
}

func TestComposeHidesSmallGroups(t *testing.T) {
	for _, tt := range []struct {
		name   string
		counts map[string]int
		hidden string // rows without a number
		known  bool   // the number of those who said is shown
	}{
		{"all large", map[string]int{"a": 20, "b": 7}, "", true},
		{"two small ones, together large enough", map[string]int{"a": 20, "b": 3, "c": 4}, "b c", true},
		{"two small ones, together too small", map[string]int{"a": 20, "b": 9, "c": 2, "d": 1}, "b c d", true},
		{"one small one", map[string]int{"a": 20, "b": 9, "c": 2}, "b c", true},
		{"one small one beside a single large one", map[string]int{"a": 20, "c": 2}, "a c", true},
		{"one small one alone", map[string]int{"c": 2}, "c", false},
		{"few who did not say", map[string]int{"a": 20, "b": 7, "": 3}, "", false},
		{"enough who did not say", map[string]int{"a": 20, "b": 7, "": 6}, "", true},
	} {
		c := compose(crowdOf(tt.counts), "x", nil)
		var hidden []string
		for _, r := range c.Rows {
			if r.Hidden != shown {
				hidden = append(hidden, r.Value)
			}
		}
		slices.Sort(hidden)
		if got := strings.Join(hidden, " "); got != tt.hidden || c.KnownHidden == tt.known {
			t.Errorf("%s: hidden %q, known hidden %v", tt.name, got, c.KnownHidden)
		}
	}
}

// TestNoSmallGroupFollows tries to work a small group out from what is shown: every
// hidden row must have another size that fits the shown numbers as well.
func TestNoSmallGroupFollows(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	for range 2000 {
		counts := map[string]int{"": rng.IntN(9)}
		for i := range 1 + rng.IntN(6) {
			counts[string(rune('a'+i))] = rng.IntN(12)
		}
		people := crowdOf(counts)
		c := compose(people, "x", nil)
		hiddenRows, hiddenPeople := 0, 0
		for _, r := range c.Rows {
			if r.N > 0 && r.N < db.SmallestGroup && r.Hidden == shown {
				t.Fatalf("%v: %s is shown", counts, r.Value)
			}
			if r.Hidden != shown {
				hiddenRows++
				hiddenPeople += r.N
			}
		}
		known := hiddenPeople // follows from the number of those who said, where that is shown
		if !c.KnownHidden && (hiddenRows == 1 || hiddenRows > 0 && known < db.SmallestGroup && len(c.Rows) > hiddenRows) {
			t.Fatalf("%v: %d rows with %d people are hidden, and the total is shown: %+v", counts, hiddenRows, hiddenPeople, c)
		}
	}
}

func TestRetention(t *testing.T) {
	const day = 86_400_000
	people := []db.PoolPerson{{UserID: 1, Joined: 0}, {UserID: 2, Joined: 7 * day}, {Worker: "imported"}}
	work := []db.WorkDay{{UserID: 1, Day: 0}, {UserID: 1, Day: 13}, {UserID: 2, Day: 20}, {UserID: 3, Day: 1}, {UserID: 1, Day: 30}}
	got := fmt.Sprint(retain(people, work, 22*day))
	if want := "[{0 1 2} {1 2 2} {2 0 1}]"; got != want { // week, active, of
		t.Errorf("retention %s, want %s", got, want)
	}
	share, of := stayed(people, work, 40*day)
	if of != 2 || share != .5 {
		t.Errorf("stayed %g of %d", share, of)
	}
}

func TestPay(t *testing.T) {
	work := []db.WorkDay{{UserID: 1, Worker: "wa", Day: 10, Tasks: 3, ActiveMS: 1_800_000, LeaseMS: 3_600_000}, {UserID: 1, Worker: "wa", Day: 11, Tasks: 1, ActiveMS: 600_000, LeaseMS: 600_000},
		{UserID: 2, Worker: "wb", Day: 11, Tasks: 7, ActiveMS: 100_000, LeaseMS: 100_000}, {UserID: 2, Worker: "wb", Day: 12, Tasks: 9}}
	for _, tt := range []struct {
		by, time string
		rate     float64
		want     []float64 // of wb with 7 tasks, then wa with 4, on days 10 and 11
	}{
		{db.PayByItem, db.PayActive, .085, []float64{.6, .34}},
		{db.PayByHour, db.PayActive, 18, []float64{.5, 12}},
		{db.PayByHour, db.PayLease, 18, []float64{.5, 21}},
		{db.PayNothing, db.PayActive, 18, []float64{0, 0}},
	} {
		rows := payRows(work, db.PoolSettings{PayBy: tt.by, PayTime: tt.time, Rate: tt.rate}, 10, 11)
		for i, r := range rows {
			if math.Abs(r.Amount-tt.want[i]) > 1e-9 {
				t.Errorf("%s %s: %s gets %g, want %g", tt.by, tt.time, r.Worker, r.Amount, tt.want[i])
			}
		}
	}
}

// TestPoolAndQueuePages walks through both pages as a lead does.
func TestPoolAndQueuePages(t *testing.T) {
	s := newTestSite(t)
	p := s.peopled("meals")
	lead, reader := s.signedInAs(s.addUser("lead", db.RoleResearcher)), s.signedInAs(s.addUser("reader", db.RoleReviewer))
	admin := s.signedInAs(s.addUser("boss", db.RoleAdmin))

	page := lead.get(poolPath(p)).Body.String()
	for _, want := range []string{"Effective n", "Nobody in the pool is in Age: 55–64, Age: 65+", "fewer than 5, not shown", "withheld", "cohort=spanish", "18.00", "Active by week"} {
		if want != "18.00" && !strings.Contains(page, want) {
			t.Errorf("the pool page does not say %q", want)
		}
	}
	for _, name := range []string{"meals-3", "meals-0"} {
		if strings.Contains(page, name) {
			t.Errorf("the pool page names %s", name)
		}
	}
	if page := reader.get(poolPath(p)).Body.String(); strings.Contains(page, "Pay sheet") || strings.Contains(page, "Save settings") {
		t.Error("a reviewer sees pay or forms")
	}

	sheet := lead.get(poolPath(p) + "/pay")
	rows, err := csv.NewReader(sheet.Body).ReadAll()
	if err != nil || len(rows) != 25 || strings.Join(rows[0], " ") != "labeler tasks active_hours lease_hours paid_by rate amount currency" || rows[1][4] != "hour, active time" {
		t.Errorf("sheet of %d rows, %v: %v", len(rows), err, rows[:2])
	}
	named, err := csv.NewReader(admin.get(poolPath(p) + "/pay/names").Body).ReadAll()
	if err != nil || named[0][1] != "name" || !strings.HasPrefix(named[1][1], "meals-") {
		t.Errorf("named sheet %v: %v", named[:2], err)
	}
	if res := lead.get(poolPath(p) + "/pay/names"); res.Code != http.StatusForbidden {
		t.Errorf("a researcher gets the named sheet: %d", res.Code)
	}
	if res := lead.get(poolPath(p) + "/pay?from=2026-99-01"); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("a day that does not exist: %d", res.Code)
	}

	bad := lead.post(poolPath(p)+"/targets", url.Values{"target.gender.male": {"30"}, "target.gender.female": {"30"}, "weight_cap": {"5"}})
	if bad.Code != http.StatusUnprocessableEntity || !strings.Contains(bad.Body.String(), "sum to 60 %") {
		t.Errorf("shares of 60 %%: %d", bad.Code)
	}
	good := lead.post(poolPath(p)+"/targets", url.Values{"target.gender.male": {"50"}, "target.gender.female": {"50"}, "more": {"cohort=spanish: 40, cohort=yoruba: 60"}, "weight_cap": {"3"}, "use_weights": {"true"}})
	set := must(s.st.PoolSettings(t.Context(), p.ID))
	if good.Code != http.StatusSeeOther || set.Targets["cohort"]["yoruba"] != .6 || !set.UseWeights || set.WeightCap != 3 || len(set.Targets) != 2 {
		t.Errorf("targets %d %+v", good.Code, set)
	}
	if res := lead.post(poolPath(p)+"/pay", url.Values{"pay_by": {"item"}, "pay_time": {"active"}, "rate": {"-1"}, "currency": {"EUR"}}); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("a negative rate: %d", res.Code)
	}

	form := url.Values{"sort_by": {"disagreement"}, "gold_share": {"10"}, "repeat_share": {"5"}, "repeat_after": {"20"}, "extra_from": {"40"}, "max_overlap": {"50"},
		"group_by": {"cohort"}, "quota.cohort.spanish": {"1"}, "quota.age.35-44": {"7"}, "fallback_hours": {"48"}, "active_hours": {"24"}}
	if res := lead.post(queuePath(p), form); res.Code != http.StatusSeeOther {
		t.Errorf("queue: %d %s", res.Code, res.Body)
	}
	q := must(s.st.QueueSettings(t.Context(), p.ID))
	if q.SortBy != "disagreement" || q.GoldShare != .1 || q.MaxOverlap != 50 || len(q.Quotas) != 1 || q.Quotas["spanish"] != 1 {
		t.Errorf("queue %+v", q)
	}
	form.Set("gold_share", "60")
	form.Set("quota.cohort.spanish", "33")
	if res := lead.post(queuePath(p), form); res.Code != http.StatusUnprocessableEntity || !strings.Contains(res.Body.String(), `value="60"`) || !strings.Contains(res.Body.String(), `value="33"`) {
		t.Errorf("60 %% gold: %d", res.Code)
	}
}
