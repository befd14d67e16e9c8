package labeler

import (
	"net/http"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// warning writes the page that comes before a flagged task, or is nil when
// there is nothing to warn of: the task has no flags, the labeler chose to see
// it, or has worked on it already.
func (s *Server) warning(c *gin.Context, t db.Task) func() error {
	if len(t.Warnings) == 0 || c.Query("show") == "1" || t.Draft != nil || t.Answered {
		return nil
	}
	return func() error {
		var kinds []string
		for _, w := range t.Warnings {
			kinds = append(kinds, contentName(c, w))
		}
		path := "/tasks/" + t.Lease.ID
		return render(c, http.StatusOK, views.WarningPage(s.frame(c, say(c, "warning.title")), t.Project.Title, path+"?show=1", path+"/skip", kinds))
	}
}

// contentName is a category in words; one that a lead made up stands for itself.
func contentName(c *gin.Context, category string) string {
	key := "content." + category
	if text := say(c, key); text != key {
		return text
	}
	return category
}
