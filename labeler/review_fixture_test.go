package labeler

import (
	"context"
	"net/url"
	"strconv"

	"agora/db"
)

// reviewPages are the pages of review, log, withdrawal and data in and out, with something on each.
// One person of the project withdraws; a new one has a task given back.
func (s *liveSite) reviewPages(adm *browser) []galleryPage {
	s.t.Helper()
	ctx := context.Background()
	p := s.addProject("kitchen", "Kitchen help", db.KindRank, 4, sourdough, beekeeper, plants, bicycle)
	base := projectPath(p)
	p.Overlap = 4
	p = must(s.st.UpdateProject(ctx, 0, p))
	var people []db.User
	for i := range 3 {
		u := s.join(p, "cook-"+strconv.Itoa(i))
		people = append(people, u)
		for {
			t, err := s.st.Next(ctx, p.ID, u.ID)
			if err != nil {
				break
			}
			r := db.Ranking{Ranks: map[string]int{}, Note: []string{"", "The second is right, but cold.", ""}[i]}
			for j, c := range must(s.st.ItemDetail(ctx, p.ID, t.ItemID)).Completions {
				r.Ranks[c.Key] = 1 + (j+i)%3
			}
			s.st.Clock.Advance(31e9)
			must(s.st.Submit(ctx, u.ID, t.Lease.ID, r))
		}
	}
	adm.post(base+"/export", url.Values{"format": {"ranked"}, "pack": {"zip"}, "licence": {"CC-BY-4.0"}})
	answers := must(s.st.ItemDetail(ctx, p.ID, must(s.st.Items(ctx, p.ID, 0, 1))[0].ID))
	at := func(i int, what string) string {
		return base + "/review/answers/" + strconv.FormatInt(answers.Answers[i].ID, 10) + "/" + what
	}
	adm.post(at(0, "comment"), url.Values{"text": {"Is the first one not better explained?"}, "to_labeler": {"true"}})
	adm.post(at(0, "return"), url.Values{"text": {"Please read the first text to its end."}, "days": {"7"}})
	adm.post(at(1, "exclude"), url.Values{"text": {"Ranked by position, see the other answers."}})
	adm.post(base+"/withdraw", url.Values{"worker": {answers.Answers[2].Worker}, "sure": {"true"}, "reopen": {"true"}})
	cook := s.signedInAs(people[0])
	table := "question,response_a,response_b,winner,annotator\nHow long do eggs boil?,Ten minutes.,It depends.,model_a,u1\nIs rice washed?,Yes.,No.,maybe,u2\n"
	return []galleryPage{
		{"review", base + "/review", adm}, {"review-item", base + "/review/items/" + strconv.FormatInt(answers.Item.ID, 10), adm},
		{"audit", base + "/audit", adm}, {"audit-site", "/audit", adm}, {"artefacts", base + "/artefacts", adm},
		{"export", base + "/export", adm}, {"import", base + "/import", adm},
		{"import-faults", adm.upload(base+"/import", "eggs.csv", table, nil).Header().Get("Location"), adm},
		{"import-ready", adm.upload(base+"/import", "more.jsonl", completionsFile(plants, logfile), nil).Header().Get("Location"), adm},
		{"returned", "/tasks", cook}, {"rework", "/tasks/" + answers.Answers[0].LeaseID, cook},
	}
}
