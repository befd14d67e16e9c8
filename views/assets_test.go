package views

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestAssets(t *testing.T) {
	cases := []struct {
		name, method, path, encoding string
		status                       int
	}{
		{"stylesheet", "GET", AssetPath("agora.css"), "", 200},
		{"compressed", "GET", AssetPath("task.js"), "gzip, br", 200},
		{"head", "HEAD", AssetPath("page.js"), "", 200},
		{"no hash", "GET", "/static/agora.css", "", 404},
		{"another hash", "GET", "/static/agora.000000000000.css", "", 404},
		{"climbing out", "GET", "/static/../assets.go", "", 404},
		{"writing", "POST", AssetPath("agora.css"), "", 404},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			req := httptest.NewRequest(c.method, c.path, nil)
			req.Header.Set("Accept-Encoding", c.encoding)
			res := httptest.NewRecorder()
			StaticHandler().ServeHTTP(res, req)
			if res.Code != c.status {
				t.Fatalf("status %d, want %d", res.Code, c.status)
			}
			if c.status != 200 {
				return
			}
			if cc := res.Header().Get("Cache-Control"); !strings.Contains(cc, "immutable") {
				t.Errorf("Cache-Control %q", cc)
			}
			if gz := res.Header().Get("Content-Encoding") == "gzip"; gz != strings.Contains(c.encoding, "gzip") {
				t.Errorf("compressed: %v", gz)
			}
		})
	}
}

// The stylesheet loads nothing from elsewhere, and the whole of it stays small.
func TestStylesheet(t *testing.T) {
	res := httptest.NewRecorder()
	StaticHandler().ServeHTTP(res, httptest.NewRequest(http.MethodGet, AssetPath("agora.css"), nil))
	css := res.Body.String()
	if m := regexp.MustCompile(`url\(|@import|https?:`).FindString(css); m != "" {
		t.Errorf("stylesheet reaches outside: %s", m)
	}
	for _, want := range []string{"prefers-color-scheme: dark", "prefers-reduced-motion", "scroll-padding", "forced-colors"} {
		if !strings.Contains(css, want) {
			t.Errorf("stylesheet lacks %s", want)
		}
	}
}

