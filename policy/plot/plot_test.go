package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestSVGIsWellFormedAndEqual(t *testing.T) {
	c := Chart{Title: "Loss & <width>", X: "rate", Y: "loss, nats", LogX: true, Series: []Series{
		{Name: "128", Line: true, Points: []Point{{X: 1e-3, Y: 2}, {X: 1e-2, Y: 1.5, Lo: 1.4, Hi: 1.6}, {X: 0, Y: 9}, {X: 1e-1, Y: math.NaN()}}},
	}}
	svg := c.SVG()
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(string(svg), "<circle"); n != 2 {
		t.Errorf("%d points drawn, want the 2 that the axes can show", n)
	}
	if !bytes.Equal(svg, c.SVG()) {
		t.Error("the same chart came out differently")
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		log    bool
		values []float64
		want   []float64
	}{
		{false, []float64{0, 9.3}, []float64{0, 2, 4, 6, 8, 10}},
		{false, []float64{-.12, .3}, []float64{-.2, -.1, 0, .1, .2, .3}},
		{true, []float64{1, 10}, []float64{1, 2, 5, 10}},
		{true, []float64{.01, 1000}, []float64{.01, .1, 1, 10, 100, 1000}},
		{false, []float64{3}, []float64{2.4, 2.6, 2.8, 3, 3.2, 3.4, 3.6}},
	} {
		a := newAxis(c.log)
		for _, v := range c.values {
			a.include(v)
		}
		a.round()
		got := a.ticks()
		if !slices.EqualFunc(got, c.want, func(x, y float64) bool { return math.Abs(x-y) < 1e-9*math.Max(1, math.Abs(y)) }) {
			t.Errorf("%v: ticks %v, want %v", c.values, got, c.want)
		}
	}
}

// An empty chart draws its frame rather than failing.
func TestNothingToDraw(t *testing.T) {
	if svg := string((Chart{Title: "empty"}).SVG()); strings.Contains(svg, "NaN") || !strings.Contains(svg, "</svg>") {
		t.Error(svg)
	}
}

// TestLegendKeepsClear: it stands at the top right, or elsewhere if points are there.
func TestLegendKeepsClear(t *testing.T) {
	for y, want := range map[float64]bool{0: true, 1: false} {
		c := Chart{Series: []Series{{Name: "a", Points: []Point{{X: 0, Y: .5}, {X: .97, Y: y}, {X: 1, Y: y}, {X: 0, Y: 0}, {X: .5, Y: 1}}}}}
		if svg := string(c.SVG()); strings.Contains(svg, `<rect x="667.0" y="54.0"`) != want {
			t.Errorf("points up to %g at the right: at the top right is not %t in %s", y, want, svg)
		}
	}
}
