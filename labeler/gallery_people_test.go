package labeler

import (
	"context"
	"fmt"

	"agora/db"
)

// peoplePages are joining, accounts and people, with invented content.
func (s *testSite) peoplePages(adm *browser) []galleryPage {
	s.t.Helper()
	ctx := context.Background()
	p, lead := s.joinable()
	rosa := s.signedInAs(lead)
	at, practised := map[string]*browser{}, ""
	for _, stage := range []string{db.StageProfile, db.StageConsent, db.StageSurvey, db.StageGuidelines, db.StagePractice, "practised", db.StageWaiting} {
		to := ""
		if at[stage], to = s.newcomerAt(p, stage); to != "" {
			practised = to
		}
	}
	lab := at[db.StageWaiting]
	q := must(s.st.Ask(ctx, p.ID, must(s.st.UserByName(ctx, "new-waiting")).ID, "If two completions are *both* wrong, do I rank the shorter one first?"))
	s.st.Clock.Advance(1e9)
	for _, err := range []error{
		s.st.Reply(ctx, p.ID, q.ID, lead.ID, true, "No. Give them the same rank, and tick **None acceptable** if neither helps."),
		s.st.OfferTOTP(ctx, lead.ID, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
	} {
		if err != nil {
			s.t.Fatal(err)
		}
	}
	must(s.st.SetGuidelines(ctx, lead.ID, p.ID, "es", "Lo que usted preferiría recibir.\n\n- Lo correcto primero."))
	must(s.st.SetGuidelines(ctx, lead.ID, p.ID, "", "Rank by what you would rather have received as the person who asked.\n\n- Being right comes first.\n- Then being kind.\n- Length in itself is worth nothing."))
	for i := range 6 {
		u := s.join(p, fmt.Sprintf("guest-%d", i))
		if err := s.st.PutSurvey(ctx, p.ID, u.ID, map[string][]string{"gender": {"female"}, "age": {"25-34"}}, true); err != nil {
			s.t.Fatal(err)
		}
		if err := s.st.GiveFeedback(ctx, p.ID, u.ID, []int{1, 2, 3 + i%2, 1 + i%3, 1}, "The examples were *helpful*."); err != nil {
			s.t.Fatal(err)
		}
	}
	way, mine := welcomePath(p.ID), fmt.Sprintf("/account/data/%d", p.ID)
	return []galleryPage{
		{"join-profile", way, at[db.StageProfile]}, {"join-consent", way, at[db.StageConsent]}, {"join-survey", way, at[db.StageSurvey]}, {"join-guidelines", way, at[db.StageGuidelines]},
		{"join-practice", way, at[db.StagePractice]}, {"practice", practised, at["practised"]}, {"join-waiting", way, lab}, {"home-joining", "/tasks", at[db.StageSurvey]},
		{"join-as", s.inviteTo(p, nil), lab}, {"account", "/account", lab}, {"totp", "/account/totp", rosa}, {"profile", "/account/profile", lab}, {"mydata", "/account/data", lab}, {"mydata-survey", mine + "/survey", lab},
		{"mydata-answers", mine + "/answers", lab}, {"questions", questionsPath(p), lab}, {"questions-lead", questionsPath(p), adm}, {"feedback", feedbackPath(p.ID), lab}, {"feedback-results", projectPath(p) + "/feedback", adm},
		{"people", peoplePath(p), adm}, {"screening", screeningPath(p), adm}, {"known", keysPath(p), adm}, {"known-item", keyPath(p, firstItem(s, p)), adm},
		{"guidelines-edit", projectPath(p) + "/guidelines?show=3", adm}, {"guidelines-changed", fmt.Sprintf("/guidelines/%d", p.ID), lab},
	}
}

func firstItem(s *testSite, p db.Project) int64 {
	return must(s.st.FindItem(context.Background(), p.ID, "beekeeper"))
}

// newcomerAt is a new member who has come to a step. Whoever has just practised
// has the address of the researchers' answer as well.
func (s *testSite) newcomerAt(p db.Project, stage string) (b *browser, practised string) {
	s.t.Helper()
	ctx := context.Background()
	b = s.signedInAs(s.join(p, "new-"+stage))
	u := must(s.st.UserByName(ctx, "new-"+stage))
	for _, step := range []struct {
		stage string
		take  func() error
	}{
		{db.StageProfile, func() error {
			return s.st.SetProfile(ctx, db.Profile{UserID: u.ID, Languages: []string{"en", "es"}, OptOuts: []string{"violence"}, Topics: "Farming, and people who came from elsewhere"})
		}},
		{db.StageConsent, func() error { return s.st.AnswerConsent(ctx, p.ID, u.ID, 1, true) }},
		{db.StageSurvey, func() error {
			return s.st.PutSurvey(ctx, p.ID, u.ID, map[string][]string{"gender": {"female"}, "ethnicity": {"latinx", "black"}}, true)
		}},
		{db.StageGuidelines, func() error { return s.st.ReadGuidelines(ctx, p.ID, u.ID, 1) }},
		{db.StagePractice, func() error { practised = b.answerTask(b.next(p)); return nil }},
		{"practised", func() error { return nil }},
		{db.StageScreening, func() error { b.answerTask(b.next(p)); b.answerTask(b.next(p)); return nil }},
	} {
		if step.stage == stage {
			break
		}
		if err := step.take(); err != nil {
			s.t.Fatal(err)
		}
	}
	if stage != "practised" {
		practised = ""
	}
	return b, practised
}
