package labeler

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"agora/db"
)

// inviteTo makes a link that somebody joins a project with.
func (s *testSite) inviteTo(p db.Project, tags map[string]string) string {
	s.t.Helper()
	token, _, err := s.st.CreateInvite(context.Background(), db.Invite{Role: db.RoleLabeler, ProjectID: p.ID, Tags: tags}, inviteLife)
	if err != nil {
		s.t.Fatal(err)
	}
	return "/join/" + token
}

// answerTask ranks whatever task a page shows in the order shown, or writes a text.
func (b *browser) answerTask(path string) string {
	b.s.t.Helper()
	page := b.get(path).Body.String()
	form := url.Values{}
	for i, m := range uniqueMatches(page, `name="(rank_[A-Z0-9]+)"`) {
		form.Set(m, string(rune('1'+i)))
	}
	if len(form) == 0 {
		form.Set("text", "Tell her that people who matter wait for the end of a sentence.")
	}
	res := b.post(path, form)
	if res.Code != http.StatusSeeOther {
		b.s.t.Fatalf("answer %s: %d %s", path, res.Code, res.Body)
	}
	return res.Header().Get("Location")
}

func uniqueMatches(page, pattern string) []string {
	var list []string
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(page, -1) {
		if !seen[m[1]] {
			seen[m[1]] = true
			list = append(list, m[1])
		}
	}
	return list
}

// next asks for the next task of a project and returns where it leads.
func (b *browser) next(p db.Project) string {
	return b.post("/tasks/next", url.Values{"project": {strings.TrimPrefix(projectPath(p), "/projects/")}}).Header().Get("Location")
}

// wantPage opens a page and looks for words in it.
func (b *browser) wantPage(path string, want ...string) string {
	b.s.t.Helper()
	res := b.get(path)
	for _, w := range want {
		if !strings.Contains(res.Body.String(), w) {
			b.s.t.Fatalf("%s (%d, %s) lacks %q: %s", path, res.Code, res.Header().Get("Location"), w, res.Body)
		}
	}
	return res.Body.String()
}

// wantTo sends a form and looks where it leads.
func (b *browser) wantTo(path string, form url.Values, to string) {
	b.s.t.Helper()
	if res := b.post(path, form); res.Code != http.StatusSeeOther || res.Header().Get("Location") != to {
		b.s.t.Fatalf("%s: %d %q, want %q: %s", path, res.Code, res.Header().Get("Location"), to, res.Body)
	}
}

