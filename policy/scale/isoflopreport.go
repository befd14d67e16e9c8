package scale

import (
	"fmt"
	"math"
	"strings"

	"agora/policy/plot"
)

// isoflopReport is isoflop.json, and what report.md is made of.
type isoflopReport struct {
	Config      map[string]any `json:"config"`
	Text        string         `json:"text"`
	TrainTokens int            `json:"train_tokens"`
	Kernels     string         `json:"kernels"`
	IsoFLOP
}

func (r isoflopReport) verdict() string {
	var lines []string
	if r.Used >= 2 {
		lines = append(lines, fmt.Sprintf("minima of %d budgets: N ∝ C^%.2f%s, D ∝ C^%.2f%s",
			r.Used, r.ExponentN, r.NInterval.text(2), r.ExponentD, r.DInterval.text(2)))
	}
	if r.Law != nil {
		lines = append(lines, r.Law.String())
	}
	if r.Problem != "" {
		lines = append(lines, r.Problem)
	}
	return strings.Join(lines, "\n")
}

// String is the law in a line.
func (f LawFit) String() string {
	return fmt.Sprintf("L(N, D) = %.3f + %.4g/N^%.3f + %.4g/D^%.3f from %d runs: N ∝ C^%.2f%s, D ∝ C^%.2f%s; off by %.1f %% (root mean square)",
		f.E, f.A, f.Alpha, f.B, f.Beta, f.Runs, f.ExponentN, f.NInterval.text(2), f.ExponentD, f.DInterval.text(2), 100*f.RMS)
}

func (r isoflopReport) write(dir string) error {
	return writeAll(dir, map[string][]byte{
		"isoflop.json": indented(r), "report.md": []byte(r.markdown()), "isoflop.svg": r.profiles().SVG(), "frontier.svg": r.frontier().SVG(),
	})
}

// profiles is the chart of loss over size, with the parabolas.
func (r isoflopReport) profiles() plot.Chart {
	c := plot.Chart{Title: "IsoFLOP profiles", X: "parameters", Y: "held-out loss, nats per token", LogX: true}
	for _, p := range r.Profiles {
		s := plot.Series{Name: fmt.Sprintf("%.2g FLOPs", p.Flops)}
		for _, run := range p.Runs {
			s.Points = append(s.Points, plot.Point{X: run.Params, Y: run.Loss})
		}
		c.Series = append(c.Series, s)
	}
	for len(c.Series)%plot.Colours != 0 { // so that a curve has the colour of its points
		c.Series = append(c.Series, plot.Series{})
	}
	for _, p := range r.Profiles {
		c.Series = append(c.Series, p.drawn())
	}
	return c
}

// drawn is the fitted parabola between the smallest and the largest size.
func (p Profile) drawn() plot.Series {
	s := plot.Series{Line: true, Bare: true}
	if p.Curve == nil {
		return s
	}
	first, last := p.Runs[0].Params, p.Runs[len(p.Runs)-1].Params
	const parts = 40
	for i := range parts + 1 {
		n := first * math.Pow(last/first, float64(i)/parts)
		s.Points = append(s.Points, plot.Point{X: n, Y: p.Curve.at(n)})
	}
	return s
}

// frontier is the chart of the best sizes over compute.
func (r isoflopReport) frontier() plot.Chart {
	c := plot.Chart{Title: "Best size for a budget", X: "training FLOPs", Y: "parameters", LogX: true, LogY: true}
	var minima, line, rule, law plot.Series
	minima.Name, line.Name, rule.Name, law.Name = "minima of the profiles", fmt.Sprintf("N ∝ C^%.2f", r.ExponentN), "20 tokens a parameter", "fitted law"
	line.Line, rule.Line, law.Line, line.Bare, rule.Bare, law.Bare, rule.Dashed = true, true, true, true, true, true, true
	for _, p := range r.Profiles {
		if p.Curve != nil && !p.Outside {
			minima.Points = append(minima.Points, plot.Point{X: p.Flops, Y: p.Params})
		}
		line.Points = append(line.Points, plot.Point{X: p.Flops, Y: r.Scale * math.Pow(p.Flops, r.ExponentN)})
		rule.Points = append(rule.Points, plot.Point{X: p.Flops, Y: math.Sqrt(p.Flops / 120)})
		if r.Law != nil {
			law.Points = append(law.Points, plot.Point{X: p.Flops, Y: r.Law.law().size(p.Flops)})
		}
	}
	c.Series = []plot.Series{minima, line, rule}
	if r.Law != nil {
		c.Series = append(c.Series, law)
	}
	return c
}

