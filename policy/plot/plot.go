// Package plot draws the charts of written reports: lines and points with intervals, linear, logarithmic
// or category axes, as SVG on a white ground of its own. Equal input gives equal bytes.
package plot

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Chart is one chart.
type Chart struct {
	Title, X, Y string // X and Y name the axes, with units
	LogX, LogY  bool
	Columns     []string // names of x = 0, 1, 2 …, from the left
	Rows        []string // names of y = 0, 1, 2 …, from the top; the chart is as high as they need
	Series      []Series
}

// Series is one line or set of points.
type Series struct {
	Name   string
	Points []Point
	Line   bool // join the points
	Dashed bool
	Bare   bool // no dots: a fitted curve
}

// Point is one measurement; where Hi > Lo, a bar from Lo to Hi is its interval, and likewise across.
type Point struct {
	X, Y, Lo, Hi float64
	XLo, XHi     float64
	Small        bool // one of several that stand around their mean: small, pale, and no line goes through it
}

// Level is a dashed line at y, from one x to another: what the points are compared with.
func Level(name string, y, from, to float64) Series {
	return Series{Name: name, Line: true, Dashed: true, Bare: true, Points: []Point{{X: from, Y: y}, {X: to, Y: y}}}
}

// Size of a chart in pixels, and of its margins.
const (
	width, height                           = 720, 420
	left, right, top, bottom                = 72, 20, 44, 58
	rowHeight, longestName                  = 26, 50 // pixels, letters
	ink, faint, font                        = "#222", "#ddd", "system-ui, sans-serif"
	legendStep, legendDrop, tickLen, dotRay = 18, 16, 5, 3.5
	smallRay, smallOpacity                  = 2.5, .4
	legendBox, letter                       = 34, 7
)

// frame is the rectangle between the axes, in pixels.
type frame struct{ left, top, wide, high int }

// frame leaves room for the names of rows, and for the legend over them: between rows there is none.
func (c Chart) frame() frame {
	f := frame{left: left, top: top, high: height - top - bottom}
	if c.Rows != nil {
		named, _ := c.named()
		f.top += legendStep * named
		f.high = max(f.high-legendStep*named, rowHeight*len(c.Rows))
		for _, name := range c.Rows {
			f.left = max(f.left, letter*len([]rune(cut(name)))+3*tickLen)
		}
	}
	f.wide = width - f.left - right
	return f
}

// cut shortens a name that would leave the chart no room.
func cut(name string) string {
	if r := []rune(name); len(r) > longestName {
		return string(r[:longestName-1]) + "…"
	}
	return name
}

func (f frame) right() int  { return f.left + f.wide }
func (f frame) bottom() int { return f.top + f.high }

// Colours is how many series have colours of their own; after as many they repeat.
const Colours = 8

// colours tell series apart for every kind of sight (Okabe and Ito 2008).
var colours = [Colours]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a6d00"}

