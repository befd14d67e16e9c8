package labeler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// inviteLife is how long an invitation made on the site works.
const inviteLife = 14 * 24 * time.Hour

// routesProjects serves the researchers' projects.
func (s *Server) routesProjects() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/projects", Allow: reviewers, Handle: s.projects},
		{Method: http.MethodPost, Path: "/projects", Allow: researchers, Handle: s.createProject},
		{Method: http.MethodGet, Path: "/projects/:project", Allow: reviewers, Handle: s.showProject},
		{Method: http.MethodPost, Path: "/projects/:project/settings", Allow: researchers, Handle: s.saveSettings},
		{Method: http.MethodPost, Path: "/projects/:project/invites", Allow: researchers, Handle: s.inviteLabeler},
		{Method: http.MethodPost, Path: "/projects/:project/invites/:invite/revoke", Allow: researchers, Handle: s.revokeLabelerInvite},
	}
}

// project loads the project of the address.
func (s *Server) project(c *gin.Context) (db.Project, error) {
	n, err := id(c, "project")
	if err != nil {
		return db.Project{}, err
	}
	return s.store.Project(c.Request.Context(), n)
}

func projectPath(p db.Project) string { return fmt.Sprintf("/projects/%d", p.ID) }

// projectCrumbs leads from the list over the project to a page of it.
func projectCrumbs(c *gin.Context, p db.Project, page string) []views.Crumb {
	return []views.Crumb{{Label: say(c, "nav.projects"), Href: "/projects"}, {Label: p.Title, Href: projectPath(p)}, {Label: page}}
}

func (s *Server) projects(c *gin.Context) error {
	d := db.DefaultProject("")
	return s.projectsPage(c, http.StatusOK, views.ProjectForm{Kind: d.Kind, K: strconv.Itoa(d.K), Overlap: strconv.Itoa(d.Overlap)})
}

func (s *Server) projectsPage(c *gin.Context, status int, form views.ProjectForm) error {
	ctx := c.Request.Context()
	projects, err := s.store.Projects(ctx)
	if err != nil {
		return err
	}
	var rows []views.ProjectRow
	for _, p := range projects {
		q, err := s.store.Queue(ctx, p.ID)
		if err != nil {
			return err
		}
		rows = append(rows, views.ProjectRow{
			Href: projectPath(p), Title: p.Title, Name: p.Name, Kind: kindName(ctx, p), Archived: p.Archived,
			Items: int(q.Items), Answers: int(q.Answered + q.Imported), Wanted: int(q.Wanted), Labelers: int(q.Members),
		})
	}
	return render(c, status, views.ProjectsPage(s.frame(c, say(c, "projects.title")), rows, form))
}

// kindName is a project's kind of task in words.
func kindName(ctx context.Context, p db.Project) string {
	if p.Kind != db.KindRank {
		return views.T(ctx, "kind."+p.Kind)
	}
	return views.T(ctx, "kind.rank.k", views.T(ctx, fmt.Sprintf("number.%d", p.K)))
}

func (s *Server) createProject(c *gin.Context) error {
	form := views.ProjectForm{
		Name: strings.TrimSpace(c.PostForm("name")), Title: strings.TrimSpace(c.PostForm("title")), Kind: c.PostForm("kind"),
		Form: c.PostForm("form"), K: c.PostForm("k"), Overlap: c.PostForm("overlap"), Instructions: c.PostForm("instructions"), Errors: map[string]string{},
	}
	p, err := s.store.CreateProject(c.Request.Context(), newProject(form, user(c).ID))
	var invalid *db.InvalidError
	switch {
	case errors.As(err, &invalid):
		form.Errors[invalid.Field] = said(c, invalid)
		return s.projectsPage(c, http.StatusUnprocessableEntity, form)
	case errors.Is(err, db.ErrNameTaken):
		form.Errors["name"] = say(c, "project.name.taken")
		return s.projectsPage(c, http.StatusUnprocessableEntity, form)
	case err != nil:
		return err
	}
	s.notice(c, say(c, "project.created"))
	return seeOther(c, projectPath(p))
}

