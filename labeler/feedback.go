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

// routesFeedback serves the anonymous feedback on the work, and its results.
func (s *Server) routesFeedback() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/feedback/:project", Allow: labelers, Handle: s.feedback},
		{Method: http.MethodPost, Path: "/feedback/:project", Allow: labelers, Handle: s.giveFeedback},
		{Method: http.MethodGet, Path: "/projects/:project/feedback", Allow: researchers, Handle: s.feedbackResults},
	}
}

func feedbackPath(projectID int64) string { return fmt.Sprintf("/feedback/%d", projectID) }

func (s *Server) feedback(c *gin.Context) error {
	n, err := id(c, "project")
	if err != nil {
		return err
	}
	return s.feedbackPage(c, http.StatusOK, n, views.FeedbackForm{})
}

func (s *Server) feedbackPage(c *gin.Context, status int, projectID int64, v views.FeedbackForm) error {
	ctx := c.Request.Context()
	mine, err := s.store.MyProject(ctx, projectID, user(c).ID) // members only, also those who left
	if err != nil {
		return err
	}
	v.Project, v.Action, v.Statements, v.Given = mine.Project.Title, feedbackPath(projectID), db.FeedbackStatements, mine.Feedback
	return render(c, status, views.FeedbackPage(s.frame(c, say(c, "feedback.title")), v))
}

// giveFeedback stores it without a trace of who gave it.
func (s *Server) giveFeedback(c *gin.Context) error {
	n, err := id(c, "project")
	if err != nil {
		return err
	}
	v := views.FeedbackForm{Comment: c.PostForm("comment")}
	for _, statement := range db.FeedbackStatements {
		rating, _ := strconv.Atoi(c.PostForm(statement)) // none is 0
		v.Ratings = append(v.Ratings, rating)
	}
	err = s.store.GiveFeedback(c.Request.Context(), n, user(c).ID, v.Ratings, v.Comment)
	var invalid *db.InvalidError
	if errors.As(err, &invalid) {
		v.Error = said(c, invalid)
		return s.feedbackPage(c, http.StatusUnprocessableEntity, n, v)
	}
	if err != nil {
		return err
	}
	return seeOther(c, feedbackPath(n))
}

func (s *Server) feedbackResults(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	r, err := s.store.FeedbackResults(c.Request.Context(), p.ID)
	if err != nil {
		return err
	}
	v := views.FeedbackResults{People: r.People, Least: db.SmallestGroup, Comments: r.Comments}
	for i, counts := range r.Counts {
		row := views.FeedbackRow{Statement: db.FeedbackStatements[i]}
		for _, n := range counts {
			row.N += n
		}
		if row.N > 0 {
			row.Counts = counts[:]
		}
		v.Rows = append(v.Rows, row)
	}
	f := s.frame(c, say(c, "feedback.results"))
	f.Crumbs = projectCrumbs(c, p, f.Title)
	return render(c, http.StatusOK, views.FeedbackResultsPage(f, v))
}
