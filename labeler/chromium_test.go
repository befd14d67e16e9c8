package labeler

import (
	"context"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// chromiumTime bounds one test in the browser, also on a machine that is busy with a training.
const chromiumTime = 5 * time.Minute

// liveSite serves the real site on a real port.
type liveSite struct {
	*testSite
	url string
}

func newLiveSite(t testing.TB) *liveSite {
	t.Helper()
	s := newTestSite(t)
	s.schema = testSchema
	srv := httptest.NewUnstartedServer(s.Handler())
	s.Server.public.URL = "http://" + srv.Listener.Addr().String()
	srv.Start()
	t.Cleanup(srv.Close)
	return &liveSite{s, srv.URL}
}

// tab is one browser with one tab: its cookies are its own.
type tab struct {
	t   testing.TB
	ctx context.Context
	url string
}

// findChromium skips the test where there is no browser.
func findChromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no browser: install it with `apt-get install chromium`")
	return ""
}

// openTab starts a headless browser. An error in a page's script fails the test.
func (s *liveSite) openTab(t testing.TB) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(findChromium(t)), chromedp.Headless,
		chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.DisableGPU, chromedp.Flag("disable-dev-shm-usage", true), chromedp.WindowSize(1280, 900))
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &tab{t, ctx, s.url}
	b.open("/healthz") // starts the browser, with a context that does not end early
	if err := chromedp.Listen(ctx, func(ev any) {
		if e, ok := ev.(*runtime.EventExceptionThrown); ok {
			t.Errorf("script: %s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
		}
	}); err != nil {
		t.Fatal(err)
	}
	b.ctx, cancel = context.WithTimeout(ctx, chromiumTime)
	t.Cleanup(cancel)
	return b
}

// signInAs gives the tab somebody's session.
func (b *tab) signInAs(br *browser) {
	b.t.Helper()
	b.setCookie(br.cookies[0].Name, br.cookies[0].Value)
}

func (b *tab) setCookie(name, value string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: b.url})
		return err
	}))
}

// noScripts switches JavaScript off for the pages that follow.
func (b *tab) noScripts() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) open(path string) {
	b.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.url + path
	}
	b.do(chromedp.Navigate(path))
}

// leave does something that sends a form or follows a link, and waits for the page it leads to.
func (b *tab) leave(step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if _, err := chromedp.RunResponse(b.ctx, step); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) fill(selector, value string) {
	b.t.Helper()
	b.do(chromedp.Clear(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), value))
}

func click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector))
}

// press types keys at whatever has the focus.
func (b *tab) press(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.do(chromedp.KeyEvent(k))
	}
}

// ctrlEnter is the key combination that submits.
func ctrlEnter() chromedp.Action[chromedp.Void] {
	return chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl))
}

// text is an element's text without the spaces around it.
func (b *tab) text(selector string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.TextContent(chromedp.CSS(selector)))
	if err != nil {
		b.t.Fatalf("%s: %v", selector, err)
	}
	return strings.Join(strings.Fields(s), " ")
}

func (b *tab) path() string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimPrefix(s, b.url)
}

// js evaluates an expression in the page.
func js[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// eventually waits until an element's text contains something. It asks the page in one go, since
// a live page replaces elements.
func (b *tab) eventually(selector, want string) {
	b.t.Helper()
	got := ""
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		got = js[string](b, `(document.querySelector(`+strconv.Quote(selector)+`)?.textContent ?? "nothing").replace(/\s+/g, " ")`)
		if strings.Contains(got, want) {
			return
		}
	}
	b.t.Fatalf("%s says %q, want %q", selector, got, want)
}

// wantText fails unless an element's text contains something.
func (b *tab) wantText(selector, want string) {
	b.t.Helper()
	if got := b.text(selector); !strings.Contains(got, want) {
		b.t.Errorf("%s says %q, want %q", selector, got, want)
	}
}
