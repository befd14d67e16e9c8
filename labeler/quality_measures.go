package labeler

import (
	"maps"
	"math"
	"slices"

	"agora/labeler/agree"
)

// measure is one coefficient, with keys of the catalogue for words.
type measure struct {
	Name, Of, Ties string
	Axis           string // of a rating or the flag; "": none
	N              int    // how many of what NKey says
	NKey           string
	Given          int // of a flag: how often
	Value          float64
	CI             agree.Span
}

// clustersOf is what intervals are resampled by: labelers if enough are known, else items.
func clustersOf(t *agree.Table) agree.Clusters {
	switch {
	case len(t.Labelers) >= agree.MinLabelers:
		return agree.ByLabeler
	case len(t.Items) >= agree.MinLabelers:
		return agree.ByItem
	}
	return agree.NoCluster
}

// manyCells is the size from which fewer resamples do: the interval of so much is narrow anyway.
const manyCells = 100_000

// resamplesOf is how many resamples a page takes of a table.
func resamplesOf(t *agree.Table) int {
	if len(t.Cells) > manyCells {
		return pageSampling.Resamples * 2 / 5
	}
	return pageSampling.Resamples
}

// crowd is a table with what its intervals are resampled by and whose weights count.
type crowd struct {
	by      agree.Clusters
	weights map[string]float64
}

// table gathers labels; one prompt for all is no cluster.
func (c crowd) table(labels []agree.Label) (*agree.Table, error) {
	if len(labels) > 0 {
		spread(labels)
	}
	t, err := agree.NewTable(labels)
	if err == nil {
		t.WeighBy(c.weights)
	}
	return t, err
}

// measures are the coefficients of preferences and ratings, each of what makes sense for it; none where
// nobody shared anything.
func (o *opinions) measures(pairs *agree.Table, c crowd) ([]measure, error) {
	if pairs.Shared() == 0 {
		return nil, nil
	}
	outcome := "agree.ties.outcome"
	k, ci := pairs.Coincide(), pairs.Bootstrap(c.by, resamplesOf(pairs), pageSampling.Seed)
	ms := []measure{percentOf(k, ci, outcome)}
	untied, err := c.table(o.untied.labels)
	if err != nil {
		return nil, err
	}
	if untied.Shared() > 0 {
		ms = append(ms, percentOf(untied.Coincide(), untied.Bootstrap(c.by, resamplesOf(untied), pageSampling.Seed), "agree.ties.drop"))
	}
	both, err := agree.NewTable(bothWays(o.pairs.labels))
	if err != nil {
		return nil, err
	}
	both.WeighBy(c.weights)
	free := both.Bootstrap(c.by, resamplesOf(both), pageSampling.Seed)
	add := func(name string, value float64, ci agree.Span) {
		ms = append(ms, measure{Name: name, Of: "agree.on.pairs", Ties: outcome, N: pairs.Shared(), NKey: "agree.n.pairs", Value: value, CI: ci})
	}
	add("agree.alpha.nominal", k.Alpha(agree.Nominal), ci.Nominal)
	add("agree.alpha.free", both.Coincide().Alpha(agree.Nominal), free.Nominal)
	add("agree.fleiss", k.Fleiss(), ci.Fleiss)
	places, err := graded(o.places, c, measure{Of: "agree.on.ranks", Ties: "agree.ties.places", NKey: "agree.n.texts"})
	if err != nil {
		return nil, err
	}
	ms = append(ms, places...)
	for _, axis := range slices.Sorted(maps.Keys(o.axes)) {
		ratings, err := graded(o.axes[axis].labels, c, measure{Of: "agree.on.axis", Axis: axis, Ties: "agree.ties.none", NKey: "agree.n.texts"})
		if err != nil {
			return nil, err
		}
		ms = append(ms, ratings...)
	}
	return ms, nil
}

// percentOf is pairwise agreement.
func percentOf(k *agree.Coincidences, ci agree.Intervals, ties string) measure {
	return measure{Name: "agree.percent", Of: "agree.on.pairs", Ties: ties, N: int(math.Round(k.Pairs)), NKey: "agree.n.judgments", Value: k.Percent(), CI: ci.Percent}
}

// graded is α of values that have an order.
func graded(labels []agree.Label, c crowd, m measure) ([]measure, error) {
	t, err := c.table(labels)
	if err != nil || t.Shared() == 0 {
		return nil, err
	}
	k, ci := t.Coincide(), t.Bootstrap(c.by, resamplesOf(t), pageSampling.Seed)
	m.N = t.Shared()
	ordinal, interval := m, m
	ordinal.Name, ordinal.Value, ordinal.CI = "agree.alpha.ordinal", k.Alpha(agree.Ordinal), ci.Ordinal
	interval.Name, interval.Value, interval.CI = "agree.alpha.interval", k.Alpha(agree.Interval), ci.Interval
	return []measure{ordinal, interval}, nil
}

// flagMeasures are nominal α of every flag of texts, then of prompts.
func (o *opinions) flagMeasures(c crowd) ([]measure, error) {
	var ms []measure
	for _, set := range []*labelSet{o.flags, o.about} {
		of, n := "agree.on.flags", "agree.n.texts"
		if set.on == onPromptFlags {
			of, n = "agree.on.promptflags", "agree.n.prompts"
		}
		for _, flag := range set.flagNames() {
			labels := set.flagLabels(flag)
			t, err := c.table(labels)
			if err != nil {
				return nil, err
			}
			if t.Shared() == 0 {
				continue
			}
			k, ci := t.Coincide(), t.Bootstrap(c.by, resamplesOf(t)/2, pageSampling.Seed)
			m := measure{Name: "agree.alpha.nominal", Of: of, Axis: flag, Ties: "agree.ties.flags", N: t.Shared(), NKey: n, Value: k.Alpha(agree.Nominal), CI: ci.Nominal}
			for _, l := range labels {
				m.Given += int(l.Value)
			}
			ms = append(ms, m)
		}
	}
	return ms, nil
}

// groupAgreement is the agreement within and between the groups of one characteristic.
type groupAgreement struct {
	Name string
	agree.Between
}

// groupPairs is the agreement within and between the groups that enough people share; the others are
// counted only.
func groupPairs(t *agree.Table, groups groupsOfPeople) (rows []groupAgreement, small int) {
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		shown, few := largeGroups(groups[name])
		small += few
		between, err := t.ByGroup(shown, pageSampling.Resamples, pageSampling.Seed)
		if err != nil {
			continue // no two of these people judged the same
		}
		for _, b := range between {
			rows = append(rows, groupAgreement{name, b})
		}
	}
	return rows, small
}

// largeGroups leaves out the people of groups that fewer than smallestGroup share, and counts those groups.
func largeGroups(of map[string]string) (shown map[string]string, small int) {
	people := map[string]int{}
	for _, value := range of {
		people[value]++
	}
	shown = maps.Clone(of)
	maps.DeleteFunc(shown, func(_, value string) bool { return people[value] < smallestGroup })
	for _, n := range people {
		if n < smallestGroup {
			small++
		}
	}
	return shown, small
}
