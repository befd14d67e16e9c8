package labeler

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"agora/db"
	"agora/labeler/agree"
	"agora/views"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"
)

const (
	rateResamples   = 2000 // for the figure shown
	growthResamples = 400  // for each point of the curve
	growthPoints    = 30
)

// routesWinRate serves how often people prefer one policy over another.
func (s *Server) routesWinRate() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/projects/:project/winrate", Allow: reviewers, Handle: s.winRate},
		{Method: http.MethodGet, Path: "/projects/:project/winrate/events", Allow: reviewers, Handle: s.winRateEvents},
	}
}

func (s *Server) winRate(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	v, err := s.winRateView(c.Request.Context(), p, c.Query("a"), c.Query("b"))
	if err != nil {
		return err
	}
	f := s.frame(c, say(c, "win.title"))
	f.Crumbs, f.Scripts = projectCrumbs(c, p, f.Title), []string{"run.js"}
	v.Events = projectPath(p) + "/winrate/events?" + url.Values{"a": {v.A}, "b": {v.B}}.Encode()
	return render(c, http.StatusOK, views.WinRatePage(f, v))
}

func (s *Server) winRateEvents(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	return s.stream(c, func(ctx context.Context) (string, func() (templ.Component, error), bool, error) {
		q, err := s.store.Queue(ctx, p.ID)
		version := fmt.Sprint(q.Answered, q.Imported)
		return version, func() (templ.Component, error) {
			v, err := s.winRateView(ctx, p, c.Query("a"), c.Query("b"))
			return views.WinRateLive(v), err
		}, true, err
	})
}

// pair is two policies in a fixed order.
type pair struct{ a, b string }

// judged is an answer with the prompt it was given on.
type judged struct {
	agree.Judgment
	item int64
}

// winRateView makes the page for a over b, or for the pair with most answers.
func (s *Server) winRateView(ctx context.Context, p db.Project, a, b string) (views.WinRate, error) {
	votes, err := s.store.Votes(ctx, p.ID)
	if err != nil {
		return views.WinRate{}, err
	}
	policies, err := s.store.Policies(ctx, p.ID)
	if err != nil {
		return views.WinRate{}, err
	}
	byPair := judgments(votes)
	v := views.WinRate{A: a, B: b}
	for _, policy := range policies {
		v.Choices = append(v.Choices, views.Choice{Value: policy.Policy, Label: policy.Policy})
	}
	if v.A == "" || v.B == "" || v.A == v.B {
		v.A, v.B = defaultPair(byPair, policies)
	}
	fillWinRate(ctx, &v, ordered(byPair, v.A, v.B))
	v.Others = otherPairs(p, byPair, v.A, v.B)
	return v, nil
}

// judgments gathers votes into answers: an item with several texts of one policy gives several
// pairs, which count as one judgment with their mean score, since they are not independent.
func judgments(votes []db.Vote) map[pair][]judged {
	type key struct {
		pair
		item   int64
		worker string
	}
	sums, counts := map[key]float64{}, map[key]float64{}
	var order []key
	for _, v := range votes {
		k := key{pair{v.A, v.B}, v.ItemID, v.Worker}
		if counts[k] == 0 {
			order = append(order, k)
		}
		sums[k] += v.Score
		counts[k]++
	}
	out := map[pair][]judged{}
	for _, k := range order {
		out[k.pair] = append(out[k.pair], judged{agree.Judgment{Labeler: k.worker, Score: sums[k] / counts[k]}, k.item})
	}
	return out
}

// ordered is the judgments of a over b, whichever way they are stored.
func ordered(byPair map[pair][]judged, a, b string) []judged {
	if js, ok := byPair[pair{a, b}]; ok {
		return js
	}
	js := slices.Clone(byPair[pair{b, a}])
	for i := range js {
		js[i].Score = 1 - js[i].Score
	}
	return js
}

// defaultPair is the pair people have answered most, the later policy first; without answers, the
// first two policies.
func defaultPair(byPair map[pair][]judged, policies []db.PolicyCount) (a, b string) {
	most := -1
	for _, p := range pairsInOrder(byPair) {
		if n := len(byPair[p]); n > most {
			a, b, most = p.a, p.b, n
		}
	}
	if most < 0 && len(policies) > 1 {
		a, b = policies[0].Policy, policies[1].Policy
	}
	return a, b
}

func pairsInOrder(byPair map[pair][]judged) []pair {
	var ps []pair
	for p := range byPair {
		ps = append(ps, p)
	}
	slices.SortFunc(ps, func(x, y pair) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) })
	return ps
}

func fillWinRate(ctx context.Context, v *views.WinRate, js []judged) {
	e := agree.WinRate(plain(js), rateResamples)
	items := map[int64]bool{}
	for _, j := range js {
		items[j.item] = true
	}
	v.N, v.Items, v.Labelers, v.Wins, v.Ties, v.Losses = e.N, len(items), e.Labelers, e.Wins, e.Ties, e.Losses
	v.Rate, v.Lo, v.Hi = e.Rate, e.Lo, e.Hi
	v.Method = views.T(ctx, "win.wilson")
	if e.Method == agree.Clustered {
		v.Method = views.T(ctx, "win.cluster", rateResamples)
	}
	v.Verdict = verdict(ctx, *v)
	step := max(1, (len(js)+growthPoints-1)/growthPoints)
	for n := step; n-step < len(js); n += step {
		g := agree.WinRate(plain(js[:min(n, len(js))]), growthResamples)
		v.Growth = append(v.Growth, views.RatePoint{N: g.N, Rate: g.Rate, Lo: g.Lo, Hi: g.Hi})
	}
}

func plain(js []judged) []agree.Judgment {
	out := make([]agree.Judgment, len(js))
	for i, j := range js {
		out[i] = j.Judgment
	}
	return out
}

// verdict says what the interval allows to say.
func verdict(ctx context.Context, v views.WinRate) string {
	switch {
	case v.Lo > .5:
		return views.T(ctx, "win.better", v.A)
	case v.Hi < .5:
		return views.T(ctx, "win.worse", v.B)
	}
	return views.T(ctx, "win.open")
}

// otherPairs lists the remaining comparisons of a project.
func otherPairs(p db.Project, byPair map[pair][]judged, a, b string) []views.RateRow {
	var rows []views.RateRow
	for _, pr := range pairsInOrder(byPair) {
		if pr == (pair{a, b}) || pr == (pair{b, a}) {
			continue
		}
		e := agree.WinRate(plain(byPair[pr]), rateResamples)
		rows = append(rows, views.RateRow{
			Href: projectPath(p) + "/winrate?" + url.Values{"a": {pr.a}, "b": {pr.b}}.Encode(),
			A:    pr.a, B: pr.b, N: e.N, Rate: e.Rate, Lo: e.Lo, Hi: e.Hi,
		})
	}
	return rows
}