func (r isoflopReport) markdown() string {
	var b strings.Builder
	c := r.Config
	fmt.Fprintf(&b, "# How should compute be divided between size and data?\n\n")
	fmt.Fprintf(&b, "%v models of %v layers in muP (base width %v), heads of %v, feed-forward %v · width, vocabulary %v; batches of %v × %v tokens, peak rate\n%.3g, linear warm-up and decay over each run's own length; one seed (%v). Parameters are the weights in matrix products, the head's\nincluded; compute is 6 · parameters · tokens. The text has %s tokens; runs of more than %v passes, fewer than\n%v steps or fewer than %v tokens a parameter are left out.\n\n",
		c["family"], c["layers"], c["base_width"], c["head_dim"], c["ffn_ratio"], c["vocab"], c["batch_sequences"], c["context"], c["learning_rate"], c["seed"], human(float64(r.TrainTokens)), c["passes"], c["fewest_steps"], c["fewest_tokens_per_param"])
	fmt.Fprintf(&b, "%s\n\n![IsoFLOP profiles](isoflop.svg)\n\n![Best size](frontier.svg)\n\n", strings.ReplaceAll(r.verdict(), "\n", "  \n"))
	b.WriteString("| budget, FLOPs | size: tokens: loss | best size | its tokens | tokens / parameter | loss there |\n|---|---|---|---|---|---|\n")
	for _, p := range r.Profiles {
		var runs []string
		for _, run := range p.Runs {
			runs = append(runs, fmt.Sprintf("%s: %s: %.3f", human(run.Params), human(run.Tokens), run.Loss))
		}
		fmt.Fprintf(&b, "| %.2g | %s | %s\n", p.Flops, strings.Join(runs, " · "), p.best())
	}
	if r.Law != nil {
		r.Law.markdown(&b)
	}
	b.WriteString("\nText and kernels: " + r.Text[:12] + ", " + r.Kernels + ".\n")
	return b.String()
}

// best are the last cells of a profile's row.
func (p Profile) best() string {
	switch {
	case p.Curve == nil:
		return "none: no parabola with a minimum | | | |"
	case p.Outside:
		return fmt.Sprintf("%s, beyond the sizes that were run | | | |", human(p.Params))
	}
	return fmt.Sprintf("%s | %s | %.1f | %.3f |", human(p.Params), human(p.Tokens), p.Tokens/p.Params, p.Loss)
}

// markdown is the table of the law's constants.
func (f LawFit) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n## L(N, D) = E + A/N^α + B/D^β\n\n| E | A | B | α | β | a | b |\n|---|---|---|---|---|---|---|\n")
	fmt.Fprintf(b, "| %.3f | %.4g | %.4g | %.3f | %.3f | %.3f | %.3f |\n", f.E, f.A, f.B, f.Alpha, f.Beta, f.ExponentN, f.ExponentD)
	if f.NInterval != nil {
		b.WriteString("| | | |")
		for _, in := range []*Interval{f.AlphaInterval, f.BetaInterval, f.NInterval, f.DInterval} {
			fmt.Fprintf(b, " %.3f to %.3f |", in.Lo, in.Hi)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "\n%d runs. %s Losses are off by %.2f %% (root mean square), %.2f %% at most.\n", f.Runs, drawnText(f.Bootstrap, f.Used), 100*f.RMS, 100*f.Worst)
}