// SVG renders the chart. Points that an axis cannot show (not finite, or not positive on a logarithmic
// axis) are left out.
func (c Chart) SVG() []byte {
	var b strings.Builder
	f := c.frame()
	x, y := c.axes(f)
	high := f.bottom() + bottom
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s" font-family="%s" font-size="13" fill="%s">`,
		width, high, width, high, esc(c.Title), font, ink)
	fmt.Fprintf(&b, "\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, high)
	fmt.Fprintf(&b, "<text x=\"%d\" y=\"24\" font-size=\"16\" font-weight=\"600\">%s</text>\n", left, esc(c.Title))
	c.grid(&b, f, x, y)
	for i, s := range c.Series {
		s.draw(&b, colours[i%len(colours)], x, y)
	}
	c.legend(&b, f, x, y)
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func esc(s string) string { return html.EscapeString(s) }

func (c Chart) axes(f frame) (x, y axis) {
	x, y = newAxis(c.LogX), newAxis(c.LogY)
	x.names, y.names = c.Columns, c.Rows
	for _, s := range c.Series {
		for _, p := range s.Points {
			if !x.shows(p.X) || !y.shows(p.Y) {
				continue
			}
			x.include(p.X)
			y.include(p.Y)
			if p.Hi > p.Lo {
				y.include(p.Lo)
				y.include(p.Hi)
			}
			if p.XHi > p.XLo {
				x.include(p.XLo)
				x.include(p.XHi)
			}
		}
	}
	x.round()
	y.round()
	x.from, x.to = float64(f.left), float64(f.right())
	y.from, y.to = float64(f.bottom()), float64(f.top)
	if y.names != nil {
		y.from, y.to = y.to, y.from
	}
	return x, y
}

func (c Chart) grid(b *strings.Builder, f frame, x, y axis) {
	for _, t := range x.ticks() {
		at := x.at(t)
		fmt.Fprintf(b, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"%s\"/>", at, at, f.top, f.bottom(), faint)
		fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", at, f.bottom()+tickLen+14, x.label(t))
	}
	for _, t := range y.ticks() {
		at := y.at(t)
		fmt.Fprintf(b, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>", f.left, f.right(), at, at, faint)
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", f.left-tickLen-3, at+4, y.label(t))
	}
	fmt.Fprintf(b, "<path d=\"M%d %dV%dH%d\" fill=\"none\" stroke=\"%s\"/>\n", f.left, f.top, f.bottom(), f.right(), ink)
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", f.left+f.wide/2, f.bottom()+bottom-12, esc(c.X))
	fmt.Fprintf(b, "<text transform=\"translate(16 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n", f.top+f.high/2, esc(c.Y))
}

func (s Series) draw(b *strings.Builder, colour string, x, y axis) {
	var path []string
	for _, p := range s.Points {
		if !x.shows(p.X) || !y.shows(p.Y) {
			continue
		}
		px, py := x.at(p.X), y.at(p.Y)
		if p.Small {
			fmt.Fprintf(b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%g\" fill=\"%s\" fill-opacity=\"%g\"/>\n", px, py, smallRay, colour, smallOpacity)
			continue
		}
		path = append(path, fmt.Sprintf("%.1f %.1f", px, py))
		if p.Hi > p.Lo {
			bar(b, px, px, y.at(p.Lo), y.at(p.Hi), colour)
		}
		if p.XHi > p.XLo {
			bar(b, x.at(p.XLo), x.at(p.XHi), py, py, colour)
		}
		if !s.Bare {
			fmt.Fprintf(b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%g\" fill=\"%s\"/>\n", px, py, dotRay, colour)
		}
	}
	if s.Line && len(path) > 1 {
		dash := ""
		if s.Dashed {
			dash = ` stroke-dasharray="6 4"`
		}
		fmt.Fprintf(b, "<path d=\"M%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s/>\n", strings.Join(path, "L"), colour, dash)
	}
}

func bar(b *strings.Builder, x1, x2, y1, y2 float64, colour string) {
	fmt.Fprintf(b, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-opacity=\".5\" stroke-width=\"2\"/>\n", x1, x2, y1, y2, colour)
}

// named counts the series with a name, and the letters of the longest.
func (c Chart) named() (rows, letters int) {
	for _, s := range c.Series {
		if s.Name != "" {
			rows, letters = rows+1, max(letters, len([]rune(s.Name)))
		}
	}
	return rows, letters
}

// place is where the legend stands: inside the frame where it covers least, at the top right if nothing
// speaks against it; over a frame of named rows.
func (c Chart) place(f frame, x, y axis) (atX, atY float64) {
	rows, letters := c.named()
	if c.Rows != nil {
		return left - 8, float64(f.top - legendStep*rows - 8)
	}
	w, h := float64(legendBox+letters*letter), float64(rows*legendStep+4)
	atX, atY = float64(f.right())-w, float64(f.top)
	least := c.covered(x, y, atX, atY, w, h)
	for _, down := range []float64{0, .25, .5, .75, 1} {
		for _, across := range []float64{1, .5, 0} {
			px, py := float64(f.left)+across*(float64(f.wide)-w), float64(f.top)+down*(float64(f.high)-h)
			if n := c.covered(x, y, px, py, w, h); n < least {
				least, atX, atY = n, px, py
			}
		}
	}
	return atX, atY
}

func (c Chart) legend(b *strings.Builder, f frame, x, y axis) {
	atX, atY := c.place(f, x, y)
	for i, s := range c.Series {
		if s.Name == "" {
			continue
		}
		fmt.Fprintf(b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"4\" fill=\"%s\"/>", atX+8, atY+legendDrop-6, colours[i%len(colours)])
		fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%.1f\" paint-order=\"stroke\" stroke=\"#fff\" stroke-width=\"4\">%s</text>\n", atX+28, atY+legendDrop, esc(s.Name))
		atY += legendStep
	}
}

// covered counts what a box would hide: points, the ends of their intervals, and twenty places on the line
// between two.
func (c Chart) covered(x, y axis, left, top, w, h float64) int {
	n := 0
	inside := func(px, py float64) {
		if px >= left && px <= left+w && py >= top && py <= top+h {
			n++
		}
	}
	for _, s := range c.Series {
		var before *Point
		for _, p := range s.Points {
			if !x.shows(p.X) || !y.shows(p.Y) {
				continue
			}
			px, py := x.at(p.X), y.at(p.Y)
			inside(px, py)
			if p.Small {
				continue
			}
			if p.Hi > p.Lo {
				inside(px, y.at(p.Lo))
				inside(px, y.at(p.Hi))
			}
			for k := 1; s.Line && before != nil && k < 20; k++ {
				inside(before.X+(px-before.X)*float64(k)/20, before.Y+(py-before.Y)*float64(k)/20)
			}
			before = &Point{X: px, Y: py}
		}
	}
	return n
}

// number writes a tick's value shortly.
func number(v float64) string {
	if v != 0 && (math.Abs(v) >= 1e5 || math.Abs(v) < 1e-3) {
		return strings.NewReplacer("e+0", "e", "e+", "e", "e-0", "e−", "e-", "e−", "-", "−").Replace(fmt.Sprintf("%.3g", v))
	}
	return strings.Replace(fmt.Sprintf("%.4g", v), "-", "−", 1)
}
