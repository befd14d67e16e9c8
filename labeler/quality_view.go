package labeler

import (
	"context"
	"math"
	"net/url"

	"agora/db"
	"agora/labeler/agree"
	"agora/views"
)

// mostKappas is how many pairs of people a page lists.
const mostKappas = 100

// qualityView puts the figures into the reader's words; names are those of the project's forms.
func qualityView(ctx context.Context, p db.Project, q quality, names db.FieldNames) views.Quality {
	v := views.Quality{
		Items: q.Items, Answers: q.Answers, Labelers: q.Labelers, Unnamed: q.Unnamed, Checked: q.Checked, SmallGroups: q.SmallGroups,
		Method: methodOf(ctx, q.By), Alike: math.NaN(), AlikeCI: views.NoInterval, MoreKappas: max(0, len(q.Kappas)-mostKappas),
	}
	for _, m := range q.Measures {
		if m.Name == "agree.percent" && m.Ties == "agree.ties.drop" {
			v.Alike, v.AlikeCI, v.AlikeN = m.Value, views.Interval(m.CI), m.N
		}
		v.Measures = append(v.Measures, measureView(ctx, m, names))
	}
	for _, m := range q.Flags {
		v.Flags = append(v.Flags, views.FlagRow{Name: flagName(ctx, names, m.Axis, m.Of == "agree.on.promptflags"), Of: views.T(ctx, m.Of), Given: m.Given, N: m.N,
			Alpha: m.Value, CI: views.Interval(m.CI), Verdict: views.T(ctx, flagVerdict(m))})
	}
	for _, k := range q.Kappas[:min(mostKappas, len(q.Kappas))] {
		v.Kappas = append(v.Kappas, views.KappaRow{A: k.A, B: k.B, N: k.N, Agreement: k.Agreement, Kappa: k.Kappa, KappaCI: kappaCI(k)})
	}
	for _, x := range q.People {
		v.People = append(v.People, raterView(ctx, p, x))
	}
	v.Team, v.TeamVerdict = driftChart(ctx, "team", "quality.team", q.Team), driftVerdict(ctx, "quality.team", q.Team, q.Team.P)
	for _, g := range q.Groups {
		v.Groups = append(v.Groups, views.GroupPair{Name: views.GroupLabel(ctx, g.Name), A: groupValue(ctx, g.Name, g.A), B: groupValue(ctx, g.Name, g.B),
			Pairs: g.Pairs, Equal: g.Equal, CI: views.Interval(g.CI)})
	}
	return v
}

// methodOf says how the intervals were made.
func methodOf(ctx context.Context, by agree.Clusters) string {
	if by == agree.NoCluster {
		return views.T(ctx, "agree.by.none")
	}
	return views.T(ctx, "agree.by."+string(by), pageSampling.Resamples)
}

func measureView(ctx context.Context, m measure, names db.FieldNames) views.Coefficient {
	of := views.T(ctx, m.Of)
	if m.Of == "agree.on.axis" {
		of = views.T(ctx, m.Of, axisName(ctx, names, m.Axis))
	}
	return views.Coefficient{Name: views.T(ctx, m.Name), Of: of, Means: views.T(ctx, "means."+m.Name), N: views.T(ctx, m.NKey, views.Count(m.N)),
		Value: m.Value, CI: views.Interval(m.CI), Ties: views.T(ctx, m.Ties)}
}

// Krippendorff (2004, section 11.4.2): 0.8 to rely on data, 0.667 for tentative conclusions.
const (
	alphaReliable  = .8
	alphaTentative = .667
)

// flagVerdict is the key of what a flag's α allows.
func flagVerdict(m measure) string {
	switch {
	case math.IsNaN(m.Value):
		return "quality.flag.same"
	case m.Value >= alphaReliable:
		return "quality.flag.reliable"
	case m.Value >= alphaTentative:
		return "quality.flag.tentative"
	}
	return "quality.flag.unreliable"
}

// kappaCI is κ ± 1.96 standard errors, cut at 1; none for few units or perfect agreement.
func kappaCI(k agree.Kappa) views.Interval {
	if k.N < 20 || math.IsNaN(k.Kappa) || k.SE == 0 {
		return views.NoInterval
	}
	return views.Interval{Lo: max(-1, k.Kappa-1.96*k.SE), Hi: min(1, k.Kappa+1.96*k.SE)}
}

func raterView(ctx context.Context, p db.Project, x person) views.Rater {
	r := views.Rater{
		Worker: x.Worker, Href: projectPath(p) + "/quality/labelers/" + url.PathEscape(x.Worker), Answers: x.Answers,
		Gold: x.Checks.Gold.Rate, GoldCI: views.Interval(x.Checks.Gold.CI), GoldN: x.Checks.Gold.N,
		Again: x.Checks.Repeats.Rate, AgainN: x.Checks.Repeats.N,
		Peers: x.Peers.Agreement, CI: views.Interval(x.Peers.CI), Units: x.Peers.Units,
		Side: x.Side.Share, SideCI: views.Interval(x.Side.CI), SideN: x.Side.Earlier + x.Side.Later,
		Know: x.Flags.MACE, KnowN: x.Flags.N, Seconds: x.Speed.Median,
	}
	for _, key := range x.Look {
		r.Look = append(r.Look, views.T(ctx, key))
	}
	return r
}

// driftChart draws a rolling share with its interval; no series where there are too few scores.
func driftChart(ctx context.Context, id, key string, d agree.Drift) views.Chart {
	c := views.Chart{ID: id, Title: views.T(ctx, key), XLabel: views.T(ctx, key+".x"), Unit: "%", Counts: true}
	if len(d.Rolling) < 2 {
		return c
	}
	s := views.Series{Name: views.T(ctx, key)}
	sum := 0.0
	for _, w := range d.Rolling {
		s.Points = append(s.Points, views.Point{X: float64(w.To), Y: 100 * w.Rate})
		s.Band = append(s.Band, views.Range{Lo: 100 * w.CI.Lo, Hi: 100 * w.CI.Hi})
		sum += w.Rate
	}
	whole := 100 * (d.Before.Rate*float64(d.Before.N) + d.After.Rate*float64(d.After.N)) / float64(max(1, d.Before.N+d.After.N))
	if d.Before.N == 0 {
		whole = 100 * d.After.Rate
	}
	c.Series, c.Levels = []views.Series{s}, []views.Level{{Y: whole, Label: views.T(ctx, "quality.drift.mean")}}
	c.Now = views.T(ctx, "quality.drift.window", d.Rolling[0].To-d.Rolling[0].From)
	c.Help = []views.Row{{Name: views.T(ctx, "quality.drift.band"), Value: views.T(ctx, "quality.drift.band.text")}, {Name: views.T(ctx, "quality.drift.test"), Value: views.T(ctx, "quality.drift.test.text")}}
	return c
}

// driftVerdict says whether there is drift: q is the p-value, corrected where several people are tested.
func driftVerdict(ctx context.Context, key string, d agree.Drift, q float64) string {
	switch {
	case d.At == 0:
		return views.T(ctx, "quality.drift.few", views.Count(d.N))
	case q < lookQ:
		return views.T(ctx, "quality.drift.found", d.At, views.Percent(d.Before.Rate), views.Percent(d.After.Rate), views.Number(q))
	}
	return views.T(ctx, "quality.drift.none", views.Number(q))
}
