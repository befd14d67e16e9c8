package labeler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesPeople serves who works in a project, and how they come to.
func (s *Server) routesPeople() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/projects/:project/people", Allow: researchers, Handle: s.people},
		{Method: http.MethodPost, Path: "/projects/:project/people/joining", Allow: researchers, Handle: s.saveJoining},
		{Method: http.MethodPost, Path: "/projects/:project/people/consent", Allow: researchers, Handle: s.saveConsent},
	}
}

func peoplePath(p db.Project) string { return projectPath(p) + "/people" }

func (s *Server) people(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	return s.peoplePage(c, http.StatusOK, p, nil)
}

// peoplePage shows the page; add puts what was wrong with a form into it.
func (s *Server) peoplePage(c *gin.Context, status int, p db.Project, add func(*views.People)) error {
	ctx := c.Request.Context()
	v := views.People{Base: peoplePath(p), MayChange: true, Least: db.SmallestGroup}
	if err := s.fillMembers(ctx, &v, p); err != nil {
		return err
	}
	if err := s.fillJoining(ctx, &v, p); err != nil {
		return err
	}
	if err := s.fillSurvey(ctx, &v, p); err != nil {
		return err
	}
	unread, err := s.store.UnreadThreads(ctx, p.ID, user(c).ID, true)
	if err != nil {
		return err
	}
	questions := say(c, "questions.title")
	if unread > 0 {
		questions += " (" + views.N(ctx, "questions.new", unread) + ")"
	}
	v.Links = []views.Link{
		{Label: say(c, "screening.title"), Href: v.Base + "/screening"}, {Label: say(c, "known.title"), Href: v.Base + "/keys"},
		{Label: say(c, "guidelines.heading"), Href: projectPath(p) + "/guidelines"}, {Label: questions, Href: questionsPath(p)},
		{Label: say(c, "feedback.results"), Href: projectPath(p) + "/feedback"},
	}
	if add != nil {
		add(&v)
	}
	f := s.frame(c, say(c, "people.title"))
	f.Crumbs = projectCrumbs(c, p, f.Title)
	return render(c, status, views.PeoplePage(f, v))
}

// fillMembers lists the members by pseudonym.
func (s *Server) fillMembers(ctx context.Context, v *views.People, p db.Project) error {
	members, err := s.store.Members(ctx, p.ID)
	if err != nil {
		return err
	}
	progress, err := s.store.MembersProgress(ctx, p.ID)
	if err != nil {
		return err
	}
	answers := map[int64]int{}
	for _, m := range progress {
		answers[m.UserID] = int(m.Answered)
	}
	for _, m := range members {
		row := views.MemberRow{Worker: m.Worker, Stage: m.Stage, Tags: tagList(m.Tags), Answers: answers[m.UserID], Joined: m.Joined.Time()}
		given, err := s.store.ConsentGiven(ctx, p.ID, m.UserID)
		if err != nil {
			return err
		}
		if given.Agreed {
			row.Consent = db.ConsentText{Version: given.Version}.Name()
		}
		v.Members = append(v.Members, row)
	}
	return nil
}

// tagList writes tags as leads type them, in order.
func tagList(tags map[string]string) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, name+"="+tags[name])
	}
	return list
}

// fillJoining fills the forms with what is set.
func (s *Server) fillJoining(ctx context.Context, v *views.People, p db.Project) error {
	j, err := s.store.Joining(ctx, p.ID)
	if err != nil {
		return err
	}
	v.Settings = views.JoiningForm{Profile: j.Profile, Survey: j.Survey, Guidelines: j.Guidelines, Practice: j.Practice, Screening: j.Screening,
		Flags: strconv.Itoa(j.FlagsPercent), Ranks: strconv.Itoa(j.RanksPercent), Demo: views.Number(j.DemoScore), HasGuidelines: p.Instructions != ""}
	keys, err := s.store.KeyItems(ctx, p.ID, 0)
	if err != nil {
		return err
	}
	has := func(purpose string) bool {
		return slices.ContainsFunc(keys, func(k db.KeyItem) bool { return k.Purpose == purpose && !k.Closed })
	}
	v.Settings.HasPractice, v.Settings.HasScreening = has(db.ForPractice), has(db.ForScreening)
	texts, err := s.store.ConsentTexts(ctx, p.ID)
	if err != nil {
		return err
	}
	agreed, err := s.store.ConsentCounts(ctx, p.ID)
	if err != nil {
		return err
	}
	for i, t := range texts {
		if i == 0 {
			v.Consent.Text, v.Consent.Training, v.Consent.Version = t.Text, t.Training, t.Name()
		}
		v.Consent.History = append(v.Consent.History, views.ConsentRow{Name: t.Name(), Text: t.Text, Training: t.Training, When: t.Created.Time(), Agreed: agreed[t.Version]})
	}
	return nil
}

