package labeler

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesMyData serves what the site holds about the visitor, and ways to take it back.
func (s *Server) routesMyData() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/account/profile", Allow: labelers, Handle: s.myProfile},
		{Method: http.MethodPost, Path: "/account/profile", Allow: labelers, Handle: s.saveMyProfile},
		{Method: http.MethodGet, Path: "/account/data", Allow: labelers, Handle: s.myData},
		{Method: http.MethodGet, Path: "/account/data.json", Allow: labelers, Handle: s.myDataFile},
		{Method: http.MethodGet, Path: "/account/data/:project/answered", Allow: labelers, Handle: s.mySurvey},
		{Method: http.MethodPost, Path: "/account/data/:project/answered", Allow: labelers, Handle: s.saveMySurvey},
		{Method: http.MethodGet, Path: "/account/data/:project/survey", Allow: labelers, Handle: s.confirm("survey")},
		{Method: http.MethodPost, Path: "/account/data/:project/survey", Allow: labelers, Handle: s.withdrawSurvey},
		{Method: http.MethodGet, Path: "/account/data/:project/answers", Allow: labelers, Handle: s.confirm("answers")},
		{Method: http.MethodPost, Path: "/account/data/:project/answers", Allow: labelers, Handle: s.withdrawMine},
		{Method: http.MethodGet, Path: "/account/data/:project/leave", Allow: labelers, Handle: s.confirm("leave")},
		{Method: http.MethodPost, Path: "/account/data/:project/leave", Allow: labelers, Handle: s.leave},
	}
}

const myDataPath = "/account/data"

func (s *Server) myProfile(c *gin.Context) error {
	form, err := s.profileForm(c)
	if err != nil {
		return err
	}
	return s.myProfilePage(c, http.StatusOK, form)
}

func (s *Server) myProfilePage(c *gin.Context, status int, form views.ProfileForm) error {
	form.Action, form.Save = "/account/profile", say(c, "profile.save.mine")
	f := s.frame(c, say(c, "profile.title"))
	f.Crumbs = []views.Crumb{{Label: say(c, "account.title"), Href: "/account"}, {Label: f.Title}}
	return render(c, status, views.MyProfilePage(f, form))
}

func (s *Server) saveMyProfile(c *gin.Context) error {
	form, err := s.saveProfile(c)
	if err != nil {
		return err
	}
	if len(form.Errors) > 0 {
		return s.myProfilePage(c, http.StatusUnprocessableEntity, form)
	}
	s.notice(c, say(c, "profile.saved"))
	return seeOther(c, "/account")
}

func (s *Server) myData(c *gin.Context) error {
	ctx, u := c.Request.Context(), user(c)
	projects, err := s.store.MyData(ctx, u.ID)
	if err != nil {
		return err
	}
	profile, err := s.store.Profile(ctx, u.ID)
	if err != nil {
		return err
	}
	v := views.MyData{Name: u.Name, Role: string(u.Role), Created: u.Created.Time(), LastSignIn: u.LastLogin.Time(), Profile: profileRows(ctx, profile)}
	for _, p := range projects {
		row, err := s.myProjectView(ctx, p)
		if err != nil {
			return err
		}
		v.Projects = append(v.Projects, row)
	}
	f := s.frame(c, say(c, "mydata.title"))
	f.Crumbs = []views.Crumb{{Label: say(c, "account.title"), Href: "/account"}, {Label: f.Title}}
	return render(c, http.StatusOK, views.MyDataPage(f, v))
}

// profileRows puts a work profile in words.
func profileRows(ctx context.Context, p db.Profile) []views.Row {
	if p.Updated == 0 {
		return nil
	}
	var reads, not []string
	for _, l := range p.Languages {
		reads = append(reads, views.LanguageName(ctx, l))
	}
	for _, o := range p.OptOuts {
		not = append(not, views.T(ctx, "content."+o))
	}
	rows := []views.Row{{Name: views.T(ctx, "profile.languages"), Value: views.List(ctx, reads)}, {Name: views.T(ctx, "profile.optouts"), Value: views.List(ctx, not)},
		{Name: views.T(ctx, "profile.topics"), Value: p.Topics}}
	for i := range rows {
		if rows[i].Value == "" {
			rows[i].Value = "–"
		}
	}
	return rows
}

// myProjectView says what a project holds, in words.
func (s *Server) myProjectView(ctx context.Context, p db.MyProject) (views.MyProject, error) {
	v := views.MyProject{Base: fmt.Sprintf("%s/%d", myDataPath, p.Project.ID), Name: p.Project.Title, Worker: p.Member.Worker, Stage: p.Member.Stage,
		Survey: p.Survey != nil, Answers: p.Answers[db.AnswerActive], Ended: p.Member.Stage == db.StageLeft || p.Member.Stage == db.StageWithdrawn}
	j, err := s.store.Joining(ctx, p.Project.ID)
	if err != nil {
		return v, err
	}
	if (j.Survey || v.Survey) && !v.Ended {
		v.SurveyHref = v.Base + "/answered"
	}
	if !p.Feedback && !v.Ended && v.Answers > 0 {
		v.Feedback = feedbackPath(p.Project.ID)
	}
	row := func(key, value string) {
		if value != "" {
			v.Rows = append(v.Rows, views.Row{Name: views.T(ctx, key), Value: value})
		}
	}
	row("mydata.worker", p.Member.Worker)
	row("mydata.joined", views.Moment(ctx, p.Member.Joined.Time()))
	row("mydata.tags", views.List(ctx, tagList(p.Member.Tags)))
	row("mydata.consent", consentWords(ctx, p.Consents))
	row("mydata.surveyed", surveyWords(ctx, p.Survey))
	row("mydata.count", views.Count(p.Answers[db.AnswerActive]))
	other := 0
	for state, n := range p.Answers {
		if state != db.AnswerActive && state != db.AnswerWithdrawn {
			other += n
		}
	}
	row("mydata.withdrawn", countOrNothing(p.Answers[db.AnswerWithdrawn]))
	row("mydata.other", countOrNothing(other))
	row("mydata.drafts", countOrNothing(p.Drafts))
	row("mydata.asked", countOrNothing(len(p.Questions)))
	return v, nil
}

