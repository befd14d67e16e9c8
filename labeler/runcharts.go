package labeler

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"agora/db"
	"agora/views"
)

// sampleSteps is how many steps' samples are looked at: enough to reach the first ones of a short run.
const sampleSteps = 200

// curve is one metric's values by step.
type curve []views.Point

// byName gathers metrics, which come in order of name and step.
func byName(metrics []db.Metric) map[string]curve {
	m := map[string]curve{}
	for _, x := range metrics {
		m[x.Name] = append(m[x.Name], views.Point{X: float64(x.Step), Y: x.Value})
	}
	return m
}

func mapKeys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

// chartSpec says which metrics a chart draws, under which names. A line whose metric a run does
// not log is left out, and a chart without lines too.
type chartSpec struct {
	id    string
	text  string // key of its title and explanation: metric.TEXT, .f, .u, .h
	x     string // metric on the horizontal axis; empty: the step
	zero  bool   // the vertical axis begins at zero
	key   bool   // its newest values are among the key figures
	level float64
	at    string // key of what the level means; empty: no level
	lines []lineSpec
	marks []lineSpec // metrics that stay as they are all through a run: levels to compare with
}

// lineSpec names the metric of a line, by the first of its names that the run logs.
type lineSpec struct {
	label string // key of the line's name
	names []string
}

// Charts by kind of run, in reading order.
var chartSpecs = map[string][]chartSpec{
	"ppo": rolloutCharts, "rloo": rolloutCharts, "grpo": rolloutCharts,
	"reward": {
		{id: "loss", key: true, level: math.Ln2, at: "metric.chance", text: "metric.loss.reward", lines: []lineSpec{{"metric.train", []string{"loss"}}, {"metric.valid", []string{"eval_loss"}}}},
		{id: "accuracy", key: true, level: .5, at: "metric.chance", text: "metric.accuracy", lines: []lineSpec{{"metric.train", []string{"accuracy"}}, {"metric.valid", []string{"eval_accuracy"}}, {"metric.newlabelers", []string{"eval_new_labelers_accuracy"}}}, marks: peopleMarks},
		{id: "margin", text: "metric.margin", lines: []lineSpec{{"metric.margin", []string{"margin"}}}},
	},
	"dpo": {
		{id: "loss", key: true, text: "metric.loss.dpo", lines: []lineSpec{{"metric.train", []string{"loss/train"}}, {"metric.valid", []string{"loss/validation"}}}},
		{id: "accuracy", key: true, zero: true, text: "metric.accuracy.dpo", lines: []lineSpec{{"metric.train", []string{"rewards/accuracies"}}, {"metric.valid", []string{"eval_rewards/accuracies"}}}, marks: peopleMarks},
		{id: "margin", key: true, text: "metric.margin.dpo", lines: []lineSpec{{"metric.margin", []string{"rewards/margins"}}}},
	},
	"score": nil, // it learns nothing
	"": { // sft, pretrain and whatever comes
		{id: "loss", key: true, text: "metric.loss", lines: []lineSpec{{"metric.train", []string{"loss/train"}}, {"metric.valid", []string{"loss/validation"}}}},
	},
}

// peopleMarks are what accuracies are to be read against: how far people agree on the same held-out pairs.
var peopleMarks = []lineSpec{{"metric.raters", []string{"eval_rater_agreement"}}, {"metric.others", []string{"eval_others_majority"}}}

// rolloutCharts are those of the methods that learn from what they sample.
var rolloutCharts = []chartSpec{
	{id: "reward", key: true, text: "metric.reward", lines: []lineSpec{{"metric.training", []string{"objective/reward_raw", "objective/scores"}}, {"metric.judge", []string{"objective/judge"}}, {"metric.judgeema", []string{"objective/judge_ema"}}}},
	{id: "kl", key: true, zero: true, text: "metric.kl", lines: []lineSpec{{"metric.kl", []string{"objective/kl"}}}},
	{id: "loss", text: "metric.loss.ppo", lines: []lineSpec{{"metric.policy", []string{"loss/policy_avg"}}, {"metric.value", []string{"loss/value_avg"}}}},
	{id: "length", key: true, zero: true, text: "metric.length", lines: []lineSpec{{"metric.length", []string{"val/length"}}}},
	{id: "overopt", text: "metric.overopt", x: "objective/kl_sqrt", lines: []lineSpec{{"metric.training", []string{"objective/reward_raw"}}, {"metric.judge", []string{"objective/judge"}}}},
	{id: "ptx", text: "metric.ptx", lines: []lineSpec{{"metric.ptx", []string{"loss/ptx"}}}},
	{id: "entropy", zero: true, text: "metric.entropy", lines: []lineSpec{{"metric.entropy", []string{"policy/entropy_avg", "objective/entropy"}}}},
	{id: "distinct", key: true, zero: true, text: "metric.distinct", lines: []lineSpec{{"metric.distinct", []string{"val/distinct"}}}},
	{id: "ngrams", zero: true, text: "metric.ngrams", lines: []lineSpec{{"metric.distinct1", []string{"val/distinct_1"}}, {"metric.distinct2", []string{"val/distinct_2"}}}},
	{id: "eos", zero: true, text: "metric.eos", lines: []lineSpec{{"metric.eos", []string{"val/eos_rate"}}}},
}

