package experiment

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"agora/policy/checkpoint"
	"agora/policy/plot"
	"agora/ppo/measure"
)

// report is what an experiment writes: Markdown, charts beside it, and the numbers for machines.
type report struct {
	Name    string         `json:"name"`
	Title   string         `json:"title"`
	Claim   string         `json:"claim"`   // what was to be shown
	Holds   bool           `json:"holds"`   // whether it shows
	Verdict string         `json:"verdict"` // in one sentence, with the numbers that say so
	Numbers map[string]any `json:"numbers"`
	Made    made           `json:"made"`

	body   strings.Builder
	charts map[string]plot.Chart
}

// made is where a report comes from.
type made struct {
	Command string  `json:"command"`
	Runs    int     `json:"runs"`            // trainings it rests on, those shared with other experiments included
	Seconds float64 `json:"seconds"`         // their wall time by their own logs, summed
	Workers []int   `json:"workers"`         // worker threads that they had, each number once
	Unknown int     `json:"workers_unknown"` // of so many runs it was not written down
}

// String is a sentence or two.
func (m made) String() string {
	text := fmt.Sprintf("Made by `%s`.", m.Command)
	if m.Runs == 0 {
		return text
	}
	var on []string
	for _, n := range m.Workers {
		on = append(on, fmt.Sprint(n))
	}
	workers := strings.Join(on, " or ")
	switch {
	case m.Unknown == m.Runs:
		workers = "a number of worker threads that was not written down"
	case m.Unknown > 0:
		workers += fmt.Sprintf(" worker threads (not written down for %d of them)", m.Unknown)
	default:
		workers += " worker threads"
	}
	took := time.Duration(m.Seconds * float64(time.Second)).Round(time.Second)
	return text + fmt.Sprintf(" The %d trainings behind it took %s of wall time in all, on %s; those that other experiments share are counted, sampling for the comparisons is not.", m.Runs, took, workers)
}

func newReport(name, title, claim string) *report {
	return &report{Name: name, Title: title, Claim: claim, Numbers: map[string]any{}, charts: map[string]plot.Chart{}}
}

// say adds a paragraph.
func (r *report) say(format string, args ...any) { fmt.Fprintf(&r.body, format+"\n\n", args...) }

// table adds a table; numbers stand right.
func (r *report) table(head []string, rows [][]string) {
	r.body.WriteString("| " + strings.Join(head, " | ") + " |\n|")
	for i := range head {
		if i == 0 {
			r.body.WriteString("---|")
		} else {
			r.body.WriteString("---:|")
		}
	}
	for _, row := range rows {
		r.body.WriteString("\n| " + strings.Join(row, " | ") + " |")
	}
	r.body.WriteString("\n\n")
}

// chart adds a chart, stored as name.svg.
func (r *report) chart(name string, c plot.Chart) {
	r.charts[name] = c
	fmt.Fprintf(&r.body, "![%s](%s.svg)\n\n", c.Title, name)
}

// across is a rate in per cent with its interval, on a row.
func across(row float64, r measure.Rate) plot.Point {
	return plot.Point{Y: row, X: 100 * r.Value, XLo: 100 * r.Lo, XHi: 100 * r.Hi}
}

// beside is where one of several seeds stands around the mean in a column or a row.
func beside(column, seed, seeds int) float64 {
	return float64(column) + .3*(float64(seed)+.5)/float64(seeds) - .15
}

// samples adds texts of several policies on the same prompts.
func (r *report) samples(names []string, texts ...[]string) {
	r.say("Samples, taken evenly from all prompts:")
	for i := range texts[0] {
		for k, name := range names {
			fmt.Fprintf(&r.body, "- *%s*: %s\n", name, inline(texts[k][i]))
		}
		r.body.WriteString("\n")
	}
}

// inline puts a text on one line of Markdown.
func inline(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.NewReplacer("*", `\*`, "_", `\_`, "<", "&lt;", "|", `\|`, "`", "'").Replace(text)
}

// verdict says whether the claim holds.
func (r *report) verdict(holds bool, format string, args ...any) {
	r.Holds, r.Verdict = holds, fmt.Sprintf(format, args...)
}

// markdown is the whole text.
func (r *report) markdown() string {
	mark := "holds here"
	if !r.Holds {
		mark = "does not hold here"
	}
	return fmt.Sprintf("# %s\n\nClaim: %s\n\n**It %s.** %s\n\n%s\n\n%s", r.Title, r.Claim, mark, r.Verdict, r.Made, r.body.String())
}

// write puts report.md, report.json and the charts into a folder.
func (r *report) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, c := range r.charts {
		if err := checkpoint.WriteFile(filepath.Join(dir, name+".svg"), c.SVG()); err != nil {
			return err
		}
	}
	if err := checkpoint.WriteFile(filepath.Join(dir, "report.md"), []byte(r.markdown())); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, "report.json"), r)
}

// percent writes a rate with its interval.
func percent(r measure.Rate) string {
	return fmt.Sprintf("%.1f %% [%.1f, %.1f]", 100*r.Value, 100*r.Lo, 100*r.Hi)
}

func num(v float64) string { return fmt.Sprintf("%.2f", v) }
