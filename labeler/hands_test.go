package labeler

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"agora/db"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// middle is the middle of an element in the window.
func (b *tab) middle(selector string) (x, y float64) {
	b.t.Helper()
	at := js[[]float64](b, fmt.Sprintf(`(() => { const r = document.querySelector(%q).getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, selector))
	return at[0], at[1]
}

func chipOf(letter string) string { return `#order .chip[data-letter="` + letter + `"]` }

// drag moves one letter of the order onto another by mouse, or dx pixels beside it.
func (b *tab) drag(letter, onto string, dx float64) {
	b.t.Helper()
	mouse := func(kind input.DispatchMouseEventType, x, y float64) {
		b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: kind, X: x, Y: y, Button: input.MouseButtonLeft, Buttons: 1, ClickCount: 1})
			return err
		}))
	}
	x, y := b.middle(chipOf(letter))
	toX, toY := b.middle(chipOf(onto))
	mouse(input.DispatchMouseEventTypeMousePressed, x, y)
	mouse(input.DispatchMouseEventTypeMouseMoved, (x+toX)/2, y)
	mouse(input.DispatchMouseEventTypeMouseMoved, toX+dx, toY)
	mouse(input.DispatchMouseEventTypeMouseReleased, toX+dx, toY)
}

// dragByFinger does the same by touch.
func (b *tab) dragByFinger(letter, onto string, dx float64) {
	b.t.Helper()
	touch := func(kind input.DispatchTouchEventType, at ...*input.TouchPoint) {
		b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: at})
			return err
		}))
	}
	x, y := b.middle(chipOf(letter))
	toX, toY := b.middle(chipOf(onto))
	touch(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: x, Y: y})
	touch(input.DispatchTouchEventTypeTouchMove, &input.TouchPoint{X: (x + toX) / 2, Y: y})
	touch(input.DispatchTouchEventTypeTouchMove, &input.TouchPoint{X: toX + dx, Y: toY})
	touch(input.DispatchTouchEventTypeTouchEnd)
}

// TestDragging moves letters of the order by mouse and by finger, and does the same by single clicks, which whoever
// cannot drag needs (WCAG 2.2, 2.5.7).
func TestDragging(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough)
	lena := s.join(p, "lena")
	b := s.openTab(t)
	b.signInAs(s.signedInAs(lena))
	b.open(s.taskOf(p, lena))

	b.drag("C", "A", 0) // nothing is ranked yet: the first one dropped is first
	b.wantText("#order", "C")
	b.drag("A", "C", 14)
	b.wantText("#order", "C > A")
	b.drag("B", "C", -14)
	b.wantText("#order", "B > C > A")
	b.drag("D", "C", 0)
	b.wantText("#order", "B > C = D > A")
	b.dragByFinger("A", "B", 0)
	b.wantText("#order", "A = B > C = D")
	b.press("u")
	b.wantText("#order", "B > C = D > A")
	b.eventually("#draft-state", "Draft saved")

	// The same order by clicks alone.
	b.open("/tasks")
	b.leave(click("main form button"))
	for i, rank := range []string{"4", "1", "2", "2"} {
		b.do(click(pickNth(i, rank)))
	}
	b.wantText("#order", "B > C = D > A")

	// Each letter is large enough to be hit (2.5.8).
	if small := js[string](b, `[...document.querySelectorAll("#order .chip")].map(c => c.getBoundingClientRect()).filter(r => r.width < 24 || r.height < 24).map(r => r.width + "x" + r.height).join()`); small != "" {
		t.Errorf("letters of %s pixels", small)
	}
}

// TestOneKeyOneStep: no key does two steps, and Alt with an arrow moves a completion by one rank.
func TestOneKeyOneStep(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough)
	lena := s.join(p, "lena")
	b := s.openTab(t)
	b.signInAs(s.signedInAs(lena))
	b.open(s.taskOf(p, lena))
	at := func(want string) {
		t.Helper()
		if got := js[string](b, `document.activeElement.id`); got != want {
			t.Errorf("at %q, want %q", got, want)
		}
	}
	b.press(kb.ArrowDown)
	at("text-B")
	b.press(kb.ArrowDown)
	at("text-C")
	b.press(kb.ArrowUp)
	at("text-B")
	b.press("2")
	at("text-C")
	b.wantText("#order", "B")
	alt := func(key string) {
		b.do(chromedp.KeyEvent(key, chromedp.KeyModifiers(chromedp.ModifierAlt)))
	}
	b.press(kb.ArrowUp)
	alt(kb.ArrowDown)
	place := func() string { return b.text("#text-B .place") }
	if got := place(); got != "Rank 3" {
		t.Errorf("after Alt+↓: %s", got)
	}
	alt(kb.ArrowUp)
	alt(kb.ArrowUp)
	alt(kb.ArrowUp) // is first already
	if got := place(); got != "Rank 1" {
		t.Errorf("after three times Alt+↑: %s", got)
	}
	b.press("u")
	if got := place(); got != "Rank 2" {
		t.Errorf("one undo takes back one step: %s", got)
	}
	b.eventually("#draft-state", "Draft saved")
}

// TestDifferences opens the differences by key and changes the pair, then does the same without scripts.
func TestDifferences(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough)
	lena := s.join(p, "lena")
	b := s.openTab(t)
	b.signInAs(s.signedInAs(lena))
	task := s.taskOf(p, lena)
	b.open(task)
	b.press("1", "d")
	b.eventually("#difference h2", "Differences between two completions")
	b.wantText("#difference", "Completion B")
	b.wantText("#difference", "Completion C")
	noPolicies(t, b)
	b.do(chromedp.SetValue(chromedp.CSS(`#difference select[name=b]`), js[string](b, `document.querySelectorAll("#difference select[name=b] option")[3].value`)))
	js[bool](b, `document.querySelector("#difference select[name=b]").dispatchEvent(new Event("change", {bubbles: true}))`)
	b.eventually("#difference .texts", "Completion D")
	b.press("3") // ranks nothing behind the dialog
	b.press(kb.Escape)
	b.wantText("#order", "A")
	if got := b.text("#text-B .place"); got != "Not ranked yet" {
		t.Errorf("a digit in the dialog must not rank: %s", got)
	}

	b.noScripts()
	b.open(task)
	page := s.signedInAs(lena).get(task + "/difference").Body.String()
	for _, want := range []string{"<del>", "<ins>", "of all words are in both", `<select name="a">`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page without scripts lacks %s", want)
		}
	}
	if strings.Contains(page, "policy-") {
		t.Error("the differences must not name a policy")
	}
	if res := s.as(db.RoleResearcher).get(task + "/difference"); res.Code != http.StatusNotFound {
		t.Errorf("somebody else's task: status %d", res.Code)
	}
}

// smallTargets finds what is pressable on a page and under 24 by 24 pixels (WCAG 2.2, 2.5.8). Links
// within sentences and tables are exempt, as are native ticks whose label is the target. TestAxe looks
// at every page with it.
const smallTargets = `[...document.querySelectorAll("button, summary, select, input:not([type=hidden]), textarea, nav a, a.btn, .row > a")]
	.filter(e => e.getClientRects().length && !e.closest("label, td, svg"))
	.filter(e => { const r = e.getBoundingClientRect(); return r.height < 24 || r.width < 24; })
	.map(e => e.outerHTML.slice(0, 90)).join("\n")`