// TestNewcomerJoins goes all the way from the link to the first task, and back again at some steps.
func TestNewcomerJoins(t *testing.T) {
	t.Parallel()
	s := newTestSite(t)
	p, lead := s.joinable()
	way := welcomePath(p.ID)
	b := s.visitor()
	b.wantTo(s.inviteTo(p, map[string]string{"cohort": "spanish"}), joining("ana", testPassword, testPassword), way)

	b.wantPage(way, "Languages and topics", "Spanish (español)", `aria-current="step"`)
	if got := b.next(p); got != way {
		t.Errorf("a task before its time: sent to %s", got)
	}
	if res := b.post(way+"/profile", url.Values{"other": {"Klingonese"}}); res.Code != http.StatusUnprocessableEntity || !strings.Contains(res.Body.String(), "Klingonese") {
		t.Errorf("a language that there is not: %d", res.Code)
	}
	b.wantTo(way+"/profile", url.Values{"languages": {"en"}, "other": {"Basque"}, "opt_outs": {"violence"}, "topics": {"Farming"}}, way)

	b.wantPage(way, "What we store", "Version c1")
	if res := b.post(way+"/consent", url.Values{"version": {"9"}, "answer": {"agree"}}); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("agreed to a version that there is not: %d", res.Code)
	}
	b.wantTo(way+"/consent", url.Values{"version": {"1"}, "answer": {"decline"}}, way)
	b.wantPage(way, "You did not agree, and that is fine")
	if res := b.post(way+"/reconsider", nil); !strings.Contains(res.Body.String(), "What we store") {
		t.Errorf("reconsider: %d", res.Code)
	}
	b.wantTo(way+"/consent", url.Values{"version": {"1"}, "answer": {"agree"}}, way)

	b.wantPage(way, "What gender do you identify as?", "Prefer not to say", "Skip the questions", "Uruguay")
	if res := b.post(way+"/survey", url.Values{"age": {"200"}}); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("an age that is not offered: %d", res.Code)
	}
	b.wantTo(way+"/survey", url.Values{"gender": {"female"}, "self_description": {"a baker"}, "training": {"true"}}, way)

	b.wantPage(way, "Please read the guidelines", "Being right comes first")
	b.wantTo(way+"/guidelines", url.Values{"version": {"1"}}, way)

	b.wantPage(way, "Practice", "0 of 1 done")
	task := b.next(p)
	if page := b.wantPage(task, "neighbour who keeps bees"); strings.Contains(page, "too. A candle") {
		t.Error("the reason is there before the answer")
	}
	lease := strings.TrimPrefix(task, "/tasks/")
	if res := b.get("/practice/" + lease); res.Code != http.StatusNotFound {
		t.Errorf("the researchers' answer before one's own: %d", res.Code)
	}
	if to := b.answerTask(task); to != "/practice/"+lease {
		t.Fatalf("after the practice item: %s", to)
	}
	b.wantPage("/practice/"+lease, "How the researchers answered", "The seeds help the", "put 5 pairs in an order")

	b.wantPage(way, "Trial tasks", "0 of 2 done")
	b.answerTask(b.next(p))
	if to := b.answerTask(b.next(p)); to != way {
		t.Errorf("after the last trial task: %s", to)
	}
	b.wantPage(way, "that was everything")
	b.wantPage("/tasks", "Decision", "See where you are")

	rosa := s.signedInAs(lead)
	sheet := rosa.wantPage(screeningPath(p), "Farming", "people who matter", "Do not accept")
	if strings.Contains(sheet, "ana") && regexp.MustCompile(`\bana\b`).MatchString(sheet) || strings.Contains(sheet, "female") || strings.Contains(sheet, "spanish") {
		t.Error("the sheet says who it is about")
	}
	answer := uniqueMatches(sheet, `name="answer" value="(\d+)"`)[0]
	worker := uniqueMatches(sheet, `name="worker" value="(\w+)"`)[0]
	rosa.wantTo(screeningPath(p)+"/score", url.Values{"answer": {answer}, "score": {"6"}}, screeningPath(p))
	if res := rosa.post(screeningPath(p)+"/score", url.Values{"answer": {answer}, "score": {"8"}}); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("a score of 8: %d", res.Code)
	}
	rosa.wantTo(screeningPath(p)+"/decide", url.Values{"worker": {worker}, "verdict": {"accepted"}}, screeningPath(p)+"#"+worker)
	rosa.wantPage(peoplePath(p), "cohort=spanish", "At work", "c1")

	if res := b.get(way); res.Header().Get("Location") != "/tasks" {
		t.Errorf("past the last step: %d %s", res.Code, res.Header().Get("Location"))
	}
	b.wantPage("/tasks", "You are in", "2 tasks left")
	if to := b.next(p); !strings.HasPrefix(to, "/tasks/") {
		t.Errorf("first task: %s", to)
	}
}

