package labeler

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// TestNoTextBypassesTheCatalogue draws every page of the gallery in the made-up language en-XA, in
// which each string of the catalogue has accented letters. What is still plain English on a page is
// either what people wrote, which the fixtures hold, or a text that nobody could translate.
func TestNoTextBypassesTheCatalogue(t *testing.T) {
	s, pages := gallery(t)
	content := contentWords(t)
	users, err := s.st.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range users {
		for _, w := range interfaceWord.FindAllString(u.Name, -1) {
			content[strings.ToLower(w)] = true
		}
	}
	for _, p := range pages { // whatever notice waits for somebody was made in English
		if p.as != nil {
			p.as.send(httptest.NewRequest(http.MethodGet, s.url+"/account", nil))
		}
	}
	for _, p := range pages {
		b := p.as
		if b == nil {
			b = s.visitor()
		}
		req := httptest.NewRequest(http.MethodGet, s.url+p.path, nil)
		req.AddCookie(&http.Cookie{Name: languageCookie, Value: "en-XA"})
		doc, err := html.Parse(b.send(req).Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range shownTexts(doc) {
			for _, w := range interfaceWord.FindAllString(text, -1) {
				if len(w) >= 3 && plainLetters.MatchString(w) && !pseudonym.MatchString(w) && !content[strings.ToLower(w)] {
					t.Errorf("%s: “%s” bypasses the catalogue, in %q", p.name, w, strings.Join(strings.Fields(text), " "))
				}
			}
		}
	}
}

var (
	interfaceWord = regexp.MustCompile(`[\p{L}\p{M}\p{N}_]+`)
	plainLetters  = regexp.MustCompile(`^[A-Za-z]+$`)    // a word without a single accent
	pseudonym     = regexp.MustCompile(`^w[a-z2-7]{7}$`) // a labeler's, random
)

// shownAttributes are the attributes that people read or hear.
var shownAttributes = []string{"title", "aria-label", "placeholder", "alt", "content"}

// shownTexts lists what a page shows or says: text, and attributes that hold text. Keys, code and
// what is typed into fields are no interface text.
func shownTexts(doc *html.Node) []string {
	var texts []string
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.TextNode && !within(n, "script", "style", "kbd", "code", "pre", "textarea"):
			texts = append(texts, n.Data)
		case n.Type == html.ElementNode && n.Data != "meta":
			for _, a := range n.Attr {
				if slices.Contains(shownAttributes, a.Key) || strings.HasPrefix(a.Key, "data-t-") {
					texts = append(texts, a.Val)
				}
			}
		}
	}
	return texts
}

func within(n *html.Node, tags ...string) bool {
	for a := range n.Ancestors() {
		if slices.Contains(tags, a.Data) {
			return true
		}
	}
	return false
}

// neverTranslated are names and units that stay as they are in every language, and the words that a column of answers may hold.
const neverTranslated = "agora English UTC pairwise EUR nats left right tie"

// contentWords are the words of all texts in the fixtures and in the samples of components, and the names of file formats.
func contentWords(t *testing.T) map[string]bool {
	t.Helper()
	words := map[string]bool{}
	add := func(text string) {
		for _, w := range interfaceWord.FindAllString(text, -1) {
			words[strings.ToLower(w)] = true
		}
	}
	add(neverTranslated)
	for _, format := range importFormats(t.Context()) {
		add(format.Value)
	}
	for _, format := range exportable {
		add(string(format))
	}
	for _, name := range placesAndLanguages() {
		add(name)
	}
	var files []string
	for _, pattern := range []string{"*fixture_test.go", "*gallery*_test.go", "../views/components.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	for _, f := range files {
		file, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, _ := strconv.Unquote(lit.Value)
				add(text)
			}
			return true
		})
	}
	return words
}

// placesAndLanguages are the English names of all regions and languages, and the languages' own: they
// come from Unicode's tables in each language of the interface, and in English in a made-up one.
func placesAndLanguages() []string {
	var names []string
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			if r, err := language.ParseRegion(string(a) + string(b)); err == nil {
				names = append(names, display.English.Regions().Name(r))
			}
		}
	}
	for _, tag := range display.Values.Tags() {
		names = append(names, display.English.Tags().Name(tag), display.Self.Name(tag))
	}
	return names
}
