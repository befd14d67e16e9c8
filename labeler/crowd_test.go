package labeler

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"testing"

	"agora/db"
)

// rankField finds the names of a task form's rank fields.
var rankField = regexp.MustCompile(`name="(rank[^"]*)"`)

// TestCrowd lets a dozen people rank through the pages at once: every place is
// filled exactly once, and nobody meets an error.
func TestCrowd(t *testing.T) {
	s := newTestSite(t)
	p := db.DefaultProject("crowd")
	p.Overlap = 3
	p = must(s.st.CreateProject(t.Context(), p))
	items := make([]db.NewItem, 20)
	for i := range items {
		items[i] = db.NewItem{Prompt: []db.Message{{Role: "user", Content: fmt.Sprint("Prompt ", i)}},
			Completions: []db.NewCompletion{{Text: "one"}, {Text: "two"}, {Text: "three"}}}
	}
	must(s.st.AddItems(t.Context(), p.ID, 0, "crowd", items))
	var wg sync.WaitGroup
	for i := range 12 {
		u := s.addUser(fmt.Sprint("labeler", i), db.RoleLabeler)
		must(s.st.Join(t.Context(), p.ID, u.ID))
		wg.Go(func() { rankThroughPages(t, s.signedInAs(u), p.ID) })
	}
	wg.Wait()
	q := must(s.st.Queue(t.Context(), p.ID))
	if q.Answered != 60 || q.Finished != 20 || q.Open != 0 {
		t.Errorf("queue %+v, want 60 answers", q)
	}
}

// rankThroughPages follows the redirects from task to task as a browser does.
func rankThroughPages(t *testing.T, b *browser, project int64) {
	res := b.post("/tasks/next", url.Values{"project": {fmt.Sprint(project)}})
	for res.Header().Get("Location") != "/tasks" {
		at := res.Header().Get("Location")
		page := b.get(at)
		if res.Code != http.StatusSeeOther || page.Code != http.StatusOK {
			t.Errorf("statuses %d and %d at %s", res.Code, page.Code, at)
			return
		}
		form := url.Values{}
		for _, m := range rankField.FindAllStringSubmatch(page.Body.String(), -1) {
			form.Set(m[1], fmt.Sprint(1+len(form)%3))
		}
		res = b.post(at, form)
	}
}