// fillSurvey counts what people say about themselves, small values together.
func (s *Server) fillSurvey(ctx context.Context, v *views.People, p db.Project) error {
	counts, people, err := s.store.SurveyCounts(ctx, p.ID)
	if err != nil || people < db.SmallestGroup {
		return err
	}
	v.Answered = people
	for _, q := range db.SurveyQuestions {
		if len(counts[q.Key]) == 0 {
			continue
		}
		list := views.SurveyCount{Question: views.T(ctx, "survey."+q.Key)}
		for _, value := range slices.Sorted(maps.Keys(counts[q.Key])) {
			list.Values = append(list.Values, views.Row{Name: surveyValue(ctx, q, value), Value: views.Count(counts[q.Key][value])})
		}
		v.Survey = append(v.Survey, list)
	}
	return nil
}

// surveyValue is an answer in words.
func surveyValue(ctx context.Context, q db.SurveyQuestion, value string) string {
	switch {
	case value == "":
		return views.T(ctx, "people.survey.few")
	case value == db.NotSaid:
		return views.T(ctx, "survey.notsaid")
	case q.Kind == db.AskCountry:
		return views.Countries(ctx, []string{value})[0].Label
	case q.Kind == db.AskText:
		return value
	}
	return views.T(ctx, "survey."+q.Key+"."+value)
}

// saveJoining changes the steps and the soft cut-offs.
func (s *Server) saveJoining(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	j, err := s.store.Joining(c.Request.Context(), p.ID)
	if err != nil {
		return err
	}
	on := func(name string) bool { return c.PostForm(name) == "true" }
	j.Profile, j.Survey, j.Guidelines, j.Practice, j.Screening = on("profile"), on("survey"), on("guidelines"), on("practice"), on("screening")
	errs := map[string]string{}
	if j.FlagsPercent, err = strconv.Atoi(c.PostForm("flags_percent")); err != nil {
		errs["flags_percent"] = say(c, "settings.number")
	}
	if j.RanksPercent, err = strconv.Atoi(c.PostForm("ranks_percent")); err != nil {
		errs["ranks_percent"] = say(c, "settings.number")
	}
	if j.DemoScore, err = strconv.ParseFloat(strings.TrimSpace(c.PostForm("demo_score")), 64); err != nil {
		errs["demo_score"] = say(c, "settings.number")
	}
	if len(errs) == 0 {
		err = s.store.SetJoining(c.Request.Context(), user(c).ID, j)
		var invalid *db.InvalidError
		if errors.As(err, &invalid) {
			errs[invalid.Field] = said(c, invalid)
		} else if err != nil {
			return err
		}
	}
	if len(errs) > 0 {
		return s.peoplePage(c, http.StatusUnprocessableEntity, p, func(v *views.People) {
			v.Settings.Profile, v.Settings.Survey, v.Settings.Guidelines, v.Settings.Practice, v.Settings.Screening = j.Profile, j.Survey, j.Guidelines, j.Practice, j.Screening
			v.Settings.Flags, v.Settings.Ranks, v.Settings.Demo, v.Settings.Errors = c.PostForm("flags_percent"), c.PostForm("ranks_percent"), c.PostForm("demo_score"), errs
		})
	}
	s.notice(c, say(c, "joining.saved"))
	return seeOther(c, peoplePath(p)+"#joining")
}

// saveConsent writes a new version of the consent text.
func (s *Server) saveConsent(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	text, training := strings.ReplaceAll(c.PostForm("text"), "\r\n", "\n"), c.PostForm("training") == "true"
	saved, err := s.store.SetConsentText(c.Request.Context(), user(c).ID, p.ID, text, training)
	var invalid *db.InvalidError
	if errors.As(err, &invalid) {
		return s.peoplePage(c, http.StatusUnprocessableEntity, p, func(v *views.People) {
			v.Consent.Text, v.Consent.Training, v.Consent.Error = text, training, said(c, invalid)
		})
	}
	if err != nil {
		return err
	}
	s.notice(c, say(c, "consent.saved", saved.Name()))
	return seeOther(c, fmt.Sprintf("%s#consent", peoplePath(p)))
}
