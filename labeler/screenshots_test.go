//go:build slow

package labeler

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestScreenshots draws every page at five widths, in both themes, both directions and all languages, and finds those
// that scroll sideways. The pictures stay in the folder $AGORA_SCREENSHOTS, to be looked at; with
// $AGORA_PAGES only those whose names it matches:
//
//	AGORA_SCREENSHOTS=DIR AGORA_PAGES='^rank$|^pair$' go test -tags slow -run Screenshots ./labeler
func TestScreenshots(t *testing.T) {
	dir := cmp.Or(os.Getenv("AGORA_SCREENSHOTS"), t.TempDir())
	wanted := regexp.MustCompile(os.Getenv("AGORA_PAGES"))
	s, pages := gallery(t)
	for _, look := range []struct {
		name, theme, language string
		width                 int64
	}{
		{"1280-light", "light", "en", 1280}, {"820-light", "light", "en", 820}, {"390-light", "light", "en", 390},
		{"1280-dark", "dark", "en", 1280}, {"820-dark", "dark", "en", 820}, {"390-dark", "dark", "en", 390},
		{"390-rtl", "light", "ar-XB", 390}, {"1280-rtl", "light", "ar-XB", 1280}, {"320-light", "light", "en", 320}, {"3840-dark", "dark", "en", 3840},
		{"1280-es", "light", "es", 1280}, {"390-zh", "light", "zh", 390}, {"820-ar", "dark", "ar", 820},
	} {
		b := s.openTab(t)
		b.setCookie(languageCookie, look.language)
		for _, p := range pages {
			if !wanted.MatchString(p.name) {
				continue
			}
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
			png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, p.name+"-"+look.name+".png"), png, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
