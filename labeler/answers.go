package labeler

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// recentAnswers is how many submissions a project shows its labeler.
const recentAnswers = 50

// routesAnswers serves a labeler's own answers, and undo.
func (s *Server) routesAnswers() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/answers", Allow: labelers, Handle: s.answers},
		{Method: http.MethodPost, Path: "/answers/undo", Allow: labelers, Handle: s.undo},
	}
}

// answers lists what one has submitted or skipped in all projects, newest first.
func (s *Server) answers(c *gin.Context) error {
	ctx := c.Request.Context()
	projects, err := s.store.ProjectsOf(ctx, user(c).ID)
	if err != nil {
		return err
	}
	var list []views.MyAnswer
	for _, p := range projects {
		of, err := s.answersOf(ctx, p, user(c).ID)
		if err != nil {
			return err
		}
		list = append(list, of...)
	}
	slices.SortStableFunc(list, func(a, b views.MyAnswer) int { return cmp.Compare(b.When.UnixMilli(), a.When.UnixMilli()) })
	return render(c, http.StatusOK, views.AnswersPage(s.frame(c, say(c, "answers.title")), list))
}

// answersOf lists one project's; the newest can be undone for a while.
func (s *Server) answersOf(ctx context.Context, p db.Project, userID int64) ([]views.MyAnswer, error) {
	rows, err := s.store.Recent(ctx, p.ID, userID, recentAnswers)
	if err != nil {
		return nil, err
	}
	progress, err := s.store.Progress(ctx, p.ID, userID)
	if err != nil {
		return nil, err
	}
	var list []views.MyAnswer
	for i, row := range rows {
		a := views.MyAnswer{Project: p.Title, Prompt: promptStart(row.Prompt), When: row.Closed.Time(), Skipped: row.State == db.LeaseSkipped}
		if a.Outcome, err = s.myOutcome(ctx, p, row, userID); err != nil {
			return nil, err
		}
		if row.Editable {
			a.Edit = "/tasks/" + row.LeaseID
			a.EditUntil = row.Closed.Time().Add(time.Duration(p.EditMinutes) * time.Minute)
		}
		if i == 0 && progress.CanUndo {
			a.Undo = strconv.FormatInt(p.ID, 10)
		}
		list = append(list, a)
	}
	return list, nil
}

// myOutcome is what was answered, in the letters it was given in, or the reason of a skip.
func (s *Server) myOutcome(ctx context.Context, p db.Project, row db.RecentAnswer, userID int64) (string, error) {
	if row.State == db.LeaseSkipped {
		return views.T(ctx, "skip."+row.Reason), nil
	}
	item, err := s.store.ItemDetail(ctx, p.ID, row.ItemID)
	if err != nil {
		return "", err
	}
	for _, a := range item.Answers {
		if a.UserID == userID && a.State == db.AnswerActive {
			return outcome(ctx, a, shownLetters(item.Completions, a)), nil
		}
	}
	return "", nil
}

// undo takes the newest answer or skip of a project back and opens its task again.
func (s *Server) undo(c *gin.Context) error {
	project, err := strconv.ParseInt(c.PostForm("project"), 10, 64)
	if err != nil {
		return db.ErrNotFound
	}
	t, err := s.store.Undo(c.Request.Context(), project, user(c).ID)
	if errors.Is(err, db.ErrNotFound) || errors.Is(err, db.ErrTooLate) {
		s.notice(c, say(c, "answers.nothing.text"))
		return seeOther(c, "/answers")
	}
	if err != nil {
		return err
	}
	s.notice(c, say(c, "answers.undone.text"))
	return seeOther(c, "/tasks/"+t.Lease.ID)
}

// shownLetters names completions, by position, with the letters a labeler saw them under.
func shownLetters(cs []db.Completion, a db.Answer) []string {
	names := make([]string, len(cs))
	for i, c := range cs {
		names[i] = c.ExtID
		if at := slices.Index(a.Shown, c.ExtID); at >= 0 {
			names[i] = views.Letter(at)
		}
	}
	return names
}

// outcome writes a ranking as "A = C > B", with names by position; what has no rank is left out. An
// answer that compares nothing is told by its text or its scores.
func outcome(ctx context.Context, a db.Answer, names []string) string {
	if text := unranked(ctx, a); text != "" {
		return text
	}
	tiers := map[int][]string{}
	for i, r := range a.Ranks {
		if r != nil && i < len(names) {
			tiers[*r] = append(tiers[*r], names[i])
		}
	}
	var parts []string
	for rank := 1; rank <= len(a.Ranks); rank++ {
		if t := tiers[rank]; len(t) > 0 {
			slices.Sort(t)
			parts = append(parts, strings.Join(t, " = "))
		}
	}
	sign := " > "
	if a.Strength != nil && *a.Strength > 1 {
		sign = " ≫ " // clearly better
	}
	text := strings.Join(parts, sign)
	if a.NoneAcceptable {
		return strings.TrimSpace(text + " (" + views.T(ctx, "answers.none") + ")")
	}
	return text
}

// promptStart is the beginning of the last thing a person said, enough to recognise a prompt.
func promptStart(promptJSON string) string {
	messages, err := db.Item{Prompt: promptJSON}.Messages()
	if err != nil || len(messages) == 0 {
		return ""
	}
	return shorten(messages[len(messages)-1].Content, 90)
}

// shorten cuts a text at a space near n characters.
func shorten(text string, n int) string {
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	cut := string([]rune(text)[:n])
	if at := strings.LastIndexByte(cut, ' '); at > len(cut)/2 {
		cut = cut[:at]
	}
	return cut + "…"
}
