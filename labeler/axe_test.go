package labeler

import (
	"os"
	"regexp"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestAxe runs axe-core over every page, in both themes and with everything unfolded, when
// $AGORA_AXE names its script (from the npm package axe-core); with $AGORA_PAGES only over those whose
// names it matches.
func TestAxe(t *testing.T) {
	script, err := os.ReadFile(os.Getenv("AGORA_AXE"))
	if err != nil {
		t.Skip("set AGORA_AXE to axe.min.js of `npm pack axe-core` to check every page")
	}
	wanted := regexp.MustCompile(os.Getenv("AGORA_PAGES"))
	s, pages := gallery(t)
	b := s.openTab(t)
	for _, theme := range []string{"light", "dark"} {
		for _, p := range pages {
			if !wanted.MatchString(p.name) {
				continue
			}
			if p.as != nil {
				b.signInAs(p.as)
			}
			b.do(chromedp.EmulateViewport(1280, 900), emulateTheme(theme))
			b.open(p.path)
			js[bool](b, string(script)+`; for (const d of document.querySelectorAll("details:not(.skipper)")) d.open = true; true`)
			found := js[string](b, `axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
				.then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.target + " " + n.failureSummary.replace(/\s+/g, " "))).join("\n"))`)
			if small := js[string](b, smallTargets); small != "" {
				t.Errorf("%s: too small to hit:\n%s", p.name, small)
			}
			if found != "" {
				t.Errorf("%s in %s:\n%s", p.name, theme, found)
			}
		}
	}
}
