package views

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Chart is a line chart drawn on the server as inline SVG, with a table behind it.
type Chart struct {
	ID, Title string
	Help      []Row // formula, unit, healthy range, logged name
	XLabel    string
	Unit      string
	Series    []Series
	Levels    []Level
	Now       string // the newest value, in words
	Note      string // a sentence below the drawing; empty for none
	Zero      bool   // the vertical axis begins at zero
	Dots      bool   // points that are no sequence along X: drawn without lines
	Counts    bool   // X counts things: ticks stand at whole numbers
}

// Series is one line. Points are in order of X; a gap (NaN) breaks the line.
type Series struct {
	Name   string
	Points []Point
	Band   []Range // optional interval around each point, aligned with Points
	Curve  bool    // a fitted function: a line even among dots, and not in the table
}

type Point struct{ X, Y float64 }

type Range struct{ Lo, Hi float64 }

// Level is a horizontal line to compare with, such as a target or a limit.
type Level struct {
	Y     float64
	Label string
}

const (
	chartW, chartH             = 600.0, 230.0
	padLeft, padTop, padBottom = 46.0, 12.0, 38.0
	maxPoints                  = 240 // more would be finer than a pixel
	tableRows                  = 24
	levelStep                  = 140.0 // between the names of levels, which may be of nearly equal height
)

// plot is a chart with every place worked out.
type plot struct {
	Chart
	x, y   scale
	labels []endLabel
	right  float64
}

// scale maps values to pixels.
type scale struct {
	min, max, from, to float64
	ticks              []float64
}

func (s scale) px(v float64) float64 {
	return s.from + (v-s.min)/(s.max-s.min)*(s.to-s.from)
}

// endLabel names a line at its end, so that no legend is needed.
type endLabel struct {
	text  string
	class string
	x, y  float64
}

// layout works out the scales, thins long lines and places the labels.
func (c Chart) layout() plot {
	p := plot{Chart: c, right: chartW - 14}
	if len(c.Series) > 1 {
		p.right = chartW - 118 // room for the lines' names
	}
	xs, ys := extent{}, extent{}
	p.Series = slices.Clone(c.Series)
	for i, s := range p.Series {
		if len(s.Band) != len(s.Points) {
			s.Points = thin(s.Points)
		}
		p.Series[i] = s
		for j, pt := range s.Points {
			xs.add(pt.X)
			ys.add(pt.Y)
			if j < len(s.Band) {
				ys.add(s.Band[j].Lo)
				ys.add(s.Band[j].Hi)
			}
		}
	}
	for _, l := range c.Levels {
		ys.add(l.Y)
	}
	if c.Zero {
		ys.add(0)
	}
	p.x = niceScale(xs, padLeft, p.right, 6, false)
	if c.Counts {
		p.x.ticks = slices.DeleteFunc(p.x.ticks, func(t float64) bool { return t != math.Trunc(t) })
	}
	p.y = niceScale(ys, chartH-padBottom, padTop, 4, true)
	p.labels = p.endLabels()
	return p
}

// extent is the range of the finite values seen.
type extent struct {
	lo, hi float64
	any    bool
}

func (e *extent) add(v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	if !e.any || v < e.lo {
		e.lo = v
	}
	if !e.any || v > e.hi {
		e.hi = v
	}
	e.any = true
}

// niceScale puts about n ticks at 1, 2 or 5 times a power of ten. With round,
// the ends move out to a tick.
func niceScale(e extent, from, to float64, n int, round bool) scale {
	lo, hi := e.lo, e.hi
	if !e.any {
		lo, hi = 0, 1
	}
	if hi-lo < 1e-12*max(math.Abs(hi), math.Abs(lo), 1e-12) { // one value: give it room
		d := max(math.Abs(hi)*.1, .5)
		lo, hi = lo-d, hi+d
		round = true
	}
	step := niceStep((hi - lo) / float64(n))
	if round {
		lo, hi = math.Floor(lo/step+1e-9)*step, math.Ceil(hi/step-1e-9)*step
	}
	s := scale{min: lo, max: hi, from: from, to: to}
	for t := math.Ceil(lo/step-1e-9) * step; t <= hi+step*1e-9; t += step {
		s.ticks = append(s.ticks, math.Round(t/step)*step)
	}
	return s
}

func niceStep(raw float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if raw <= m*power*1.0001 {
			return m * power
		}
	}
	return 10 * power
}

// thin averages neighbours until the line has at most maxPoints.
func thin(pts []Point) []Point {
	bucket := (len(pts) + maxPoints - 1) / maxPoints
	if bucket <= 1 {
		return pts
	}
	var out []Point
	for group := range slices.Chunk(pts, bucket) {
		var m Point
		for _, p := range group {
			m.X += p.X / float64(len(group))
			m.Y += p.Y / float64(len(group))
		}
		out = append(out, m)
	}
	return out
}

