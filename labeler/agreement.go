package labeler

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"

	"agora/db"
	"agora/labeler/agree"
	"agora/reward/prefs"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// pageSampling is how the pages' intervals are made; the command line offers more resamples.
var pageSampling = Resampling{Resamples: 500, Seed: 1}

// routesQuality serves what people's answers say about the people and about the policies.
func (s *Server) routesQuality() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/projects/:project/agreement", Allow: reviewers, Handle: s.agreement},
		{Method: http.MethodGet, Path: "/projects/:project/leaderboard", Allow: reviewers, Handle: s.leaderboard},
	}
}

func (s *Server) agreement(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	opinions := newOpinions()
	if err := s.eachRanked(c.Request.Context(), p, opinions.add); err != nil {
		return err
	}
	v, err := opinions.view(c.Request.Context())
	if err != nil {
		return err
	}
	f := s.frame(c, say(c, "agree.title"))
	f.Crumbs = projectCrumbs(c, p, f.Title)
	return render(c, http.StatusOK, views.AgreementPage(f, v))
}

// eachRanked calls fn with every answer of a project that is in force. A project without answers has none.
func (s *Server) eachRanked(ctx context.Context, p db.Project, fn func(*prefs.Ranked)) error {
	for r, err := range exportRecords(ctx, s.store, p, prefs.FormatRanked) {
		if errors.Is(err, errNothing) {
			return nil
		}
		if err != nil {
			return err
		}
		if ranked, ok := r.(*prefs.Ranked); ok {
			fn(ranked)
		}
	}
	return nil
}

// opinions collects everything that agreement is computed from, in one pass over the answers.
type opinions struct {
	pairs, untied, ratings *labelSet
	places                 []agree.Label // by completion
	people                 *labelerSet
	items                  map[string]bool
	groups                 map[string]map[string]string // characteristic → labeler → value
	answers, unnamed       int
}

func newOpinions() *opinions {
	return &opinions{
		pairs: newLabelSet(onPairs, tiesOutcome), untied: newLabelSet(onPairs, tiesDrop), ratings: newLabelSet(onRatings, tiesOutcome),
		people: newLabelerSet(), items: map[string]bool{}, groups: map[string]map[string]string{},
	}
}

func (o *opinions) add(r *prefs.Ranked) {
	o.answers++
	o.items[r.PromptID] = true
	for _, set := range []*labelSet{o.pairs, o.untied, o.ratings} {
		set.add(r)
	}
	o.places = append(o.places, placesOf(r)...)
	o.people.add(r)
	if r.Worker == "" {
		o.unnamed++
		return
	}
	for name, value := range r.Groups {
		if value == nil || *value == "" {
			continue
		}
		if o.groups[name] == nil {
			o.groups[name] = map[string]string{}
		}
		o.groups[name][r.Worker] = *value
	}
}

// placesOf is the place of every ranked text, 1 the best. Equal texts share the mean of their places,
// so that "1, 1, 3" and "1, 1, 2" are the same judgment.
func placesOf(r *prefs.Ranked) []agree.Label {
	var labels []agree.Label
	for i, c := range r.Completions {
		if r.Ranks[i] == nil {
			continue
		}
		better, equal := 0, 0 // equal counts the text itself
		for _, rank := range r.Ranks {
			switch {
			case rank == nil:
			case *rank < *r.Ranks[i]:
				better++
			case *rank == *r.Ranks[i]:
				equal++
			}
		}
		labels = append(labels, agree.Label{Item: r.PromptID, Unit: r.PromptID + "\x00" + completionKey(c), Labeler: r.Worker,
			Value: float64(better) + float64(equal+1)/2})
	}
	return labels
}

