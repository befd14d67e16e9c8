//go:build slow

package labeler

import (
	"cmp"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestScreenshots draws every page at four widths and in both themes, and finds those that scroll
// sideways. The pictures stay in the folder $AGORA_SCREENSHOTS, to be looked at:
//
//	AGORA_SCREENSHOTS=DIR go test -tags slow -run Screenshots ./labeler
func TestScreenshots(t *testing.T) {
	dir := cmp.Or(os.Getenv("AGORA_SCREENSHOTS"), t.TempDir())
	s, pages := gallery(t)
	for _, look := range []struct {
		name, theme string
		width       int64
	}{{"1280-light", "light", 1280}, {"390-dark", "dark", 390}, {"320-light", "light", 320}, {"3840-dark", "dark", 3840}} {
		b := s.openTab(t)
		for _, p := range pages {
			if p.as != nil {
				b.signInAs(p.as)
			}
			b.do(chromedp.EmulateViewport(look.width, 900), emulateTheme(look.theme))
			b.open(p.path)
			if wide := js[bool](b, `document.documentElement.scrollWidth > innerWidth`); wide {
				t.Errorf("%s at %s scrolls sideways", p.name, look.name)
			}
			height := js[int64](b, `document.documentElement.scrollHeight`)
			b.do(chromedp.EmulateViewport(look.width, height)) // the bar at the bottom, as after scrolling there
			png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, p.name+"-"+look.name+".png"), png, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
