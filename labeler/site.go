package labeler

import (
	"net/http"
	"slices"
	"strconv"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesSite lists the pages for labelers and researchers. Each file of pages has its own rows.
func (s *Server) routesSite() []Route {
	return slices.Concat(
		[]Route{{Method: http.MethodGet, Path: "/", Allow: labelers, Handle: s.start}},
		s.routesTasks(), s.routesRank(), s.routesDifference(), s.routesComponents(), s.routesAnswers(),
		s.routesProjects(), s.routesForms(), s.routesItems(), s.routesWinRate(), s.routesQuality(), s.routesDisagreement(),
		s.routesReview(), s.routesAudit(), s.routesArtefacts(), s.routesDataIn(), s.routesDataOut(),
		s.routesRuns(), s.routesEvents(), s.routesLaunch(), s.routesUsers(),
		s.routesAccount(), s.routesMyData(), s.routesWelcome(), s.routesPractice(), s.routesGuidelines(), s.routesQuestions(), s.routesFeedback(),
		s.routesPeople(), s.routesKeys(), s.routesScreening(), s.routesQueue(), s.routesPool(),
	)
}

// start sends everybody to where their work begins.
func (s *Server) start(c *gin.Context) error {
	if researchers.allows(user(c).Role) {
		return seeOther(c, "/projects")
	}
	return seeOther(c, "/tasks")
}

// id reads a numeric part of the address; anything else is no page of ours.
func id(c *gin.Context, name string) (int64, error) {
	n, err := strconv.ParseInt(c.Param(name), 10, 64)
	if err != nil || n < 1 {
		return 0, db.ErrNotFound
	}
	return n, nil
}

// say is the interface string of a key in the reader's language.
func say(c *gin.Context, key string, args ...any) string {
	return views.T(c.Request.Context(), key, args...)
}

// fromScript tells a request made by a page's script, which stays where it is, from a form that
// was sent and whose sender waits for the next page.
func fromScript(c *gin.Context) bool {
	return wantsJSON(c) || c.GetHeader("Sec-Fetch-Dest") == "empty"
}
