package views

import (
	"context"
	"math"
)

// Interval is a 95 % interval; NaN ends mean that there is none.
type Interval struct{ Lo, Hi float64 }

// NoInterval stands where too few people or items are known for one.
var NoInterval = Interval{math.NaN(), math.NaN()}

func (i Interval) known() bool { return finite(i.Lo) && finite(i.Hi) }

// words is the interval as "lo to hi" with each end written by format, a dash where there is none.
func (i Interval) words(ctx context.Context, format func(float64) string) string {
	if !i.known() {
		return "–"
	}
	return T(ctx, "win.to", format(i.Lo), format(i.Hi))
}

// Agreement is how much a project's labelers agree.
type Agreement struct {
	Items, Answers, Labelers int
	Method                   string // how the intervals were made, in words
	Measures                 []Measure
	People                   []Rater
	Groups                   []GroupPair
	SmallGroups              int // groups of too few people, which are not shown
	Unnamed                  int // answers whose giver the source does not name
}

// Measure is one coefficient.
type Measure struct {
	Name, Of string
	N        string // how many of what it is over
	Value    float64
	CI       Interval
	Ties     string // what equal ranks count as
}

// Rater is what is known of one labeler, by pseudonym.
type Rater struct {
	Worker  string
	Answers int
	Peers   float64 // share of others' judgments of the same pairs that are the same
	CI      Interval
	Units   int      // pairs it is over
	Side    float64  // share of answers that lean to the text shown earlier; NaN without shown orders
	SideCI  Interval //
	SideN   int
	Seconds float64  // median
	Look    []string // reasons to look at the answers, in words
}

// GroupPair is the agreement between two groups of people, or within one.
type GroupPair struct {
	Name, A, B string // characteristic and its two values
	Pairs      int
	Equal      float64
	CI         Interval
}

// dotScale places figures of a table in a narrow column; it begins at −½ or −1 where one is below zero.
type dotScale struct{ from float64 }

const dotFrom, dotTo = 6.0, 170.0 // pixels

func scaleOf(measures []Measure) dotScale {
	least := 0.0
	for _, m := range measures {
		for _, v := range []float64{m.Value, m.CI.Lo} {
			if v < least { // never of NaN
				least = v
			}
		}
	}
	return dotScale{max(-1, math.Floor(2*least)/2)}
}

func (s dotScale) at(v float64) float64 {
	return dotFrom + (min(1, max(s.from, v))-s.from)/(1-s.from)*(dotTo-dotFrom)
}

// hundredths writes a coefficient.
func hundredths(v float64) string { return decimal(v, 2) }

func whole(v float64) string { return decimal(v, 0) }
