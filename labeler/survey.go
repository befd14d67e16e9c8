package labeler

import (
	"errors"
	"net/http"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// surveyForm shows a member's survey answers as they are stored, empty at first.
func (s *Server) surveyForm(c *gin.Context, projectID int64) (views.SurveyForm, error) {
	a, err := s.store.Survey(c.Request.Context(), projectID, user(c).ID)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return views.SurveyForm{}, err
	}
	return s.surveyView(c, projectID, a.Answers, a.Training)
}

func (s *Server) surveyView(c *gin.Context, projectID int64, answers map[string][]string, training bool) (views.SurveyForm, error) {
	text, err := s.store.ConsentText(c.Request.Context(), projectID)
	if err != nil {
		return views.SurveyForm{}, err
	}
	form := views.SurveyForm{Training: training, Covered: text.Text != "" && text.Training}
	for _, q := range db.SurveyQuestions {
		field := views.SurveyField{Key: q.Key, Kind: q.Kind, Options: q.Options, Values: answers[q.Key]}
		if q.Kind == db.AskCountry {
			field.Options = db.Countries
		}
		form.Questions = append(form.Questions, field)
	}
	return form, nil
}

// readSurvey reads the form; of a question for own words, the box wins over the text.
func readSurvey(c *gin.Context) map[string][]string {
	answers := map[string][]string{}
	for _, q := range db.SurveyQuestions {
		answers[q.Key] = c.PostFormArray(q.Key)
	}
	return answers
}

// putSurvey stores the form; when something is wrong with it, it comes back with that.
func (s *Server) putSurvey(c *gin.Context, projectID int64) (form views.SurveyForm, wrong bool, err error) {
	answers, training := readSurvey(c), c.PostForm("training") == "true"
	err = s.store.PutSurvey(c.Request.Context(), projectID, user(c).ID, answers, training)
	var invalid *db.InvalidError
	if !errors.As(err, &invalid) {
		return form, false, err
	}
	form, err = s.surveyView(c, projectID, answers, training)
	form.Error = say(c, "survey."+invalid.Field) + " " + said(c, invalid)
	return form, true, err
}

// welcomeSurvey stores the survey as a step of joining.
func (s *Server) welcomeSurvey(c *gin.Context) error {
	st, err := s.standing(c)
	if err != nil {
		return err
	}
	form, wrong, err := s.putSurvey(c, st.Project.ID)
	if err != nil {
		return err
	}
	if wrong {
		w := welcomeView(st)
		form.Action, form.Skip = w.Base+"/survey", w.Base+"/survey/skip"
		return render(c, http.StatusUnprocessableEntity, views.SurveyPage(s.frame(c, say(c, "welcome.title", st.Project.Title)), w, form))
	}
	return onward(c)
}

func (s *Server) skipSurvey(c *gin.Context) error {
	project, err := id(c, "project")
	if err != nil {
		return err
	}
	if err := s.store.SkipSurvey(c.Request.Context(), project, user(c).ID); err != nil {
		return err
	}
	return onward(c)
}
