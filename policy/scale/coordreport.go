package scale

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"agora/policy"
	"agora/policy/plot"
)

// What counts as flat and as growing: muP's slopes come out within ±0.15, where theory says 0 and the
// narrow widths deviate; the standard parametrisation's are 0.5 to 2.
const (
	flatSlope    = .2
	growingSlope = .5
)

// coordReport is coordcheck.json, and what report.md is made of.
type coordReport struct {
	Config  map[string]any `json:"config"`
	Text    string         `json:"text"`
	Kernels string         `json:"kernels"`
	Curves  []CoordCurve   `json:"curves"`
	Flat    bool           `json:"mup_flat"`         // every slope under muP is within ±0.2
	Growing bool           `json:"standard_growing"` // some slope of the standard parametrisation is above 0.5

	// The logits of a head that starts random fall as width^-0.5 under muP before training has moved
	// them (section D.2 of the paper); only their growth counts then.
	falls string
}

func newCoordReport(c CoordConfig, curves []CoordCurve, text policy.Text, kernels string) coordReport {
	r := coordReport{Config: policy.Named(&c).(map[string]any), Text: hashText(text), Kernels: kernels, Curves: curves}
	if c.Tied || !c.ZeroStart {
		r.falls = "logits"
	}
	r.Flat = r.steepness(r.steepest(policy.Mup, -1)) <= flatSlope
	r.Growing = r.steepness(r.steepest(policy.Standard, -1)) >= growingSlope
	return r
}

// steepest is the curve of the largest slope, up or down, after some steps; -1 for after any.
func (r coordReport) steepest(parametrization string, step int) CoordCurve {
	var worst CoordCurve
	for _, c := range r.Curves {
		if c.Parametrization == parametrization && (step < 0 || c.Step == step) && r.steepness(c) > r.steepness(worst) {
			worst = c
		}
	}
	return worst
}

func (r coordReport) steepness(c CoordCurve) float64 {
	if c.Place == r.falls {
		return max(slopeOf(c), 0)
	}
	return math.Abs(slopeOf(c))
}

func (r coordReport) verdict() string {
	flat, growing := "flat, as it should be", "growing, as is known of it"
	if !r.Flat {
		flat = "not flat, which is wrong"
	}
	if !r.Growing {
		growing = "not growing, so that this check shows nothing"
	}
	mup, standard := r.steepest(policy.Mup, -1), r.steepest(policy.Standard, -1)
	return fmt.Sprintf("muP: %s; the steepest is %s, as width^%+.2f\nstandard parametrisation: %s; the steepest is %s, as width^%+.2f",
		flat, mup.Place, slopeOf(mup), growing, standard.Place, slopeOf(standard))
}

func slopeOf(c CoordCurve) float64 {
	if c.Slope == nil {
		return 0
	}
	return *c.Slope
}

func (r coordReport) write(dir string) error {
	return writeAll(dir, map[string][]byte{
		"coordcheck.json": indented(r), "report.md": []byte(r.markdown()),
		"mup.svg": r.chart(policy.Mup).SVG(), "standard.svg": r.chart(policy.Standard).SVG(),
	})
}

// chart shows the residual stream after every layer and the logits, after the last step.
func (r coordReport) chart(parametrization string) plot.Chart {
	c := plot.Chart{
		Title: fmt.Sprintf("%s: activations after %v steps", titles[parametrization], r.Config["steps"]),
		X:     "width", Y: "mean |activation|", LogX: true, LogY: true,
	}
	for _, curve := range r.Curves {
		shown := curve.Place == "embedding" || curve.Place == "logits" || strings.HasSuffix(curve.Place, ".residual")
		if !shown || curve.Parametrization != parametrization || curve.Step != r.Config["steps"].(int) {
			continue
		}
		s := plot.Series{Name: curve.Place, Line: true}
		for i, width := range r.Config["widths"].([]int) {
			s.Points = append(s.Points, plot.Point{X: float64(width), Y: curve.Means[i]})
		}
		c.Series = append(c.Series, s)
	}
	return c
}

var titles = map[string]string{
	policy.Mup: "muP", policy.Standard: "Standard parametrisation", standardFanIn: "Standard parametrisation, initial weights as 1/√fan-in",
}

func (r coordReport) markdown() string {
	var b strings.Builder
	c := r.Config
	start := "untied head"
	switch {
	case c["tied"] == true:
		start = "tied head"
	case c["zero_start"] == true:
		start = "untied head, output head and queries zero at first"
	}
	fmt.Fprintf(&b, "# Do activations keep their size when the width grows?\n\n")
	fmt.Fprintf(&b, "%v models of %v layers and %v heads, feed-forward %v · width, vocabulary %v, %s;\nother weights of standard deviation %v (muP: at width %v); %v AdamW steps at %.3g on one batch of %v × %v tokens, mean of %v seeds.\n",
		c["family"], c["layers"], c["heads"], c["ffn_ratio"], c["vocab"], start, c["init_std"], c["base_width"], c["steps"], c["learning_rate"], c["sequences"], c["context"], c["seeds"])
	fmt.Fprintf(&b, "A slope s says that mean |activation| goes as width^s. Flat is within ±%.1f, growing is above %.1f.\n\n", flatSlope, growingSlope)
	fmt.Fprintf(&b, "%s.\n", strings.ReplaceAll(r.verdict(), "\n", ".  \n"))
	for _, p := range []string{policy.Mup, policy.Standard} {
		r.table(&b, p)
	}
	b.WriteString("\nText and kernels: " + r.Text[:12] + ", " + r.Kernels + ".\n")
	return b.String()
}

// table has the means after the last step, and the slopes after each.
func (r coordReport) table(b *strings.Builder, parametrization string) {
	last := r.Config["steps"].(int)
	fmt.Fprintf(b, "\n## %s\n\n![%s](%s.svg)\n\n| mean after %d steps |", titles[parametrization], titles[parametrization], parametrization, last)
	for _, width := range r.Config["widths"].([]int) {
		fmt.Fprintf(b, " %d |", width)
	}
	for step := range last + 1 {
		fmt.Fprintf(b, " slope, %d |", step)
	}
	b.WriteString("\n|" + strings.Repeat("---|", len(r.Config["widths"].([]int))+last+2) + "\n")
	for _, place := range r.places() {
		fmt.Fprintf(b, "| %s |", place)
		var slopes []string
		for _, c := range r.Curves {
			if c.Parametrization != parametrization || c.Place != place {
				continue
			}
			slopes = append(slopes, c.slope())
			if c.Step == last {
				for _, x := range c.Means {
					fmt.Fprintf(b, " %.3f |", x)
				}
			}
		}
		fmt.Fprintf(b, " %s |\n", strings.Join(slopes, " | "))
	}
}

func (c CoordCurve) slope() string {
	if c.Slope == nil {
		return "–"
	}
	return fmt.Sprintf("%+.2f", *c.Slope)
}

func (r coordReport) places() []string {
	var list []string
	for _, c := range r.Curves {
		if !slices.Contains(list, c.Place) {
			list = append(list, c.Place)
		}
	}
	return list
}
