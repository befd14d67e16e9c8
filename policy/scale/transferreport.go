package scale

import (
	"fmt"
	"math"
	"strings"

	"agora/policy"
	"agora/policy/plot"
)

// transferReport is transfer.json, and what report.md is made of.
type transferReport struct {
	Config  map[string]any `json:"config"`
	Text    string         `json:"text"`
	Kernels string         `json:"kernels"`
	Curves  []Curve        `json:"curves"`
	Shifts  []Shift        `json:"shifts"`
}

// Shift is how far the best rate moves from the narrowest width to the widest, in steps of 2.
type Shift struct {
	Parametrization string  `json:"parametrization"`
	From            int     `json:"from_width"`
	To              int     `json:"to_width"`
	Steps           int     `json:"steps"`
	Vertex          float64 `json:"vertex_steps"`
	Edge            bool    `json:"edge"` // one of the two is at the end of the grid: the shift may be larger
}

// transferKinds are what is compared. The standard parametrisation comes in two: how initial weights
// depend on the width, theory leaves to habit, and it decides about how far the best rate moves.
var transferKinds = []string{policy.Mup, standardFanIn, policy.Standard}

func newTransferReport(c TransferConfig, curves []Curve, g *grid) transferReport {
	r := transferReport{Config: policy.Named(&c).(map[string]any), Text: g.hash, Kernels: g.dev.Kernels(), Curves: curves}
	for _, p := range transferKinds {
		for _, from := range c.Widths[:len(c.Widths)-1] {
			r.Shifts = append(r.Shifts, shiftOf(curves, p, from, c.Widths[len(c.Widths)-1]))
		}
	}
	return r
}

func shiftOf(curves []Curve, parametrization string, from, to int) Shift {
	s := Shift{Parametrization: parametrization, From: from, To: to}
	a, b := curveOf(curves, parametrization, from), curveOf(curves, parametrization, to)
	s.Steps, s.Vertex, s.Edge = b.Best-a.Best, b.Fine-a.Fine, a.Edge || b.Edge
	return s
}

func curveOf(curves []Curve, parametrization string, width int) Curve {
	for _, c := range curves {
		if c.Parametrization == parametrization && c.Width == width {
			return c
		}
	}
	return Curve{}
}

// claim is what muP's theory says of a shift, and whether it shows. In the standard parametrisation the
// hidden matrices want η/m, two steps down for each fourfold width; less than fourfold is not judged.
func (s Shift) claim() (text, says string) {
	holds := s.Steps <= -2
	switch {
	case s.Parametrization == policy.Mup:
		text, holds = "at most 1", s.Steps >= -1 && s.Steps <= 1 && !s.Edge
	case s.To < 4*s.From:
		return "–", ""
	default:
		text = "at least 2 down"
	}
	if holds {
		return text, "shows"
	}
	return text, "does not show here"
}

// verdict is a line for every shift from the base width to the widest.
func (r transferReport) verdict() string {
	var lines []string
	for _, s := range r.Shifts {
		want, says := s.claim()
		if says != "" {
			says = fmt.Sprintf("; expected %s: %s", want, says)
		}
		edge := ""
		if s.Edge {
			edge = ", at an end of the grid"
		}
		lines = append(lines, fmt.Sprintf("%-15s  width %4d → %d: the best rate moves by %+d steps of 2 (vertex %+.1f%s)%s",
			s.Parametrization, s.From, s.To, s.Steps, s.Vertex, edge, says))
	}
	return strings.Join(lines, "\n")
}

func (r transferReport) write(dir string) error {
	return writeAll(dir, map[string][]byte{
		"transfer.json": indented(r), "report.md": []byte(r.markdown()),
		"mup.svg": r.chart(policy.Mup).SVG(), "standard.svg": r.chart(policy.Standard).SVG(), "standard-fan-in.svg": r.chart(standardFanIn).SVG(),
	})
}

