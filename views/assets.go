package views

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
)

// StaticPrefix is where the site serves what Assets holds.
const StaticPrefix = "/static/"

//go:embed static
var staticFiles embed.FS

// asset is one served file, compressed once at start.
type asset struct {
	mime    string
	body    []byte
	gzipped []byte
}

// Assets serves the stylesheet, the scripts and the icon under names that carry
// a hash of their content, so that a browser may keep them for ever.
type Assets struct {
	byPath map[string]asset  // "agora.1f2e3d4c.css" → file
	hashed map[string]string // "agora.css" → "/static/agora.1f2e3d4c.css"
}

// assetBundles lists the served files and what each is joined from, in order.
var assetBundles = []struct{ name, glob, mime string }{
	{"agora.css", "static/css/*.css", "text/css; charset=utf-8"},
	{"page.js", "static/js/page.js", "text/javascript; charset=utf-8"},
	{"task.js", "static/js/task-*.js", "text/javascript; charset=utf-8"},
	{"import.js", "static/js/import.js", "text/javascript; charset=utf-8"},
	{"run.js", "static/js/run.js", "text/javascript; charset=utf-8"},
	{"form.js", "static/js/form.js", "text/javascript; charset=utf-8"},
	{"htmx.js", "static/vendor/htmx.min.js", "text/javascript; charset=utf-8"},
	{"temml.js", "static/vendor/temml.min.js", "text/javascript; charset=utf-8"},
	{"icon.svg", "static/icon.svg", "image/svg+xml"},
}

// siteAssets is fixed at build time, like the files it is made of.
var siteAssets = mustAssets()

func mustAssets() *Assets {
	a := &Assets{byPath: map[string]asset{}, hashed: map[string]string{}}
	for _, b := range assetBundles {
		if err := a.add(b.name, b.glob, b.mime); err != nil {
			panic("views: embedded asset " + b.name + ": " + err.Error()) // a build without its own files
		}
	}
	return a
}

func (a *Assets) add(name, glob, mime string) error {
	parts, err := fs.Glob(staticFiles, glob) // sorted by name
	if err != nil || len(parts) == 0 {
		return fmt.Errorf("no file matches %q (%v)", glob, err)
	}
	var body bytes.Buffer
	for _, p := range parts {
		text, err := staticFiles.ReadFile(p)
		if err != nil {
			return err
		}
		body.Write(smaller(p, text))
	}
	sum := sha256.Sum256(body.Bytes())
	ext := path.Ext(name)
	hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	a.byPath[hashed] = asset{mime: mime, body: body.Bytes(), gzipped: gzipped(body.Bytes())}
	a.hashed[name] = StaticPrefix + hashed
	return nil
}

var (
	cssComment = regexp.MustCompile(`(?s)/\*.*?\*/`)
	cssSpace   = regexp.MustCompile(`\s+`)
	cssAround  = regexp.MustCompile(` ?([{};,]) ?`)
	jsComment  = regexp.MustCompile(`(?m)^\s*//.*\n`)
	jsIndent   = regexp.MustCompile(`(?m)^[ \t]+`)
)

// smaller leaves out of our own stylesheets and scripts what only their readers need: comments on lines
// of their own, and indentation. Libraries stay as they are.
func smaller(name string, text []byte) []byte {
	switch {
	case strings.HasPrefix(name, "static/css/"):
		text = cssComment.ReplaceAll(text, nil)
		text = cssSpace.ReplaceAll(text, []byte(" "))
		return cssAround.ReplaceAll(text, []byte("$1"))
	case strings.HasPrefix(name, "static/js/"):
		text = jsComment.ReplaceAll(text, nil)
		return jsIndent.ReplaceAll(text, nil)
	}
	return text
}

func gzipped(body []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is valid
	w.Write(body)                                           // a bytes.Buffer takes every write
	w.Close()
	return out.Bytes()
}

// AssetPath is the address of an embedded file, "/static/agora.1f2e3d4c.css" for "agora.css".
func AssetPath(name string) string { return siteAssets.hashed[name] }

// StaticHandler answers requests below StaticPrefix. An address without the current hash is 404:
// serving other content under a name that promises one content would poison caches.
func StaticHandler() http.Handler { return siteAssets }

func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.byPath[strings.TrimPrefix(r.URL.Path, StaticPrefix)]
	if !ok || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.mime)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := f.body
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.gzipped
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodGet {
		w.Write(body) // a client that went away is its own affair
	}
}
