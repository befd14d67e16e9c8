package labeler

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"agora/db"
	"agora/reward/prefs"
)

// manyAnswers is a project of so many answers: fifty people, three of them on each pair of texts.
func manyAnswers(b *testing.B, s *testSite, n int) db.Project {
	b.Helper()
	rng := rand.New(rand.NewPCG(50, 1))
	var lines strings.Builder
	for i := range n {
		item, first := i/3, 1
		if rng.Float64() < .3 {
			first = 2
		}
		fmt.Fprintf(&lines, `{"schema":"ranked/1","prompt_id":"p%d","prompt":"q%d","completions":[{"id":"c1","text":"a%d","policy":"ppo"},{"id":"c2","text":"b%d","policy":"sft"}],"ranks":[%d,%d],"shown_order":["c1","c2"],"worker":"w%d","groups":{"region":"%s"},"active_ms":%d}`+"\n",
			item, item, item, item, first, 3-first, (item*3+i)%50, []string{"north", "south"}[i%2], 10000+rng.IntN(40000))
	}
	p := s.addProject("many", "Many", db.KindRank, 2)
	in := ImportFile{Project: p.ID, Name: "many.jsonl", Data: strings.NewReader(lines.String()), Format: prefs.FormatRanked}
	if _, err := importRecords(context.Background(), s.st.Store, in); err != nil {
		b.Fatal(err)
	}
	return p
}

// BenchmarkQuality50k is the quality page of 50 000 answers: computed once, then from memory.
func BenchmarkQuality50k(b *testing.B) {
	s := newTestSite(b)
	p := manyAnswers(b, s, 50_000)
	rosa := s.signedInAs(s.addUser("rosa", db.RoleReviewer))
	for _, page := range []string{"/quality", "/disagreement", "/leaderboard"} {
		began := time.Now()
		first := rosa.get(projectPath(p) + page)
		answered := time.Since(began)
		for strings.Contains(rosa.get(projectPath(p)+page).Body.String(), "data-events") {
			time.Sleep(50 * time.Millisecond)
		}
		computed := time.Since(began)
		b.Run(page[1:], func(b *testing.B) {
			for b.Loop() {
				if res := rosa.get(projectPath(p) + page); res.Code != 200 {
					b.Fatal(res.Code)
				}
			}
			b.ReportMetric(answered.Seconds(), "s/first")
			b.ReportMetric(computed.Seconds(), "s/computed")
			b.ReportMetric(float64(first.Body.Len()), "B/first")
		})
	}
}
