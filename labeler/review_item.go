package labeler

import (
	"context"
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

// compare shows the answers to one item side by side, with their threads. a=ID chooses some; the
// one that a list links to comes with all others of the item that are in use.
func (s *Server) compare(c *gin.Context) error {
	ctx := c.Request.Context()
	p, err := s.project(c)
	if err != nil {
		return err
	}
	item, err := id(c, "item")
	if err != nil {
		return err
	}
	d, err := s.store.ItemDetail(ctx, p.ID, item)
	if err != nil {
		return err
	}
	v, err := s.compareView(ctx, p, d, chosenAnswers(d.Answers, c.QueryArray("a")))
	if err != nil {
		return err
	}
	f := s.frame(c, say(c, "item.title", v.PromptID))
	f.Crumbs = append(projectCrumbs(c, p, ""), views.Crumb{Label: v.PromptID})
	f.Crumbs[2] = views.Crumb{Label: say(c, "review.title"), Href: reviewPath(p)}
	return render(c, http.StatusOK, views.ComparePage(f, v))
}

// chosenAnswers are those asked for, and, for one or none, all others that are not undone or replaced.
func chosenAnswers(all []db.Answer, asked []string) []db.Answer {
	var out []db.Answer
	for _, a := range all {
		named := slices.Contains(asked, strconv.FormatInt(a.ID, 10))
		if named || len(asked) < 2 && a.State != db.AnswerUndone && a.State != db.AnswerReplaced {
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(x, y db.Answer) int { // the one asked for first
		return boolOrder(slices.Contains(asked, strconv.FormatInt(y.ID, 10))) - boolOrder(slices.Contains(asked, strconv.FormatInt(x.ID, 10)))
	})
	return out
}

func boolOrder(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *Server) compareView(ctx context.Context, p db.Project, d db.ItemDetail, shown []db.Answer) (views.Compare, error) {
	v := views.Compare{Back: reviewPath(p), Action: fmt.Sprintf("%s/items/%d", reviewPath(p), d.Item.ID), PromptID: d.Item.PromptID, Language: d.Item.Lang, Purpose: d.Item.Purpose}
	messages, err := d.Item.Messages()
	if err != nil {
		return v, err
	}
	for _, m := range messages {
		v.Turns = append(v.Turns, views.Turn{Role: turnRole(m.Role), Text: m.Content})
	}
	names := make([]string, len(d.Completions))
	for i, t := range d.Completions {
		names[i] = t.ExtID
	}
	for _, a := range d.Answers {
		v.All = append(v.All, views.Choice{Value: strconv.FormatInt(a.ID, 10), Label: a.Worker})
	}
	ids := make([]int64, len(shown))
	for i, a := range shown {
		ids[i] = a.ID
	}
	notes, err := s.store.ReviewNotes(ctx, ids...)
	if err != nil {
		return v, err
	}
	people, err := s.namesOf(ctx)
	if err != nil {
		return v, err
	}
	fields, err := s.store.FieldNames(ctx, p.ID)
	if err != nil {
		return v, err
	}
	for _, a := range shown {
		one, err := compareAnswer(ctx, p, a, names, fields)
		if err != nil {
			return v, err
		}
		one.Thread = threadOf(ctx, notes[a.ID], people)
		v.Answers = append(v.Answers, one)
	}
	if v.Texts, err = compareTexts(ctx, d.Completions, shown, fields); err != nil {
		return v, err
	}
	v.Agree = agreeText(ctx, shown)
	return v, nil
}

// compareAnswer is one answer's column and what may be done about it.
func compareAnswer(ctx context.Context, p db.Project, a db.Answer, names []string, fields db.FieldNames) (views.CompareAnswer, error) {
	v := views.CompareAnswer{
		ID: strconv.FormatInt(a.ID, 10), Worker: a.Worker, State: a.State, Purpose: a.Purpose, When: a.Answered.Time(), Site: a.UserID != 0,
		Hidden: a.State == db.AnswerWithdrawn,
	}
	do := func(what string) string { return fmt.Sprintf("%s/answers/%d/%s", reviewPath(p), a.ID, what) }
	switch a.State {
	case db.AnswerWithdrawn:
		return v, nil
	case db.AnswerActive:
		v.Exclude = do("exclude")
		if v.Site && a.Purpose == db.ForWork {
			v.Return = do("return")
		}
	case db.AnswerReturned:
		v.Exclude, v.TakeBack = do("exclude"), do("takeback")
	case db.AnswerExcluded:
		v.Include = do("include")
	}
	v.Comment = do("comment")
	v.Outcome, v.Shown, v.Note = answerOutcome(ctx, a, names), views.List(ctx, a.Shown), a.Note
	if a.Confidence != nil {
		v.Sure = views.T(ctx, "item.sure", views.Number(*a.Confidence))
	}
	v.Took = views.T(ctx, "item.imported")
	if v.Site {
		v.Took = views.T(ctx, "item.seconds", views.Number(float64(a.DurationMS)/1000))
	}
	if a.ActiveMS > 0 {
		v.Active = views.T(ctx, "item.seconds", views.Number(float64(a.ActiveMS)/1000))
	}
	v.Versions = strings.Join(slices.DeleteFunc([]string{a.Guideline, a.Form, a.UIVersion}, func(s string) bool { return s == "" }), " · ")
	details, err := a.ParseDetails()
	v.Flags = flagNames(ctx, fields, details.PromptFlags, true)
	return v, err
}

// compareTexts is a row for each completion.
func compareTexts(ctx context.Context, cs []db.Completion, shown []db.Answer, fields db.FieldNames) ([]views.CompareText, error) {
	rows := make([]views.CompareText, len(cs))
	for i, t := range cs {
		rows[i] = views.CompareText{Name: t.ExtID, Policy: t.Policy, Text: t.Text}
	}
	for _, a := range shown {
		d, err := a.ParseDetails()
		if err != nil {
			return nil, err
		}
		for i := range rows {
			var cell views.CompareCell
			if a.State != db.AnswerWithdrawn {
				cell = compareCell(ctx, a, i, ratingOf(d, cs[i].ExtID), fields)
			}
			rows[i].Differs = rows[i].Differs || len(rows[i].Cells) > 0 && rows[i].Cells[0].Rank != cell.Rank && a.State != db.AnswerWithdrawn
			rows[i].Cells = append(rows[i].Cells, cell)
		}
	}
	return rows, nil
}

func ratingOf(d db.Details, extID string) db.Rated {
	for _, r := range d.Ratings {
		if r.ID == extID {
			return r
		}
	}
	return db.Rated{}
}

func compareCell(ctx context.Context, a db.Answer, i int, r db.Rated, fields db.FieldNames) views.CompareCell {
	c := views.CompareCell{}
	switch {
	case len(a.Ranks) == 0: // a rating or a text, nothing to rank
	case i < len(a.Ranks) && a.Ranks[i] != nil:
		c.Rank = views.T(ctx, "review.rank", *a.Ranks[i])
	default:
		c.Rank = views.T(ctx, "review.norank")
	}
	for _, axis := range slices.Sorted(maps.Keys(r.Scores)) {
		value := views.T(ctx, "review.na")
		if score := r.Scores[axis]; score != nil {
			value = views.Number(*score)
		}
		c.Ratings = append(c.Ratings, views.Row{Name: axisName(ctx, fields, axis), Value: value})
	}
	if len(r.Flags) > 0 {
		c.Ratings = append(c.Ratings, views.Row{Name: views.T(ctx, "review.flags"), Value: flagNames(ctx, fields, r.Flags, false)})
	}
	return c
}

// answerOutcome is what an answer says in one line: its order, or the beginning of the text that was written.
func answerOutcome(ctx context.Context, a db.Answer, names []string) string {
	if d, err := a.ParseDetails(); err == nil && d.Written != nil && d.Written.Text != "" {
		return shorten(d.Written.Text, 90)
	}
	return outcome(ctx, a, names)
}

// agreeText says how far the shown answers agree.
func agreeText(ctx context.Context, shown []db.Answer) string {
	same, n := 0, 0
	for x := range shown {
		for y := range x {
			a, b := shown[x], shown[y]
			if a.State == db.AnswerWithdrawn || b.State == db.AnswerWithdrawn {
				continue
			}
			s, of := db.SameOrder(a.Ranks, b.Ranks)
			same, n = same+s, n+of
		}
	}
	switch {
	case n > 0:
		return views.T(ctx, "review.agree", same, n)
	case len(shown) > 1:
		return views.T(ctx, "review.agree.none")
	}
	return ""
}

// namesOf are the names of the site's people, for those who check and lead.
func (s *Server) namesOf(ctx context.Context) (map[int64]string, error) {
	users, err := s.store.Users(ctx)
	names := map[int64]string{0: views.T(ctx, "review.commandline")}
	for _, u := range users {
		names[u.ID] = u.Name
	}
	return names, err
}

func threadOf(ctx context.Context, notes []db.ReviewNote, people map[int64]string) []views.ThreadNote {
	var out []views.ThreadNote
	for _, n := range notes {
		who := people[n.UserID]
		if who == "" {
			who = views.T(ctx, "review.somebody")
		}
		out = append(out, views.ThreadNote{Who: who, Kind: n.Kind, Text: n.Text, ToLabeler: n.ToLabeler, When: n.Created.Time()})
	}
	return out
}

// decision runs a reviewer's decision on the answer of the address and returns to its item.
func (s *Server) decision(c *gin.Context, kind string, do func(ctx context.Context, by int64, p db.Project, answer int64) error) error {
	ctx := c.Request.Context()
	p, err := s.project(c)
	if err != nil {
		return err
	}
	answer, err := id(c, "answer")
	if err != nil {
		return err
	}
	a, err := s.store.Answer(ctx, p.ID, answer)
	if err != nil {
		return err
	}
	if err := do(ctx, user(c).ID, p, answer); err != nil {
		return err
	}
	s.notice(c, say(c, "review.done."+kind))
	return seeOther(c, fmt.Sprintf("%s/items/%d?a=%d#answer-%d", reviewPath(p), a.ItemID, answer, answer))
}

func (s *Server) commentAnswer(c *gin.Context) error {
	return s.decision(c, db.NoteComment, func(ctx context.Context, by int64, p db.Project, answer int64) error {
		return s.store.Comment(ctx, by, p.ID, answer, c.PostForm("text"), c.PostForm("to_labeler") == "true")
	})
}

func (s *Server) returnAnswer(c *gin.Context) error {
	return s.decision(c, db.NoteReturn, func(ctx context.Context, by int64, p db.Project, answer int64) error {
		days, _ := strconv.Atoi(c.PostForm("days")) // nonsense is refused as out of range
		return s.store.ReturnAnswer(ctx, by, p.ID, answer, c.PostForm("text"), days)
	})
}

func (s *Server) takeBackReturn(c *gin.Context) error {
	return s.decision(c, db.NoteTakeBack, func(ctx context.Context, by int64, p db.Project, answer int64) error {
		return s.store.TakeBackReturn(ctx, by, p.ID, answer)
	})
}

func (s *Server) excludeAnswer(c *gin.Context) error {
	return s.decision(c, db.NoteExclude, func(ctx context.Context, by int64, p db.Project, answer int64) error {
		return s.store.ExcludeAnswer(ctx, by, p.ID, answer, c.PostForm("text"), c.PostForm("reopen") == "true")
	})
}

func (s *Server) includeAnswer(c *gin.Context) error {
	return s.decision(c, db.NoteInclude, func(ctx context.Context, by int64, p db.Project, answer int64) error {
		return s.store.IncludeAnswer(ctx, by, p.ID, answer)
	})
}

// missedGold are the answers to items with a known answer that are less than three quarters right.
func (s *Server) missedGold(ctx context.Context, p db.Project) ([]int64, error) {
	ids := []int64{}
	err := s.store.EachCheck(ctx, p.ID, db.ForGold, func(r db.Record) error {
		score, ok, err := goldScore(r)
		if ok && score < goldPass {
			ids = append(ids, r.Answer.ID)
		}
		return err
	})
	return ids, err
}

// goldPass is the share of a known answer that counts as right: InstructGPT's soft cut-off.
const goldPass = 0.75

// formFlags are the flags that a project's form asks for, under their names.
func (s *Server) formFlags(ctx context.Context, p db.Project) []views.Choice {
	form, err := s.store.Form(ctx, p.ID)
	if err != nil {
		return nil // the filter does without
	}
	fields, err := s.store.FieldNames(ctx, p.ID)
	if err != nil {
		return nil
	}
	var flags []views.Choice
	add := func(of []db.Flag, prompt bool) {
		for _, f := range of {
			if !slices.ContainsFunc(flags, func(c views.Choice) bool { return c.Value == f.Key }) {
				flags = append(flags, views.Choice{Value: f.Key, Label: flagName(ctx, fields, f.Key, prompt)})
			}
		}
	}
	add(form.Body.Flags, false)
	add(form.Body.PromptFlags, true)
	return flags
}

// returnedTasks are the tasks that reviewers gave back to a labeler, for their start page.
func (s *Server) returnedTasks(ctx context.Context, userID int64) ([]views.ReturnedTask, error) {
	rows, err := s.store.ReturnedTasks(ctx, userID)
	var out []views.ReturnedTask
	for _, r := range rows {
		out = append(out, views.ReturnedTask{Href: "/tasks/" + r.LeaseID, Project: r.ProjectTitle, Prompt: promptStart(r.Prompt), Comment: r.Comment, Until: r.Expires.Time()})
	}
	return out, err
}

// reviewerNotes show a labeler on the task's page what reviewers wrote about their answer.
func (s *Server) reviewerNotes(c *gin.Context, t db.Task) ([]views.Notice, error) {
	notes, err := s.store.NotesForLabeler(c.Request.Context(), user(c).ID, t.Lease.ID)
	var out []views.Notice
	for _, n := range notes {
		if n.Text != "" {
			out = append(out, views.Notice{Kind: "warn", Title: say(c, "returned.notes"), Text: n.Text})
		}
	}
	return out, err
}
