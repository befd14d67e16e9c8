package labeler

import (
	"fmt"
	"slices"
	"testing"

	"agora/db"
)

// BenchmarkPaint measures in a browser, over loopback, what a labeler waits for: the first paint of a
// page after it was asked for, and the first paint of the next task after Ctrl+Enter on the one before.
// It wants under 100 and under 150 ms on an idle machine:
//
//	go test -run - -bench Paint -benchtime 20x ./labeler
func BenchmarkPaint(b *testing.B) {
	s := newLiveSite(b)
	var items []db.NewItem
	for i := range b.N + 2 {
		it := sourdough
		it.PromptID = fmt.Sprint("sourdough", i)
		items = append(items, it)
	}
	p := s.addProject("everyday", "Everyday help", db.KindRank, 4, items...)
	lena := s.join(p, "lena")
	br := s.openTab(b)
	br.signInAs(s.signedInAs(lena))
	br.open(s.taskOf(p, lena)) // the stylesheet and the scripts are in the browser's cache from here on
	var first, next []float64
	for range b.N {
		br.open(s.taskOf(p, lena))
		first = append(first, js[float64](br, firstPaint))
		br.press("1", "2", "3", "4")
		js[bool](br, `addEventListener("keydown", (e) => { if (e.key === "Enter") sessionStorage.sent = performance.timeOrigin + performance.now(); }, true); true`)
		br.leave(ctrlEnter())
		next = append(next, js[float64](br, `performance.timeOrigin - Number(sessionStorage.sent)`)+js[float64](br, firstPaint))
	}
	report(b, "ms/first-paint", first)
	report(b, "ms/next-task", next)
}

// firstPaint is when the page's content was painted, in milliseconds after it was asked for. It waits
// for the browser to say so.
const firstPaint = `new Promise((done) => new PerformanceObserver((list, o) => {
	for (const e of list.getEntries()) if (e.name === "first-contentful-paint") { o.disconnect(); done(e.startTime); }
}).observe({type: "paint", buffered: true}))`

func report(b *testing.B, unit string, times []float64) {
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2], unit+"(median)")
	b.ReportMetric(times[len(times)*95/100], unit+"(p95)")
}
