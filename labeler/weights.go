package labeler

import (
	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// weightChoice is a page's choice between everybody alike and the project's targets.
type weightChoice struct {
	weights *weighting // nil: everybody alike
	view    views.Weighting
}

// weightChoice reads the choice of a request. Weights that cannot be made count everybody alike and say why.
func (s *Server) weightChoice(c *gin.Context, p db.Project) (weightChoice, error) {
	return weightChoice{}, nil
}