// The libraries are the files of the versions that static/vendor/README.md names, and their licences
// lie beside them.
func TestVendoredLibraries(t *testing.T) {
	readme, err := staticFiles.ReadFile("static/vendor/README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, _ := fs.Glob(staticFiles, "static/vendor/*.js")
	if len(files) == 0 {
		t.Fatal("no library")
	}
	for _, f := range files {
		body, err := staticFiles.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		row := "| " + path.Base(f) + " |"
		i := strings.Index(string(readme), row)
		if i < 0 {
			t.Errorf("the README has no row for %s", f)
			continue
		}
		line, _, _ := strings.Cut(string(readme[i:]), "\n")
		if sum := sha256.Sum256(body); !strings.Contains(line, hex.EncodeToString(sum[:])) {
			t.Errorf("%s is not the file that the README names: %x", f, sum)
		}
		if _, err := staticFiles.ReadFile(strings.Replace(f, ".min.js", ".LICENSE", 1)); err != nil {
			t.Error(err)
		}
	}
}

// tokens reads the colours of a theme from the stylesheets: later ones replace earlier ones.
func tokens(t *testing.T, dark bool) map[string]string {
	t.Helper()
	files, _ := fs.Glob(staticFiles, "static/css/*.css")
	colours := map[string]string{}
	block := regexp.MustCompile(`(?s)(:root, \[data-theme="light"\]|\[data-theme="dark"\]) \{(.*?)\}`)
	colour := regexp.MustCompile(`--([a-z0-9-]+):\s*(#[0-9a-f]{6})`)
	for _, f := range files {
		css, err := staticFiles.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range block.FindAllStringSubmatch(string(css), -1) {
			if strings.Contains(b[1], "dark") && !dark {
				continue
			}
			for _, c := range colour.FindAllStringSubmatch(b[2], -1) {
				colours[c[1]] = c[2]
			}
		}
	}
	return colours
}

// contrast is the ratio of two colours' luminances as WCAG 2.2 defines it, 1 to 21.
func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + .05) / (min(la, lb) + .05)
}

func luminance(colour string) float64 {
	n, _ := strconv.ParseUint(colour[1:], 16, 32)
	linear := func(shift int) float64 {
		c := float64(n>>shift&255) / 255
		if c <= .04045 {
			return c / 12.92
		}
		return math.Pow((c+.055)/1.055, 2.4)
	}
	return .2126*linear(16) + .7152*linear(8) + .0722*linear(0)
}

// Text has 4.5:1 on what it stands on (WCAG 2.2, 1.4.3), control edges have 3:1 (1.4.11).
func TestContrast(t *testing.T) {
	pairs := []struct {
		grounds, inks string
		least         float64
	}{
		{"page surface sunken accent-soft", "ink ink-2", 4.5},
		{"page surface sunken", "ink-3 accent accent-strong", 4.5},
		{"sunken", "c-k c-t c-s c-n c-f good bad", 4.5},
		{"ins del", "ink", 4.5},
		{"accent", "on-accent", 4.5},
		{"good-soft", "good", 4.5}, {"warn-soft", "warn", 4.5}, {"bad-soft", "bad", 4.5},
		{"page surface", "edge s1 s2 s3 s4", 3},
	}
	for _, dark := range []bool{false, true} {
		colours := tokens(t, dark)
		for _, p := range pairs {
			for ground := range strings.FieldsSeq(p.grounds) {
				for ink := range strings.FieldsSeq(p.inks) {
					if colours[ground] == "" || colours[ink] == "" {
						t.Fatalf("no colour for %s or %s", ground, ink)
					}
					if c := contrast(colours[ground], colours[ink]); c < p.least {
						t.Errorf("dark %v: %s on %s has %.2f:1, less than %v:1", dark, ink, ground, c, p.least)
					}
				}
			}
		}
	}
	if c := contrast("#000000", "#ffffff"); c < 20.99 || c > 21.01 {
		t.Errorf("black on white has %v:1, not 21:1", c)
	}
}

// A task page without its texts, with its stylesheet and scripts, stays under 100 kB before compression:
// who ranks on a slow line waits for the texts, not for the frame.
func TestTaskPageIsLight(t *testing.T) {
	task := sampleTask()
	task.Turns = nil
	for i := range task.Texts {
		task.Texts[i].Text = ""
	}
	page := render(t, TaskPage(Frame{Title: "Tasks", User: Person{"lena", "labeler"}}, task))
	sizes := map[string]int{"page": len(page)}
	for _, m := range regexp.MustCompile(`(?:src|href)="`+StaticPrefix+`([^"]+)"`).FindAllStringSubmatch(page, -1) {
		sizes[m[1]] = len(siteAssets.byPath[m[1]].body)
	}
	sizes["task.js"] = len(siteAssets.byPath[strings.TrimPrefix(AssetPath("task.js"), StaticPrefix)].body)
	sum := 0
	for _, n := range sizes {
		sum += n
	}
	t.Logf("%d bytes: %v", sum, sizes)
	if sum > 100_000 {
		t.Errorf("%d bytes, more than 100 kB: %v", sum, sizes)
	}
}

// Leaving out comments must not change what a script means: ours hold no text over several lines.
func TestScriptsMayBeMadeSmaller(t *testing.T) {
	files, _ := fs.Glob(staticFiles, "static/js/*.js")
	for _, f := range files {
		text, err := staticFiles.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if strings.Count(line, "`")%2 == 1 {
				t.Errorf("%s:%d: a text in backquotes goes over several lines", f, i+1)
			}
		}
	}
	for in, want := range map[string]string{
		"a {\n  color: red; /* why */\n}\nb > c, d:hover { top: 0 }": "a{color: red;}b > c,d:hover{top: 0}",
		"@media (min-width: 1rem) { a b { x: y; } }":                 "@media (min-width: 1rem){a b{x: y;}}",
	} {
		if got := string(smaller("static/css/x.css", []byte(in))); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
