package views

import (
	"slices"
	"strings"
	"time"
)

// GuidelinesText is a project's guidelines as one reader gets them.
type GuidelinesText struct {
	Number   int    // of the version
	Name     string // "g3"; empty: none yet
	Text     string
	Lang     string // BCP 47
	Wanted   string // the reader's language, in words, when there is no text in it
	Outdated bool   // a translation older than the project's own text
}

// GuidelinesView is the page of them.
type GuidelinesView struct {
	Project   string
	Text      GuidelinesText
	Unread    bool   // new to this reader, who is asked to confirm
	Confirm   string // where to send that
	Questions string // address of the question thread
	New       int    // questions with something new
	Change    []DiffLine
	ChangeOf  string // version that the reader knew
}

// GuidelinesEdit is the lead's page: one language at a time, with its history.
type GuidelinesEdit struct {
	Base      string // "/projects/3/guidelines"
	Lang      string // "" is the project's own language
	Languages []GuidelineLanguage
	Text      string
	Version   string
	Own       string // the project's own language in words
	OwnTag    string
	Error     string
	NewLang   string // as typed
	History   []GuidelineRow
	Diff      []DiffLine
	DiffOf    string // "g4"; empty: none is shown
	DiffTo    string // the version before; empty: it was the first
}

// GuidelineLanguage is a language that there is a text in.
type GuidelineLanguage struct {
	Tag, Name, Href   string
	Current, Outdated bool
}

// GuidelineRow is a version in the history.
type GuidelineRow struct {
	Name, Language, By string
	When               time.Time
	Href               string // shows what it changed
	Current            bool
}

// DiffLine is a line of a text before and after a change: Sign is "+" for a
// new line, "-" for one taken away, " " for one that stayed and "…" for a gap.
type DiffLine struct {
	Sign, Text string
}

// diffContext is how many unchanged lines stay around a change.
const diffContext = 2

// DiffLines compares two texts by lines: the longest common subsequence stays.
func DiffLines(before, after string) []DiffLine {
	a, b := splitLines(before), splitLines(after)
	common := make([][]int, len(a)+1) // longest common subsequence of a[i:] and b[j:]
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []DiffLine
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, DiffLine{" ", a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out = append(out, DiffLine{"-", a[i]})
			i++
		default:
			out = append(out, DiffLine{"+", b[j]})
			j++
		}
	}
	return nearChanges(out)
}

func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// nearChanges puts a gap in place of long unchanged parts.
func nearChanges(lines []DiffLine) []DiffLine {
	near := func(i int) bool {
		from, to := max(0, i-diffContext), min(len(lines), i+diffContext+1)
		return slices.ContainsFunc(lines[from:to], func(l DiffLine) bool { return l.Sign != " " })
	}
	var out []DiffLine
	for i, l := range lines {
		switch {
		case near(i):
			out = append(out, l)
		case len(out) == 0 || out[len(out)-1].Sign != "…":
			out = append(out, DiffLine{Sign: "…"})
		}
	}
	return out
}
