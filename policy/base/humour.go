package base

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"
)

// A Text is one short text of ukp-humour under its original id.
type Text struct {
	ID   int
	Text string
}

// A Judgment says that one person, shown two texts, found Winner the funnier one (both are Text ids).
type Judgment struct{ Winner, Loser int }

// Humour holds the texts that passed the filter and every individual judgment between two of them, in
// the order of the original file. The workers are not known; ties were never recorded.
type Humour struct {
	Texts     []Text
	Judgments []Judgment
}

// LoadHumour decodes the embedded preferences.
var LoadHumour = sync.OnceValue(func() Humour {
	var h Humour
	for _, line := range lines("humour/texts.tsv.gz") {
		id, text, _ := strings.Cut(line, "\t")
		h.Texts = append(h.Texts, Text{number(id), text})
	}
	for _, line := range lines("humour/judgments.csv.gz") {
		w, l, _ := strings.Cut(line, ",")
		h.Judgments = append(h.Judgments, Judgment{number(w), number(l)})
	}
	return h
})

// number parses a number of an embedded file, which a test has read before it was shipped.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

// A Side is the half of the texts that a text belongs to. The policy and its reward model learn from
// one half, the judge that compares the policies from the other: they share no text and no judgment.
type Side int

const (
	PolicySide Side = iota
	JudgeSide
)

// SideOf puts a text on its side by a hash of its id.
func SideOf(id int) Side { return Side(1 - spread(strconv.Itoa(id))%2) }

// Within are the judgments whose two texts are both on the side; the rest of a pair that straddles
// the halves is used by neither.
func (h Humour) Within(s Side) []Judgment {
	var in []Judgment
	for _, j := range h.Judgments {
		if SideOf(j.Winner) == s && SideOf(j.Loser) == s {
			in = append(in, j)
		}
	}
	return in
}

// On are the texts of a side.
func (h Humour) On(s Side) []Text {
	var on []Text
	for _, t := range h.Texts {
		if SideOf(t.ID) == s {
			on = append(on, t)
		}
	}
	return on
}

// HeldOut says whether the judgments of a pair are kept out of training: one unordered pair in ten, so
// that no two raters of the same pair are on different sides of the split.
func (j Judgment) HeldOut() bool {
	lo, hi := min(j.Winner, j.Loser), max(j.Winner, j.Loser)
	return spread(fmt.Sprintf("%d|%d", lo, hi))%10 == 0
}

// spread is a fixed hash of a short string with well-mixed low bits.
func spread(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}
