package experiment

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"agora/policy/plot"
	"agora/reward"
	"agora/reward/prefs"
)

// marked is a set of marks by known raters, made into comparisons.
type marked struct {
	name, what, by string // by is the group that losses and heads go by
	train, test    []*prefs.Ranked
}

// readMarked reads two sets with known raters.
func readMarked(data string) ([]marked, error) {
	var out []marked
	for _, set := range []struct {
		name, what, by string
		read           func(string) ([]rated, error)
	}{
		{"POPQUORN", "which of two comments the rater found more offensive", "race", readOffensiveness},
		{"LeWiDi CSC", "which of two replies the annotator found more sarcastic", "gender", readSarcasm},
	} {
		marks, err := set.read(data)
		if err != nil {
			return nil, err
		}
		m := marked{name: set.name, what: set.what, by: set.by}
		m.train, m.test = splitRaters(pairUp(marks, 30, 1))
		out = append(out, m)
	}
	return out, nil
}

// splitRaters keeps one rater in five out of training.
func splitRaters(lines []*prefs.Ranked) (train, test []*prefs.Ranked) {
	for _, r := range lines {
		if bits(r.Worker)%5 == 0 {
			test = append(test, r)
		} else {
			train = append(train, r)
		}
	}
	return train, test
}

// groupsResult is what was measured on a set: every loss's accuracies on raters held out.
type groupsResult struct {
	set     marked
	losses  []string
	reports []*reward.Report // by loss
}

// groups trains a reward model on each set in three ways: with every comparison alike, with a robust loss,
// and with a head for each group.
func (c court) groups(ctx context.Context, sets []marked) ([]groupsResult, error) {
	var out []groupsResult
	for _, set := range sets {
		file := c.path("data", "marks-"+set.by+".jsonl")
		if _, err := prefs.Write(file, prefs.FormatRanked, each(set.train), prefs.About{Licence: "not to be shipped"}); err != nil {
			return nil, err
		}
		found := groupsResult{set: set}
		for _, way := range []struct {
			name string
			set  Settings
		}{{"every comparison alike", nil}, {"robust loss, by " + set.by, Settings{"group_by": set.by, "robust_rate": .1}}, {"a head for each " + set.by, Settings{"group_by": set.by, "group_heads": true}}} {
			run, err := c.reward(ctx, set.name+", "+way.name, foldSettings(0).With(Settings{"epochs": 2}).With(way.set), c.trunk, file)
			if err != nil {
				return nil, err
			}
			report, err := c.accuracy(ctx, run, "groups", set.test)
			if err != nil {
				return nil, err
			}
			found.losses, found.reports = append(found.losses, way.name), append(found.reports, report)
		}
		out = append(out, found)
	}
	return out, nil
}

// reportGroups reports accuracy by group, the worst first.
func reportGroups(r *report, all []groupsResult) {
	for _, found := range all {
		r.say("**%s**: %s; %d comparisons by raters in training, %d by raters held out; one seed.", found.set.name, found.set.what, len(found.set.train), len(found.set.test))
		var table [][]string
		for i, report := range found.reports {
			table = append(table, groupRow(found.losses[i], report))
			r.Numbers[found.set.name+", "+found.losses[i]] = map[string]any{"accuracy": report.Accuracy, "ci95": report.CI95, "worst_group": report.WorstGroup, "by_group": report.ByGroup}
		}
		r.table([]string{"loss", "accuracy, %", "worst group", "its accuracy, %", "its n", "range over groups, points"}, table)
		r.chart("groups-"+found.set.by, found.chart())
		r.say("Groups of %d comparisons or more; bars are 95 %% intervals that resample raters, and say nothing where a group has one.", fewest)
	}
}

// fewest is how many comparisons a group needs to be looked at.
const fewest = 20

func groupRow(name string, r *reward.Report) []string {
	worst, top := r.ByGroup[r.WorstGroup], 0.0
	for _, p := range r.ByGroup {
		if p.N >= fewest {
			top = math.Max(top, p.Accuracy)
		}
	}
	return []string{name, fmt.Sprintf("%.1f [%.1f, %.1f]", 100*r.Accuracy, 100*r.CI95[0], 100*r.CI95[1]), r.WorstGroup,
		fmt.Sprintf("%.1f [%.1f, %.1f]", 100*worst.Accuracy, 100*worst.CI95[0], 100*worst.CI95[1]), fmt.Sprint(worst.N), fmt.Sprintf("%.1f", 100*(top-worst.Accuracy))}
}

// chart has a row for all comparisons and one for every group, in the order of the first loss.
func (g groupsResult) chart() plot.Chart {
	first := g.reports[0]
	c := plot.Chart{Title: g.set.name + ": accuracy by group of raters, worst first", X: "accuracy on raters held out, %", Rows: []string{fmt.Sprintf("all (%d)", first.N)}}
	var names []string
	for name, part := range first.ByGroup {
		if part.N >= fewest {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(first.ByGroup[a].Accuracy, first.ByGroup[b].Accuracy), cmp.Compare(a, b))
	})
	for _, name := range names {
		c.Rows = append(c.Rows, fmt.Sprintf("%s (%d)", name, first.ByGroup[name].N))
	}
	for i, r := range g.reports {
		s := plot.Series{Name: g.losses[i]}
		for row, part := range append([]reward.Part{{Accuracy: r.Accuracy, CI95: r.CI95}}, partsOf(r, names)...) {
			s.Points = append(s.Points, plot.Point{X: 100 * part.Accuracy, Y: float64(row) + .25*(float64(i)-float64(len(g.reports)-1)/2), XLo: 100 * part.CI95[0], XHi: 100 * part.CI95[1]})
		}
		c.Series = append(c.Series, s)
	}
	return c
}

func partsOf(r *reward.Report, names []string) []reward.Part {
	var out []reward.Part
	for _, name := range names {
		out = append(out, r.ByGroup[name])
	}
	return out
}
