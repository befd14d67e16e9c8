package labeler

import (
	"errors"
	"net/http"
	"strconv"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// uiVersion is stored with each answer: it changes when the task page changes in a way that
// could change answers.
const uiVersion = "u2"

// routesRank serves the page people rank on, and takes what they send: a draft, a skip, an answer.
func (s *Server) routesRank() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/tasks/:lease", Allow: labelers, Handle: s.taskForm},
		{Method: http.MethodPost, Path: "/tasks/:lease", Allow: labelers, Handle: s.submit},
		{Method: http.MethodPost, Path: "/tasks/:lease/draft", Allow: labelers, Handle: s.draft},
		{Method: http.MethodPost, Path: "/tasks/:lease/skip", Allow: labelers, Handle: s.skip},
	}
}

func (s *Server) taskForm(c *gin.Context) error {
	t, err := s.store.Task(c.Request.Context(), user(c).ID, c.Param("lease"))
	if err != nil {
		return err
	}
	if warned := s.warning(c, t); warned != nil {
		return warned()
	}
	return s.taskPage(c, http.StatusOK, t, nil)
}

// submit stores an answer and opens the next task. An answer that is not complete comes back
// with what is missing.
func (s *Server) submit(c *gin.Context) error {
	ctx, lease := c.Request.Context(), c.Param("lease")
	t, err := s.store.Task(ctx, user(c).ID, lease)
	if err != nil {
		return s.keepDraft(c, t, err)
	}
	r := s.readRanking(c, t)
	if problems := missing(c, t, r); len(problems) > 0 {
		t.Draft = &r
		return s.taskPage(c, http.StatusUnprocessableEntity, t, problems)
	}
	a, err := s.store.Submit(ctx, user(c).ID, lease, r)
	if err != nil {
		return err
	}
	if to := s.afterKey(c, t.Project, a); to != "" {
		return seeOther(c, to)
	}
	if a.Purpose == db.ForPractice && !researchers.allows(user(c).Role) {
		return seeOther(c, "/practice/"+lease)
	}
	if t.Answered {
		s.notice(c, say(c, "answers.changed"))
		return seeOther(c, "/answers")
	}
	return s.openNext(c, t.Project.ID)
}

// keepDraft is called when a submission comes too late: the lease is gone, but not the work.
func (s *Server) keepDraft(c *gin.Context, t db.Task, cause error) error {
	if !errors.Is(cause, db.ErrLeaseLost) {
		return cause
	}
	_, err := s.store.Submit(c.Request.Context(), user(c).ID, c.Param("lease"), s.readRanking(c, t))
	if err == nil {
		return seeOther(c, "/tasks") // the place came free again just now
	}
	return err
}

// draft keeps unfinished work. Scripts get a short answer, forms the page again.
func (s *Server) draft(c *gin.Context) error {
	lease := c.Param("lease")
	t, err := s.store.Task(c.Request.Context(), user(c).ID, lease)
	if err != nil && !errors.Is(err, db.ErrLeaseLost) {
		return err
	}
	saved, err := s.store.SaveDraft(c.Request.Context(), user(c).ID, lease, s.readRanking(c, t))
	if err != nil {
		return err
	}
	if fromScript(c) {
		c.JSON(http.StatusOK, gin.H{"saved": saved})
		return nil
	}
	s.notice(c, say(c, "draft.kept"))
	return seeOther(c, "/tasks/"+lease)
}

// skip gives a task back with a reason and opens the next one.
func (s *Server) skip(c *gin.Context) error {
	ctx, lease := c.Request.Context(), c.Param("lease")
	t, err := s.store.Task(ctx, user(c).ID, lease)
	if err != nil {
		return err
	}
	if _, err := s.store.SaveDraft(ctx, user(c).ID, lease, s.readRanking(c, t)); err != nil {
		return err
	}
	if err := s.store.Skip(ctx, user(c).ID, lease, c.PostForm("reason"), ""); err != nil {
		return err
	}
	return s.openNext(c, t.Project.ID)
}

