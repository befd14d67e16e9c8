package labeler

import (
	"context"

	"agora/db"
)

// letter is a prompt to write a demonstration for.
var letter = db.NewItem{Kind: db.ItemPrompt, PromptID: "letter", Lang: "en", Purpose: db.ForScreening,
	Prompt: []db.Message{{Role: "user", Content: "My friend asks whether her stammer puts people off. What do I say?"}}}

// joinable is a project with every step of joining, and its lead: one practice
// item, one ranking and one demonstration as trial tasks, two items of work.
func (s *testSite) joinable() (db.Project, db.User) {
	s.t.Helper()
	ctx := context.Background()
	practice, trial := beekeeper, plants
	practice.Purpose, practice.Solution = db.ForPractice, `{"ranks":[1,2,4,2],"explanation":"The seeds help the *bees*, too. A candle has nothing to do with them."}`
	trial.Purpose, trial.Solution = db.ForScreening, `{"ranks":[1,4,1,3]}`
	p := s.addProject("newcomers", "Everyday help", db.KindRank, 4, practice, trial, letter, sourdough, bicycle)
	lead := s.addUser("rosa", db.RoleResearcher)
	j := db.DefaultJoining(p.ID)
	j.Profile, j.Survey, j.Guidelines = true, true, true
	if err := s.st.SetJoining(ctx, lead.ID, j); err != nil {
		s.t.Fatal(err)
	}
	must(s.st.SetConsentText(ctx, lead.ID, p.ID, "**What we store:** your answers, under a pseudonym.\n\nThey are used to train and study models. You may stop at any time.", true))
	return p, lead
}
