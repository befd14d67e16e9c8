package labeler

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tabTo presses Tab until the focus is on what a selector names. Nothing else is touched.
func (b *tab) tabTo(selector string) {
	b.t.Helper()
	for range 120 {
		if js[bool](b, `document.activeElement !== null && document.activeElement.matches(`+quoted(selector)+`)`) {
			return
		}
		b.press(kb.Tab)
	}
	b.t.Fatalf("Tab does not reach %s at %s", selector, b.path())
}

func pressEnter() chromedp.Action[chromedp.Void] { return chromedp.KeyEvent(kb.Enter) }

func quoted(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }

// walk takes a newcomer from the link to the trial tasks; press activates what has the focus.
func (b *tab) walk(activate func(selector string)) {
	b.t.Helper()
	activate(`button[value="agree"]`)
	b.wantText("h1", "About you")
	activate(`form[action$="/survey/skip"] button`)
	b.wantText("h1", "guidelines")
	activate(`form[action$="/guidelines"] button`)
	b.wantText("h1", "Practice")
	activate(`form[action="/tasks/next"] button`)
	b.wantText("h1", "Rank four completions")
}

// TestNewcomerByKeyboard joins with nothing but Tab, Space, Enter and digits.
func TestNewcomerByKeyboard(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p, _ := s.joinable()
	b := s.openTab(t)
	b.open(s.inviteTo(p, nil))
	for selector, text := range map[string]string{"#name": "ana", "#password": testPassword, "#again": testPassword} {
		b.tabTo(selector)
		b.press(strings.Split(text, "")...)
	}
	enter := func(selector string) {
		b.t.Helper()
		b.tabTo(selector)
		b.leave(pressEnter())
	}
	enter("main form button.primary")
	b.wantText("h1", "Languages and topics")
	b.tabTo(`input[name="languages"][value="en"]`)
	b.press(" ")
	enter(`form[action$="/profile"] button`)
	b.wantText("h1", "Consent")
	b.walk(enter)
	b.press("1", "2", "3", "4")
	b.leave(ctrlEnter())
	b.wantText("h1", "How the researchers answered")
	if !js[bool](b, `document.activeElement.matches("main a.btn.primary")`) {
		t.Error("the way on does not have the focus")
	}
	b.leave(pressEnter())
	b.wantText("h1", "Trial tasks")
}

// TestNewcomerWithoutJavaScript joins with scripts switched off.
func TestNewcomerWithoutJavaScript(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p, _ := s.joinable()
	b := s.openTab(t)
	b.noScripts()
	join(b, s.url+s.inviteTo(p, nil), "ana")
	b.wantText("h1", "Languages and topics")
	send := func(selector string) { b.t.Helper(); b.leave(click(selector)) }
	send(`form[action$="/profile"] button`)
	b.wantText("h1", "Consent")
	b.walk(send)
	for i, rank := range []string{"1", "2", "3", "4"} {
		b.do(click(pickNth(i, rank)))
	}
	send("button.primary")
	b.wantText("h1", "How the researchers answered")
	b.wantText("main", "A candle has nothing to do with them.")
	send("main a.btn.primary")
	b.wantText("h1", "Trial tasks")
	b.open("/account/data")
	b.wantText("main", "agreed to c1")
}
