package labeler

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

const (
	reviewPageRows  = 50
	reviewCountUpTo = 10_000
	lowAgreement    = 0.6 // share of equal comparisons under which an item is shown as low
	lowMost         = 500 // items
	leastFastMS     = 2000
)

// routesReview serves the answers of a project to those who check them.
func (s *Server) routesReview() []Route {
	const base = "/projects/:project/review"
	return []Route{
		{Method: http.MethodGet, Path: base, Allow: reviewers, Handle: s.review},
		{Method: http.MethodGet, Path: base + "/items/:item", Allow: reviewers, Handle: s.compare},
		{Method: http.MethodPost, Path: base + "/answers/:answer/comment", Allow: reviewers, Handle: s.commentAnswer},
		{Method: http.MethodPost, Path: base + "/answers/:answer/return", Allow: reviewers, Handle: s.returnAnswer},
		{Method: http.MethodPost, Path: base + "/answers/:answer/takeback", Allow: reviewers, Handle: s.takeBackReturn},
		{Method: http.MethodPost, Path: base + "/answers/:answer/exclude", Allow: reviewers, Handle: s.excludeAnswer},
		{Method: http.MethodPost, Path: base + "/answers/:answer/include", Allow: reviewers, Handle: s.includeAnswer},
	}
}

func reviewPath(p db.Project) string { return projectPath(p) + "/review" }

// skippedState is the filter's word for tasks that were skipped, which are no answers.
const skippedState = "skipped"

// review lists the answers that a filter chooses.
func (s *Server) review(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	choices, err := s.store.ReviewChoices(c.Request.Context(), p.ID)
	if err != nil {
		return err
	}
	v := views.Review{Base: reviewPath(p), Filter: s.reviewForm(c, p, choices), Quick: reviewQuick(c, p)}
	if v.Filter.State == skippedState || v.Filter.Reason != "" {
		err = s.listSkips(c, p, &v)
	} else {
		err = s.listAnswers(c, p, choices, &v)
	}
	if err != nil {
		return err
	}
	f := s.frame(c, say(c, "review.title"))
	f.Crumbs = projectCrumbs(c, p, f.Title)
	return render(c, http.StatusOK, views.ReviewPage(f, v))
}

// reviewForm is the filter as it was sent, with what can be chosen.
func (s *Server) reviewForm(c *gin.Context, p db.Project, has db.ReviewChoices) views.ReviewFilter {
	any := views.Choice{Label: say(c, "review.any")}
	f := views.ReviewFilter{
		Worker: c.Query("worker"), State: c.Query("state"), Purpose: c.Query("purpose"), Lang: c.Query("lang"), Prompt: strings.TrimSpace(c.Query("prompt")),
		From: c.Query("from"), To: c.Query("to"), Flag: c.Query("flag"), Check: c.Query("check"), Under: c.Query("under"), Text: strings.TrimSpace(c.Query("text")), Reason: c.Query("reason"),
		States: []views.Choice{{Label: say(c, "review.inuse")}}, Workers: []views.Choice{any}, Langs: []views.Choice{any}, Flags: []views.Choice{any}, Reasons: []views.Choice{any},
		Purposes: []views.Choice{any, {Value: "work", Label: say(c, "purpose.work")}},
		Checks:   []views.Choice{any, {Value: "fast", Label: say(c, "review.check.fast")}, {Value: "low", Label: say(c, "review.check.low")}, {Value: "gold", Label: say(c, "review.check.gold")}},
	}
	for _, w := range has.Workers {
		f.Workers = append(f.Workers, views.Choice{Value: w, Label: w})
	}
	for _, state := range []string{db.AnswerActive, db.AnswerReturned, db.AnswerExcluded, db.AnswerWithdrawn, db.AnswerUndone, db.AnswerReplaced, skippedState} {
		f.States = append(f.States, views.Choice{Value: state, Label: say(c, "answer."+state)})
	}
	for _, l := range has.Langs {
		f.Langs = append(f.Langs, views.Choice{Value: l, Label: l})
	}
	for _, purpose := range has.Purposes {
		f.Purposes = append(f.Purposes, views.Choice{Value: purpose, Label: say(c, "purpose."+purpose)})
	}
	f.Flags = s.formFlags(c.Request.Context(), p)
	for _, r := range db.SkipReasons {
		f.Reasons = append(f.Reasons, views.Choice{Value: r, Label: say(c, "skip."+r)})
	}
	f.Open = f.From+f.To+f.Lang+f.Purpose+f.Prompt+f.Flag+f.Under+f.Reason != ""
	return f
}

