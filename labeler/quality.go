package labeler

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"agora/db"
	"agora/views"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"
)

// pageSampling is how the pages' intervals are made; the command line offers more resamples.
var pageSampling = Resampling{Resamples: 500, Seed: 1}

// routesQuality serves what people's answers say about the people and about the policies.
func (s *Server) routesQuality() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/projects/:project/quality", Allow: reviewers, Handle: s.quality},
		{Method: http.MethodGet, Path: "/projects/:project/quality/events", Allow: reviewers, Handle: s.qualityEvents},
		{Method: http.MethodGet, Path: "/projects/:project/quality/labelers/:worker", Allow: reviewers, Handle: s.labelerQuality},
		{Method: http.MethodGet, Path: "/projects/:project/quality/labelers/:worker/events", Allow: reviewers, Handle: s.labelerQualityEvents},
		{Method: http.MethodGet, Path: "/projects/:project/agreement", Allow: reviewers, Handle: s.agreementMoved},
		{Method: http.MethodGet, Path: "/projects/:project/leaderboard", Allow: reviewers, Handle: s.leaderboard},
		{Method: http.MethodGet, Path: "/projects/:project/leaderboard/events", Allow: reviewers, Handle: s.leaderboardEvents},
	}
}

// agreementMoved leads from the address that agreement once had.
func (s *Server) agreementMoved(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	return seeOther(c, projectPath(p)+"/quality")
}

func (s *Server) quality(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	v, err := s.qualityPage(c, p)
	if err != nil {
		return err
	}
	f := s.frame(c, say(c, "quality.title"))
	f.Crumbs, f.Scripts = projectCrumbs(c, p, f.Title), liveScripts(v.Freshness)
	return render(c, http.StatusOK, views.QualityPage(f, v))
}

func (s *Server) qualityEvents(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	return streamStat(s, c, func() (templ.Component, views.Freshness, error) {
		v, err := s.qualityPage(c, p)
		return views.QualityLive(v), v.Freshness, err
	})
}

// qualityPage is the quality page's content.
func (s *Server) qualityPage(c *gin.Context, p db.Project) (v views.Quality, err error) {
	ctx := c.Request.Context()
	choice, err := s.weightChoice(c, p)
	if err != nil {
		return v, err
	}
	q, err := s.qualityOf(ctx, p, choice.weights)
	if err != nil {
		return v, err
	}
	if q.Ready {
		names, err := s.store.FieldNames(ctx, p.ID)
		if err != nil {
			return v, err
		}
		v = qualityView(ctx, p, q.Value, names)
	}
	v.Freshness = freshness(c, q.Ready, q.Fresh)
	v.Made, v.Weighting = q.Made, choice.view
	v.Links = []views.Link{
		{Label: say(c, "disagree.title"), Href: projectPath(p) + "/disagreement"},
		{Label: say(c, "board.title"), Href: projectPath(p) + "/leaderboard"},
	}
	return v, nil
}

// qualityOf is a project's figures, from memory while nothing changed.
func (s *Server) qualityOf(ctx context.Context, p db.Project, w *weighting) (stat[quality], error) {
	version, err := s.statsVersion(ctx, p, w)
	if err != nil {
		return stat[quality]{}, err
	}
	key := fmt.Sprintf("quality/%d/%t", p.ID, w != nil)
	return statOf(ctx, s.stats, key, version, statPatience, func(ctx context.Context) (quality, error) {
		return computeQuality(ctx, s.store, p, w)
	})
}

// statsVersion names the state of everything that a project's statistics depend on: answers, keys,
// scores, groups of members, weights.
func (s *Server) statsVersion(ctx context.Context, p db.Project, w *weighting) (string, error) {
	version, err := s.store.StatsVersion(ctx, p.ID)
	if err != nil {
		return "", err
	}
	members, err := s.store.MemberGroups(ctx, p.ID)
	if err != nil {
		return "", err
	}
	return digest([]any{version, members, w})
}

func (s *Server) labelerQuality(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	v, err := s.labelerPage(c, p)
	if err != nil {
		return err
	}
	f := s.frame(c, say(c, "quality.person", v.Worker))
	f.Crumbs = append(projectCrumbs(c, p, say(c, "quality.title")), views.Crumb{Label: v.Worker})
	f.Crumbs[2].Href = projectPath(p) + "/quality"
	f.Scripts = liveScripts(v.Freshness)
	return render(c, http.StatusOK, views.LabelerQualityPage(f, v))
}

func (s *Server) labelerQualityEvents(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	return streamStat(s, c, func() (templ.Component, views.Freshness, error) {
		v, err := s.labelerPage(c, p)
		return views.LabelerQualityLive(v), v.Freshness, err
	})
}

// labelerPage is one labeler's page; a pseudonym that gave no answer has none.
func (s *Server) labelerPage(c *gin.Context, p db.Project) (v views.LabelerPage, err error) {
	ctx, worker := c.Request.Context(), c.Param("worker")
	q, err := s.qualityOf(ctx, p, nil)
	if err != nil {
		return v, err
	}
	if q.Ready {
		found := false
		if v, found = labelerView(ctx, q.Value, worker); !found && q.Fresh {
			return v, db.ErrNotFound
		}
	}
	v.Worker, v.Freshness = worker, freshness(c, q.Ready, q.Fresh)
	v.Made = q.Made
	return v, nil
}

// freshness says what a page's figures are from, and where newer ones come from. The stream's address is
// the page's with the same choices.
func freshness(c *gin.Context, ready, fresh bool) views.Freshness {
	u := url.URL{Path: c.Request.URL.Path, RawQuery: c.Request.URL.RawQuery}
	f := views.Freshness{Ready: ready, Fresh: fresh, Again: u.String()}
	u.Path += "/events"
	f.Events = u.String()
	return f
}

// liveScripts is the script that listens for newer figures, where there are any to come.
func liveScripts(f views.Freshness) []string {
	if f.Fresh {
		return nil
	}
	return []string{"run.js"}
}

// streamStat sends a page's live part when its figures are there, and again when they are fresh.
func streamStat(s *Server, c *gin.Context, page func() (templ.Component, views.Freshness, error)) error {
	return s.stream(c, func(context.Context) (string, func() (templ.Component, error), bool, error) {
		part, f, err := page()
		return fmt.Sprint(f.Ready, f.Fresh), func() (templ.Component, error) { return part, nil }, !f.Fresh, err
	})
}