// newProject fills a project from the form; what is no number is left for Validate to refuse.
func newProject(f views.ProjectForm, by int64) db.Project {
	p := db.DefaultProject(f.Name)
	p.Kind, p.Form, p.Instructions, p.CreatedBy = f.Kind, f.Form, f.Instructions, by
	if f.Title != "" {
		p.Title = f.Title
	}
	p.K, _ = strconv.Atoi(f.K)
	if k, fixed := db.FixedK(p.Kind); fixed {
		p.K = k
	}
	p.Overlap, _ = strconv.Atoi(f.Overlap)
	return p
}

func (s *Server) showProject(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	return s.projectPage(c, http.StatusOK, p, nil)
}

// projectPage shows a project; add puts something of this request into it, such as an invitation
// just made or an import that failed.
func (s *Server) projectPage(c *gin.Context, status int, p db.Project, add func(*views.Project)) error {
	v, err := s.projectView(c.Request.Context(), p)
	if err != nil {
		return err
	}
	if add != nil {
		add(&v)
	}
	v.MayChange, v.Nav = researchers.allows(user(c).Role), projectNav(c, p)
	f := s.frame(c, p.Title)
	f.Crumbs = []views.Crumb{{Label: say(c, "nav.projects"), Href: "/projects"}, {Label: p.Title}}
	return render(c, status, views.ProjectPage(f, v))
}

func (s *Server) projectView(ctx context.Context, p db.Project) (views.Project, error) {
	v := views.Project{
		ID: strconv.FormatInt(p.ID, 10), Base: projectPath(p), Title: p.Title, Name: p.Name, Kind: kindName(ctx, p),
		Rules:      views.N(ctx, "project.rules", p.Overlap, p.LeaseMinutes, p.EditMinutes),
		Guidelines: p.Instructions, GuideVersion: p.GuidelineVersion(), GuidePage: fmt.Sprintf("/guidelines/%d", p.ID),
		Settings: views.ProjectSettings{Title: p.Title, Overlap: strconv.Itoa(p.Overlap), LeaseMinutes: strconv.Itoa(p.LeaseMinutes),
			EditMinutes: strconv.Itoa(p.EditMinutes), Archived: p.Archived},
	}
	q, err := s.store.Queue(ctx, p.ID)
	if err != nil {
		return v, err
	}
	members, err := s.store.MembersProgress(ctx, p.ID)
	if err != nil {
		return v, err
	}
	imports, err := s.store.Imports(ctx, p.ID)
	if err != nil {
		return v, err
	}
	invites, err := s.store.Invites(ctx)
	if err != nil {
		return v, err
	}
	fillQueue(ctx, &v, q)
	for _, m := range members {
		v.Labelers = append(v.Labelers, views.Labeler{Worker: m.Worker, Answers: int(m.Answered), Skips: int(m.Skipped), Last: m.LastAnswer.Time()})
	}
	for _, i := range imports {
		v.Datasets = append(v.Datasets, views.Dataset{File: i.File, Format: i.Format, SHA256: i.SHA256, Rows: i.Rows, Items: i.Items, Answers: i.Answers, When: i.Created.Time()})
	}
	for _, i := range invites {
		if i.ProjectID == p.ID {
			v.Invites = append(v.Invites, inviteView(i, s.store.Now(), v.Base+"/invites"))
		}
	}
	return v, nil
}

