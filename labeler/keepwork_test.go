package labeler

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"agora/db"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// signOut ends the session that a browser holds, as its expiry does.
func (s *testSite) signOut(u db.User) {
	s.t.Helper()
	if err := s.st.SetPassword(context.Background(), u.ID, testHash); err != nil {
		s.t.Fatal(err)
	}
}

// TestSessionEndsWhileRanking: the page stays, says so, and takes up again once the person has signed in
// in another tab; what is sent signed out can be sent again.
func TestSessionEndsWhileRanking(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough, beekeeper)
	lena := s.join(p, "lena")
	b := s.openTab(t)
	b.signInAs(s.signedInAs(lena))
	b.open(s.taskOf(p, lena))
	b.press("1", "2")
	b.eventually("#draft-state", "Draft saved")
	s.signOut(lena)
	b.press("3")
	b.eventually("#draft-state", "you are signed out. Sign in in another tab")
	b.wantText("#order", "A > B > C")

	b.signInAs(s.signedInAs(must(s.st.User(context.Background(), lena.ID)))) // in another tab
	js[bool](b, `dispatchEvent(new Event("focus"))`)
	b.eventually("#draft-state", "Draft saved")

	// Somebody else in the same browser must not take the draft over.
	b.signInAs(s.signedInAs(s.join(p, "ana")))
	b.press("4")
	b.eventually("#draft-state", "somebody else is signed in here now")

	// Sent while signed out: the page after it holds the answer and sends it again.
	s.signOut(lena)
	b.signOut()
	b.leave(ctrlEnter())
	b.wantText("main", "Please sign in")
	b.wantText("main", "What you sent is kept on this page.")
	b.signInAs(s.signedInAs(must(s.st.User(context.Background(), lena.ID))))
	b.leave(click("main form button"))
	b.wantText("h1", "Rank four completions")
	if got := shownOutcome(answersOf(s, 1)[0]); got != "1234" {
		t.Errorf("the answer sent again is %s in the order shown", got)
	}
}

// signOut drops the tab's cookies.
func (b *tab) signOut() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.ClearBrowserCookies, cdp.Empty{})
		return err
	}))
}

// TestLeaseEndsWhileRanking: somebody else gets the task, and the draft stays.
func TestLeaseEndsWhileRanking(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough)
	lena, ana := s.join(p, "lena"), s.join(p, "ana")
	b := s.openTab(t)
	b.signInAs(s.signedInAs(lena))
	b.open(s.taskOf(p, lena))
	b.press("1", "2")
	b.eventually("#draft-state", "Draft saved")
	s.st.Clock.Advance(3 * time.Hour)
	s.taskOf(p, ana) // takes the place
	b.press("3")
	b.eventually("#draft-state", "Your reservation ran out. Your draft is kept.")
	b.press("4")
	b.leave(ctrlEnter())
	b.wantText("main", "Given to somebody else")
	b.wantText("main", "Your work is kept as a draft")
}

// TestNoConnection: the draft says that it is not saved, and is as soon as the network is back.
func TestNoConnection(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough)
	lena := s.join(p, "lena")
	b := s.openTab(t)
	b.signInAs(s.signedInAs(lena))
	b.open(s.taskOf(p, lena))
	js[bool](b, `window.realFetch = fetch; window.fetch = () => Promise.reject(new TypeError("offline")); true`)
	b.press("1")
	b.wantText("#draft-state", "Not saved yet")
	b.eventually("#draft-state", "no connection")
	js[bool](b, `window.fetch = realFetch; dispatchEvent(new Event("online"))`)
	b.eventually("#draft-state", "Draft saved")
}

// TestResend sends nothing back that should not be: no passwords, nothing of refused or good requests.
func TestResend(t *testing.T) {
	s := newTestSite(t)
	p := s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough)
	path := s.taskOf(p, s.join(p, "lena"))
	cases := []struct {
		name, path string
		form       url.Values
		kept       bool
	}{
		{"an answer", path, url.Values{"note": {`<script>"x"`}, "rank_A": {"1"}}, true},
		{"a choice of many", "/projects/1/settings", url.Values{"c": {"1", "2"}}, true},
		{"a password", "/projects/1/settings", url.Values{"password": {"secret words"}}, false},
		{"nothing", path, url.Values{}, false},
	}
	for _, c := range cases {
		res := s.visitor().post(c.path, c.form)
		page := res.Body.String()
		if res.Code != http.StatusUnauthorized {
			t.Errorf("%s: status %d", c.name, res.Code)
		}
		if kept := strings.Contains(page, "Send it again"); kept != c.kept {
			t.Errorf("%s: kept %v, want %v", c.name, kept, c.kept)
		}
		if strings.Contains(page, "secret words") || strings.Contains(page, "<script>\"") {
			t.Errorf("%s: shows what it must not: %s", c.name, page)
		}
		for _, values := range c.form {
			if c.kept && strings.Count(page, `type="hidden"`) < len(values) {
				t.Errorf("%s: lost a value", c.name)
			}
		}
	}
}
