package plot

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The charts of testdata are what the package draws: open them in a browser after a change.
func TestGolden(t *testing.T) {
	for name, c := range map[string]Chart{
		"rows": {Title: "Accuracy by group, worst first", X: "accuracy, %", Rows: []string{"age 40 and older (n = 1140)", "everybody (n = 3720)", "age under 40 <(n = 2370)"}, Series: []Series{
			{Name: "every comparison alike", Points: []Point{{X: 68, Y: -.15, XLo: 58.2, XHi: 77.5}, {X: 73.5, Y: .85, XLo: 68.5, XHi: 78.6}, {X: 75.9, Y: 1.85, XLo: 70.4, XHi: 81}}},
			{Name: "robust loss", Points: []Point{{X: 66.2, Y: .15, XLo: 56.5, XHi: 75.5}, {X: 73.5, Y: 1.15, XLo: 68.3, XHi: 78.5}, {X: 76.6, Y: 2.15, XLo: 71.1, XHi: 82.4}}},
		}},
		"columns": {Title: "Held-out loss by γ", X: "γ", Y: "loss, nats a token", Columns: []string{"0", "0.05", "0.5"}, Series: []Series{
			{Name: "PPO-ptx", Line: true, Points: []Point{{X: -.1, Y: 4.44, Small: true}, {X: .1, Y: 4.42, Small: true}, {X: 0, Y: 4.43}, {X: 1, Y: 4.1, Lo: 4.05, Hi: 4.15}, {X: 2, Y: 3.86}}},
			{Name: "SFT", Line: true, Dashed: true, Bare: true, Points: []Point{{X: -.5, Y: 4.08}, {X: 2.5, Y: 4.08}}},
		}},
	} {
		file := filepath.Join("testdata", name+".svg")
		if *update {
			if err := os.WriteFile(file, c.SVG(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.SVG(); !bytes.Equal(got, want) {
			t.Errorf("%s differs (-update writes it anew):\n%s", file, got)
		}
	}
}

// However many rows, each has its height, its name, and the first is on top.
func TestRowsGrow(t *testing.T) {
	var c Chart
	for range 39 {
		c.Rows = append(c.Rows, "group")
	}
	c.Rows = append(c.Rows, strings.Repeat("long", 20))
	c.Series = []Series{{Points: []Point{{X: 1, Y: 0}, {X: 2, Y: 39}}}}
	f := c.frame()
	x, y := c.axes(f)
	if f.high != 40*rowHeight || y.at(0) != float64(f.top)+rowHeight/2. || y.at(39) != float64(f.bottom())-rowHeight/2. || x.at(1) < float64(f.left) {
		t.Errorf("frame %+v, rows at %g to %g", f, y.at(0), y.at(39))
	}
	if n := strings.Count(string(c.SVG()), ">group<"); n != 39 || f.wide < width*2/5 || !strings.Contains(string(c.SVG()), strings.Repeat("long", 12)+"l…<") {
		t.Errorf("%d names, frame %+v", n, f)
	}
}

// A line goes through means, not through what stands around them.
func TestSmallPoints(t *testing.T) {
	c := Chart{Series: []Series{{Line: true, Points: []Point{{X: 0, Y: 1}, {X: 0, Y: 2, Small: true}, {X: 1, Y: 1}}}}}
	if svg := string(c.SVG()); strings.Count(svg, "<circle") != 3 || strings.Count(svg, "fill-opacity") != 1 || !strings.Contains(svg, "M72.0 362.0L700.0 362.0\"") {
		t.Error(svg)
	}
}