func specsOf(kind string) []chartSpec {
	if specs, ok := chartSpecs[kind]; ok {
		return specs
	}
	return chartSpecs[""]
}

// charts draws what a run has logged so far.
func charts(ctx context.Context, kind string, m map[string]curve) []views.Chart {
	var list []views.Chart
	for _, spec := range specsOf(kind) {
		if c, ok := spec.draw(ctx, m); ok {
			if spec.id == "overopt" {
				fitJudge(ctx, &c, m)
			}
			list = append(list, c)
		}
	}
	return list
}

func (spec chartSpec) draw(ctx context.Context, m map[string]curve) (views.Chart, bool) {
	c := views.Chart{ID: spec.id, Title: views.T(ctx, spec.text), XLabel: views.T(ctx, "chart.step"), Zero: spec.zero, Dots: spec.x != ""}
	if spec.at != "" {
		c.Levels = []views.Level{{Y: spec.level, Label: views.T(ctx, spec.at)}}
	}
	if spec.x != "" {
		c.XLabel = views.T(ctx, "metric.klsqrt")
	}
	var logged, now []string
	for _, l := range spec.lines {
		name, ok := firstOf(m, l.names)
		if !ok {
			continue
		}
		points := m[name]
		if spec.x != "" {
			points = against(m[spec.x], points)
		}
		if len(points) == 0 {
			continue
		}
		c.Series = append(c.Series, views.Series{Name: views.T(ctx, l.label), Points: points})
		logged, now = append(logged, name), append(now, views.Number(points[len(points)-1].Y))
	}
	if len(c.Series) == 0 || spec.x != "" && len(c.Series) < len(spec.lines) {
		return c, false
	}
	for _, l := range spec.marks {
		if name, ok := firstOf(m, l.names); ok {
			c.Levels = append(c.Levels, views.Level{Y: m[name][len(m[name])-1].Y, Label: views.T(ctx, l.label)})
			logged = append(logged, name)
		}
	}
	c.Now = strings.Join(now, views.T(ctx, "list.and"))
	c.Help = []views.Row{
		{Name: views.T(ctx, "chart.formula"), Value: views.T(ctx, spec.text+".f")},
		{Name: views.T(ctx, "chart.unit"), Value: views.T(ctx, spec.text+".u")},
		{Name: views.T(ctx, "chart.healthy"), Value: views.T(ctx, spec.text+".h")},
		{Name: views.T(ctx, "chart.logged"), Value: views.List(ctx, logged)},
	}
	return c, true
}

func firstOf(m map[string]curve, names []string) (string, bool) {
	for _, n := range names {
		if len(m[n]) > 0 {
			return n, true
		}
	}
	return "", false
}

// against replaces the step of y by the value of x at that step, in order of x.
func against(x, y curve) curve {
	at := map[float64]float64{}
	for _, p := range x {
		at[p.X] = p.Y
	}
	var out curve
	for _, p := range y {
		if v, ok := at[p.X]; ok {
			out = append(out, views.Point{X: v, Y: p.Y})
		}
	}
	slices.SortStableFunc(out, func(a, b views.Point) int {
		switch {
		case a.X < b.X:
			return -1
		case a.X > b.X:
			return 1
		}
		return 0
	})
	return out
}

// restOf lists the newest value of every metric that no chart draws.
func restOf(ctx context.Context, kind string, m map[string]curve) []views.Row {
	drawn := map[string]bool{}
	for _, spec := range specsOf(kind) {
		drawn[spec.x] = true
		for _, l := range slices.Concat(spec.lines, spec.marks) {
			if n, ok := firstOf(m, l.names); ok {
				drawn[n] = true
			}
		}
	}
	var rows []views.Row
	for _, name := range slices.Sorted(mapKeys(m)) {
		if !drawn[name] {
			last := m[name][len(m[name])-1]
			rows = append(rows, views.Row{Name: name, Value: views.T(ctx, "metric.at", views.Number(last.Y), views.Number(last.X))})
		}
	}
	return rows
}