// reviewQuick are filters that are often wanted.
func reviewQuick(c *gin.Context, p db.Project) []views.Link {
	links := []views.Link{{Label: say(c, "review.all"), Href: ""}}
	for _, q := range [][2]string{{"check", "fast"}, {"check", "low"}, {"check", "gold"}} {
		links = append(links, views.Link{Label: say(c, "review.check."+q[1]), Href: q[0] + "=" + q[1]})
	}
	for _, state := range []string{db.AnswerReturned, db.AnswerExcluded, skippedState} {
		links = append(links, views.Link{Label: say(c, "answer."+state), Href: "state=" + state})
	}
	chosen := url.Values{}
	for name, v := range c.Request.URL.Query() {
		if v[0] != "" && name != "before" && name != "after" && name != "from_row" {
			chosen[name] = v
		}
	}
	for i, l := range links {
		switch {
		case l.Href == chosen.Encode():
			links[i].Href = ""
		case l.Href == "":
			links[i].Href = reviewPath(p)
		default:
			links[i].Href = reviewPath(p) + "?" + l.Href
		}
	}
	return links
}

// listAnswers fills in a page of answers.
func (s *Server) listAnswers(c *gin.Context, p db.Project, has db.ReviewChoices, v *views.Review) error {
	ctx := c.Request.Context()
	f, note, err := s.reviewQuery(c, p, v.Filter, has)
	if err != nil {
		return err
	}
	rows, err := s.store.ReviewList(ctx, f, reviewPageRows+1)
	if err != nil {
		return err
	}
	n, err := s.store.ReviewCount(ctx, f, reviewCountUpTo+1)
	if err != nil {
		return err
	}
	v.Total = strings.TrimSpace(reviewTotal(ctx, n) + " " + note)
	more := len(rows) > reviewPageRows
	switch {
	case more && f.After != 0:
		rows = rows[len(rows)-reviewPageRows:]
	case more:
		rows = rows[:reviewPageRows]
	}
	if len(rows) > 0 {
		if f.Before != 0 || f.After != 0 && more {
			v.Newer = reviewLink(c, p, "after", rows[0].ID)
		}
		if f.After != 0 || more {
			v.Older = reviewLink(c, p, "before", rows[len(rows)-1].ID)
		}
	}
	for _, r := range rows {
		row, err := s.reviewRow(ctx, p, r)
		if err != nil {
			return err
		}
		v.Rows = append(v.Rows, row)
	}
	return nil
}

func reviewTotal(ctx context.Context, n int) string {
	switch {
	case n < 0:
		return ""
	case n > reviewCountUpTo:
		return views.T(ctx, "review.total.most", reviewCountUpTo)
	}
	return views.N(ctx, "review.total", n)
}

// reviewLink is the page's address with another cursor.
func reviewLink(c *gin.Context, p db.Project, cursor string, at int64) string {
	q := c.Request.URL.Query()
	q.Del("before")
	q.Del("after")
	q.Set(cursor, strconv.FormatInt(at, 10))
	return reviewPath(p) + "?" + q.Encode()
}

// reviewQuery turns the form into a filter, and says what a vague choice stands for.
func (s *Server) reviewQuery(c *gin.Context, p db.Project, form views.ReviewFilter, has db.ReviewChoices) (f db.ReviewFilter, note string, err error) {
	f = db.ReviewFilter{ProjectID: p.ID, Worker: form.Worker, State: form.State, Lang: form.Lang, Flag: form.Flag, Purpose: form.Purpose, Text: form.Text}
	f.Before, _ = strconv.ParseInt(c.Query("before"), 10, 64) // nonsense is the beginning
	f.After, _ = strconv.ParseInt(c.Query("after"), 10, 64)
	if n, err := strconv.ParseInt(form.Prompt, 10, 64); err == nil {
		f.Item = n
	} else {
		f.PromptID = form.Prompt
	}
	if f.From, f.To, err = days(form.From, form.To); err != nil {
		return f, "", err
	}
	if form.Under != "" {
		n, err := strconv.ParseFloat(form.Under, 64)
		if err != nil || n <= 0 {
			return f, "", db.Invalid("under", "%q is no number of seconds", form.Under)
		}
		f.FasterMS = int64(n * 1000)
	}
	switch form.Check {
	case "fast":
		if f.FasterMS == 0 {
			f.FasterMS = max(has.MedianMS/4, leastFastMS)
		}
		note = say(c, "review.fast.note", views.Number(float64(f.FasterMS)/1000))
	case "low":
		f.Only, err = s.lowItems(c.Request.Context(), p)
		note = say(c, "review.low.note", views.Number(lowAgreement*100))
	case "gold":
		f.OnlyAnswers = true
		f.Only, err = s.missedGold(c.Request.Context(), p)
	}
	return f, note, err
}

