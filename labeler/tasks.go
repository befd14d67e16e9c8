package labeler

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesTasks serves a labeler's start page, the hand-out of tasks and the guidelines.
func (s *Server) routesTasks() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/tasks", Allow: labelers, Handle: s.home},
		{Method: http.MethodPost, Path: "/tasks/next", Allow: labelers, Handle: s.next},
		{Method: http.MethodGet, Path: "/guidelines/:project", Allow: labelers, Handle: s.guidelines},
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
		if p.Archived {
			continue
		}
		progress, err := s.store.Progress(ctx, p.ID, u.ID)
		if err != nil {
			return err
		}
		list = append(list, homeProject(p, progress))
	}
	return render(c, http.StatusOK, views.HomePage(s.frame(c, say(c, "home.title")), list))
}

func homeProject(p db.Project, progress db.Progress) views.HomeProject {
	return views.HomeProject{
		Name: p.Title, ID: strconv.FormatInt(p.ID, 10), Guidelines: guidelinesOf(p),
		Mine: mine(progress), Left: int(progress.Left),
	}
}

// mine is a labeler's own progress: done out of done and left.
func mine(p db.Progress) views.Progress {
	return views.Progress{Done: int(p.Answered), Total: int(p.Answered + p.Left)}
}

// guidelinesOf is where a project's guidelines can be read, or nothing when it has none.
func guidelinesOf(p db.Project) string {
	if p.Instructions == "" {
		return ""
	}
	return fmt.Sprintf("/guidelines/%d", p.ID)
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
	member, err := s.store.IsMember(c.Request.Context(), project, user(c).ID)
	if err == nil && !member {
		return db.ErrNotFound
	}
	return err
}

// openNext sends the browser to the labeler's next task, or home when none is left.
func (s *Server) openNext(c *gin.Context, project int64) error {
	t, err := s.store.Next(c.Request.Context(), project, user(c).ID)
	switch {
	case errors.Is(err, db.ErrNoTask):
		s.notice(c, say(c, "task.done"))
		return seeOther(c, "/tasks")
	case err != nil:
		return err
	}
	return seeOther(c, "/tasks/"+t.Lease.ID)
}

// guidelines shows a project's guidelines to those who work in it.
func (s *Server) guidelines(c *gin.Context) error {
	project, err := id(c, "project")
	if err != nil {
		return err
	}
	if err := s.mayWork(c, project); err != nil {
		return err
	}
	p, err := s.store.Project(c.Request.Context(), project)
	if err != nil {
		return err
	}
	f := s.frame(c, say(c, "guidelines.title", p.Title))
	f.Reading = true
	return render(c, http.StatusOK, views.GuidelinesPage(f, p.Title, p.GuidelineVersion(), p.Instructions))
}

// singleKeys keeps whether the person wants single-key shortcuts.
func (s *Server) singleKeys(c *gin.Context) error {
	if err := s.store.SetSingleKeys(c.Request.Context(), user(c).ID, c.PostForm("on") == "true"); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
