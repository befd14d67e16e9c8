package views

import (
	"context"
	"html"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/a-h/templ"
	"github.com/rivo/uniseg"
	"github.com/sergi/go-diff/diffmatchpatch"
)

// What two texts share and where they differ, by words. Words end where Unicode says (UAX #29), so that
// each Han character counts as one and a Thai or Arabic text is cut where it should be.

// Piece is a run of words. Kind says in which of the two texts it stands.
type Piece struct {
	Kind PieceKind
	Text string
}

// PieceKind tells where a piece stands.
type PieceKind int

// The three places of a piece.
const (
	InBoth PieceKind = iota
	OnlyFirst
	OnlySecond
)

// Difference is a comparison of two texts.
type Difference struct {
	Pieces []Piece
	Alike  float64 // words that both share, as a share of all words of both; 1: the same words
}

// diffTime bounds the search for the shortest difference; after it the rest counts as different.
const diffTime = 300 * time.Millisecond

// DifferenceOf finds the words that only one of two texts has.
func DifferenceOf(first, second string) Difference {
	numbers := map[string]rune{}
	a, wordsA := numbered(numbers, first)
	b, wordsB := numbered(numbers, second)
	text := make(map[rune]string, len(numbers))
	for w, n := range numbers {
		text[n] = w
	}
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = diffTime
	var d Difference
	same := 0
	for _, part := range dmp.DiffMainRunes(a, b, false) {
		p := Piece{Kind: kindOf(part.Type)}
		var out strings.Builder
		for _, r := range part.Text {
			out.WriteString(text[r])
			if p.Kind == InBoth && isWord(text[r]) {
				same++
			}
		}
		p.Text = out.String()
		d.Pieces = append(d.Pieces, p)
	}
	d.Pieces = joined(d.Pieces)
	d.Alike = 1
	if n := wordsA + wordsB; n > 0 {
		d.Alike = 2 * float64(same) / float64(n)
	}
	return d
}

// numbered cuts a text into words and what is between them, and gives each different one a number that
// stands for it: differences are looked for in rows of numbers. n is how many words there are.
func numbered(numbers map[string]rune, s string) (row []rune, n int) {
	state := -1
	for s != "" {
		var w string
		w, s, state = uniseg.FirstWordInString(s, state)
		if _, ok := numbers[w]; !ok {
			numbers[w] = numberOf(len(numbers))
		}
		row = append(row, numbers[w])
		if isWord(w) {
			n++
		}
	}
	return row, n
}

// numberOf is the n-th rune that may stand in a string: surrogates may not.
func numberOf(n int) rune {
	r := rune(n + 1)
	if r >= 0xd800 {
		r += 0x800
	}
	return r
}

func kindOf(o diffmatchpatch.Operation) PieceKind {
	return map[diffmatchpatch.Operation]PieceKind{
		diffmatchpatch.DiffEqual: InBoth, diffmatchpatch.DiffDelete: OnlyFirst, diffmatchpatch.DiffInsert: OnlySecond,
	}[o]
}

// joined makes a difference readable: where two changes have nothing but spaces or a stop between them,
// they become one, since "a [b] [c]" reads better as one change than as two.
func joined(pieces []Piece) []Piece {
	var out []Piece
	var first, second strings.Builder
	flush := func() {
		if first.Len() > 0 {
			out = append(out, Piece{OnlyFirst, first.String()})
		}
		if second.Len() > 0 {
			out = append(out, Piece{OnlySecond, second.String()})
		}
		first.Reset()
		second.Reset()
	}
	for i, p := range pieces {
		switch {
		case p.Kind == OnlyFirst:
			first.WriteString(p.Text)
		case p.Kind == OnlySecond:
			second.WriteString(p.Text)
		case first.Len()+second.Len() > 0 && i+1 < len(pieces) && !strings.ContainsFunc(p.Text, isWordOrBreak):
			first.WriteString(p.Text)
			second.WriteString(p.Text)
		default:
			flush()
			out = append(out, p)
		}
	}
	flush()
	return out
}

func isWord(s string) bool { return strings.ContainsFunc(s, isWordLetter) }

func isWordLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

func isWordOrBreak(r rune) bool { return r == '\n' || isWordLetter(r) }

// DifferenceView is the page that shows two completions beside each other.
type DifferenceView struct {
	Action        string // the page's own address, for another pair
	Task          string // address of the task
	Language      string // of the texts, empty: unknown
	Texts         []Completion
	First, Second int // which two of them
}

// differs tells whether a task has texts to compare, and an address where the site compares them.
func (t Task) differs() bool { return len(t.Texts) > 1 && strings.HasPrefix(t.Action, "/tasks/") }

// side is one of the two texts with what only it has.
type side struct {
	letter, other string
	kind          PieceKind
	only          int // words that the other lacks
	pieces        []Piece
}

func (v DifferenceView) sides() (Difference, []side) {
	d := DifferenceOf(v.Texts[v.First].Text, v.Texts[v.Second].Text)
	a, b := Letter(v.First), Letter(v.Second)
	return d, []side{d.side(OnlyFirst, a, b), d.side(OnlySecond, b, a)}
}

// side leaves out what only the other text has.
func (d Difference) side(kind PieceKind, letter, other string) side {
	s := side{letter: letter, other: other, kind: kind}
	for _, p := range d.Pieces {
		if p.Kind == InBoth || p.Kind == kind {
			s.pieces = append(s.pieces, p)
		}
		if p.Kind == kind {
			s.only += words(p.Text)
		}
	}
	return s
}

// same tells whether two texts do not differ at all.
func (d Difference) same() bool {
	for _, p := range d.Pieces {
		if p.Kind != InBoth {
			return false
		}
	}
	return true
}

// littleAlike is the share of common words below which marks say less than reading both texts.
const littleAlike = .25

// marked writes a text with what only it has in <del> or <ins>: marked by an underline and, for those
// who listen, in words.
func marked(s side) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		tag := map[PieceKind]string{OnlyFirst: "del", OnlySecond: "ins"}[s.kind]
		heard := func(key string, args ...any) string {
			return `<span class="vh">` + html.EscapeString(T(ctx, key, args...)) + `</span>`
		}
		for _, p := range s.pieces {
			text := html.EscapeString(p.Text)
			if p.Kind != InBoth {
				text = "<" + tag + ">" + heard("difference.start", s.letter) + text + heard("difference.end") + "</" + tag + ">"
			}
			if _, err := io.WriteString(w, text); err != nil {
				return err
			}
		}
		return nil
	})
}