// view computes the page.
func (o *opinions) view(ctx context.Context) (v views.Agreement, err error) {
	v.Items, v.Answers, v.Labelers, v.Unnamed = len(o.items), o.answers, len(o.people.answers), o.unnamed
	if o.answers == 0 {
		return v, nil
	}
	for _, labels := range [][]agree.Label{o.pairs.labels, o.untied.labels, o.places, o.ratings.labels} {
		if len(labels) > 0 {
			spread(labels)
		}
	}
	pairs, err := agree.NewTable(o.pairs.labels)
	if err != nil {
		return v, err
	}
	by := clustersOf(pairs)
	v.Method = views.T(ctx, "agree.by."+string(by), pageSampling.Resamples)
	if by == agree.NoCluster {
		v.Method = views.T(ctx, "agree.by.none")
	}
	if v.Measures, err = o.measures(ctx, pairs, by); err != nil {
		return v, err
	}
	v.People = o.raters(ctx, pairs)
	v.Groups, v.SmallGroups = groupPairs(pairs, o.groups)
	return v, nil
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

// measures are the coefficients, each of what makes sense for it; none where nobody shared anything.
func (o *opinions) measures(ctx context.Context, pairs *agree.Table, by agree.Clusters) ([]views.Measure, error) {
	if pairs.Shared() == 0 {
		return nil, nil
	}
	say := func(key string) string { return views.T(ctx, key) }
	c, ci := pairs.Coincide(), pairs.Bootstrap(by, pageSampling.Resamples, pageSampling.Seed)
	free, err := StatsAgreementCmd{Resampling: pageSampling}.orderFree(o.pairs.labels, by)
	if err != nil {
		return nil, err
	}
	freeCI := views.NoInterval
	if free.CI != nil {
		freeCI = views.Interval{Lo: float64(free.CI[0]), Hi: float64(free.CI[1])}
	}
	on, outcome := say("agree.on.pairs"), say("agree.ties.outcome")
	judgments := func(c *agree.Coincidences) string {
		return views.T(ctx, "agree.n.judgments", views.Count(int(c.Pairs)))
	}
	texts := views.T(ctx, "agree.n.pairs", views.Count(pairs.Shared()))
	ms := []views.Measure{{Name: say("agree.percent"), Of: on, N: judgments(c), Value: c.Percent(), CI: views.Interval(ci.Percent), Ties: outcome}}
	untied, err := agree.NewTable(o.untied.labels)
	if err != nil {
		return nil, err
	}
	if untied.Shared() > 0 {
		c, ci := untied.Coincide(), untied.Bootstrap(by, pageSampling.Resamples, pageSampling.Seed)
		ms = append(ms, views.Measure{Name: say("agree.percent"), Of: on, N: judgments(c), Value: c.Percent(), CI: views.Interval(ci.Percent), Ties: say("agree.ties.drop")})
	}
	ms = append(ms,
		views.Measure{Name: say("agree.alpha.nominal"), Of: on, N: texts, Value: c.Alpha(agree.Nominal), CI: views.Interval(ci.Nominal), Ties: outcome},
		views.Measure{Name: say("agree.alpha.free"), Of: on, N: texts, Value: float64(free.Nominal), CI: freeCI, Ties: outcome},
		views.Measure{Name: say("agree.fleiss"), Of: on, N: texts, Value: c.Fleiss(), CI: views.Interval(ci.Fleiss), Ties: outcome})
	places, err := graded(ctx, o.places, by, say("agree.on.ranks"), say("agree.ties.places"))
	if err != nil {
		return nil, err
	}
	ratings, err := graded(ctx, o.ratings.labels, by, say("agree.on.ratings"), say("agree.ties.none"))
	return slices.Concat(ms, places, ratings), err
}

// graded is α of values that have an order.
func graded(ctx context.Context, labels []agree.Label, by agree.Clusters, on, ties string) ([]views.Measure, error) {
	t, err := agree.NewTable(labels)
	if err != nil || t.Shared() == 0 {
		return nil, err
	}
	c, ci := t.Coincide(), t.Bootstrap(by, pageSampling.Resamples, pageSampling.Seed)
	n := views.T(ctx, "agree.n.texts", views.Count(t.Shared()))
	return []views.Measure{
		{Name: views.T(ctx, "agree.alpha.ordinal"), Of: on, N: n, Value: c.Alpha(agree.Ordinal), CI: views.Interval(ci.Ordinal), Ties: ties},
		{Name: views.T(ctx, "agree.alpha.interval"), Of: on, N: n, Value: c.Alpha(agree.Interval), CI: views.Interval(ci.Interval), Ties: ties},
	}, nil
}

// Reasons to look at somebody's answers.
const (
	lookQ      = .05 // share of false alarms about sides, over all labelers
	lookFast   = .5  // of the others' median time on the same items
	lookCommon = 5   // items that needs
)

// raters is every named labeler's row, the least agreeing first.
func (o *opinions) raters(ctx context.Context, t *agree.Table) []views.Rater {
	rows := map[string]*views.Rater{}
	for name, n := range o.people.answers {
		rows[name] = &views.Rater{Worker: name, Answers: n, Peers: math.NaN(), CI: views.NoInterval, Side: math.NaN(), SideCI: views.NoInterval, Seconds: math.NaN()}
	}
	peers := t.Peers(pageSampling.Resamples, pageSampling.Seed)
	typical := medianAgreement(peers)
	for _, p := range peers {
		r := rows[p.Labeler]
		r.Peers, r.CI, r.Units = p.Agreement, views.Interval(p.CI), p.Units
		if p.CI.Hi < typical {
			r.Look = append(r.Look, views.T(ctx, "agree.look.peers"))
		}
	}
	for _, side := range agree.SideBias(o.people.placed) {
		r := rows[side.Labeler]
		r.Side, r.SideCI, r.SideN = side.Share, views.Interval(side.CI), side.Earlier+side.Later
		switch {
		case side.Q < lookQ && side.Share > .5:
			r.Look = append(r.Look, views.T(ctx, "agree.look.earlier"))
		case side.Q < lookQ:
			r.Look = append(r.Look, views.T(ctx, "agree.look.later"))
		}
	}
	for _, speed := range agree.Speeds(o.people.times) {
		r := rows[speed.Labeler]
		r.Seconds = speed.Median
		if speed.Against <= lookFast && speed.Common >= lookCommon {
			r.Look = append(r.Look, views.T(ctx, "agree.look.fast"))
		}
	}
	out := make([]views.Rater, 0, len(rows))
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		out = append(out, *rows[name])
	}
	slices.SortStableFunc(out, func(a, b views.Rater) int { return cmp.Compare(trusted(a), trusted(b)) })
	return out
}