// TestOthersPeoplesThings tries every address about a person with somebody else's numbers.
func TestOthersPeoplesThings(t *testing.T) {
	t.Parallel()
	s := newTestSite(t)
	p, _ := s.joinable()
	ana := s.visitor()
	ana.post(s.inviteTo(p, nil), joining("ana", testPassword, testPassword))
	eve := s.as(db.RoleLabeler)
	n := strings.TrimPrefix(projectPath(p), "/projects/")
	for _, path := range []string{"/welcome/" + n, "/questions/" + n, "/feedback/" + n, "/guidelines/" + n, "/account/data/" + n + "/survey", "/account/data/" + n + "/answered",
		"/account/data/" + n + "/answers", "/account/data/" + n + "/leave"} {
		if res := eve.get(path); res.Code != http.StatusNotFound || strings.Contains(res.Body.String(), "Everyday help") {
			t.Errorf("GET %s: %d", path, res.Code)
		}
	}
	for _, path := range []string{"/welcome/" + n + "/profile", "/welcome/" + n + "/consent", "/welcome/" + n + "/survey", "/welcome/" + n + "/survey/skip", "/welcome/" + n + "/guidelines",
		"/questions/" + n, "/questions/" + n + "/1", "/feedback/" + n, "/guidelines/" + n + "/read", "/account/data/" + n + "/survey", "/account/data/" + n + "/answered",
		"/account/data/" + n + "/answers", "/account/data/" + n + "/leave"} {
		form := url.Values{"answer": {"agree"}, "version": {"1"}, "text": {"hello"}, "clear": {"1"}}
		if res := eve.post(path, form); res.Code != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, res.Code)
		}
	}
	if m := must(s.st.Members(context.Background(), p.ID)); len(m) != 1 || m[0].Stage != db.StageProfile {
		t.Errorf("members %+v", m)
	}
}

func TestYourData(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ctx := context.Background()
	alice := s.browsers["alice"]
	n := strings.TrimPrefix(projectPath(s.project), "/projects/")
	alice.post("/tasks/"+s.lease, s.ranking("1", "2", "2", "3"))
	if err := s.st.PutSurvey(ctx, s.project.ID, s.alice.ID, map[string][]string{"gender": {"female"}}, false); err != nil {
		t.Fatal(err)
	}
	alice.wantPage("/account/data", "Everyday help", "Withdraw your answers", "Withdraw the survey", "answered, not to be passed on")
	file := alice.wantPage("/account/data.json", `"prompt_id": "sourdough"`, `"female"`, `"active"`)
	for _, secret := range []string{"policy-ppo", "bob", "c1", "solution"} {
		if strings.Contains(file, secret) {
			t.Errorf("the file holds %q", secret)
		}
	}
	alice.wantPage("/account/data/"+n+"/survey", "are deleted", "Leave my answers as numbers")
	alice.wantTo("/account/data/"+n+"/survey", nil, "/account/data")
	alice.wantPage("/account/data", "no answers linked to you")
	alice.wantPage("/account/data/"+n+"/answers", "marked as withdrawn", "cannot be undone")
	if res := alice.post("/account/data/"+n+"/answers", nil); res.Code != http.StatusOK || !strings.Contains(res.Body.String(), "1 answer in Everyday help is used no more") {
		t.Errorf("withdraw: %d %s", res.Code, res.Body)
	}
	d := must(s.st.MyProject(ctx, s.project.ID, s.alice.ID))
	if d.Member.Stage != db.StageWithdrawn || d.Answers[db.AnswerWithdrawn] != 1 || d.Survey != nil {
		t.Errorf("afterwards: %+v", d)
	}
	bob := s.browsers["bob"]
	bob.wantPage("/account/data/"+n+"/leave", "answers you gave stay in use")
	bob.wantTo("/account/data/"+n+"/leave", nil, "/account/data")
	if res := bob.post("/tasks/next", url.Values{"project": {n}}); res.Code != http.StatusNotFound {
		t.Errorf("a task after leaving: %d", res.Code)
	}
	if page := bob.wantPage("/tasks", "No project yet"); strings.Contains(page, "Everyday help") {
		t.Error("the project is still listed")
	}
}

