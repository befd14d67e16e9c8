package views

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// elements lists the elements of a component with a name and, if given, an attribute's value.
func elements(t *testing.T, page, name string, want ...string) []*html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var list []*html.Node
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == name && (len(want) == 0 || attr(n, want[0]) == want[1]) {
			list = append(list, n)
		}
	}
	return list
}

func wordsOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// What a labeler is asked must be complete in words: a legend for each text, a radio for each rank,
// nothing chosen in advance.
func TestRankPageInWords(t *testing.T) {
	page := render(t, TaskPage(Frame{}, sampleTask()))
	rows := elements(t, page, "fieldset", "data-letter", "B")
	if len(rows) != 1 {
		t.Fatalf("%d rank rows for B", len(rows))
	}
	if got := wordsOf(rows[0]); !strings.HasPrefix(got, "Rank of completion B, 1 is best") {
		t.Errorf("legend %q", got)
	}
	radios := elements(t, page, "input", "name", "rank_kB")
	if len(radios) != 3 {
		t.Errorf("%d radios for 3 texts", len(radios))
	}
	for _, r := range radios {
		if attr(r, "type") != "radio" || hasAttr(r, "checked") || hasAttr(r, "required") {
			t.Errorf("radio %v: unranked must be unchecked, and none-acceptable needs no rank", r.Attr)
		}
	}
	for _, want := range []string{"Not ranked yet", "Rank 1, tied with C", "Rank 1, tied with A", "B not ranked yet", "This text is empty.", "A tied with C"} {
		if !strings.Contains(page, want) {
			t.Errorf("page lacks %q", want)
		}
	}
	if texts := elements(t, page, "div", "lang", "ar"); len(texts) != 6 {
		t.Errorf("%d texts carry the language, want 3 turns and 3 completions", len(texts))
	}
	for _, e := range elements(t, page, "div", "lang", "ar") {
		for p := range e.Descendants() {
			if p.Data == "p" && attr(p, "dir") != "auto" && attr(p, "class") != "quiet" {
				t.Error("each paragraph of a person's text needs dir=auto")
			}
		}
	}
}

func hasAttr(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

func TestProblemsLeadToTheirPlace(t *testing.T) {
	page := render(t, TaskPage(Frame{}, sampleProblems()))
	if box := elements(t, page, "div", "id", "problems"); len(box) != 1 || attr(box[0], "role") != "alert" {
		t.Error("problems must be announced")
	}
	row := elements(t, page, "fieldset", "id", "rank_kB")
	if len(row) != 1 || attr(row[0], "aria-describedby") != "rank_kB-err" {
		t.Error("the row must carry its message")
	}
}

func TestOrder(t *testing.T) {
	cases := []struct {
		name                    string
		ranks                   []int
		ranked, missing, spoken string
	}{
		{"nothing", []int{0, 0}, "", "A, B", ""},
		{"strict", []int{2, 1, 3}, "B > A > C", "", "B, then A, then C"},
		{"ties", []int{1, 2, 1, 3}, "A = C > B > D", "", "A tied with C, then B, then D"},
		{"a gap is no tier", []int{1, 3, 0}, "A > B", "C", "A, then B"},
		{"nine", []int{9, 8, 7, 6, 5, 4, 3, 2, 1}, "I > H > G > F > E > D > C > B > A", "", "I, then H, then G, then F, then E, then D, then C, then B, then A"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			task := Task{}
			for _, r := range c.ranks {
				task.Texts = append(task.Texts, Completion{Rank: r})
			}
			ranked, missing := task.order()
			if ranked != c.ranked || missing != c.missing || task.spokenOrder(context.Background()) != c.spoken {
				t.Errorf("%q, %q, %q", ranked, missing, task.spokenOrder(context.Background()))
			}
		})
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string]int{"": 0, "one": 1, "  two  words\n": 2, "你好世界": 4, "hello 世界 again": 4, "مرحبا بكم": 2} {
		if got := words(text); got != want {
			t.Errorf("%q: %d words, want %d", text, got, want)
		}
	}
}

// Editing an answer offers no skip, and a project without guidelines no link to them.
func TestWhatDoesNotApplyIsAbsent(t *testing.T) {
	task := sampleTask()
	task.Skip, task.Undo, task.Guidelines, task.Draft = "", "", "", ""
	page := render(t, TaskPage(Frame{}, task))
	for _, not := range []string{`id="skip"`, `id="undo"`, "/guidelines/", "Save draft"} {
		if strings.Contains(page, not) {
			t.Errorf("page has %q", not)
		}
	}
}

func TestNavigationByRole(t *testing.T) {
	cases := []struct {
		role      string
		want, not []string
	}{
		{"labeler", []string{"/tasks", "/answers"}, []string{"/projects", "/runs", "/users"}},
		{"researcher", []string{"/tasks", "/projects", "/runs"}, []string{"/users"}},
		{"admin", []string{"/tasks", "/projects", "/runs", "/users"}, nil},
		{"", nil, []string{"/tasks", "/projects", "/signout"}},
	}
	for _, c := range cases {
		page := render(t, Page(Frame{User: Person{Name: "x", Role: c.role}}))
		for _, w := range c.want {
			if !strings.Contains(page, `href="`+w+`"`) {
				t.Errorf("%s: no way to %s", c.role, w)
			}
		}
		for _, n := range c.not {
			if strings.Contains(page, n) {
				t.Errorf("%s: shows %s", c.role, n)
			}
		}
	}
}
