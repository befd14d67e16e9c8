package views

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"
	"unicode"

	"github.com/a-h/templ"
)

// Task is one labeling task as a labeler may see it. Which model wrote a text is not in here,
// and completions go by random keys that the server alone can resolve.
type Task struct {
	Action      string // where the form goes
	Draft       string // where drafts go; empty: no drafts, as when editing a submitted answer
	Skip        string // where a skip goes; empty: cannot be skipped
	Undo        string // project whose last answer can be undone; empty: there is none
	SingleKeys  bool   // single-key shortcuts are on
	Kind        string // one of the Task kinds
	Form        TaskForm
	Project     string
	Guidelines  string // address; empty: the project has none
	Language    string // of prompt and completions, empty: unknown
	Turns       []Turn
	Texts       []Completion
	Turn        int               // of a form that rates first: the completion to rate, from 1; 0: all together
	Strength    string            // pairwise: "-2" … "2" as chosen, "" not answered
	PromptFlags map[string]string // flag → Yes, No or NA; absent: not answered
	Written     Written
	Brief       Brief
	NoneOK      bool // none of the completions is acceptable
	Note        string
	Sure        int // 1 guess, 2 fairly, 3 very, 0 not answered
	Saved       time.Time
	Mine        Progress
	Problems    []Problem
}

// Task kinds: what is asked.
const (
	TaskRank     = "rank"
	TaskPairwise = "pairwise"
	TaskRating   = "rating"
	TaskDemo     = "demonstration"
	TaskPrompt   = "prompt"
)

// Written is the text so far, of a demonstration or a prompt.
type Written struct {
	Text, Style, UseCase, Query string
	Examples                    []Example
}

// Example is one of a few-shot prompt.
type Example struct{ Query, Response string }

// Brief is what a prompt to write must be; empty where the labeler chooses.
type Brief struct{ Style, UseCase string }

// Turn is one part of the conversation so far.
type Turn struct{ Role, Text string }

// Completion is one of the texts to compare.
type Completion struct {
	Key  string // random, names the text in the form
	Text string
	Rank int // 1 is best; 0: unranked

	Scores map[string]string // axis → number or NA; absent: not answered
	Flags  map[string]string // flag → Yes, No or NA; absent: not answered
}

// Progress is a labeler's own; nobody else's is beside it.
type Progress struct{ Done, Total int }

// Problem is something missing in a submitted form, and where.
type Problem struct{ Anchor, Text string }

// Letter names the completion at place i: A, B, C…
func Letter(i int) string { return string(rune('A' + i)) }

// RankField is the form field that holds the rank of the completion with a key.
func RankField(key string) string { return "rank_" + key }

// Title is the page's heading.
func (t Task) Title(ctx context.Context) string {
	switch t.Kind {
	case TaskPairwise:
		return T(ctx, "pair.title")
	case TaskRating:
		return T(ctx, "rating.title")
	case TaskDemo:
		return T(ctx, "demo.title")
	case TaskPrompt:
		return T(ctx, "write.title")
	}
	return T(ctx, "rank.title", T(ctx, fmt.Sprintf("number.%d", len(t.Texts))))
}

// compares tells whether completions are held against each other.
func (t Task) compares() bool { return t.Kind == TaskRank || t.Kind == TaskPairwise }

// byTurn tells whether each completion is rated alone before all are compared.
func (t Task) byTurn() bool { return t.compares() && t.Form.RateFirst && t.Form.rates() }

// openRatings tells whether all fields of a rating are in sight: then a completion stands alone.
func (t Task) openRatings() bool { return t.byTurn() || t.Kind == TaskRating }

// compareLabel is the key of the last step's name.
func (t Task) compareLabel() string {
	if t.Kind == TaskPairwise {
		return "turns.choose"
	}
	return "turns.rank"
}

func (t Task) example(i int) Example {
	if i < len(t.Written.Examples) {
		return t.Written.Examples[i]
	}
	return Example{}
}

// place says where a completion stands, in words.
func (t Task) place(ctx context.Context, i int) string {
	if t.Texts[i].Rank == 0 {
		return T(ctx, "rank.unranked")
	}
	var with []string
	for j, c := range t.Texts {
		if j != i && c.Rank == t.Texts[i].Rank {
			with = append(with, Letter(j))
		}
	}
	if len(with) == 0 {
		return T(ctx, "rank.place", t.Texts[i].Rank)
	}
	return T(ctx, "rank.tied", t.Texts[i].Rank, List(ctx, with))
}

