package labeler

import (
	"context"
	"slices"
	"testing"

	"agora/db"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// emulateTheme makes the system's colour scheme light or dark.
func emulateTheme(theme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
		return err
	})
}

// galleryPage is a page to look at, and who looks.
type galleryPage struct {
	name, path string
	as         *browser
}

// gallery fills a site with invented content and lists its pages.
func gallery(t *testing.T) (*liveSite, []galleryPage) {
	s := newLiveSite(t)
	ctx := context.Background()
	rank := s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough, beekeeper, plants, bicycle)
	pair := s.addProject("code", "Code help", db.KindPairwise, 2, logfile)
	admin, lena := s.addUser("mira", db.RoleAdmin), s.join(rank, "lena")
	if _, err := s.st.Join(ctx, pair.ID, lena.ID); err != nil {
		t.Fatal(err)
	}
	s.answerSome(rank, 7)
	meals := s.peopled("meals")
	run := s.addRun(rank, 31, 40)
	busy := s.signedInAs(must(s.st.UserByName(ctx, "labeler-0")))
	adm, lab := s.signedInAs(admin), s.signedInAs(lena)
	ranking, pairing := s.taskOf(rank, lena), s.taskOf(pair, lena)
	s.halfRanked(lena, ranking)
	manners := s.addQuality()
	split := s.warmStats(manners)
	return s, slices.Concat(s.formPages(adm, lena), s.peoplePages(adm), s.reviewPages(adm), []galleryPage{
		{"signin", "/signin", nil},
		{"home", "/tasks", lab}, {"rank", ranking, lab}, {"pair", pairing, lab}, {"answers", "/answers", busy},
		{"guidelines", "/guidelines/1", lab}, {"missing", "/projects", lab},
		{"projects", "/projects", adm}, {"project", projectPath(rank), adm}, {"items", projectPath(rank) + "/items", adm},
		{"item", projectPath(rank) + "/items/1", adm}, {"winrate", projectPath(rank) + "/winrate", adm}, {"leaderboard", projectPath(rank) + "/leaderboard", adm},
		{"quality", projectPath(manners) + "/quality", adm}, {"quality-labeler", projectPath(manners) + "/quality/labelers/w16", adm},
		{"quality-checked", projectPath(manners) + "/quality/labelers/" + s.workerOf(manners, "manners-2"), adm},
		{"disagreement", projectPath(manners) + "/disagreement", adm}, {"disagreement-item", split, adm},
		{"queue", queuePath(meals), adm}, {"pool", poolPath(meals), adm},
		{"runs", "/runs", adm}, {"run", runPath(run), adm}, {"launch", "/runs/new?kind=ppo&project=1", adm}, {"launch-score", "/runs/new?kind=score&project=1", adm}, {"users", "/users", adm}, {"components", "/components", adm},
		{"difference", ranking + "/difference", lab},
	})
}
