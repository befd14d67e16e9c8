package labeler

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"agora/db"
)

// freshQuality is a project's figures, which must be of the present answers.
func (s *testSite) freshQuality(p db.Project) quality {
	s.t.Helper()
	q, err := s.Server.qualityOf(s.t.Context(), p, nil)
	for err == nil && !q.Fresh { // a busy machine
		q, err = s.Server.qualityOf(s.t.Context(), p, nil)
	}
	s.try(err)
	return q.Value
}

// What is kept in memory follows the answers: one taken out of use, the same put back, and new ones, each
// change the figures at once.
func TestStatsFollowTheAnswers(t *testing.T) {
	s, p, _ := grouped(t)
	ctx := t.Context()
	before, version := s.freshQuality(p).Answers, must(s.Server.statsVersion(ctx, p, nil))
	if again := must(s.Server.statsVersion(ctx, p, nil)); again != version {
		t.Error("the version changed by itself")
	}
	answer := must(s.st.ItemDetail(ctx, p.ID, 1)).Answers[0]
	s.try(s.st.ExcludeAnswer(ctx, 1, p.ID, answer.ID, "by mistake", false))
	if got := s.freshQuality(p).Answers; got != before-1 {
		t.Errorf("%d answers after one of %d was excluded", got, before)
	}
	s.try(s.st.IncludeAnswer(ctx, 1, p.ID, answer.ID))
	if got := s.freshQuality(p).Answers; got != before || must(s.Server.statsVersion(ctx, p, nil)) != version {
		t.Errorf("%d answers after the one excluded was put back to %d", got, before)
	}
	must(importLines(s, p, strings.ReplaceAll(groupLines(1), "Question", "Query")))
	if got := s.freshQuality(p).Answers; got != before+18 {
		t.Errorf("%d answers after 18 more to %d", got, before)
	}
	if must(s.Server.statsVersion(ctx, p, &weighting{Of: map[string]float64{"n0": 2}})) == must(s.Server.statsVersion(ctx, p, nil)) {
		t.Error("weights must be part of the version")
	}
}

// Known items say what the newest answer and the key make of them; a key that changes makes a new version.
func TestStatsFollowTheKeys(t *testing.T) {
	s := newTestSite(t)
	ctx := t.Context()
	p := s.addProject("keys", "Keys", db.KindRank, 4, beekeeper)
	lead := s.addUser("rosa", db.RoleResearcher)
	ben := s.addUser("ben", db.RoleResearcher)
	answer := func(by db.User, best int) {
		task := must(s.st.OpenItem(ctx, p.ID, 1, by.ID))
		r := db.Ranking{Ranks: map[string]int{}}
		for i, c := range must(s.st.ItemDetail(ctx, p.ID, 1)).Completions {
			r.Ranks[c.Key] = 1 + (i+4-best)%4
		}
		must(s.st.Submit(ctx, by.ID, task.Lease.ID, r))
	}
	gold := func() (rate float64, n int) {
		for _, x := range s.freshQuality(p).People {
			rate, n = x.Checks.Gold.Rate, n+x.Checks.Gold.N
		}
		return rate, n
	}
	answer(lead, 0)
	s.try(s.st.SetKey(ctx, lead.ID, p.ID, 1, db.ForGold, true, ""))
	if rate, n := gold(); n != 0 {
		t.Fatalf("%v of %d: the answer that became the key is measured by it", rate, n)
	}
	answer(ben, 0)
	if rate, n := gold(); rate != 1 || n != 1 {
		t.Fatalf("%v of %d with the same answer as the lead's", rate, n)
	}
	version := must(s.Server.statsVersion(ctx, p, nil))
	s.try(s.st.SetKey(ctx, lead.ID, p.ID, 1, db.ForGold, false, "Bees need late flowers."))
	if must(s.Server.statsVersion(ctx, p, nil)) == version {
		t.Error("another key, the same version")
	}
	answer(ben, 2) // the key stays: two of its six pairs are as before
	if rate, n := gold(); math.Abs(rate-1./3) > 1e-12 || n != 1 {
		t.Errorf("%v of %d after the answer changed, want a third", rate, n)
	}
}

// New scores are sides that the disagreement page shows.
func TestStatsFollowTheScores(t *testing.T) {
	s, p, _ := grouped(t)
	ctx := t.Context()
	version := must(s.Server.statsVersion(ctx, p, nil))
	for _, name := range []string{"reward-1", "reward-2"} {
		must(s.st.ImportScores(ctx, db.ScoreSet{ProjectID: p.ID, Name: name, SHA256: name}, []db.Score{{PromptID: "p0", ID: "c1", Score: 1}, {PromptID: "p0", ID: "c2"}}))
		next := must(s.Server.statsVersion(ctx, p, nil))
		if next == version {
			t.Errorf("%s did not change the version", name)
		}
		version = next
	}
}

// What people say of themselves, and the tags they come with, decide which groups are compared.
func TestStatsFollowTheGroups(t *testing.T) {
	s := newTestSite(t)
	ctx := t.Context()
	p := s.addProject("groups", "Groups", db.KindRank, 4, beekeeper, plants, bicycle)
	s.answerSome(p, 12)
	if q := s.freshQuality(p); len(q.Groups) != 0 {
		t.Fatalf("nobody said anything of themselves: %+v", q.Groups)
	}
	say := func(value func(i int) string) {
		for i := range 12 {
			u := must(s.st.UserByName(ctx, fmt.Sprintf("labeler-%d", i)))
			s.try(s.st.PutSurvey(ctx, p.ID, u.ID, map[string][]string{"gender": {value(i)}}, false))
		}
	}
	say(func(i int) string { return []string{"female", "male"}[i%2] })
	two := len(s.freshQuality(p).Groups)
	say(func(int) string { return "male" })
	if one := len(s.freshQuality(p).Groups); two <= one || one != 1 {
		t.Errorf("%d pairs of groups with two values, %d with one", two, one)
	}
	version := must(s.Server.statsVersion(ctx, p, nil))
	u := s.addUser("nora", db.RoleLabeler)
	token, _, err := s.st.CreateInvite(ctx, db.Invite{Role: db.RoleLabeler, ProjectID: p.ID, Tags: map[string]string{"wave": "2"}}, time.Hour)
	s.try(err)
	must(s.st.JoinBy(ctx, token, u.ID))
	if must(s.Server.statsVersion(ctx, p, nil)) == version {
		t.Error("somebody with a tag must change the version")
	}
}
