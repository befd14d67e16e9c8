package labeler

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesScreening serves the sheet on which a lead decides about newcomers.
func (s *Server) routesScreening() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/projects/:project/people/screening", Allow: researchers, Handle: s.screening},
		{Method: http.MethodPost, Path: "/projects/:project/people/screening/score", Allow: researchers, Handle: s.scoreDemo},
		{Method: http.MethodPost, Path: "/projects/:project/people/screening/decide", Allow: researchers, Handle: s.decide},
	}
}

func screeningPath(p db.Project) string { return peoplePath(p) + "/screening" }

func (s *Server) screening(c *gin.Context) error {
	ctx := c.Request.Context()
	p, err := s.project(c)
	if err != nil {
		return err
	}
	j, err := s.store.Joining(ctx, p.ID)
	if err != nil {
		return err
	}
	keys, err := s.store.KeyItems(ctx, p.ID, user(c).ID)
	if err != nil {
		return err
	}
	candidates, err := s.store.Candidates(ctx, p.ID)
	if err != nil {
		return err
	}
	v := views.Screening{Base: screeningPath(p), FlagsCut: j.FlagsPercent, RanksCut: j.RanksPercent, DemoCut: j.DemoScore,
		Asked:    slices.ContainsFunc(keys, func(k db.KeyItem) bool { return k.Purpose == db.ForScreening }),
		KeysHref: keysPath(p), SettingsHref: peoplePath(p) + "#joining"}
	for _, cand := range candidates {
		v.Candidates = append(v.Candidates, candidateView(ctx, j, cand))
	}
	f := s.frame(c, say(c, "screening.title"))
	f.Crumbs = peopleCrumbs(c, p, f.Title)
	return render(c, http.StatusOK, views.ScreeningPage(f, v))
}

// candidateView puts a candidate's figures next to the soft cut-offs.
func candidateView(_ context.Context, j db.Joining, c db.Candidate) views.Candidate {
	v := views.Candidate{Worker: c.Worker, Stage: c.Stage, Topics: c.Topics, Waiting: c.Stage == db.StageWaiting || c.Stage == db.StageRejected,
		Flags: shareOf(c.Flags, j.FlagsPercent), Ranks: shareOf(c.Ranks, j.RanksPercent)}
	if mean, n := c.DemoMean(); n > 0 {
		v.Demo = views.CutOff{Value: views.Number(mean), N: n, Met: mean >= j.DemoScore}
	}
	for _, d := range c.Demos {
		v.Demos = append(v.Demos, views.DemoView{ID: strconv.FormatInt(d.AnswerID, 10), Prompt: promptStart(d.Prompt), Text: d.Text, Score: d.Score})
	}
	return v
}

func shareOf(a db.Agreement, cut int) views.CutOff {
	if a.N == 0 {
		return views.CutOff{}
	}
	return views.CutOff{Value: views.Percent(a.Share()), N: a.N, Met: 100*a.Share() >= float64(cut)}
}

func (s *Server) scoreDemo(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	answer, err := strconv.ParseInt(c.PostForm("answer"), 10, 64)
	if err != nil {
		return db.ErrNotFound
	}
	score, _ := strconv.Atoi(c.PostForm("score")) // nonsense is no score
	if err := s.store.ScoreDemo(c.Request.Context(), user(c).ID, p.ID, answer, score); err != nil {
		return err
	}
	s.notice(c, say(c, "screening.scored"))
	return seeOther(c, screeningPath(p))
}

func (s *Server) decide(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	worker := c.PostForm("worker")
	if err := s.store.Decide(c.Request.Context(), user(c).ID, p.ID, worker, c.PostForm("verdict")); err != nil {
		return err
	}
	s.notice(c, say(c, "screening.decided"))
	return seeOther(c, fmt.Sprintf("%s#%s", screeningPath(p), urlQuery(worker)))
}
