package views

import (
	"context"
	"strings"
	"testing"

	"github.com/a-h/templ"
)

// peopleSamples are the pages of joining, accounts and people.
func peopleSamples() map[string]templ.Component {
	lena := Frame{Title: "Joining", Path: "/welcome/1", User: Person{"lena", "labeler"}}
	mira := Frame{Title: "People", Path: "/projects/1/people", User: Person{"mira", "researcher"}, Crumbs: []Crumb{{"Projects", "/projects"}, {Label: "People"}}}
	w := Welcome{Project: "Everyday help", Base: "/welcome/1", Steps: []JoinStep{{"profile", true, false}, {"consent", false, true}, {"guidelines", false, false}}}
	text := GuidelinesText{Number: 3, Name: "g3", Text: "Be *fair*.", Lang: "en", Wanted: "Spanish", Outdated: true}
	return map[string]templ.Component{
		"guidelines": GuidelinesPage(lena, GuidelinesView{Project: "Everyday help", Text: text, Unread: true, Confirm: "/guidelines/1/read", Questions: "/questions/1", New: 2,
			Change: DiffLines("Be quick.\nBe kind.", "Be *fair*.\nBe kind."), ChangeOf: "g1"}),
		"guidelines-edit": GuidelinesEditPage(mira, GuidelinesEdit{Base: "/projects/1/guidelines", Text: "Be *fair*.", Version: "g3", Own: "English", OwnTag: "en",
			Languages: []GuidelineLanguage{{"", "English (original)", "/projects/1/guidelines?lang=", true, false}, {"es", "Spanish", "/projects/1/guidelines?lang=es", false, true}},
			History:   []GuidelineRow{{"g3", "English (original)", "mira", noon, "?lang=&show=3#diff", true}}, Diff: DiffLines("", "Be *fair*."), DiffOf: "g3", DiffTo: "g1"}),
		"consent": ConsentPage(lena, w, ConsentStep{Version: 2, Name: "c2", Text: "We store **your answers**.", Again: true}),
		"profile": ProfilePage(lena, w, ProfileForm{Action: "/welcome/1/profile", Languages: []Check{{"en", "English", true}, {"es", "Spanish (español)", false}}, Categories: []Check{{"violence", "Violence", true}},
			Topics: "Farming", Other: "Klingonese", Errors: map[string]string{"languages": "We do not know it."}, Save: "Save and go on"}),
		"survey": SurveyPage(lena, w, SurveyForm{Action: "/welcome/1/survey", Skip: "/welcome/1/survey/skip", Covered: true, Questions: []SurveyField{
			{Key: "gender", Kind: "one", Options: []string{"male", "female", "nonbinary_other"}, Values: []string{"female"}}, {Key: "ethnicity", Kind: "many", Options: []string{"white", "black"}, Values: []string{notSaid}},
			{Key: "birth_country", Kind: "country", Options: []string{"PH", "UY"}, Values: []string{"UY"}}, {Key: "self_description", Kind: "text", Values: []string{"a <b>baker</b>"}}}}),
		"read":     ReadGuidelinesPage(lena, w, text),
		"trial":    TrialPage(lena, w, "practice", "1", 1, 3),
		"waiting":  RestPage(lena, w, "waiting"),
		"declined": RestPage(lena, w, "declined"),
		"practice": PracticePage(lena, PracticeResult{Project: "Everyday help", ProjectID: "1", Turns: []Turn{{"user", "Sky?"}}, Texts: []PracticeText{{"Blue.", 1, 1}, {"Green.", 2, 3}, {"Azure.", 2, 1}},
			Mine: "A > B = C", Key: "A = C > B", Same: "1.5", Pairs: 2, Flags: []PracticeFlag{{"B", "Hallucination", true}, {"A", "Expresses opinion", false}}, Explanation: "The sky is *blue*.", Left: 2}),
		"warning":     WarningPage(lena, "Everyday help", "/tasks/L1?show=1", "/tasks/L1/skip", []string{"Violence"}),
		"join-as":     SignedInJoin(lena, "/join/x", "lena", "Everyday help"),
		"account":     AccountPage(lena, Account{Name: "lena", Role: "labeler", SingleKeys: true, MinPassword: 10, Errors: map[string]string{"current": "This is not your password."}}),
		"signin-code": SignInCodePage(Frame{Title: "Enter your code"}, "This code is not right."),
		"totp":        TOTPPage(mira, TOTP{Must: true, Secret: "GEZDGNBVGY3TQOJQ", QR: QR{2, [][2]int{{0, 0}, {1, 1}}}, Error: "This code is not right."}),
		"totp-on":     TOTPPage(mira, TOTP{Since: noon, Required: true, Codes: []string{"ABCDE-FGHIJ"}, Left: 1}),
		"mydata": MyDataPage(lena, MyData{Name: "lena", Role: "labeler", Created: noon, LastSignIn: noon, Profile: []Row{{"Which languages do you read well?", "English"}}, Projects: []MyProject{
			{Base: "/account/data/1", Name: "Everyday help", Worker: "w1", Stage: "active", Rows: []Row{{"Answers in use", "5"}}, Survey: true, SurveyHref: "/account/data/1/answered", Answers: 5, Feedback: "/feedback/1"}, {Name: "Old", Stage: "left", Ended: true}}}),
		"confirm":   ConfirmPage(lena, Confirm{Action: "/account/data/1/survey", Back: "/account/data", Project: "Everyday help", What: "survey", Gone: []string{"Gone."}, Stays: []string{"Stays."}, Keep: true, Submit: "Withdraw the survey"}),
		"withdrawn": WithdrawnPage(lena, "Everyday help", 5, []Row{{"Export", "sha256 0123, 2 January 2026"}}),
		"questions": QuestionsPage(mira, Questions{Project: "Everyday help", Base: "/questions/1", Back: "/guidelines/1", Lead: true, List: []QuestionView{
			{ID: "1", Who: "A labeler", Text: "May both be *equal*?", When: noon, New: true, Hidden: true, Answer: "/questions/1/1", Hide: "/questions/1/1/hide", Replies: []ReplyView{{"mira", "Yes.", true, noon}}}}}),
		"feedback":         FeedbackPage(lena, FeedbackForm{Project: "Everyday help", Action: "/feedback/1", Statements: []string{"clear", "glad"}, Ratings: []int{1, 0}, Error: "Please answer one."}),
		"feedback-results": FeedbackResultsPage(mira, FeedbackResults{People: 6, Least: 5, Rows: []FeedbackRow{{"clear", []int{3, 2, 1, 0, 0}, 6}, {Statement: "glad"}}, Comments: []string{"Fine & calm."}}),
		"feedback-few":     FeedbackResultsPage(mira, FeedbackResults{People: 1, Least: 5}),
		"people": PeoplePage(mira, People{Base: "/projects/1/people", Links: []Link{{"Trial tasks", "/projects/1/people/screening"}}, Members: []MemberRow{{"w1", "active", []string{"cohort=spanish"}, "c2", 5, noon}, {"w2", "waiting", nil, "", 0, noon}},
			Settings: JoiningForm{Profile: true, Flags: "75", Ranks: "x", Demo: "6", Errors: map[string]string{"ranks_percent": "Please enter a number."}}, Consent: ConsentForm{Text: "We store.", Training: true, Version: "c2", History: []ConsentRow{{"c2", "We store.", true, noon, 1}, {"c1", "", false, noon, 0}}},
			Survey: []SurveyCount{{"What is your age?", []Row{{"18–24", "5"}}}}, Answered: 6, Least: 5, MayChange: true}),
		"keys":      KeysPage(mira, Keys{Base: "/projects/1/people/keys", Find: "p9", Error: "This project has no such item.", Items: []KeyRow{{"/projects/1/people/keys/1", "Sky?", "practice", "rank", true, true, 3}, {"/projects/1/people/keys/2", "Write.", "screening", "prompt", false, false, 0}}}),
		"key":       KeyPage(mira, KeyForm{Action: "/projects/1/people/keys/1", Open: "/projects/1/people/keys/1/answer", Turns: []Turn{{"user", "Sky?"}}, Texts: []ItemText{{"c1", "", "Blue."}}, Purpose: "gold", Own: "c1 > c2", NeedsKey: true, Explanation: "Because.", Error: "answer the item first"}),
		"screening": ScreeningPage(mira, Screening{Base: "/projects/1/people/screening", FlagsCut: 75, RanksCut: 75, DemoCut: 6, Asked: true, Candidates: []Candidate{{Worker: "w2", Stage: "waiting", Flags: CutOff{"82 %", 22, true}, Ranks: CutOff{"61 %", 18, false}, Demos: []DemoView{{"7", "Write to a friend.", "Dear friend,", 0}}, Topics: "Farming", Waiting: true}}}),
	}
}

func TestDiffLines(t *testing.T) {
	tests := []struct{ name, before, after, want string }{
		{"same", "a\nb", "a\nb", "…"},
		{"first", "", "a", "+a"},
		{"gone", "a", "", "-a"},
		{"middle", "a\nb\nc", "a\nx\nc", " a -b +x  c"},
		{"far", "1\n2\n3\n4\n5", "1\n2\n3\n4\n6", "…  3  4 -5 +6"},
	}
	for _, tt := range tests {
		var words []string
		for _, l := range DiffLines(tt.before, tt.after) {
			words = append(words, l.Sign+l.Text)
		}
		if got := strings.Join(words, " "); strings.TrimSpace(got) != strings.TrimSpace(tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestCountriesHaveNames(t *testing.T) {
	list := Countries(context.Background(), []string{"UY", "PH"})
	if len(list) != 2 || list[0] != (Choice{"PH", "Philippines"}) || list[1] != (Choice{"UY", "Uruguay"}) {
		t.Errorf("got %v", list)
	}
	if got := LanguageName(context.Background(), "es"); got != "Spanish (español)" {
		t.Errorf("language: %q", got)
	}
}