// trusted is the agreement to sort by: that of few items, which has no interval, comes last.
func trusted(r views.Rater) float64 {
	if math.IsNaN(r.CI.Lo) {
		return math.Inf(1)
	}
	return r.Peers
}

// medianAgreement is the middle labeler's agreement with peers, NaN without any.
func medianAgreement(peers []agree.Peer) float64 {
	var known []float64
	for _, p := range peers {
		if !math.IsNaN(p.Agreement) {
			known = append(known, p.Agreement)
		}
	}
	if len(known) == 0 {
		return math.NaN()
	}
	slices.Sort(known)
	return known[len(known)/2]
}

// groupPairs is the agreement within and between the groups that enough people share; the others are
// counted only.
func groupPairs(t *agree.Table, groups map[string]map[string]string) (rows []views.GroupPair, small int) {
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		people := map[string]int{}
		for _, value := range groups[name] {
			people[value]++
		}
		shown := maps.Clone(groups[name])
		maps.DeleteFunc(shown, func(_, value string) bool { return people[value] < smallestGroup })
		for _, n := range people {
			if n < smallestGroup {
				small++
			}
		}
		between, err := t.ByGroup(shown, pageSampling.Resamples, pageSampling.Seed)
		if err != nil {
			continue // no two of these people judged the same
		}
		for _, b := range between {
			rows = append(rows, views.GroupPair{Name: name, A: b.A, B: b.B, Pairs: b.Pairs, Equal: b.Equal, CI: views.Interval(b.CI)})
		}
	}
	return rows, small
}