// figures are a run's key numbers.
func figures(ctx context.Context, r db.Run, m map[string]curve, now db.Millis) []views.Figure {
	step := views.Figure{Name: views.T(ctx, "run.figure.step"), Value: views.Count(int(r.Done))}
	if r.Total > 0 {
		step.Unit = views.T(ctx, "run.figure.of", views.Count(int(r.Total)))
	}
	list := []views.Figure{step}
	if left, ok := timeLeft(ctx, r, now); ok {
		list = append(list, views.Figure{Name: views.T(ctx, "run.figure.left"), Value: left})
	}
	for _, spec := range specsOf(r.Kind) {
		if !spec.key {
			continue
		}
		for _, l := range slices.Concat(spec.lines, spec.marks) {
			if name, ok := firstOf(m, l.names); ok {
				list = append(list, views.Figure{Name: figureName(ctx, spec, l), Value: views.Number(m[name][len(m[name])-1].Y)})
			}
		}
	}
	return list
}

// figureName is the chart's title where it has one line, else title and line.
func figureName(ctx context.Context, spec chartSpec, l lineSpec) string {
	if len(spec.lines) == 1 {
		return views.T(ctx, spec.text)
	}
	return views.T(ctx, "figure.of", views.T(ctx, spec.text), views.T(ctx, l.label))
}

// timeLeft projects the pace so far; a resumed run's clock holds pauses, so it has no pace.
func timeLeft(ctx context.Context, r db.Run, now db.Millis) (string, bool) {
	if r.Status != db.RunRunning || r.Done == 0 || r.Total <= r.Done || r.Attempt != 1 {
		return "", false
	}
	perStep := float64(now-r.Started) / float64(r.Done)
	left := time.Duration(perStep*float64(r.Total-r.Done)) * time.Millisecond
	if left < time.Minute {
		left = (left/(5*time.Second) + 1) * 5 * time.Second
	}
	return views.Duration(ctx, left), true
}

// sampleRow is what trainers write about a sampled text.
type sampleRow struct {
	Prompt     string   `json:"prompt"`
	Completion string   `json:"completion"`
	Reward     *float64 `json:"reward"`
	Score      *float64 `json:"score"`
	Judge      *float64 `json:"judge"`
	Tokens     *float64 `json:"tokens"`
	step       int64
}

// maxPairs bounds how many samples a run's page shows.
const maxPairs = 12

// samplePairs sets what the policy wrote first beside what it writes now: for the same prompts
// where they recur, else the first step's samples beside the newest step's, each with its own
// prompt. Samples come newest step first.
func samplePairs(ctx context.Context, samples []db.Sample) []views.SamplePair {
	rows := sampleRows(samples)
	if len(rows) == 0 {
		return nil
	}
	if pairs := samePrompts(ctx, rows); len(pairs) > 1 {
		return pairs[:min(len(pairs), maxPairs)]
	}
	first, newest := rows[len(rows)-1].step, rows[0].step
	var before, after []sampleRow
	for _, r := range rows {
		switch r.step {
		case newest:
			after = append(after, r)
		case first:
			before = append(before, r)
		}
	}
	var pairs []views.SamplePair
	for i := range min(max(len(before), len(after)), maxPairs) {
		p := views.SamplePair{}
		if i < len(before) {
			p.Before = sampleText(ctx, before[i])
			p.Before.Prompt = before[i].Prompt
		}
		if i < len(after) {
			p.After = sampleText(ctx, after[i])
			p.After.Prompt = after[i].Prompt
		}
		pairs = append(pairs, p)
	}
	return pairs
}

func sampleRows(samples []db.Sample) []sampleRow {
	var rows []sampleRow
	for _, s := range samples {
		var row sampleRow
		if json.Unmarshal([]byte(s.Data), &row) == nil {
			row.step = s.Step
			rows = append(rows, row)
		}
	}
	return rows
}

// samePrompts pairs the newest and the oldest sample of every prompt that was sampled at two steps.
func samePrompts(ctx context.Context, rows []sampleRow) []views.SamplePair {
	var order []string
	first, last := map[string]sampleRow{}, map[string]sampleRow{}
	for _, r := range rows {
		if _, ok := last[r.Prompt]; !ok {
			last[r.Prompt] = r
			order = append(order, r.Prompt)
		}
		first[r.Prompt] = r
	}
	var pairs []views.SamplePair
	for _, prompt := range order {
		if first[prompt].step != last[prompt].step {
			pairs = append(pairs, views.SamplePair{Prompt: prompt, Before: sampleText(ctx, first[prompt]), After: sampleText(ctx, last[prompt])})
		}
	}
	return pairs
}

func sampleText(ctx context.Context, r sampleRow) views.SampleText {
	var detail []string
	for _, d := range []struct {
		key string
		v   *float64
	}{{"run.reward", r.Reward}, {"run.score", r.Score}, {"run.judge", r.Judge}, {"run.tokens", r.Tokens}} {
		if d.v != nil {
			detail = append(detail, views.T(ctx, d.key, views.Number(*d.v)))
		}
	}
	return views.SampleText{Head: views.T(ctx, "run.after", views.Number(float64(r.step))), Detail: strings.Join(detail, " · "), Text: r.Completion}
}
