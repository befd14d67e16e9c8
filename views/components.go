package views

import (
	"context"
	"math"
	"time"

	"github.com/a-h/templ"
)

// component is one section of the page of components.
type component struct {
	title string
	view  templ.Component
}

// components lists the sections; id tells two copies on one page apart.
func components(ctx context.Context, id string) []component {
	return []component{
		{T(ctx, "components.colours"), colourSamples()},
		{T(ctx, "components.type"), typeSamples()},
		{T(ctx, "components.buttons"), buttonSamples()},
		{T(ctx, "components.states"), stateSamples()},
		{T(ctx, "components.alerts"), alertSamples()},
		{T(ctx, "components.fields"), fieldSamples(id)},
		{T(ctx, "components.figures"), figureSamples(id)},
		{T(ctx, "components.tables"), tableSample(T(ctx, "components.tables") + " " + T(ctx, "components."+id))},
		{T(ctx, "components.charts"), ChartView(sampleCurve(ctx, id))},
		{T(ctx, "components.texts"), textSamples()},
		{T(ctx, "components.ranking"), rankSample(id)},
		{T(ctx, "components.differences"), differenceSample()},
		{T(ctx, "components.empty"), Empty(sampleTitle, sampleLead, Link{sampleName, "/components"})},
	}
}

// Invented content of the samples.
const (
	sampleName  = "Everyday help"
	sampleTitle = "A quiet birthday present"
	sampleLead  = "A packet of wildflower seeds that bloom late in the year, when bees find little."
	sampleOther = "A small packet of wildflower seeds that bloom early in spring, when bees find little else."
	sampleNote  = "Suggested for a neighbour who keeps bees."
)

var (
	sampleTime    = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	sampleColours = []string{"page", "surface", "sunken", "ink", "ink-2", "ink-3", "hairline", "edge", "accent", "accent-soft", "good", "good-soft", "warn", "warn-soft", "bad", "bad-soft", "s1", "s2", "s3", "s4", "ins", "del"}
)

// sampleTexts are texts that are hard to set: code, formulas, tables, and scripts other than Latin.
var sampleTexts = []struct{ lang, text string }{
	{"en", "# Counting\n\nThe mean is $\\bar{x} = \\frac{1}{n}\\sum_{i=1}^{n} x_i$, for $5 or $6 a head.\n\n$$e^{i\\pi} + 1 = 0$$\n\n```python\nfrom collections import Counter\n\ncounts = Counter(words)  # one pass\nprint(f\"{len(counts)} words\", 3.5)\n```\n\n| Plant | Light |\n|---|--:|\n| Fern | 20 % |\n| Cactus | 90 % |\n\n> Turn the pot *once* a week."},
	{"ar", "الطقس **مشمس** اليوم، و`print()` تطبع النص.\n\n- أولًا\n- ثانيًا"},
	{"zh", "今天天气*晴朗*，适合散步。用 `print()` 输出文字。"},
}

func sampleFields(ctx context.Context, id string) []Field {
	return []Field{
		{ID: id + "-title", Name: "title", Label: T(ctx, "project.title"), Hint: T(ctx, "project.title.hint"), Type: "text", Value: sampleName},
		{ID: id + "-k", Name: "k", Label: T(ctx, "project.k"), Type: "number", Value: "12", Required: true, Error: T(ctx, "settings.number")},
		{ID: id + "-role", Name: "role", Label: T(ctx, "users.role"), Type: "select", Value: "labeler", Choices: []Choice{{"labeler", T(ctx, "role.labeler")}, {"admin", T(ctx, "role.admin")}}},
		{ID: id + "-note", Name: "note", Label: T(ctx, "task.note"), Type: "textarea", Value: sampleNote},
		{ID: id + "-file", Name: "file", Label: T(ctx, "components.file"), Type: "file", Required: true},
		{ID: id + "-archived", Name: "archived", Label: T(ctx, "settings.archived"), Hint: T(ctx, "settings.archived.hint"), Type: "checkbox", Value: "true"},
	}
}

// sampleCurve rises and levels off as rewards do, beside a judge that turns down.
func sampleCurve(ctx context.Context, id string) Chart {
	c := Chart{ID: id + "-curve", Title: "reward " + T(ctx, "components."+id), XLabel: "step", Now: "2.29",
		Series: []Series{{Name: "reward model"}, {Name: "judge"}}, Levels: []Level{{2, "target"}}}
	for i := range 31 {
		x := float64(i) / 30
		c.Series[0].Points = append(c.Series[0].Points, Point{float64(i), 2.4 * (1 - math.Exp(-4*x))})
		c.Series[1].Points = append(c.Series[1].Points, Point{float64(i), 1.3*(1-math.Exp(-6*x)) - 1.1*x*x})
	}
	return c
}

func sampleRanking(id string) Task {
	return Task{Kind: TaskRank, Texts: []Completion{{Key: id + "A", Text: sampleLead, Rank: 1}, {Key: id + "B", Rank: 1}, {Key: id + "C"}, {Key: id + "D", Rank: 3}}}
}

func sampleChoice(id string) Task {
	return Task{Kind: TaskPairwise, Strength: "1", Texts: []Completion{{Key: id + "P"}, {Key: id + "Q"}}}
}
