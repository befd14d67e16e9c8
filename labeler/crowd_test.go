package labeler

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"testing"
	"time"

	"agora/db"
)

// rankField finds the names of a task form's rank fields.
var rankField = regexp.MustCompile(`name="(rank[^"]*)"`)

// TestCrowd lets 50 people rank 200 items with overlap 3 through the pages at once, with gold and repeats
// mixed in, some skipping and some leaving a task until its lease ran out: exactly 600 answers count, every
// item has three, and nobody meets an error.
func TestCrowd(t *testing.T) {
	people, count := 50, 200
	if testing.Short() {
		people, count = 12, 20
	}
	s := newTestSite(t)
	p := db.DefaultProject("crowd")
	p.Overlap = 3
	p = must(s.st.CreateProject(t.Context(), p))
	items := make([]db.NewItem, count+10)
	for i := range items {
		items[i] = db.NewItem{Prompt: []db.Message{{Role: "user", Content: fmt.Sprint("Prompt ", i)}},
			Completions: []db.NewCompletion{{Text: "one"}, {Text: "two"}, {Text: "three"}}}
		if i >= count {
			items[i].Purpose, items[i].Solution = db.ForGold, `{"ranks":[1,2,3]}`
		}
	}
	must(s.st.AddItems(t.Context(), p.ID, 0, "crowd", items))
	q := db.DefaultQueue(p.ID)
	q.GoldShare, q.RepeatShare, q.RepeatAfter = .05, .05, 5
	s.try(s.st.SetQueue(t.Context(), 0, q))
	var wg sync.WaitGroup
	for i := range people {
		u := s.addUser(fmt.Sprint("labeler", i), db.RoleLabeler)
		must(s.st.Join(t.Context(), p.ID, u.ID))
		wg.Go(func() { rankThroughPages(t, s, s.signedInAs(u), p.ID, i) })
	}
	wg.Wait()
	state := must(s.st.Queue(t.Context(), p.ID))
	if state.Answered != int64(3*count) || state.Finished != int64(count) || state.Open != 0 {
		t.Errorf("queue %+v, want %d answers", state, 3*count)
	}
	if silent := must(s.st.QueueState(t.Context(), p.ID)).Silent; silent[db.ForGold].Answers == 0 {
		t.Errorf("silent %+v", silent)
	}
}

// rankThroughPages follows the redirects from task to task as a browser does. Every second person skips
// their third task; at their fourth, two go away until the leases of all ran out, and whoever finds a task
// given away meanwhile (409) asks for the next.
func rankThroughPages(t *testing.T, s *testSite, b *browser, project int64, person int) {
	next := func() string {
		return b.post("/tasks/next", url.Values{"project": {fmt.Sprint(project)}}).Header().Get("Location")
	}
	at := next()
	for n := 1; at != "/tasks"; n++ {
		page := b.get(at)
		if n == 4 && person%25 == 10 {
			s.st.Clock.Advance(61 * time.Minute)
		}
		form, send := url.Values{"reason": {"unclear"}}, at
		if n == 3 && person%2 == 0 {
			send += "/skip"
		}
		for _, m := range rankField.FindAllStringSubmatch(page.Body.String(), -1) {
			form.Set(m[1], fmt.Sprint(1+len(form)%3))
		}
		res := page
		if page.Code == http.StatusOK {
			res = b.post(send, form)
		}
		switch at = res.Header().Get("Location"); {
		case res.Code == http.StatusConflict || at == "/tasks": // perhaps another place came free
			at = next()
		case res.Code != http.StatusSeeOther:
			t.Errorf("status %d at %s", res.Code, send)
			return
		}
	}
}