func TestQuestionThread(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	alice, bob, rosa := s.browsers["alice"], s.browsers["bob"], s.browsers["rosa"]
	path := questionsPath(s.project)
	if res := alice.post(path, url.Values{"text": {" "}}); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("nothing asked: %d", res.Code)
	}
	alice.wantTo(path, url.Values{"text": {"May both be <b>equal</b>?"}}, path)
	page := bob.wantPage(path, "A labeler", "equal")
	for _, not := range []string{"alice", "<b>equal", "Hide from"} {
		if strings.Contains(page, not) {
			t.Errorf("bob reads %q", not)
		}
	}
	if res := bob.post(path+"/1", url.Values{"text": {"yes"}}); res.Code != http.StatusNotFound {
		t.Errorf("bob answers alice: %d", res.Code)
	}
	s.st.Clock.Advance(1e9)
	rosa.wantTo(path+"/1", url.Values{"text": {"Yes, ties are welcome."}}, path+"#q1")
	alice.wantPage("/tasks", "1 new")
	alice.wantPage(path, "rosa", "runs the project", "ties are welcome")
	if page := alice.wantPage("/tasks", "Questions"); strings.Contains(page, "1 new") {
		t.Error("still marked as new")
	}
	rosa.wantTo(path+"/1/hide", url.Values{"hide": {"true"}}, path)
	bob.wantPage(path, "No questions yet")
}

func TestFeedbackPages(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	alice, path := s.browsers["alice"], feedbackPath(s.project.ID)
	alice.wantPage(path, "It was clear from the instructions", "Strongly agree")
	if res := alice.post(path, nil); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("nothing said: %d", res.Code)
	}
	alice.wantTo(path, url.Values{"clear": {"1"}, "comment": {"Fine."}}, path)
	alice.wantPage(path, "Thank you")
	if res := alice.post(path, url.Values{"clear": {"5"}}); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("twice: %d", res.Code)
	}
	if page := s.browsers["rosa"].wantPage(projectPath(s.project)+"/feedback", "1 person has given feedback"); strings.Contains(page, "Fine.") {
		t.Error("one person's words are shown")
	}
}

func TestGuidelinesPages(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	alice, rosa := s.browsers["alice"], s.browsers["rosa"]
	edit, read := projectPath(s.project)+"/guidelines", "/guidelines/"+strings.TrimPrefix(projectPath(s.project), "/projects/")
	s.st.Clock.Advance(1e9)
	rosa.wantTo(edit, url.Values{"instructions": {"Rank by what you would rather have received.\r\n\r\n- Being right comes first."}}, edit+"?lang=")
	alice.wantPage("/tasks", "The guidelines have changed")
	alice.wantPage(read, "This is version g2", "<del>", "I have read this")
	alice.wantTo(read+"/read", url.Values{"version": {"2"}}, "/tasks")
	if page := alice.wantPage("/tasks", "Everyday help"); strings.Contains(page, "have changed") {
		t.Error("told again after reading")
	}
	rosa.wantTo(edit, url.Values{"lang": {"es"}, "instructions": {"Lo correcto primero."}}, edit+"?lang=es")
	rosa.wantPage(edit+"?lang=es&show=3", "Lo correcto primero.", "g3 is the first version in this language", "rosa")
	if res := rosa.post(edit, url.Values{"lang": {"no-such-language-at-all"}, "instructions": {"x"}}); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("a language that there is not: %d", res.Code)
	}
	if err := s.st.SetProfile(context.Background(), db.Profile{UserID: s.alice.ID, Languages: []string{"es-UY"}}); err != nil {
		t.Fatal(err)
	}
	alice.wantPage(read, "Lo correcto primero.", `lang="es"`)
	if err := s.st.SetProfile(context.Background(), db.Profile{UserID: s.alice.ID, Languages: []string{"eu"}}); err != nil {
		t.Fatal(err)
	}
	alice.wantPage(read, "Not in your language yet", "Basque")
}

