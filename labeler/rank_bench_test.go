package labeler

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"agora/db"
)

// BenchmarkNextTask is the time from a submitted ranking to the bytes of the next task's page: two
// requests over loopback, on a real database file.
func BenchmarkNextTask(b *testing.B) {
	s := newTestSite(b)
	var items []db.NewItem
	for i := range b.N + 1 {
		it := sourdough
		it.PromptID = fmt.Sprint("sourdough", i)
		items = append(items, it)
	}
	p := s.addProject("everyday", "Everyday help", db.KindRank, 4, items...)
	lena := s.join(p, "lena")
	br := s.signedInAs(lena)
	path := s.taskOf(p, lena)
	var times []time.Duration
	b.ResetTimer()
	for range b.N {
		page := br.get(path).Body.String()
		form := rankAll(page)
		start := time.Now()
		res := br.post(path, form)
		if res.Code != http.StatusSeeOther {
			b.Fatalf("status %d", res.Code)
		}
		path = res.Header().Get("Location")
		br.get(path)
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms/next(median)")
	b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "ms/next(p95)")
}
