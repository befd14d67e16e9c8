package labeler

import (
	"net/http"

	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesComponents serves the page that shows what all pages are made of.
func (s *Server) routesComponents() []Route {
	return []Route{{Method: http.MethodGet, Path: "/components", Allow: researchers, Handle: s.components}}
}

func (s *Server) components(c *gin.Context) error {
	return render(c, http.StatusOK, views.ComponentsPage(s.frame(c, say(c, "components.title"))))
}
