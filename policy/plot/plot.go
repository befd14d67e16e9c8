// Package plot draws the charts of written reports: lines and points with intervals, linear or
// logarithmic axes, as SVG that reads on white paper. Equal input gives equal bytes.
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

// Point is one measurement; where Hi > Lo, a bar from Lo to Hi is its interval.
type Point struct{ X, Y, Lo, Hi float64 }

// Size of a chart in pixels, and of its margins.
const (
	width, height                           = 720, 420
	left, right, top, bottom                = 72, 20, 44, 58
	plotWidth, plotHeight                   = width - left - right, height - top - bottom
	ink, faint, font                        = "#222", "#ddd", "system-ui, sans-serif"
	legendStep, legendDrop, tickLen, dotRay = 18, 16, 5, 3.5
	legendBox, letter                       = 34, 7
)

// Colours is how many series have colours of their own; after as many they repeat.
const Colours = 8

// colours tell series apart for every kind of sight (Okabe and Ito 2008).
var colours = [Colours]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a6d00"}

// SVG renders the chart. Points that an axis cannot show (not finite, or not positive on a logarithmic
// axis) are left out.
func (c Chart) SVG() []byte {
	var b strings.Builder
	x, y := c.axes()
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s" font-family="%s" font-size="13" fill="%s">`,
		width, height, width, height, esc(c.Title), font, ink)
	fmt.Fprintf(&b, "\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, height)
	fmt.Fprintf(&b, "<text x=\"%d\" y=\"24\" font-size=\"16\" font-weight=\"600\">%s</text>\n", left, esc(c.Title))
	c.grid(&b, x, y)
	for i, s := range c.Series {
		s.draw(&b, colours[i%len(colours)], x, y)
	}
	c.legend(&b, x, y)
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func esc(s string) string { return html.EscapeString(s) }

func (c Chart) axes() (x, y axis) {
	x, y = newAxis(c.LogX), newAxis(c.LogY)
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
		}
	}
	x.round()
	y.round()
	x.from, x.to = left, left+plotWidth
	y.from, y.to = top+plotHeight, top
	return x, y
}

func (c Chart) grid(b *strings.Builder, x, y axis) {
	for _, t := range x.ticks() {
		at := x.at(t)
		fmt.Fprintf(b, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"%s\"/>", at, at, top, top+plotHeight, faint)
		fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", at, top+plotHeight+tickLen+14, number(t))
	}
	for _, t := range y.ticks() {
		at := y.at(t)
		fmt.Fprintf(b, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>", left, left+plotWidth, at, at, faint)
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", left-tickLen-3, at+4, number(t))
	}
	fmt.Fprintf(b, "<path d=\"M%d %dV%dH%d\" fill=\"none\" stroke=\"%s\"/>\n", left, top, top+plotHeight, left+plotWidth, ink)
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", left+plotWidth/2, height-12, esc(c.X))
	fmt.Fprintf(b, "<text transform=\"translate(16 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n", top+plotHeight/2, esc(c.Y))
}

func (s Series) draw(b *strings.Builder, colour string, x, y axis) {
	var path []string
	for _, p := range s.Points {
		if !x.shows(p.X) || !y.shows(p.Y) {
			continue
		}
		px, py := x.at(p.X), y.at(p.Y)
		path = append(path, fmt.Sprintf("%.1f %.1f", px, py))
		if p.Hi > p.Lo {
			fmt.Fprintf(b, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-opacity=\".5\" stroke-width=\"2\"/>\n", px, px, y.at(p.Lo), y.at(p.Hi), colour)
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

// legend stands inside the frame where it covers least: at the top right if nothing speaks against it.
func (c Chart) legend(b *strings.Builder, x, y axis) {
	rows, wide := 0, 0
	for _, s := range c.Series {
		if s.Name != "" {
			rows, wide = rows+1, max(wide, len([]rune(s.Name)))
		}
	}
	w, h := float64(legendBox+wide*letter), float64(rows*legendStep+4)
	atX, atY := left+plotWidth-w, float64(top)
	least := c.covered(x, y, atX, atY, w, h)
	for _, down := range []float64{0, .25, .5, .75, 1} {
		for _, across := range []float64{1, .5, 0} {
			px, py := left+across*(plotWidth-w), top+down*(plotHeight-h)
			if n := c.covered(x, y, px, py, w, h); n < least {
				least, atX, atY = n, px, py
			}
		}
	}
	for i, s := range c.Series {
		if s.Name == "" {
			continue
		}
		fmt.Fprintf(b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"4\" fill=\"%s\"/>", atX+8, atY+legendDrop-6, colours[i%len(colours)])
		fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%.1f\" paint-order=\"stroke\" stroke=\"#fff\" stroke-width=\"4\">%s</text>\n", atX+28, atY+legendDrop, esc(s.Name))
		atY += legendStep
	}
}

// covered counts what a box would hide: points, and twenty places on the line between two.
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
