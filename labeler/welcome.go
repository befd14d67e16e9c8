package labeler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// routesWelcome serves the steps of joining a project: one address, which
// shows whatever step a member has come to.
func (s *Server) routesWelcome() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/welcome/:project", Allow: labelers, Handle: s.welcome},
		{Method: http.MethodPost, Path: "/welcome/:project/profile", Allow: labelers, Handle: s.welcomeProfile},
		{Method: http.MethodPost, Path: "/welcome/:project/consent", Allow: labelers, Handle: s.welcomeConsent},
		{Method: http.MethodPost, Path: "/welcome/:project/reconsider", Allow: labelers, Handle: s.reconsider},
		{Method: http.MethodPost, Path: "/welcome/:project/survey", Allow: labelers, Handle: s.welcomeSurvey},
		{Method: http.MethodPost, Path: "/welcome/:project/survey/skip", Allow: labelers, Handle: s.skipSurvey},
		{Method: http.MethodPost, Path: "/welcome/:project/guidelines", Allow: labelers, Handle: s.welcomeGuidelines},
	}
}

func welcomePath(projectID int64) string { return fmt.Sprintf("/welcome/%d", projectID) }

// standing is where the visitor is on the way into the project of the address.
func (s *Server) standing(c *gin.Context) (db.Standing, error) {
	n, err := id(c, "project")
	if err != nil {
		return db.Standing{}, err
	}
	return s.store.Standing(c.Request.Context(), n, user(c).ID)
}

// welcome shows the step that a member has come to; who is past them all goes to the tasks.
func (s *Server) welcome(c *gin.Context) error {
	st, err := s.standing(c)
	if err != nil {
		return err
	}
	w := welcomeView(st)
	f := s.frame(c, say(c, "welcome.title", st.Project.Title))
	f.Reading = true
	switch st.Member.Stage {
	case db.StageActive:
		s.notice(c, say(c, "welcome.in"))
		return seeOther(c, "/tasks")
	case db.StageProfile:
		form, err := s.profileForm(c)
		if err != nil {
			return err
		}
		form.Action, form.Save = w.Base+"/profile", say(c, "profile.save")
		return render(c, http.StatusOK, views.ProfilePage(f, w, form))
	case db.StageConsent:
		return s.consentPage(c, f, w, st)
	case db.StageSurvey:
		form, err := s.surveyForm(c, st.Project.ID)
		if err != nil {
			return err
		}
		form.Action, form.Skip = w.Base+"/survey", w.Base+"/survey/skip"
		return render(c, http.StatusOK, views.SurveyPage(f, w, form))
	case db.StageGuidelines:
		g, err := s.store.GuidelinesFor(c.Request.Context(), st.Project.ID, user(c).ID, s.wantedLanguages(c)...)
		if err != nil {
			return err
		}
		return render(c, http.StatusOK, views.ReadGuidelinesPage(f, w, guidelinesView(c.Request.Context(), g)))
	case db.StagePractice, db.StageScreening:
		done, all, err := s.store.Trials(c.Request.Context(), st.Project.ID, user(c).ID, st.Member.Stage)
		if err != nil {
			return err
		}
		return render(c, http.StatusOK, views.TrialPage(f, w, st.Member.Stage, strconv.FormatInt(st.Project.ID, 10), int(done), int(all)))
	}
	return render(c, http.StatusOK, views.RestPage(f, w, st.Member.Stage))
}

// welcomeView lists the steps and marks the one a member is at.
func welcomeView(st db.Standing) views.Welcome {
	w := views.Welcome{Project: st.Project.Title, Base: welcomePath(st.Project.ID)}
	for _, step := range st.Steps {
		w.Steps = append(w.Steps, views.JoinStep{Stage: step.Stage, Done: step.Done, Current: step.Stage == st.Member.Stage})
	}
	return w
}

// onward goes to the next step after one was taken.
func onward(c *gin.Context) error { return seeOther(c, "/welcome/"+c.Param("project")) }

func (s *Server) consentPage(c *gin.Context, f views.Frame, w views.Welcome, st db.Standing) error {
	text, err := s.store.ConsentText(c.Request.Context(), st.Project.ID)
	if err != nil {
		return err
	}
	before, err := s.store.ConsentGiven(c.Request.Context(), st.Project.ID, user(c).ID)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.ConsentPage(f, w, views.ConsentStep{
		Version: text.Version, Name: text.Name(), Text: text.Text, Training: text.Training,
		Again: before.Agreed && before.Version != text.Version}))
}

// welcomeConsent takes an answer to the version that was shown.
func (s *Server) welcomeConsent(c *gin.Context) error {
	project, err := id(c, "project")
	if err != nil {
		return err
	}
	version, _ := strconv.Atoi(c.PostForm("version")) // nonsense is no version
	answer := c.PostForm("answer")
	if answer != "agree" && answer != "decline" {
		return db.Invalid("answer", "choose one of the two buttons")
	}
	if err := s.store.AnswerConsent(c.Request.Context(), project, user(c).ID, version, answer == "agree"); err != nil {
		return err
	}
	return onward(c)
}

// reconsider shows the consent text again to who declined it.
func (s *Server) reconsider(c *gin.Context) error {
	st, err := s.standing(c)
	if err != nil {
		return err
	}
	if st.Member.Stage != db.StageDeclined {
		return onward(c)
	}
	w := welcomeView(st)
	f := s.frame(c, say(c, "welcome.title", st.Project.Title))
	f.Reading = true
	return s.consentPage(c, f, w, st)
}