func TestKeyPages(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	rosa := s.browsers["rosa"]
	key := keyPath(s.project, 2)
	if res := rosa.get(keysPath(s.project) + "?find=beekeeper"); res.Header().Get("Location") != key {
		t.Errorf("found at %q", res.Header().Get("Location"))
	}
	if res := rosa.get(keysPath(s.project) + "?find=nothing"); res.Code != http.StatusNotFound {
		t.Errorf("found nothing: %d", res.Code)
	}
	if res := rosa.post(key, url.Values{"purpose": {"gold"}, "own": {"true"}}); res.Code != http.StatusUnprocessableEntity || !strings.Contains(res.Body.String(), "answer the item yourself first") {
		t.Errorf("a key without an answer: %d", res.Code)
	}
	task := rosa.post(key+"/answer", nil).Header().Get("Location")
	if to := rosa.answerTask(task); to != key {
		t.Errorf("after the answer: %s", to)
	}
	rosa.wantPage(key, "Use my answer as the key")
	rosa.wantTo(key, url.Values{"purpose": {"practice"}, "own": {"true"}, "explanation": {"Bees like flowers."}}, keysPath(s.project))
	rosa.wantPage(keysPath(s.project), "Practice", "neighbour who keeps bees")
	rosa.wantPage(peoplePath(s.project), "How people join", "Practice with feedback")
}

func TestWarningBeforeAFlaggedTask(t *testing.T) {
	t.Parallel()
	s := newTestSite(t)
	flagged := bicycle
	flagged.Extra = `{"content_warnings":["violence","clowns"]}`
	p := s.addProject("warned", "Everyday help", db.KindRank, 4, flagged)
	b := s.signedInAs(s.join(p, "lena"))
	task := b.next(p)
	page := b.wantPage(task, "marked as containing", "Violence", "clowns", "Skip it")
	if strings.Contains(page, "oil a bicycle chain") {
		t.Error("the task is shown with its warning")
	}
	b.wantPage(task+"?show=1", "oil a bicycle chain")
	b.wantTo(task+"/skip", url.Values{"reason": {"sensitive"}}, "/tasks")
}

// TestJoinWithAnAccount uses a second project's link while signed in.
func TestJoinWithAnAccount(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	q := s.addProject("second", "Second help", db.KindRank, 4, plants)
	link := s.inviteTo(q, nil)
	s.browsers["alice"].wantPage(link, "Join as alice", "Second help")
	s.browsers["alice"].wantTo(link, url.Values{"as": {"me"}}, "/")
	if res := s.browsers["bob"].post(link, url.Values{"as": {"me"}}); res.Code != http.StatusGone {
		t.Errorf("used twice: %d", res.Code)
	}
	s.browsers["alice"].wantPage("/tasks", "Second help")
}

func TestPeopleSettings(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	rosa, path := s.browsers["rosa"], peoplePath(s.project)
	if res := rosa.post(path+"/joining", url.Values{"flags_percent": {"120"}, "ranks_percent": {"x"}, "demo_score": {"6"}}); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("cut-offs out of range: %d", res.Code)
	}
	rosa.wantTo(path+"/joining", url.Values{"survey": {"true"}, "flags_percent": {"80"}, "ranks_percent": {"70"}, "demo_score": {"5.5"}}, path+"#joining")
	if j := must(s.st.Joining(context.Background(), s.project.ID)); !j.Survey || j.Practice || j.FlagsPercent != 80 || j.DemoScore != 5.5 {
		t.Errorf("stored %+v", j)
	}
	rosa.wantTo(path+"/consent", url.Values{"text": {"We keep your answers."}, "training": {"true"}}, path+"#consent")
	s.browsers["alice"].wantPage("/tasks", "Consent", "Continue with step 1 of 1")
	if res := rosa.post(projectPath(s.project)+"/invites", url.Values{"tags": {"Cohort"}}); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("a tag without a value: %d", res.Code)
	}
	if res := rosa.post(projectPath(s.project)+"/invites", url.Values{"tags": {"cohort=spanish"}}); !strings.Contains(res.Body.String(), "cohort=spanish") {
		t.Errorf("tags of a link: %d", res.Code)
	}
}
