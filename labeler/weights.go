package labeler

import (
	"math"

	"agora/db"
	"agora/labeler/raking"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// weighting is how much each labeler counts, so that the pool has the shares of a population.
type weighting struct {
	Of        map[string]float64 // by pseudonym, mean 1
	Effective float64            // people that the weighted pool is worth
	Missing   []string           // parts of the targets that nobody in the pool is in
}

// of is the weights by name, nil where everybody counts alike.
func (w *weighting) of() map[string]float64 {
	if w == nil {
		return nil
	}
	return w.Of
}

// weightChoice is a page's choice between everybody alike and the project's targets.
type weightChoice struct {
	weights *weighting // nil: everybody alike
	view    views.Weighting
}

// weightChoice reads the choice of a request. It is offered where the project has targets.
func (s *Server) weightChoice(c *gin.Context, p db.Project) (weightChoice, error) {
	w, err := raking.OfProject(c.Request.Context(), s.store, p)
	if err != nil || w == nil {
		return weightChoice{}, err
	}
	choice := weightChoice{view: views.Weighting{Offered: true, On: c.Query("weights") == "targets", Labelers: len(w.Of), Effective: w.Effective}}
	switch {
	case !choice.view.On:
	case len(w.W) == 0 || math.IsNaN(w.Effective):
		choice.view.Problem = say(c, "weights.impossible")
	default:
		choice.weights = &weighting{Of: w.Of, Effective: w.Effective, Missing: w.Missing}
		if len(w.Missing) > 0 {
			choice.view.Missing = views.List(c.Request.Context(), w.Missing)
		}
	}
	return choice, nil
}
