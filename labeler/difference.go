package labeler

import (
	"net/http"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesDifference serves the comparison of two completions of a task that the labeler holds.
func (s *Server) routesDifference() []Route {
	return []Route{{Method: http.MethodGet, Path: "/tasks/:lease/difference", Allow: labelers, Handle: s.difference}}
}

// difference marks the words in which two completions differ: those that ?a and ?b name by their keys,
// else the first two. Like the task itself it names no model.
func (s *Server) difference(c *gin.Context) error {
	t, err := s.store.Task(c.Request.Context(), user(c).ID, c.Param("lease"))
	if err != nil {
		return err
	}
	task := "/tasks/" + t.Lease.ID
	v := views.DifferenceView{Action: task + "/difference", Task: task, Language: t.Lang, First: 0, Second: 1}
	for i, text := range t.Completions {
		v.Texts = append(v.Texts, views.Completion{Key: text.Key, Text: text.Text})
		if text.Key == c.Query("a") {
			v.First = i
		}
		if text.Key == c.Query("b") {
			v.Second = i
		}
	}
	if len(v.Texts) < 2 {
		return db.ErrNotFound
	}
	f := s.frame(c, say(c, "difference.title"))
	f.Reading = true
	return render(c, http.StatusOK, views.DifferencePage(f, v))
}
