package labeler

import (
	"fmt"
	"testing"

	"agora/db"

	"github.com/chromedp/chromedp"
)

// TestPagerInPlace turns a page of a list without loading the document anew, and goes back by the
// browser's own button.
func TestPagerInPlace(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	var items []db.NewItem
	for i := range 60 {
		items = append(items, shortItem(fmt.Sprint("p", i), fmt.Sprintf("Question %d?", i), "a", "b"))
	}
	p := s.addProject("everyday", "Everyday help", db.KindPairwise, 2, items...)
	b := s.openTab(t)
	b.signInAs(s.as(db.RoleResearcher))
	b.open(projectPath(p) + "/items")
	js[bool](b, `(window.sameDocument = true)`)
	b.eventually("nav.pager", "1 to 50 of 60")
	b.do(click(`nav.pager a[rel=next]`))
	b.eventually("nav.pager", "51 to 60 of 60")
	if !js[bool](b, `window.sameDocument === true`) {
		t.Error("the document was loaded anew")
	}
	if got := b.path(); got == projectPath(p)+"/items" {
		t.Error("the address must name the second page")
	}
	b.do(chromedp.NavigateBack())
	b.eventually("nav.pager", "1 to 50 of 60")
}
