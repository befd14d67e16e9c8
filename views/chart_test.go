package views

import (
	"context"
	"math"
	"strings"
	"testing"
)

func TestChartSaysInWordsWhatItDraws(t *testing.T) {
	page := render(t, ChartView(sampleChart()))
	svg := elements(t, page, "svg")
	if len(svg) != 1 || attr(svg[0], "role") != "img" {
		t.Fatal("a chart is an image with a name")
	}
	want := "Reward: reward model goes from 0 at 0 to 1.2 at 3, lowest 0, highest 1.2; judge goes from 0 at 0 to 0.5 at 3, lowest 0, highest 0.5"
	if got := attr(svg[0], "aria-label"); got != want {
		t.Errorf("label %q\nwant  %q", got, want)
	}
	if rows := elements(t, page, "tr"); len(rows) != 5 {
		t.Errorf("%d table rows, want a head and 4 steps", len(rows))
	}
	if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") {
		t.Error("a missing value must not reach the page")
	}
	if line := attr(elements(t, page, "path", "class", "l1")[0], "d"); strings.Count(line, "M") != 2 {
		t.Errorf("a missing value must break the line: %s", line)
	}
}

func TestChartsOfFewPoints(t *testing.T) {
	for name, pts := range map[string][]Point{
		"none": nil, "one": {{5, 2}}, "equal": {{0, 1}, {1, 1}}, "huge": {{0, 1e12}, {1, -1e12}}, "tiny": {{0, 1e-9}, {1, 2e-9}}, "all missing": {{0, math.NaN()}},
	} {
		page := render(t, ChartView(Chart{ID: "c", Title: "T", Series: []Series{{Name: "s", Points: pts}}}))
		if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") {
			t.Errorf("%s: %s", name, page)
		}
	}
}

func TestTicks(t *testing.T) {
	cases := []struct {
		lo, hi float64
		round  bool
		want   string
	}{
		{0, 2.4, true, "0 1 2 3"},
		{0, 30, false, "0 5 10 15 20 25 30"},
		{-.31, .9, true, "−0.5 0 0.5 1"},
		{0, 7, false, "0 2 4 6"},
		{14.8, 16.9, true, "14 15 16 17"},
	}
	for _, c := range cases {
		n := 6
		if c.round {
			n = 4
		}
		s := niceScale(extent{c.lo, c.hi, true}, 0, 1, n, c.round)
		var got []string
		for _, tick := range s.ticks {
			got = append(got, Number(tick))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%g to %g: %v, want %s", c.lo, c.hi, got, c.want)
		}
	}
}

func TestLongLinesAreThinned(t *testing.T) {
	var pts []Point
	for i := range 10_000 {
		pts = append(pts, Point{float64(i), 1})
	}
	out := thin(pts)
	if len(out) > maxPoints || math.Abs(out[0].Y-1) > 1e-9 {
		t.Errorf("%d points", len(out))
	}
	c := Chart{Series: []Series{{Name: "s", Points: pts}}}
	if rows := c.table(); len(rows) > tableRows+1 || rows[len(rows)-1][0] != Number(9999) {
		t.Errorf("%d rows, last %v", len(rows), rows[len(rows)-1])
	}
}

func TestLabelsDoNotTouch(t *testing.T) {
	p := Chart{Series: []Series{{Name: "a", Points: []Point{{0, 0}, {1, 1}}}, {Name: "b", Points: []Point{{0, 0}, {1, 1.001}}}}}.layout()
	if d := math.Abs(p.labels[0].y - p.labels[1].y); d < 13 {
		t.Errorf("labels %g pixels apart", d)
	}
}

// A fitted curve among dots is a line; the table and the summary hold what was measured only.
func TestCurveAmongDots(t *testing.T) {
	c := Chart{ID: "c", Title: "T", Dots: true, Note: "It bends.", Series: []Series{
		{Name: "judge", Points: []Point{{1, 2}, {2, 3}}}, {Name: "fit", Curve: true, Points: []Point{{.5, 1}, {1.5, 2}, {2.5, 3}}}}}
	page := render(t, ChartView(c))
	if dots := len(elements(t, page, "circle", "class", "f1")); dots != 2 {
		t.Errorf("%d dots, want one for each measurement", dots)
	}
	if lines := elements(t, page, "path", "class", "l2"); len(lines) != 1 || strings.Count(attr(lines[0], "d"), "L") != 2 {
		t.Errorf("the curve is drawn as %v", lines)
	}
	if rows := c.table(); len(rows) != 2 || len(rows[0]) != 2 {
		t.Errorf("table %v", rows)
	}
	if s := c.summary(t.Context()); strings.Contains(s, "fit") {
		t.Errorf("summary: %s", s)
	}
	if !strings.Contains(page, "It bends.") {
		t.Error("no note")
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 1.06: "1.06", .0123: "0.0123", -2.5: "−2.5", 412: "412", 12408: "12\u202f408", 2e-7: "2.00e-07", 99.96: "100", 1e12: "1.00e+12",
		math.Inf(-1): "−∞",
	} {
		if got := Number(v); got != want {
			t.Errorf("Number(%g) = %q, want %q", v, got, want)
		}
	}
	if got := Number(math.NaN()); got != "–" {
		t.Errorf("NaN: %q", got)
	}
	if got := Count(-1234567); got != "−1\u202f234\u202f567" {
		t.Errorf("Count: %q", got)
	}
}

// Half a comparison is nothing: an axis of counts has whole numbers only, however few there are.
func TestCountsHaveWholeTicks(t *testing.T) {
	for n, want := range map[float64]string{2: "1 2", 3: "1 2 3", 5: "1 2 3 4 5", 28: "5 10 15 20 25"} {
		c := Chart{Counts: true, Series: []Series{{Name: "s", Points: []Point{{1, 0}, {n, 1}}}}}
		var got []string
		for _, tick := range c.layout().x.ticks {
			got = append(got, Number(tick))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("1 to %g: %v, want %s", n, got, want)
		}
	}
}

// The curve of the win rate carries its interval.
func TestGrowthChart(t *testing.T) {
	c := growthChart(context.Background(), sampleWinRate())
	if len(c.Series[0].Band) != 3 || c.Series[0].Points[2].Y != 62.5 || c.Levels[0].Y != 50 {
		t.Errorf("%+v", c)
	}
}
