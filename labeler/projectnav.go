package labeler

import (
	"fmt"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// projectNav lists the pages of a project by what they are about, those that the reader may open.
// A page that is added to a project gets its line here.
func projectNav(c *gin.Context, p db.Project) []views.LinkGroup {
	base, lead := projectPath(p), researchers.allows(user(c).Role)
	var groups []views.LinkGroup
	group := func(key string) {
		groups = append(groups, views.LinkGroup{Title: say(c, "projectnav."+key)})
	}
	page := func(may bool, key, path string) {
		if may {
			g := &groups[len(groups)-1]
			g.Links = append(g.Links, views.Link{Label: say(c, key), Href: path})
		}
	}
	group("tasks")
	page(true, "project.items", base+"/items")
	page(true, "formpage.link", base+"/form")
	page(true, "queuepage.title", base+"/queue")
	page(lead, "guidelines.heading", base+"/guidelines")
	page(lead, "known.title", base+"/people/keys")
	group("people")
	page(lead, "people.title", base+"/people")
	page(true, "pool.title", base+"/pool")
	page(lead, "screening.title", base+"/people/screening")
	page(lead, "questions.title", questionsPath(p))
	page(lead, "feedback.results", base+"/feedback")
	group("quality")
	page(true, "review.title", base+"/review")
	page(true, "quality.title", base+"/quality")
	page(true, "disagree.title", base+"/disagreement")
	page(lead, "audit.title", base+"/audit")
	group("data")
	page(lead, "import.page", base+"/import")
	page(lead, "export.page", base+"/export")
	page(true, "artefacts.title", base+"/artefacts")
	group("models")
	page(true, "project.winrate", base+"/winrate")
	page(true, "project.leaderboard", base+"/leaderboard")
	page(lead, "project.train", launchPath("reward", fmt.Sprint(p.ID)))
	page(lead, "project.ppo", launchPath("ppo", fmt.Sprint(p.ID)))
	page(lead, "project.score", launchPath("score", fmt.Sprint(p.ID)))
	return groups
}