func fillQueue(ctx context.Context, v *views.Project, q db.QueueCounts) {
	v.Figures = []views.Figure{
		{Name: views.T(ctx, "projects.items"), Value: views.Count(int(q.Items))},
		{Name: views.T(ctx, "figure.answered"), Value: views.Count(int(q.Answered)), Unit: views.T(ctx, "run.figure.of", views.Count(int(q.Wanted)))},
		{Name: views.T(ctx, "figure.imported"), Value: views.Count(int(q.Imported))},
		{Name: views.T(ctx, "projects.labelers"), Value: views.Count(int(q.Members))},
		{Name: views.T(ctx, "queue.handedout"), Value: views.Count(int(q.Open))},
		{Name: views.T(ctx, "figure.skips"), Value: views.Count(int(q.Skips))},
	}
	v.Queue = views.Queue{Complete: int(q.Finished), Rest: int(q.Items - q.Finished), Answered: int(q.Answered), Wanted: int(q.Wanted)}
}

// inviteView is a link as it may be listed: without its token, which is not stored.
func inviteView(i db.Invite, now db.Millis, base string) views.Invite {
	v := views.Invite{Label: i.Label, Role: string(i.Role), Tags: tagList(i.Tags), State: "open", Expires: i.Expires.Time()}
	switch {
	case i.Used != 0:
		v.State = "used"
	case i.Expires <= now:
		v.State = "expired"
	default:
		v.Revoke = fmt.Sprintf("%s/%d/revoke", base, i.ID)
	}
	return v
}

// saveSettings changes what may change while people work in a project.
func (s *Server) saveSettings(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	form := views.ProjectSettings{Title: strings.TrimSpace(c.PostForm("title")), Overlap: c.PostForm("overlap"), LeaseMinutes: c.PostForm("lease_minutes"),
		EditMinutes: c.PostForm("edit_minutes"), Archived: c.PostForm("archived") == "true", Errors: map[string]string{}}
	changed := p
	changed.Archived = form.Archived
	if form.Title != "" {
		changed.Title = form.Title
	}
	for name, to := range map[string]*int{"overlap": &changed.Overlap, "lease_minutes": &changed.LeaseMinutes, "edit_minutes": &changed.EditMinutes} {
		if *to, err = strconv.Atoi(c.PostForm(name)); err != nil {
			form.Errors[name] = say(c, "settings.number")
		}
	}
	if len(form.Errors) == 0 {
		_, err = s.store.UpdateProject(c.Request.Context(), user(c).ID, changed)
		var invalid *db.InvalidError
		if errors.As(err, &invalid) {
			form.Errors[invalid.Field] = said(c, invalid)
		} else if err != nil {
			return err
		}
	}
	if len(form.Errors) > 0 {
		return s.projectPage(c, http.StatusUnprocessableEntity, p, func(v *views.Project) { v.Settings = form })
	}
	s.notice(c, say(c, "settings.saved"))
	return seeOther(c, projectPath(p))
}

// inviteLabeler makes a link and shows it, this once.
func (s *Server) inviteLabeler(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	tags, err := db.ParseTags(c.PostForm("tags"))
	if err != nil {
		return err
	}
	token, _, err := s.store.CreateInvite(c.Request.Context(), db.Invite{
		Role: db.RoleLabeler, ProjectID: p.ID, Label: strings.TrimSpace(c.PostForm("label")), Tags: tags, CreatedBy: user(c).ID}, inviteLife)
	if err != nil {
		return err
	}
	return s.projectPage(c, http.StatusOK, p, func(v *views.Project) { v.NewLink = s.link("/join/" + token) })
}

// revokeLabelerInvite ends a link of this project.
func (s *Server) revokeLabelerInvite(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	invite, err := id(c, "invite")
	if err != nil {
		return err
	}
	invites, err := s.store.Invites(c.Request.Context())
	if err != nil {
		return err
	}
	for _, i := range invites {
		if i.ID == invite && i.ProjectID == p.ID {
			if err := s.store.RevokeInvite(c.Request.Context(), user(c).ID, invite); err != nil {
				return err
			}
			s.notice(c, say(c, "invite.revoked"))
			return seeOther(c, projectPath(p)+"#invites")
		}
	}
	return db.ErrNotFound
}
