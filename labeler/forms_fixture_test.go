package labeler

import (
	"context"

	"agora/db"
)

// addFormProject makes a project of a kind with a preset's form ("": the kind's own) and some items.
func (s *testSite) addFormProject(name, kind, preset string, items ...db.NewItem) db.Project {
	s.t.Helper()
	ctx := context.Background()
	p := db.DefaultProject(name)
	p.Title, p.Kind, p.Form, p.Instructions = "Project "+name, kind, preset, "Be fair."
	if k, fixed := db.FixedK(kind); fixed {
		p.K = k
	}
	p, err := s.st.CreateProject(ctx, p)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(items) > 0 {
		if _, err := s.st.AddItems(ctx, p.ID, 0, name+".jsonl", items); err != nil {
			s.t.Fatal(err)
		}
	}
	return p
}

// promptOf is an item's prompt alone, to be answered.
func promptOf(it db.NewItem) db.NewItem {
	return db.NewItem{Kind: db.ItemPrompt, PromptID: it.PromptID, Prompt: it.Prompt, Lang: it.Lang}
}

// formPages are a page of each kind of task and form, half filled in, and the editors.
func (s *liveSite) formPages(adm *browser, lena db.User) []galleryPage {
	s.t.Helper()
	ctx := context.Background()
	lab := s.signedInAs(lena)
	open := func(p db.Project) (db.Project, string) {
		must(s.st.Join(ctx, p.ID, lena.ID))
		return p, s.taskOf(p, lena)
	}
	instruct, rateOne := open(s.addFormProject("instructgpt", db.KindRank, "instructgpt", sourdough))
	rankAll, compare := open(s.addFormProject("instructgpt-2", db.KindRank, "instructgpt", sourdough))
	s.rateAll(lena, compare)
	_, summary := open(s.addFormProject("summaries", db.KindRank, "summaries", beekeeper))
	_, duel := open(s.addFormProject("duel", db.KindPairwise, "helpful-harmless", logfile))
	_, rating := open(s.addFormProject("rating", db.KindRating, "instructgpt", plants))
	_, demo := open(s.addFormProject("demos", db.KindDemo, "", promptOf(logfile)))
	writing := s.addFormProject("prompts", db.KindPrompt, "")
	if err := s.st.AddBriefs(ctx, 0, writing.ID, must(db.NewBriefs("A small shop that repairs bicycles wants an assistant on its website.", db.Brief{Style: db.StyleUserBased}, 2))); err != nil {
		s.t.Fatal(err)
	}
	_, prompt := open(writing)
	return []galleryPage{
		{"form-rate", rateOne, lab}, {"form-rank", compare, lab}, {"form-summaries", summary, lab}, {"form-duel", duel, lab}, {"form-rating", rating, lab},
		{"form-demonstration", demo, lab}, {"form-prompt", prompt, lab},
		{"form-editor", formPath(instruct), adm}, {"form-editor-prompts", formPath(writing), adm}, {"form-editor-old", formPath(rankAll) + "?version=f1", adm},
	}
}

// rateAll leaves a draft in which every completion is rated and none ranked.
func (s *testSite) rateAll(u db.User, path string) {
	s.t.Helper()
	ctx := context.Background()
	t := must(s.st.Task(ctx, u.ID, path[len("/tasks/"):]))
	r := db.Ranking{Ranks: map[string]int{}, Ratings: map[string]db.Rating{}}
	yes := true
	for i, c := range t.Completions {
		score := 6 - i
		r.Ratings[c.Key] = db.Rating{Scores: map[string]*int{"overall": &score}, Flags: map[string]*bool{"expresses_opinion": &yes, "hallucination": nil}}
	}
	if _, err := s.st.SaveDraft(ctx, u.ID, t.Lease.ID, r); err != nil {
		s.t.Fatal(err)
	}
}
