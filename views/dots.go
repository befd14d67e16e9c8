package views

import (
	"context"
	"math"
	"strings"
)

// Dots is a chart of figures with intervals, one line each, drawn on the server as inline SVG, with a
// table behind it.
type Dots struct {
	ID, Title string
	Head      string // what the names are, over their column of the table
	NHead     string // what N counts
	Help      []Row
	From, To  float64              // ends of the axis
	Ticks     []float64            // of the axis
	Line      float64              // a value to compare with; NaN: none
	LineLabel string               //
	Zone      float64              // from here to To is worth a look; NaN: none
	ZoneLabel string               //
	Rows      []DotRow             //
	Format    func(float64) string // of values; nil: Percent
	Signed    bool                 // values below zero are ordinary
	Small     bool                 // for a card: short names, readable on a telephone
}

// DotRow is one figure.
type DotRow struct {
	Name   string
	Value  float64
	CI     Interval
	N      string // as it is written in the table; "": not known
	Series int    // 0: the reader's own, 1: to compare with, and so on: colour and mark
	Weak   bool   // drawn without weight, such as a group too small to show: Name and Note only
	Note   string
}

const dotsTop, dotsRow = 24.0, 32.0

// dotsFrame are the places of the columns in a chart, and how many letters of a name fit.
type dotsFrame struct {
	w, left, right float64
	name           int
}

var (
	dotsWhole = dotsFrame{600, 206, 530, 30}
	dotsSmall = dotsFrame{340, 96, 280, 14}
)

// dotsPlot is a chart with every place worked out.
type dotsPlot struct {
	Dots
	dotsFrame
	bottom float64
	marks  []dotsMark
}

type dotsMark struct {
	DotRow
	name string
	y    float64
}

func (d Dots) layout() dotsPlot {
	p := dotsPlot{Dots: d, dotsFrame: dotsWhole, bottom: dotsTop + dotsRow*float64(len(d.Rows))}
	if d.Small {
		p.dotsFrame = dotsSmall
	}
	for i, r := range d.Rows {
		p.marks = append(p.marks, dotsMark{r, shortened(r.Name, p.name), dotsTop + dotsRow*(float64(i)+.5)})
	}
	return p
}

func (p dotsPlot) viewBox() string { return "0 0 " + px(p.w) + " " + px(p.bottom+26) }

// px is where a value stands; what lies outside the axis stands at its end.
func (p dotsPlot) px(v float64) float64 {
	v = math.Min(p.To, math.Max(p.From, v))
	return p.left + (v-p.From)/(p.To-p.From)*(p.right-p.left)
}

// whisker is the path of an interval.
func (p dotsPlot) whisker(m dotsMark) string {
	lo, hi := p.px(m.CI.Lo), p.px(m.CI.Hi)
	at := func(x float64) string { return "M" + px(x) + "," + px(m.y-5) + "V" + px(m.y+5) }
	return "M" + px(lo) + "," + px(m.y) + "H" + px(hi) + at(lo) + at(hi)
}

func (d Dots) write(v float64) string {
	if d.Format == nil {
		return Percent(v)
	}
	if !finite(v) {
		return "–"
	}
	return d.Format(v)
}

// tick is a value at the axis: without the decimals that are all zero.
func (d Dots) tick(v float64) string { return strings.Replace(d.write(v), ".0\u00a0%", "\u00a0%", 1) }

// words is the chart for those who do not see it.
func (d Dots) words(ctx context.Context) string { return T(ctx, "dots.summary", d.Title, len(d.Rows)) }

func whiskClass(series int) string {
	if series == 0 {
		return "whisk"
	}
	return "whisk w" + px0(series%4+1)
}

func px0(n int) string { return whole(float64(n)) }

// Bars is a small histogram, drawn on the server as inline SVG, with a table behind it.
type Bars struct {
	ID, Title string
	Head      string // what the names are
	NHead     string // what is counted
	Unit      string
	Bars      []Bar
}

// Bar is one column.
type Bar struct {
	Name  string // in the table
	Short string // under the column
	N     int
}

const (
	barsW, barsH            = 600.0, 170.0
	barsTop, barsBottom     = 18.0, 138.0
	barsSide, barsGap       = 8.0, 6.0
	barsLabelY, barsUnitY   = 154.0, 168.0
	barsNumberAbove, barMin = 5.0, 1.5
)

// barMark is one column's place.
type barMark struct {
	Bar
	x, y, w, h float64
}

func (b Bars) layout() []barMark {
	most := 1
	for _, x := range b.Bars {
		most = max(most, x.N)
	}
	step := (barsW - 2*barsSide) / float64(max(1, len(b.Bars)))
	var marks []barMark
	for i, x := range b.Bars {
		h := (barsBottom - barsTop) * float64(x.N) / float64(most)
		if x.N > 0 {
			h = max(h, barMin)
		}
		marks = append(marks, barMark{x, barsSide + step*float64(i) + barsGap/2, barsBottom - h, step - barsGap, h})
	}
	return marks
}

func (b Bars) total() (n int) {
	for _, x := range b.Bars {
		n += x.N
	}
	return n
}
