package labeler

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesQuestions serves the questions on a project's guidelines.
func (s *Server) routesQuestions() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/questions/:project", Allow: labelers, Handle: s.questions},
		{Method: http.MethodPost, Path: "/questions/:project", Allow: labelers, Handle: s.ask},
		{Method: http.MethodPost, Path: "/questions/:project/:question", Allow: labelers, Handle: s.reply},
		{Method: http.MethodPost, Path: "/questions/:project/:question/hide", Allow: researchers, Handle: s.hideQuestion},
	}
}

// mayRead lets in who has anything to do with a project: its members at any
// step, and people who may see all projects. Everybody else finds nothing.
func (s *Server) mayRead(c *gin.Context, project int64) error {
	if reviewers.allows(user(c).Role) {
		return nil
	}
	stage, err := s.store.MemberStage(c.Request.Context(), project, user(c).ID)
	if err == nil && (stage == "" || stage == db.StageLeft || stage == db.StageWithdrawn) {
		return db.ErrNotFound
	}
	return err
}

// questionsOf checks the address of a project's questions.
func (s *Server) questionsOf(c *gin.Context) (db.Project, error) {
	n, err := id(c, "project")
	if err != nil {
		return db.Project{}, err
	}
	if err := s.mayRead(c, n); err != nil {
		return db.Project{}, err
	}
	return s.store.Project(c.Request.Context(), n)
}

func questionsPath(p db.Project) string { return fmt.Sprintf("/questions/%d", p.ID) }

func (s *Server) questions(c *gin.Context) error {
	p, err := s.questionsOf(c)
	if err != nil {
		return err
	}
	return s.questionsPage(c, http.StatusOK, p, "", "")
}

// questionsPage shows the thread, and notes that it was seen up to now.
func (s *Server) questionsPage(c *gin.Context, status int, p db.Project, text, problem string) error {
	ctx, u := c.Request.Context(), user(c)
	lead := researchers.allows(u.Role)
	now := s.store.Now()
	threads, err := s.store.Threads(ctx, p.ID, u.ID, lead)
	if err != nil {
		return err
	}
	names, err := s.userNames(ctx)
	if err != nil {
		return err
	}
	v := views.Questions{Project: p.Title, Base: questionsPath(p), Back: fmt.Sprintf("/guidelines/%d", p.ID), Lead: lead, Text: text, Error: problem}
	for _, t := range threads {
		v.List = append(v.List, s.threadView(c, v, t, names))
	}
	if err := s.store.SawThreads(ctx, p.ID, u.ID, now); err != nil {
		return err
	}
	f := s.frame(c, say(c, "questions.title"))
	f.Reading = true
	return render(c, status, views.QuestionsPage(f, v))
}

// threadView names people as the reader may know them: oneself, those who run
// the project by name, everybody else as a labeler.
func (s *Server) threadView(c *gin.Context, v views.Questions, t db.Thread, names map[int64]string) views.QuestionView {
	called := func(userID int64, lead bool) string {
		switch {
		case userID == user(c).ID:
			return say(c, "questions.you")
		case lead:
			return names[userID]
		}
		return say(c, "questions.labeler")
	}
	q := views.QuestionView{ID: strconv.FormatInt(t.ID, 10), Who: called(t.UserID, false), Text: t.Text, When: t.Asked.Time(), New: t.New, Hidden: t.Hidden}
	if v.Lead || t.Mine {
		q.Answer = v.Base + "/" + q.ID
	}
	if v.Lead {
		q.Hide = v.Base + "/" + q.ID + "/hide"
	}
	for _, r := range t.Replies {
		q.Replies = append(q.Replies, views.ReplyView{Who: called(r.UserID, r.Lead), Text: r.Text, Lead: r.Lead, When: r.At.Time()})
	}
	return q
}

// ask takes a question, not more than a few a minute.
func (s *Server) ask(c *gin.Context) error {
	p, err := s.questionsOf(c)
	if err != nil {
		return err
	}
	if !s.words.allow(fmt.Sprint(user(c).ID), time.Now()) {
		return errTooMany
	}
	_, err = s.store.Ask(c.Request.Context(), p.ID, user(c).ID, c.PostForm("text"))
	var invalid *db.InvalidError
	if errors.As(err, &invalid) {
		return s.questionsPage(c, http.StatusUnprocessableEntity, p, c.PostForm("text"), said(c, invalid))
	}
	if err != nil {
		return err
	}
	s.notice(c, say(c, "questions.sent"))
	return seeOther(c, questionsPath(p))
}

func (s *Server) reply(c *gin.Context) error {
	p, err := s.questionsOf(c)
	if err != nil {
		return err
	}
	question, err := id(c, "question")
	if err != nil {
		return err
	}
	if !s.words.allow(fmt.Sprint(user(c).ID), time.Now()) {
		return errTooMany
	}
	if err := s.store.Reply(c.Request.Context(), p.ID, question, user(c).ID, researchers.allows(user(c).Role), c.PostForm("text")); err != nil {
		return err
	}
	s.notice(c, say(c, "questions.replied"))
	return seeOther(c, fmt.Sprintf("%s#q%d", questionsPath(p), question))
}

func (s *Server) hideQuestion(c *gin.Context) error {
	p, err := s.questionsOf(c)
	if err != nil {
		return err
	}
	question, err := id(c, "question")
	if err != nil {
		return err
	}
	hide, words := c.PostForm("hide") == "true", "questions.shown"
	if hide {
		words = "questions.hid"
	}
	if err := s.store.HideQuestion(c.Request.Context(), user(c).ID, p.ID, question, hide); err != nil {
		return err
	}
	s.notice(c, say(c, words))
	return seeOther(c, questionsPath(p))
}