// readRanking reads the form as it is, complete or not. Only what is said about the task's own texts
// is taken; the keys name them whatever order they are shown in.
func (s *Server) readRanking(c *gin.Context, t db.Task) db.Ranking {
	r := db.Ranking{Ranks: map[string]int{}, NoneAcceptable: c.PostForm("none") == "true", Note: c.PostForm("note"), UIVersion: uiVersion}
	if ms, err := strconv.ParseInt(c.PostForm("active_ms"), 10, 64); err == nil && ms > 0 {
		r.ActiveMS = min(ms, int64(s.store.Now()-t.Lease.Taken))
	}
	r.Confidence = confidence(c.PostForm("sure"))
	readDetails(c, t, &r)
	if t.Kind == db.KindPairwise {
		readChoice(c.PostForm("strength"), t, &r)
		return r
	}
	for _, text := range t.Completions {
		if n, err := strconv.Atoi(c.PostForm(views.RankField(text.Key))); err == nil && n >= 1 && n <= len(t.Completions) {
			r.Ranks[text.Key] = n
		}
	}
	return r
}

// The page asks in three words; the record holds 1 to 10.
var confidences = [...]int{0, 3, 6, 9}

func confidence(sure string) *int {
	if n, err := strconv.Atoi(sure); err == nil && n >= 1 && n <= 3 {
		return &confidences[n]
	}
	return nil
}

// sureness is the word nearest to a stored confidence; 0: none was given.
func sureness(confidence *int) int {
	if confidence == nil {
		return 0
	}
	return min(3, max(1, (*confidence+2)/3))
}

// taskPage shows a task with the draft filled in and, after a failed submission, what is missing.
func (s *Server) taskPage(c *gin.Context, status int, t db.Task, problems []views.Problem) error {
	progress, err := s.store.Progress(c.Request.Context(), t.Project.ID, user(c).ID)
	if err != nil {
		return err
	}
	v := taskView(t)
	if t.Draft != nil {
		v.Turn = turnOf(t, *t.Draft, problems)
	}
	v.Mine, v.Problems, v.SingleKeys = mine(progress), problems, user(c).SingleKeys
	if progress.CanUndo && !t.Answered {
		v.Undo = strconv.FormatInt(t.Project.ID, 10)
	}
	f := s.frame(c, v.Title(c.Request.Context()))
	f.Reading, f.Scripts = true, []string{"task.js"}
	if t.Answered {
		f.Notices = append(f.Notices, views.Notice{Title: say(c, "answers.editing"), Text: say(c, "answers.editing.text")})
	}
	notes, err := s.reviewerNotes(c, t)
	if err != nil {
		return err
	}
	f.Notices = append(f.Notices, notes...)
	return render(c, status, views.TaskPage(f, v))
}

// taskView drops everything a labeler must not see; db.Task already leaves out who wrote a text.
func taskView(t db.Task) views.Task {
	v := views.Task{
		Action: "/tasks/" + t.Lease.ID, Draft: "/tasks/" + t.Lease.ID + "/draft", Skip: "/tasks/" + t.Lease.ID + "/skip",
		Kind: t.Kind, Form: formView(t.Form), Brief: views.Brief{Style: t.Brief.Style, UseCase: t.Brief.UseCase}, Turn: turnOf(t, db.Ranking{}, nil),
		Project: t.Project.Title, Guidelines: guidelinesOf(t.Project), Language: t.Lang,
		Saved: t.DraftSaved.Time(),
	}
	if t.Answered {
		v.Skip = ""
	}
	for _, m := range t.Prompt {
		v.Turns = append(v.Turns, views.Turn{Role: turnRole(m.Role), Text: m.Content})
	}
	for _, text := range t.Completions {
		v.Texts = append(v.Texts, views.Completion{Key: text.Key, Text: text.Text})
	}
	if t.Draft != nil {
		fillDraft(&v, *t.Draft)
	}
	return v
}

// turnRole is one of the speakers the page has words for; a person's turn unless it says otherwise.
func turnRole(role string) string {
	switch role {
	case "assistant", "system", "tool":
		return role
	}
	return "user"
}

// fillDraft puts saved work back into the form.
func fillDraft(v *views.Task, r db.Ranking) {
	for i, text := range v.Texts {
		v.Texts[i].Rank = r.Ranks[text.Key]
	}
	v.NoneOK, v.Note, v.Sure = r.NoneAcceptable, r.Note, sureness(r.Confidence)
	fillDetails(v, r)
	if v.Kind == views.TaskPairwise {
		v.Strength = chosenStep(*v, r)
	}
}
