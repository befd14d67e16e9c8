package prefs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Markdown is the card for people, under a title.
func (c *Card) Markdown(title string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", title)
	c.writeCounts(&b)
	c.writePeople(&b)
	c.writeWeights(&b)
	c.writeLeftOut(&b)
	c.writeOrigin(&b)
	return b.String()
}

// writeCounts says what the file holds.
func (c *Card) writeCounts(b *strings.Builder) {
	b.WriteString("| | |\n|---|---|\n")
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "| %s | %s |\n", name, cell(value))
		}
	}
	row("File", c.File)
	row("Format", string(c.Format))
	row("sha256", c.SHA256)
	row("Licence", orText(c.Licence, "not stated"))
	row("Lines", fmt.Sprint(c.Rows))
	row("Records", fmt.Sprint(c.Records))
	row("Prompts", fmt.Sprint(c.Prompts))
	row("Completions", fmt.Sprint(c.Completions))
	row("Comparisons", fmt.Sprintf("%d, and %d ties", c.Pairs, c.Ties))
	row("Ties", c.TiePolicy)
	if c.Answered != nil {
		row("Answered", c.Answered.From+" to "+c.Answered.To)
	}
	if a := c.Agreement; a != nil {
		row("Agreement", fmt.Sprintf("%.1f %% of the pairs of judgments of the same pair agree (%d pairs, %d judgments; ties %s)", 100*a.Pairwise, a.Pairs, a.Judgment, a.Ties))
	}
	b.WriteString("\n")
}

// writePeople says whose judgments these are, and under what.
func (c *Card) writePeople(b *strings.Builder) {
	fmt.Fprintf(b, "## Labelers\n\n%d labelers, known by pseudonyms.\n\n", c.Workers)
	for _, name := range slices.Sorted(maps.Keys(c.Pool)) {
		fmt.Fprintf(b, "- %s: %s\n", name, counts(c.Pool[name]))
	}
	if len(c.Pool) > 0 {
		fmt.Fprintf(b, "\nValues that fewer than %d labelers share are counted together as (suppressed).\n\n", suppressBelow)
	}
	for _, list := range []struct {
		name string
		m    map[string]int
	}{{"Consent", c.Consent}, {"Guidelines", c.Guidelines}, {"Task form", c.Forms}, {"Language", c.Languages}} {
		if len(list.m) > 0 {
			fmt.Fprintf(b, "- %s, in answers: %s\n", list.name, counts(list.m))
		}
	}
	if len(c.Consent)+len(c.Guidelines)+len(c.Forms)+len(c.Languages) > 0 {
		b.WriteString("\n")
	}
}

// writeLeftOut says what is not in the file.
func (c *Card) writeLeftOut(b *strings.Builder) {
	b.WriteString("## Left out\n\n")
	for _, f := range c.Filters {
		fmt.Fprintf(b, "- %s\n", f)
	}
	if l := c.LeftOut; l != nil {
		for _, line := range l.Lines() {
			fmt.Fprintf(b, "- %s\n", line)
		}
	}
	var splits, left []string
	if c.Curated != nil {
		left, splits = c.Curated.Lines()
	}
	for _, line := range left {
		fmt.Fprintf(b, "- %s\n", line)
	}
	for _, l := range c.Losses {
		fmt.Fprintf(b, "- the format has no place for %s (%s): %s\n", l.Field, plural(l.Records, "record"), l.Why)
	}
	if len(c.Filters)+len(c.Losses)+len(left) == 0 && c.LeftOut == nil {
		b.WriteString("Nothing.\n")
	}
	b.WriteString("\n")
	for i, line := range splits {
		if i == 0 {
			b.WriteString("## Split by user\n\n")
		}
		fmt.Fprintf(b, "- %s\n", line)
	}
	if len(splits) > 0 {
		b.WriteString("\n")
	}
}

// Lines are the counts in words, one thing a line.
func (l LeftOut) Lines() []string {
	var out []string
	if l.WithdrawnPeople > 0 {
		out = append(out, fmt.Sprintf("answers of %s withdrawn (%s)", people(l.WithdrawnPeople), plural(l.WithdrawnAnswers, "answer")))
	}
	if l.Excluded > 0 {
		out = append(out, fmt.Sprintf("%s excluded by reviewers", plural(l.Excluded, "answer")))
	}
	if l.Returned > 0 {
		out = append(out, fmt.Sprintf("%s given back for rework", plural(l.Returned, "answer")))
	}
	return out
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

// writeOrigin lists the sources by hash.
func (c *Card) writeOrigin(b *strings.Builder) {
	if len(c.Parents) == 0 {
		return
	}
	b.WriteString("## Made from\n\n")
	for _, p := range c.Parents {
		fmt.Fprintf(b, "- %s `%s`\n", cell(p.Name), p.SHA256)
	}
}

// counts writes a tally, the largest first.
func counts(m map[string]int) string {
	names := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		if m[a] != m[b] {
			return m[b] - m[a]
		}
		return strings.Compare(a, b)
	})
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = fmt.Sprintf("%s %d", cell(n), m[n])
	}
	return strings.Join(parts, ", ")
}

// cell keeps a value inside of its cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "\r", " ").Replace(s)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