func (s *Server) welcomeProfile(c *gin.Context) error {
	st, err := s.standing(c)
	if err != nil {
		return err
	}
	form, err := s.saveProfile(c)
	if err != nil {
		return err
	}
	if len(form.Errors) > 0 {
		w := welcomeView(st)
		f := s.frame(c, say(c, "welcome.title", st.Project.Title))
		form.Action, form.Save = w.Base+"/profile", say(c, "profile.save")
		return render(c, http.StatusUnprocessableEntity, views.ProfilePage(f, w, form))
	}
	return onward(c)
}

func (s *Server) welcomeGuidelines(c *gin.Context) error {
	project, err := id(c, "project")
	if err != nil {
		return err
	}
	version, _ := strconv.Atoi(c.PostForm("version"))
	if err := s.store.ReadGuidelines(c.Request.Context(), project, user(c).ID, version); err != nil {
		return err
	}
	return onward(c)
}

// commonLanguages are offered besides those of the items: the most spoken ones.
var commonLanguages = []string{"ar", "bn", "zh", "en", "fil", "fr", "de", "hi", "id", "it", "ja", "ko", "fa", "pl", "pt", "ru", "es", "sw", "ta", "te", "th", "tr", "uk", "ur", "vi"}

// profileForm shows the visitor's profile as it is stored.
func (s *Server) profileForm(c *gin.Context) (views.ProfileForm, error) {
	p, err := s.store.Profile(c.Request.Context(), user(c).ID)
	if err != nil {
		return views.ProfileForm{}, err
	}
	return s.profileView(c, p)
}

func (s *Server) profileView(c *gin.Context, p db.Profile) (views.ProfileForm, error) {
	ctx := c.Request.Context()
	offered, err := s.store.ItemLanguages(ctx, user(c).ID)
	if err != nil {
		return views.ProfileForm{}, err
	}
	form := views.ProfileForm{Topics: p.Topics, Errors: map[string]string{}}
	for _, tag := range slices.Concat(offered, commonLanguages, p.Languages) {
		if tag = language.Make(tag).String(); tag == "und" || slices.ContainsFunc(form.Languages, func(l views.Check) bool { return l.Value == tag }) {
			continue
		}
		form.Languages = append(form.Languages, views.Check{Value: tag, Label: views.LanguageName(ctx, tag), On: slices.Contains(p.Languages, tag)})
	}
	order := collate.New(language.Make(string(views.LanguageOf(ctx))))
	slices.SortStableFunc(form.Languages, func(a, b views.Check) int { return order.CompareString(a.Label, b.Label) })
	for _, cat := range db.ContentCategories {
		form.Categories = append(form.Categories, views.Check{Value: cat, Label: say(c, "content."+cat), On: slices.Contains(p.OptOuts, cat)})
	}
	return form, nil
}

// saveProfile stores the form. When something is wrong with it, the form comes back with that.
func (s *Server) saveProfile(c *gin.Context) (views.ProfileForm, error) {
	p := db.Profile{UserID: user(c).ID, Languages: c.PostFormArray("languages"), OptOuts: c.PostFormArray("opt_outs"), Topics: c.PostForm("topics")}
	named, unknown := namedLanguages(c.PostForm("other"))
	p.Languages = append(p.Languages, named...)
	if unknown == "" {
		err := s.store.SetProfile(c.Request.Context(), p)
		var invalid *db.InvalidError
		if !errors.As(err, &invalid) {
			return views.ProfileForm{}, err
		}
		form, err := s.profileView(c, p)
		form.Errors[invalid.Field] = said(c, invalid)
		return form, err
	}
	form, err := s.profileView(c, p)
	if err != nil {
		return form, err
	}
	form.Other, form.Errors["languages"] = c.PostForm("other"), say(c, "profile.other.unknown", unknown)
	return form, nil
}

// namedLanguages reads languages as people type them: codes, or names in
// English or in the language itself. It stops at the first it does not know.
func namedLanguages(text string) (tags []string, unknown string) {
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(",;،、\n", r) }) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		tag, ok := languageCalled(part)
		if !ok {
			return tags, part
		}
		tags = append(tags, tag)
	}
	return tags, ""
}

func languageCalled(name string) (string, bool) {
	english := display.English.Languages()
	for _, t := range display.Values.Tags() {
		if strings.EqualFold(name, english.Name(t)) || strings.EqualFold(name, display.Self.Name(t)) {
			return t.String(), true
		}
	}
	t, err := language.Parse(name)
	base, sure := t.Base()
	if err != nil || sure == language.No || english.Name(base) == "" {
		return "", false
	}
	return t.String(), true
}

// wantedLanguages are those the visitor reads: the interface's first, when the
// profile does not say otherwise, then the profile's.
func (s *Server) wantedLanguages(c *gin.Context) []string {
	ctx := c.Request.Context()
	wanted := []string{string(views.LanguageOf(ctx))}
	p, err := s.store.Profile(ctx, user(c).ID)
	if err != nil {
		s.log.Warn("profile", "error", err) // the interface's language will do
	}
	if len(p.Languages) > 0 && !slices.ContainsFunc(p.Languages, func(l string) bool { return strings.HasPrefix(l, wanted[0]) }) {
		return p.Languages // they get along with English buttons, but do not read English well
	}
	return append(wanted, p.Languages...)
}

// stageOf is a labeler's stage in a project; people who run projects are always at work.
func (s *Server) stageOf(ctx context.Context, u db.User, projectID int64) (string, error) {
	if researchers.allows(u.Role) {
		return db.StageActive, nil
	}
	return s.store.MemberStage(ctx, projectID, u.ID)
}