func countOrNothing(n int) string {
	if n == 0 {
		return ""
	}
	return views.Count(n)
}

func consentWords(ctx context.Context, consents []db.Consent) string {
	if len(consents) == 0 {
		return views.T(ctx, "mydata.consent.none")
	}
	c := consents[len(consents)-1]
	key := "mydata.consent.no"
	if c.Agreed {
		key = "mydata.consent.agreed"
	}
	return views.T(ctx, key, db.ConsentText{Version: c.Version}.Name(), views.Moment(ctx, c.At.Time()))
}

func surveyWords(ctx context.Context, a *db.SurveyAnswer) string {
	switch {
	case a == nil:
		return views.T(ctx, "mydata.surveyed.no")
	case a.Training:
		return views.T(ctx, "mydata.surveyed.shared")
	}
	return views.T(ctx, "mydata.surveyed.yes")
}

// mine loads what the project of the address holds about the visitor.
func (s *Server) mineOf(c *gin.Context) (db.MyProject, error) {
	n, err := id(c, "project")
	if err != nil {
		return db.MyProject{}, err
	}
	return s.store.MyProject(c.Request.Context(), n, user(c).ID)
}

// mySurvey shows the survey to be changed.
func (s *Server) mySurvey(c *gin.Context) error {
	p, err := s.mineOf(c)
	if err != nil {
		return err
	}
	form, err := s.surveyForm(c, p.Project.ID)
	if err != nil {
		return err
	}
	return s.mySurveyPage(c, http.StatusOK, p, form)
}

func (s *Server) mySurveyPage(c *gin.Context, status int, p db.MyProject, form views.SurveyForm) error {
	form.Action = fmt.Sprintf("%s/%d/answered", myDataPath, p.Project.ID)
	return render(c, status, views.MySurveyPage(s.frame(c, say(c, "survey.title")), p.Project.Title, form))
}

func (s *Server) saveMySurvey(c *gin.Context) error {
	p, err := s.mineOf(c)
	if err != nil {
		return err
	}
	if p.Member.Stage == db.StageLeft || p.Member.Stage == db.StageWithdrawn {
		return db.ErrNotFound
	}
	form, wrong, err := s.putSurvey(c, p.Project.ID)
	if err != nil {
		return err
	}
	if wrong {
		return s.mySurveyPage(c, http.StatusUnprocessableEntity, p, form)
	}
	s.notice(c, say(c, "survey.saved"))
	return seeOther(c, myDataPath)
}

// confirm asks before one of the three ways to take something back.
func (s *Server) confirm(what string) Handler {
	return func(c *gin.Context) error {
		p, err := s.mineOf(c)
		if err != nil {
			return err
		}
		v := views.Confirm{Action: fmt.Sprintf("%s/%d/%s", myDataPath, p.Project.ID, what), Back: myDataPath, Project: p.Project.Title, What: what,
			Keep: what == "survey", Submit: say(c, "confirm."+what+".submit")}
		v.Gone, v.Stays = confirmWords(c.Request.Context(), what, "gone"), confirmWords(c.Request.Context(), what, "stays")
		return render(c, http.StatusOK, views.ConfirmPage(s.frame(c, say(c, "confirm."+what)), v))
	}
}

// confirmWords are the numbered sentences of a confirmation, from 1 on.
func confirmWords(ctx context.Context, what, part string) []string {
	var list []string
	for n := 1; ; n++ {
		key := fmt.Sprintf("confirm.%s.%s.%d", what, part, n)
		text := views.T(ctx, key)
		if text == key {
			return list
		}
		list = append(list, text)
	}
}

func (s *Server) withdrawSurvey(c *gin.Context) error {
	n, err := id(c, "project")
	if err != nil {
		return err
	}
	if err := s.store.WithdrawSurvey(c.Request.Context(), n, user(c).ID, c.PostForm("keep") == "true"); err != nil {
		return err
	}
	s.notice(c, say(c, "confirm.survey.done"))
	return seeOther(c, myDataPath)
}

func (s *Server) leave(c *gin.Context) error {
	n, err := id(c, "project")
	if err != nil {
		return err
	}
	if err := s.store.Leave(c.Request.Context(), n, user(c).ID); err != nil {
		return err
	}
	s.notice(c, say(c, "confirm.leave.done"))
	return seeOther(c, myDataPath)
}

// withdrawMine takes the visitor's answers out of use and says what was made of them before.
func (s *Server) withdrawMine(c *gin.Context) error {
	ctx := c.Request.Context()
	p, err := s.mineOf(c)
	if err != nil {
		return err
	}
	w, err := s.store.Withdraw(ctx, db.Withdraw{ProjectID: p.Project.ID, Worker: p.Member.Worker, By: user(c).ID, Reopen: true})
	if errors.Is(err, db.ErrNotFound) {
		return seeOther(c, myDataPath)
	}
	if err != nil {
		return err
	}
	var made []views.Row
	for _, a := range w.Artefacts {
		made = append(made, views.Row{Name: artefactKind(ctx, a), Value: "sha256 " + views.Short(a.SHA256) + ", " + views.Moment(ctx, a.Created.Time())})
	}
	return render(c, http.StatusOK, views.WithdrawnPage(s.frame(c, say(c, "withdrawn.title")), p.Project.Title, w.Answers, made))
}
