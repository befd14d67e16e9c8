package reward

import (
	"math"
	"sort"

	"agora/reward/prefs"
)

// Comparison gathers the judgments on one pair of texts: WinsA people preferred
// A, WinsB preferred B, each counted by their weight. A and B name texts, the same
// text by the same name wherever it is compared; A < B.
type Comparison struct {
	A, B         string
	WinsA, WinsB float64
	Votes        []Vote // what they sum; nil: every win is a vote of weight 1 by somebody else
}

// Vote is what one person said about a pair: their weight, divided over the two
// texts where they judged the pair more than once.
type Vote struct {
	Worker string // empty: not known, and so nobody else's
	A, B   float64
	People float64 // how many such people; more than one only for a vote count
}

// Comparisons gathers the untied pairs of rankings, sorted by name. A text's name
// is its prompt's id and its own. A labeler who judged a pair several times is one
// person with the mean of those judgments; a line without a labeler is a person of
// its own, or as many as peopleOf says.
func Comparisons(lines []*prefs.Ranked) []Comparison {
	index := map[[2]string]int{}
	var out []*ballot
	for _, r := range lines {
		pairs, _ := r.Pairs()
		for _, p := range pairs {
			better, worse := textName(r, p.Better), textName(r, p.Worse)
			key := [2]string{min(better, worse), max(better, worse)}
			i, ok := index[key]
			if !ok {
				i = len(out)
				index[key] = i
				out = append(out, &ballot{c: Comparison{A: key[0], B: key[1]}})
			}
			out[i].cast(r, better == key[0])
		}
	}
	all := make([]Comparison, len(out))
	for i, b := range out {
		all[i] = b.count()
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].A != all[j].A {
			return all[i].A < all[j].A
		}
		return all[i].B < all[j].B
	})
	return all
}

// ballot is a Comparison in the making: A and B of its votes are sums over a
// person's lines.
type ballot struct {
	c     Comparison
	lines []float64      // of each vote
	at    map[string]int // labeler → vote
}

func (b *ballot) cast(r *prefs.Ranked, forA bool) {
	i, ok := b.at[r.Worker]
	if !ok || r.Worker == "" {
		i = len(b.lines)
		b.c.Votes, b.lines = append(b.c.Votes, Vote{Worker: r.Worker, People: peopleOf(r)}), append(b.lines, 0)
		if b.at == nil {
			b.at = map[string]int{}
		}
		b.at[r.Worker] = i
	}
	v, weight := &b.c.Votes[i], r.WeightOr1()/peopleOf(r)
	if b.lines[i]++; forA {
		v.A += weight
	} else {
		v.B += weight
	}
}

func (b *ballot) count() Comparison {
	for i := range b.c.Votes {
		v := &b.c.Votes[i]
		v.A, v.B = v.A/b.lines[i], v.B/b.lines[i]
		b.c.WinsA, b.c.WinsB = b.c.WinsA+v.People*v.A, b.c.WinsB+v.People*v.B
	}
	return b.c
}

// peopleOf is how many people a line stands for: a line without a labeler whose
// weight is a whole number is that many votes, as in files of vote counts; any
// other is one person's, with that weight.
func peopleOf(r *prefs.Ranked) float64 {
	if w := r.WeightOr1(); r.Worker == "" && w >= 2 && w == math.Trunc(w) {
		return w
	}
	return 1
}

func textName(r *prefs.Ranked, i int) string { return r.PromptID + "\x00" + r.Completions[i].ID }
