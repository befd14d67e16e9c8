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

const itemsPerPage = 50

// routesItems serves a project's items with everybody's answers, to those who may read them.
func (s *Server) routesItems() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/projects/:project/items", Allow: reviewers, Handle: s.items},
		{Method: http.MethodGet, Path: "/projects/:project/items/:item", Allow: reviewers, Handle: s.item},
	}
}

func (s *Server) items(c *gin.Context) error {
	ctx := c.Request.Context()
	p, err := s.project(c)
	if err != nil {
		return err
	}
	q, err := s.store.Queue(ctx, p.ID)
	if err != nil {
		return err
	}
	from, _ := strconv.Atoi(c.Query("from")) // nonsense is the beginning
	from = max(0, from)
	rows, err := s.store.Items(ctx, p.ID, from, itemsPerPage)
	if err != nil {
		return err
	}
	var list []views.ItemRow
	for _, r := range rows {
		v, err := s.itemRow(ctx, p, r)
		if err != nil {
			return err
		}
		list = append(list, v)
	}
	f := s.frame(c, say(c, "items.title"))
	f.Crumbs = projectCrumbs(c, p, f.Title)
	pager := pages(projectPath(p)+"/items", from, len(rows), max(int(q.Items), from+len(rows)))
	return render(c, http.StatusOK, views.ItemsPage(f, list, pager, projectPath(p)))
}

// pages links to the rows before and after those from from.
func pages(path string, from, shown, n int) views.Pager {
	p := views.Pager{From: min(from+1, from+shown), To: from + shown, N: n}
	if from > 0 {
		p.Prev = fmt.Sprintf("%s?from=%d", path, max(0, from-itemsPerPage))
	}
	if from+shown < n {
		p.Next = fmt.Sprintf("%s?from=%d", path, from+shown)
	}
	return p
}

func (s *Server) itemRow(ctx context.Context, p db.Project, r db.ItemRow) (views.ItemRow, error) {
	d, err := s.store.ItemDetail(ctx, p.ID, r.ID)
	if err != nil {
		return views.ItemRow{}, err
	}
	var policies []string
	for _, t := range d.Completions {
		if t.Policy != "" && !slices.Contains(policies, t.Policy) {
			policies = append(policies, t.Policy)
		}
	}
	v := views.ItemRow{
		Href: fmt.Sprintf("%s/items/%d", projectPath(p), r.ID), Prompt: promptStart(r.Prompt), Policies: views.List(ctx, policies),
		Completions: r.K, Answers: int(r.Answers), Wanted: p.Overlap, State: "open",
	}
	if r.Closed {
		v.Wanted = int(r.Answers) // it came with its answers and is not handed out
	}
	if v.Answers >= v.Wanted {
		v.State = "complete"
	}
	return v, nil
}

// item shows one prompt, its completions with their policies, and all answers.
func (s *Server) item(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	n, err := id(c, "item")
	if err != nil {
		return err
	}
	d, err := s.store.ItemDetail(c.Request.Context(), p.ID, n)
	if err != nil {
		return err
	}
	v, err := itemView(c.Request.Context(), d)
	if err != nil {
		return err
	}
	if researchers.allows(user(c).Role) {
		v.Key = keyPath(p, d.Item.ID)
	}
	f := s.frame(c, say(c, "item.title", v.PromptID))
	f.Crumbs = []views.Crumb{{Label: say(c, "nav.projects"), Href: "/projects"}, {Label: p.Title, Href: projectPath(p)},
		{Label: say(c, "items.title"), Href: projectPath(p) + "/items"}, {Label: v.PromptID}}
	return render(c, http.StatusOK, views.ItemPage(f, v))
}

func itemView(ctx context.Context, d db.ItemDetail) (views.Item, error) {
	v := views.Item{PromptID: d.Item.PromptID, Language: d.Item.Lang}
	if v.PromptID == "" {
		v.PromptID = strconv.FormatInt(d.Item.ID, 10)
	}
	messages, err := d.Item.Messages()
	if err != nil {
		return v, err
	}
	for _, m := range messages {
		v.Turns = append(v.Turns, views.Turn{Role: turnRole(m.Role), Text: m.Content})
	}
	names := make([]string, len(d.Completions))
	for i, t := range d.Completions {
		names[i] = t.ExtID
		v.Texts = append(v.Texts, views.ItemText{Name: t.ExtID, Policy: t.Policy, Text: t.Text})
	}
	for _, a := range d.Answers {
		v.Answers = append(v.Answers, answerView(ctx, a, names))
	}
	return v, nil
}

func answerView(ctx context.Context, a db.Answer, names []string) views.ItemAnswer {
	v := views.ItemAnswer{Worker: a.Worker, Outcome: outcome(ctx, a, names), Shown: views.List(ctx, a.Shown),
		Note: a.Note, State: a.State, When: a.Answered.Time()}
	if a.Confidence != nil {
		v.Sure = views.T(ctx, "item.sure", views.Number(*a.Confidence))
	}
	if a.UserID == 0 {
		v.Took = views.T(ctx, "item.imported")
	} else {
		v.Took = views.T(ctx, "item.seconds", views.Number(float64(a.DurationMS)/1000))
	}
	return v
}