// days reads two dates as a span that includes both, in UTC.
func days(from, to string) (start, end db.Millis, err error) {
	read := func(name, text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		t, bad := time.Parse(time.DateOnly, text)
		if bad != nil && err == nil {
			err = db.Invalid(name, "%q is no date such as 2026-01-31", text)
		}
		return t
	}
	start = db.AtMillis(read("from", from))
	if t := read("to", to); !t.IsZero() {
		end = db.AtMillis(t.AddDate(0, 0, 1))
	}
	return start, end, err
}

// lowItems are the items whose labelers agree least.
func (s *Server) lowItems(ctx context.Context, p db.Project) ([]int64, error) {
	all, err := s.store.ItemAgreements(ctx, p.ID)
	ids := []int64{}
	for _, a := range all {
		if a.Agreement >= lowAgreement || len(ids) == lowMost {
			break
		}
		ids = append(ids, a.ItemID)
	}
	return ids, err
}

func (s *Server) reviewRow(ctx context.Context, p db.Project, r db.ReviewRow) (views.ReviewRow, error) {
	v := views.ReviewRow{
		Href: fmt.Sprintf("%s/items/%d?a=%d", reviewPath(p), r.ItemID, r.ID), Worker: r.Worker, Prompt: promptStart(r.Prompt), Lang: r.Lang,
		State: r.State, Purpose: r.Purpose, When: r.Answered.Time(), Notes: int(r.Notes),
	}
	if r.UserID != 0 {
		v.Took = views.T(ctx, "item.seconds", views.Number(float64(r.DurationMS)/1000))
	}
	if r.State == db.AnswerWithdrawn {
		return v, nil // what it says is not shown any more
	}
	names := make([]string, len(r.Ranks))
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i+1)
	}
	for _, name := range r.Shown { // the record's own names, where they are numbered otherwise
		if !slices.Contains(names, name) {
			d, err := s.store.ItemDetail(ctx, p.ID, r.ItemID)
			if err != nil {
				return v, err
			}
			names = names[:0]
			for _, t := range d.Completions {
				names = append(names, t.ExtID)
			}
			break
		}
	}
	v.Outcome = answerOutcome(ctx, r.Answer, names)
	return v, nil
}

// listSkips fills in a page of skipped tasks.
func (s *Server) listSkips(c *gin.Context, p db.Project, v *views.Review) error {
	from, _ := strconv.Atoi(c.Query("from_row"))
	from = max(0, from)
	rows, err := s.store.ReviewSkips(c.Request.Context(), p.ID, v.Filter.Worker, v.Filter.Reason, from, reviewPageRows+1)
	if err != nil {
		return err
	}
	if len(rows) > reviewPageRows {
		rows = rows[:reviewPageRows]
		v.Older = skipLink(c, p, from+reviewPageRows)
	}
	if from > 0 {
		v.Newer = skipLink(c, p, max(0, from-reviewPageRows))
	}
	for _, r := range rows {
		v.Skips = append(v.Skips, views.ReviewSkip{Href: fmt.Sprintf("%s/items/%d", reviewPath(p), r.ItemID), Worker: r.Worker,
			Prompt: promptStart(r.Prompt), Reason: say(c, "skip."+r.Reason), Comment: r.Comment, When: r.Closed.Time()})
	}
	return nil
}

func skipLink(c *gin.Context, p db.Project, from int) string {
	q := c.Request.URL.Query()
	q.Set("from_row", strconv.Itoa(from))
	return reviewPath(p) + "?" + q.Encode()
}
