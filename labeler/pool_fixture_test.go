package labeler

import (
	"context"
	"fmt"
	"time"

	"agora/db"
)

// peopled makes a project with two dozen members who answered the survey, came by tagged
// invitations and worked for six weeks, with targets, quotas, gold items and pay.
func (s *testSite) peopled(name string) db.Project {
	s.t.Helper()
	ctx := context.Background()
	p := s.addProject(name, "Peopled help", db.KindRank, 4, sourdough, beekeeper, plants, bicycle)
	p.Overlap = 40
	p = must(s.st.UpdateProject(ctx, 0, p))
	var rows []db.NewItem
	for i := range 60 {
		it := shortItem(fmt.Sprintf("%s-%d", name, i), fmt.Sprintf("What should I cook on day %d?", i), "Soup.", "Rice with beans.", "Bread and cheese.", "Noodles.")
		it.Lang = []string{"en", "es", "en", "zh-Hant", "cy"}[i%5]
		if i%14 == 7 {
			it.Purpose, it.Solution = db.ForGold, `{"ranks":[1,2,3,4]}`
		}
		rows = append(rows, it)
	}
	must(s.st.AddItems(ctx, p.ID, 0, "meals", rows))
	ages := []string{"18-24", "25-34", "25-34", "35-44", "35-44", "35-44", "45-54", "25-34"}
	for i := range 24 {
		u := s.addUser(fmt.Sprintf("%s-%d", name, i), db.RoleLabeler)
		inv := db.Invite{Role: db.RoleLabeler, ProjectID: p.ID, Tags: map[string]string{"cohort": []string{"spanish", "english", "chinese"}[i%3]}}
		token, _, err := s.st.CreateInvite(ctx, inv, time.Hour)
		s.try(err)
		must(s.st.JoinBy(ctx, token, u.ID))
		s.try(s.st.PutSurvey(ctx, p.ID, u.ID, map[string][]string{"age": {ages[i%8]}, "gender": {[]string{"female", "male", "female", "female", "nonbinary_other"}[i%5]}}, true))
		s.try(s.st.SetProfile(ctx, db.Profile{UserID: u.ID, Languages: [][]string{{"en"}, {"en", "es"}, {"zh"}, nil}[i%4]}))
		s.st.Clock.Advance(13 * time.Hour)
		for range 1 + i%3 {
			s.answerOne(p, u)
		}
	}
	for w := range 5 {
		s.st.Clock.Advance(7 * 24 * time.Hour)
		for i := range 24 - 4*w {
			s.answerOne(p, must(s.st.UserByName(ctx, fmt.Sprintf("%s-%d", name, i))))
		}
	}
	for _, tag := range []string{"spanish", "chinese"} {
		_, _, err := s.st.CreateInvite(ctx, db.Invite{Role: db.RoleLabeler, ProjectID: p.ID, Tags: map[string]string{"cohort": tag}}, 14*24*time.Hour)
		s.try(err)
	}
	q := db.DefaultQueue(p.ID)
	q.GroupBy, q.Quotas, q.GoldShare, q.RepeatShare, q.SortBy = "cohort", db.Quotas{"spanish": 5, "chinese": 5}, .05, .05, db.UncertainFirst
	s.try(s.st.SetQueue(ctx, 0, q))
	pool := db.DefaultPool(p.ID)
	pool.Targets = map[string]map[string]float64{"age": {"18-24": .12, "25-34": .18, "35-44": .17, "45-54": .2, "55-64": .18, "65+": .15}, "gender": {"female": .5, "male": .48, "nonbinary_other": .02}}
	pool.PayBy, pool.Rate = db.PayByHour, 18
	s.try(s.st.SetPool(ctx, 0, pool))
	scores := []db.Score{}
	for i := range 40 {
		for j := range 4 {
			scores = append(scores, db.Score{PromptID: fmt.Sprintf("%s-%d", name, i), ID: fmt.Sprintf("c%d", j+1), Score: float64((i*7+j*13)%11) / 4})
		}
	}
	must(s.st.ImportScores(ctx, db.ScoreSet{ProjectID: p.ID, Name: "reward-4.scores.jsonl", SHA256: "5f0c1c2bd1", Measure: true}, scores))
	return p
}

func (s *testSite) try(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// answerOne lets somebody answer their next task after a minute or two.
func (s *testSite) answerOne(p db.Project, u db.User) {
	s.t.Helper()
	ctx := context.Background()
	t, err := s.st.Next(ctx, p.ID, u.ID)
	if err != nil {
		s.t.Fatalf("%s: %v", u.Name, err)
	}
	s.st.Clock.Advance(time.Duration(70+10*(t.ItemID%9)) * time.Second)
	r := db.Ranking{Ranks: map[string]int{}, ActiveMS: 60_000}
	for i, c := range t.Completions {
		r.Ranks[c.Key] = i + 1
	}
	must(s.st.Submit(ctx, u.ID, t.Lease.ID, r))
}
