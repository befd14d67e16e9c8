package labeler

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"agora/db"
	"agora/views"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"
)

// splitsPerPage is how many divided prompts a page shows.
const splitsPerPage = 10

// routesDisagreement serves where groups of people differ.
func (s *Server) routesDisagreement() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/projects/:project/disagreement", Allow: reviewers, Handle: s.disagreement},
		{Method: http.MethodGet, Path: "/projects/:project/disagreement/events", Allow: reviewers, Handle: s.disagreementEvents},
		{Method: http.MethodGet, Path: "/projects/:project/disagreement/export", Allow: reviewers, Handle: s.disagreementExport},
		{Method: http.MethodGet, Path: "/projects/:project/disagreement/items/:item", Allow: reviewers, Handle: s.splitItem},
		{Method: http.MethodGet, Path: "/projects/:project/disagreement/items/:item/events", Allow: reviewers, Handle: s.splitItemEvents},
	}
}

func (s *Server) disagreement(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	v, err := s.disagreementPage(c, p)
	if err != nil {
		return err
	}
	f := s.frame(c, say(c, "disagree.title"))
	f.Crumbs, f.Scripts = projectCrumbs(c, p, f.Title), liveScripts(v.Freshness)
	return render(c, http.StatusOK, views.DisagreementPage(f, v))
}

func (s *Server) disagreementEvents(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	return streamStat(s, c, func() (templ.Component, views.Freshness, error) {
		v, err := s.disagreementPage(c, p)
		return views.DisagreementLive(v), v.Freshness, err
	})
}

// disagreementOf is where a project's groups differ, from memory while nothing changed.
func (s *Server) disagreementOf(ctx context.Context, p db.Project, by string) (stat[disagreement], error) {
	version, err := s.statsVersion(ctx, p, nil)
	if err != nil {
		return stat[disagreement]{}, err
	}
	return statOf(ctx, s.stats, fmt.Sprintf("disagreement/%d/%s", p.ID, by), version, statPatience, func(ctx context.Context) (disagreement, error) {
		return computeDisagreement(ctx, s.store, p, by)
	})
}

func (s *Server) disagreementPage(c *gin.Context, p db.Project) (v views.Disagreement, err error) {
	ctx := c.Request.Context()
	d, err := s.disagreementOf(ctx, p, c.Query("by"))
	if err != nil {
		return v, err
	}
	if d.Ready {
		from, _ := strconv.Atoi(c.Query("from")) // nonsense is the beginning
		if v, err = s.disagreementView(ctx, p, d.Value, max(0, from)); err != nil {
			return v, err
		}
		if researchers.allows(user(c).Role) {
			v.Ask = launchPath("score", fmt.Sprint(p.ID))
		}
	}
	v.Freshness = freshness(c, d.Ready, d.Fresh)
	v.Made = d.Made
	return v, nil
}

// disagreementView puts the figures into the reader's words, with the prompts of one page.
func (s *Server) disagreementView(ctx context.Context, p db.Project, d disagreement, from int) (views.Disagreement, error) {
	v := disagreementFigures(ctx, d)
	if d.By == "" {
		return v, nil
	}
	base := projectPath(p) + "/disagreement"
	by := url.Values{"by": {d.By}}
	v.CSV, v.JSON = base+"/export?format=csv&"+by.Encode(), base+"/export?format=json&"+by.Encode()
	scorers, err := s.store.Scorers(ctx, p.ID)
	if err != nil {
		return v, err
	}
	from = min(from, len(d.Prompts))
	shown := d.Prompts[from:min(from+splitsPerPage, len(d.Prompts))]
	for i, x := range shown {
		t, err := s.textsOf(ctx, p, x.Item)
		if err != nil {
			return v, err
		}
		card := t.card(ctx, fmt.Sprintf("split-%d", from+i), nameOf(t.detail.Item), d.By, x, scorers)
		card.Href = fmt.Sprintf("%s/items/%d?%s", base, x.Item, by.Encode())
		v.Prompts = append(v.Prompts, card)
	}
	v.Pager = views.Pager{From: min(from+1, from+len(shown)), To: from + len(shown), N: len(d.Prompts)}
	page := func(from int) string {
		return base + "?" + url.Values{"by": {d.By}, "from": {strconv.Itoa(from)}}.Encode()
	}
	if from > 0 {
		v.Pager.Prev = page(max(0, from-splitsPerPage))
	}
	if from+len(shown) < len(d.Prompts) {
		v.Pager.Next = page(from + len(shown))
	}
	return v, nil
}

func (s *Server) splitItem(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	v, err := s.splitItemPage(c, p)
	if err != nil {
		return err
	}
	f := s.frame(c, v.Name)
	f.Crumbs = append(projectCrumbs(c, p, say(c, "disagree.title")), views.Crumb{Label: v.Name})
	f.Crumbs[2].Href = projectPath(p) + "/disagreement?" + url.Values{"by": {c.Query("by")}}.Encode()
	f.Scripts = liveScripts(v.Freshness)
	return render(c, http.StatusOK, views.SplitItemPage(f, v))
}

func (s *Server) splitItemEvents(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	return streamStat(s, c, func() (templ.Component, views.Freshness, error) {
		v, err := s.splitItemPage(c, p)
		return views.SplitItemLive(v), v.Freshness, err
	})
}
