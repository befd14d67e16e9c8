package labeler

import (
	"context"
	"strings"
	"testing"

	"agora/db"
)

// An answer with two texts of each policy gives four pairs but is one judgment: its mean.
func TestJudgmentsAreOnePerAnswer(t *testing.T) {
	votes := []db.Vote{
		{ItemID: 1, Worker: "w1", A: "ppo", B: "sft", Score: 1}, {ItemID: 1, Worker: "w1", A: "ppo", B: "sft", Score: .5},
		{ItemID: 1, Worker: "w1", A: "ppo", B: "sft", Score: 1}, {ItemID: 1, Worker: "w1", A: "ppo", B: "sft", Score: 0},
		{ItemID: 1, Worker: "w2", A: "ppo", B: "sft", Score: 0}, {ItemID: 2, Worker: "w1", A: "base", B: "ppo", Score: 0},
	}
	byPair := judgments(votes)
	js := ordered(byPair, "ppo", "sft")
	if len(js) != 2 || js[0].Score != .625 || js[1].Score != 0 {
		t.Errorf("%+v", js)
	}
	if js := ordered(byPair, "sft", "ppo"); js[0].Score != .375 || js[1].Score != 1 {
		t.Errorf("turned round: %+v", js)
	}
	if js := ordered(byPair, "ppo", "sft"); js[0].Score != .625 {
		t.Error("turning round must not change what is stored")
	}
	if a, b := defaultPair(byPair, nil); a != "ppo" || b != "sft" {
		t.Errorf("shown first: %s over %s", a, b)
	}
}

// The page's numbers follow people's answers: seven labelers, four prompts, and the interval says how
// it was made.
func TestWinRateGrowsAsPeopleRank(t *testing.T) {
	s := newScene(t)
	b := s.browsers["rosa"]
	path := "/projects/1/winrate?a=policy-ppo&b=policy-sft"
	if page := b.get(path).Body.String(); !strings.Contains(page, "No answer compares policy-ppo with policy-sft yet") {
		t.Error("without answers the page must say so")
	}
	prefer := func(u db.User, winner string) {
		task, err := s.st.Next(context.Background(), s.project.ID, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		ranks := map[string]int{}
		for _, c := range must(s.st.ItemDetail(context.Background(), 1, task.ItemID)).Completions {
			ranks[c.Key] = 2
			if c.Policy == winner {
				ranks[c.Key] = 1
			}
		}
		must(s.st.Submit(context.Background(), u.ID, task.Lease.ID, db.Ranking{Ranks: ranks}))
	}
	prefer(s.alice, "policy-ppo")
	page := b.get(path).Body.String()
	for _, want := range []string{"100.0\u00a0%", "20.7\u00a0%", "Wilson", "Not decided"} { // Wilson for 1 of 1: 0.207 to 1
		if !strings.Contains(page, want) {
			t.Errorf("after one answer the page lacks %q", want)
		}
	}
	prefer(s.bob, "policy-sft")
	if page := b.get(path).Body.String(); !strings.Contains(page, "50.0\u00a0%") {
		t.Error("after one answer each way the rate is one half")
	}
	if page := s.browsers["alice"].get(path); page.Code != 403 {
		t.Errorf("a labeler gets %d", page.Code)
	}
}
