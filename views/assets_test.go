package views

import (
	"net/http"
	"net/http/httptest"
	"regexp"
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
	if len(css) > 60_000 {
		t.Errorf("stylesheet is %d bytes", len(css))
	}
	for _, want := range []string{"prefers-color-scheme: dark", "prefers-reduced-motion", "scroll-padding", "forced-colors"} {
		if !strings.Contains(css, want) {
			t.Errorf("stylesheet lacks %s", want)
		}
	}
}