// endLabels names the lines at their last point, moved apart where they would touch.
func (p plot) endLabels() []endLabel {
	if len(p.Series) < 2 {
		return nil
	}
	var ls []endLabel
	for i, s := range p.Series {
		if last, ok := lastFinite(s.Points); ok {
			ls = append(ls, endLabel{s.Name, fmt.Sprintf("t%d", i%4+1), p.x.px(last.X) + 6, p.y.px(last.Y) + 4})
		}
	}
	slices.SortFunc(ls, func(a, b endLabel) int { return int(math.Copysign(1, a.y-b.y)) })
	for i := 1; i < len(ls); i++ {
		ls[i].y = max(ls[i].y, ls[i-1].y+14)
	}
	return ls
}

func lastFinite(pts []Point) (Point, bool) {
	for _, p := range slices.Backward(pts) {
		if finite(p.Y) {
			return p, true
		}
	}
	return Point{}, false
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// path is a line's SVG path, broken where a value is missing.
func (p plot) path(pts []Point) string {
	var b strings.Builder
	pen := "M"
	for _, pt := range pts {
		if !finite(pt.Y) {
			pen = "M"
			continue
		}
		fmt.Fprintf(&b, "%s%s,%s", pen, px(p.x.px(pt.X)), px(p.y.px(pt.Y)))
		pen = " L"
	}
	return b.String()
}

// band is the closed outline of the interval around a line.
func (p plot) band(s Series) string {
	if len(s.Band) == 0 || len(s.Band) != len(s.Points) {
		return ""
	}
	var upper, lower []string
	for i, pt := range s.Points {
		upper = append(upper, px(p.x.px(pt.X))+","+px(p.y.px(s.Band[i].Hi)))
		lower = append(lower, px(p.x.px(pt.X))+","+px(p.y.px(s.Band[i].Lo)))
	}
	slices.Reverse(lower)
	return "M" + strings.Join(upper, " L") + " L" + strings.Join(lower, " L") + "Z"
}

// summary says in words what the lines show.
func (c Chart) summary(ctx context.Context) string {
	var parts []string
	for _, s := range c.measured() {
		first, last, lo, hi, ok := summarise(s.Points)
		if !ok {
			parts = append(parts, T(ctx, "chart.nodata", s.Name))
			continue
		}
		parts = append(parts, T(ctx, "chart.summary", s.Name, Number(first.Y), Number(first.X), Number(last.Y), Number(last.X), Number(lo), Number(hi)))
	}
	return c.Title + ": " + strings.Join(parts, "; ")
}

func summarise(pts []Point) (first, last Point, lo, hi float64, ok bool) {
	e := extent{}
	for _, p := range pts {
		if !finite(p.Y) {
			continue
		}
		if !ok {
			first, ok = p, true
		}
		last = p
		e.add(p.Y)
	}
	return first, last, e.lo, e.hi, ok
}

// measured are the series without fitted curves.
func (c Chart) measured() []Series {
	return slices.DeleteFunc(slices.Clone(c.Series), func(s Series) bool { return s.Curve })
}

// table holds at most tableRows rows, evenly spaced, with the newest last.
func (c Chart) table() [][]string {
	byX := map[float64][]string{}
	series := c.measured()
	for i, s := range series {
		for _, p := range s.Points {
			if byX[p.X] == nil {
				byX[p.X] = slices.Repeat([]string{"–"}, len(series))
			}
			byX[p.X][i] = Number(p.Y)
		}
	}
	xs := make([]float64, 0, len(byX))
	for x := range byX {
		xs = append(xs, x)
	}
	slices.Sort(xs)
	stride := max(1, (len(xs)+tableRows-1)/tableRows)
	var rows [][]string
	for i := range xs {
		if (len(xs)-1-i)%stride == 0 {
			rows = append(rows, append([]string{Number(xs[i])}, byX[xs[i]]...))
		}
	}
	return rows
}

// growthChart draws how the win rate and its interval settle as people rank.
func growthChart(ctx context.Context, w WinRate) Chart {
	s := Series{Name: T(ctx, "win.rate")}
	for _, g := range w.Growth {
		s.Points = append(s.Points, Point{float64(g.N), 100 * g.Rate})
		s.Band = append(s.Band, Range{100 * g.Lo, 100 * g.Hi})
	}
	return Chart{ID: "growth", Title: T(ctx, "win.growth"), XLabel: T(ctx, "win.n"), Unit: "%", Counts: true,
		Series: []Series{s}, Levels: []Level{{50, T(ctx, "win.half")}}, Now: Percent(w.Rate)}
}

func lineClass(i int) string { return fmt.Sprintf("l%d", i%4+1) }

func dotClass(i int) string { return fmt.Sprintf("f%d", i%4+1) }
