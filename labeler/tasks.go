package labeler

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesTasks serves a labeler's start page and the hand-out of tasks.
func (s *Server) routesTasks() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/tasks", Allow: labelers, Handle: s.home},
		{Method: http.MethodPost, Path: "/tasks/next", Allow: labelers, Handle: s.next},
		{Method: http.MethodPost, Path: "/account/single-keys", Allow: labelers, Handle: s.singleKeys},
	}
}

func (s *Server) home(c *gin.Context) error {
	ctx, u := c.Request.Context(), user(c)
	projects, err := s.store.ProjectsOf(ctx, u.ID)
	if researchers.allows(u.Role) { // researchers may try every project out
		projects, err = s.store.Projects(ctx)
	}
	if err != nil {
		return err
	}
	var list []views.HomeProject
	for _, p := range projects {
		stage, err := s.stageOf(ctx, u, p.ID)
		if err != nil {
			return err
		}
		if p.Archived || stage == db.StageLeft || stage == db.StageWithdrawn {
			continue
		}
		progress, err := s.store.Progress(ctx, p.ID, u.ID)
		if err != nil {
			return err
		}
		v := homeProject(p, progress)
		if err := s.fillHome(c, &v, p); err != nil {
			return err
		}
		list = append(list, v)
	}
	returned, err := s.returnedTasks(ctx, u.ID)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.HomePage(s.frame(c, say(c, "home.title")), list, returned...))
}

func homeProject(p db.Project, progress db.Progress) views.HomeProject {
	return views.HomeProject{
		Name: p.Title, ID: strconv.FormatInt(p.ID, 10), Guidelines: guidelinesOf(p),
		Mine: mine(progress), Left: int(progress.Left),
	}
}

// fillHome adds what a labeler should know before going on: a step of joining
// that is open, changed guidelines, answered questions.
func (s *Server) fillHome(c *gin.Context, v *views.HomeProject, p db.Project) error {
	ctx, u := c.Request.Context(), user(c)
	g, err := s.store.GuidelinesFor(ctx, p.ID, u.ID, s.wantedLanguages(c)...)
	if err != nil {
		return err
	}
	v.Changed = g.Unread
	v.Questions = questionsPath(p)
	if v.New, err = s.store.UnreadThreads(ctx, p.ID, u.ID, researchers.allows(u.Role)); err != nil {
		return err
	}
	stage, err := s.stageOf(ctx, u, p.ID)
	if err != nil || stage == db.StageActive || stage == "" {
		return err
	}
	st, err := s.store.Standing(ctx, p.ID, u.ID)
	if err != nil || st.Member.Stage == db.StageActive {
		return err
	}
	v.Left, v.Join = 0, views.Link{Label: say(c, "home.see"), Href: welcomePath(p.ID)}
	v.Stage = st.Member.Stage
	if at := welcomeView(st).At(); at > 0 && v.Stage != db.StageWaiting {
		v.Join.Label = say(c, "home.join", at, len(st.Steps))
	}
	return nil
}

// mine is a labeler's own progress: done out of done and left.
func mine(p db.Progress) views.Progress {
	return views.Progress{Done: int(p.Answered), Total: int(p.Answered + p.Left)}
}

// next hands out a task and opens it.
func (s *Server) next(c *gin.Context) error {
	project, err := strconv.ParseInt(c.PostForm("project"), 10, 64)
	if err != nil {
		return db.ErrNotFound
	}
	if err := s.mayWork(c, project); err != nil {
		return err
	}
	return s.openNext(c, project)
}

// mayWork lets members into a project, and researchers into all.
func (s *Server) mayWork(c *gin.Context, project int64) error {
	if researchers.allows(user(c).Role) {
		return nil
	}
	return s.mayRead(c, project)
}

// openNext sends the browser to the labeler's next task, or home when none is left.
func (s *Server) openNext(c *gin.Context, project int64) error {
	t, err := s.store.Next(c.Request.Context(), project, user(c).ID)
	switch {
	case errors.Is(err, db.ErrNotReady):
		return seeOther(c, welcomePath(project))
	case errors.Is(err, db.ErrNoTask):
		if stage, err := s.stageOf(c.Request.Context(), user(c), project); err != nil || stage != db.StageActive {
			return cmp.Or(err, seeOther(c, welcomePath(project)))
		}
		s.notice(c, say(c, "task.done"))
		return seeOther(c, "/tasks")
	case err != nil:
		return err
	}
	return seeOther(c, "/tasks/"+t.Lease.ID)
}

// singleKeys keeps whether the person wants single-key shortcuts.
func (s *Server) singleKeys(c *gin.Context) error {
	if err := s.store.SetSingleKeys(c.Request.Context(), user(c).ID, c.PostForm("on") == "true"); err != nil {
		return err
	}
	if !fromScript(c) {
		s.notice(c, say(c, "account.keys.saved"))
		return seeOther(c, "/account")
	}
	c.Status(http.StatusNoContent)
	return nil
}
