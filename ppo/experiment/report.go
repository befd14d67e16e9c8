package experiment

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

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

	body   strings.Builder
	charts map[string]plot.Chart
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
func (r *report) markdown(command string) string {
	mark := "holds here"
	if !r.Holds {
		mark = "does not hold here"
	}
	return fmt.Sprintf("# %s\n\nClaim: %s\n\n**It %s.** %s\n\nMade by `%s`.\n\n%s", r.Title, r.Claim, mark, r.Verdict, command, r.body.String())
}

// write puts report.md, report.json and the charts into a folder.
func (r *report) write(dir, command string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, c := range r.charts {
		if err := checkpoint.WriteFile(filepath.Join(dir, name+".svg"), c.SVG()); err != nil {
			return err
		}
	}
	if err := checkpoint.WriteFile(filepath.Join(dir, "report.md"), []byte(r.markdown(command))); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, "report.json"), r)
}

// percent writes a rate with its interval.
func percent(r measure.Rate) string {
	return fmt.Sprintf("%.1f %% [%.1f, %.1f]", 100*r.Value, 100*r.Lo, 100*r.Hi)
}

func num(v float64) string { return fmt.Sprintf("%.2f", v) }