// order is the ranking so far, "A = C > B", with the letters not ranked yet.
func (t Task) order() (ranked, missing string) {
	byRank := map[int][]string{}
	var left []string
	for i, c := range t.Texts {
		if c.Rank == 0 {
			left = append(left, Letter(i))
		} else {
			byRank[c.Rank] = append(byRank[c.Rank], Letter(i))
		}
	}
	var tiers []string
	for _, r := range sortedRanks(byRank) {
		tiers = append(tiers, strings.Join(byRank[r], " = "))
	}
	return strings.Join(tiers, " > "), strings.Join(left, ", ")
}

// spokenOrder is the ranking in words for screen readers, which skip signs like > and =.
func (t Task) spokenOrder(ctx context.Context) string {
	ranked, _ := t.order()
	return strings.NewReplacer(" = ", " "+T(ctx, "rank.tiedwith")+" ", " > ", ", "+T(ctx, "rank.then")+" ").Replace(ranked)
}

func sortedRanks(m map[int][]string) []int {
	ranks := make([]int, 0, len(m))
	for r := range m {
		ranks = append(ranks, r)
	}
	sort.Ints(ranks)
	return ranks
}

// choice is one of the steps between A and B.
type choice struct{ value, key, label string }

// choices are the form's steps; the digits that choose them count from 1.
func (t Task) choices(ctx context.Context) []choice {
	all := []choice{
		{value: "-2", label: T(ctx, "pair.a2")}, {value: "-1", label: T(ctx, "pair.a1")}, {value: "0", label: T(ctx, "pair.tie")},
		{value: "1", label: T(ctx, "pair.b1")}, {value: "2", label: T(ctx, "pair.b2")},
	}
	if t.Form.Steps == 3 {
		all = []choice{{value: "-1", label: T(ctx, "pair.a")}, {value: "0", label: T(ctx, "pair.tie")}, {value: "1", label: T(ctx, "pair.b")}}
	}
	var list []choice
	for _, c := range all {
		if c.value == "0" && !t.Form.Ties {
			continue
		}
		c.key = fmt.Sprint(len(list) + 1)
		list = append(list, c)
	}
	return list
}

func (t Task) chosen(ctx context.Context) string {
	for _, c := range t.choices(ctx) {
		if c.value == t.Strength {
			return c.label
		}
	}
	return T(ctx, "pair.none")
}

// SkipReasons are the reasons a labeler can give with one click, as stored.
var SkipReasons = []string{"language", "expertise", "sensitive", "unclear", "broken"}

// words is how long a text is: words between spaces, and each Han, Hiragana, Katakana or Hangul
// character as one, since those scripts do not separate words.
func words(text string) int {
	n, inWord := 0, false
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
			n++
			inWord = false
		case unicode.IsSpace(r):
			inWord = false
		case !inWord:
			n++
			inWord = true
		}
	}
	return n
}

// problemAt is the message of a place in the form, if there is one.
func (t Task) problemAt(anchor string) string {
	for _, p := range t.Problems {
		if p.Anchor == anchor {
			return p.Text
		}
	}
	return ""
}

// messages are the strings task.js needs, as data attributes of the form.
func (t Task) messages(ctx context.Context) templ.Attributes {
	m := templ.Attributes{}
	for _, key := range []string{"unranked", "place", "tied", "tiedwith", "then", "missing", "nothing", "drag"} {
		m["data-t-"+key] = T(ctx, "rank."+key)
	}
	for _, key := range []string{"dirty", "saving", "saved", "offline", "signedout", "signin", "other", "busy", "lost", "undone"} {
		m["data-t-"+key] = T(ctx, "draft."+key)
	}
	m["data-t-nochoice"] = T(ctx, "pair.none")
	m["data-t-wordcount"] = T(ctx, "task.wordcount")
	return m
}

func noneLabel(t Task) string {
	if t.Kind == TaskPairwise {
		return "task.none.pair"
	}
	return "task.none"
}

func rankError(t Task, c Completion) templ.Attributes { return errorOf(t, RankField(c.Key)) }

func strengthError(t Task) templ.Attributes { return errorOf(t, "strength") }

// errorOf ties a group of radios to its message for screen readers.
func errorOf(t Task, anchor string) templ.Attributes {
	if t.problemAt(anchor) == "" {
		return nil
	}
	return templ.Attributes{"aria-describedby": anchor + "-err"}
}

// keysShown is for how many answers the list of keys stands open before it folds itself away.
const keysShown = 5

func withBar(f Frame, bar templ.Component) Frame {
	f.Bar = bar
	return f
}

func noteHint(t Task) string {
	if t.Form.NeedNote {
		return "task.note.needed"
	}
	return "task.note.hint"
}