func (r transferReport) chart(parametrization string) plot.Chart {
	c := plot.Chart{Title: titles[parametrization] + ": loss over learning rate", X: "learning rate", Y: "held-out loss, nats per token", LogX: true}
	for _, curve := range r.Curves {
		if curve.Parametrization != parametrization {
			continue
		}
		s := plot.Series{Name: fmt.Sprintf("width %d", curve.Width), Line: true}
		for _, rate := range curve.Rates {
			if rate.Mean == nil || len(rate.Losses) == 0 || *rate.Mean > r.ceiling() {
				continue
			}
			s.Points = append(s.Points, plot.Point{X: math.Pow(2, float64(rate.Log2)), Y: *rate.Mean, Lo: *rate.Mean - rate.StdError, Hi: *rate.Mean + rate.StdError})
		}
		c.Series = append(c.Series, s)
	}
	return c
}

// ceiling keeps the charts readable: what is worse than guessing by frequencies is left out.
func (r transferReport) ceiling() float64 {
	best := math.Inf(1)
	for _, c := range r.Curves {
		for _, rate := range c.Rates {
			if rate.Mean != nil {
				best = min(best, *rate.Mean)
			}
		}
	}
	return best + 2
}

func (r transferReport) markdown() string {
	var b strings.Builder
	c := r.Config
	fmt.Fprintf(&b, "# Does the best learning rate carry over from width to width?\n\n")
	fmt.Fprintf(&b, "%v models of %v layers, heads of %v, feed-forward %v · width, vocabulary %v; %v steps of %v × %v tokens, linear\n", c["family"], c["layers"], c["head_dim"], c["ffn_ratio"], c["vocab"], c["steps"], c["batch_sequences"], c["context"])
	fmt.Fprintf(&b, "warm-up over a tenth of the steps and linear decay to 0, AdamW (0.9, 0.95) without weight decay, clipped to norm 1.\nHeld-out loss in nats per token, mean of the seeds ± standard error; (1) marks rates that only the first seed ran.\nAt width %v all parametrisations are the same runs.\n", c["base_width"])
	for _, p := range transferKinds {
		r.table(&b, p)
	}
	fmt.Fprintf(&b, "\n## How far the best rate moves\n\n| parametrisation | widths | best rates | steps of 2 | by the vertices | expected | |\n|---|---|---|---|---|---|---|\n")
	for _, s := range r.Shifts {
		r.shiftRow(&b, s)
	}
	b.WriteString("\nThe vertex is that of the parabola through the best rate and its two neighbours. Text and kernels: " + r.Text[:12] + ", " + r.Kernels + ".\n")
	return b.String()
}

func (r transferReport) shiftRow(b *strings.Builder, s Shift) {
	want, says := s.claim()
	if s.Edge {
		says += ", at an end of the grid"
	}
	from, to := curveOf(r.Curves, s.Parametrization, s.From), curveOf(r.Curves, s.Parametrization, s.To)
	fmt.Fprintf(b, "| %s | %d → %d | 2^%d → 2^%d | %+d | %+.2f | %s | %s |\n", s.Parametrization, s.From, s.To, from.Best, to.Best, s.Steps, s.Vertex, want, says)
}

// table has a row for each rate and a column for each width; the best of a column is bold.
func (r transferReport) table(b *strings.Builder, parametrization string) {
	title := titles[parametrization]
	fmt.Fprintf(b, "\n## %s\n\n![%s](%s.svg)\n\n| learning rate |", title, title, parametrization)
	var curves []Curve
	for _, c := range r.Curves {
		if c.Parametrization == parametrization {
			curves = append(curves, c)
			fmt.Fprintf(b, " width %d |", c.Width)
		}
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(curves)) + "\n")
	seeds := r.Config["seeds"].(int)
	for i, rate := range curves[0].Rates {
		fmt.Fprintf(b, "| 2^%d |", rate.Log2)
		for _, c := range curves {
			fmt.Fprintf(b, " %s |", c.Rates[i].cell(c.Best, seeds))
		}
		b.WriteString("\n")
	}
}

func (r Rate) cell(best, seeds int) string {
	if len(r.Losses) == 0 {
		return "–"
	}
	if r.Mean == nil {
		return "diverged"
	}
	text := fmt.Sprintf("%.3f", *r.Mean)
	if len(r.Losses) > 1 {
		text += fmt.Sprintf(" ± %.3f", r.StdError)
	} else if seeds > 1 {
		text += " (1)"
	}
	if r.Log2 == best {
		text = "**" + text + "**"
	}
	return text
}
