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

// routesQueue serves how a project hands out its items.
func (s *Server) routesQueue() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/projects/:project/queue", Allow: reviewers, Handle: s.queue},
		{Method: http.MethodPost, Path: "/projects/:project/queue", Allow: researchers, Handle: s.saveQueue},
		{Method: http.MethodPost, Path: "/projects/:project/queue/scores", Allow: researchers, Handle: s.importScores, MaxBody: uploadBody},
	}
}

func queuePath(p db.Project) string { return projectPath(p) + "/queue" }

func (s *Server) queue(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	return s.queuePage(c, http.StatusOK, p, nil)
}

// queuePage shows the page; add puts what was wrong with a form into it.
func (s *Server) queuePage(c *gin.Context, status int, p db.Project, add func(*views.QueuePage)) error {
	ctx := c.Request.Context()
	st, err := s.store.QueueState(ctx, p.ID)
	if err != nil {
		return err
	}
	q, err := s.store.QueueSettings(ctx, p.ID)
	if err != nil {
		return err
	}
	v := queueView(ctx, p, st)
	v.MayChange = researchers.allows(user(c).Role)
	if v.MayChange {
		v.KeysPage = keysPath(p)
		if v.Form, err = s.queueForm(ctx, p, q); err != nil {
			return err
		}
		if v.Scores, err = s.scoreSets(ctx, p); err != nil {
			return err
		}
	}
	if add != nil {
		add(&v)
	}
	f := s.frame(c, say(c, "queuepage.title"))
	f.Crumbs = projectCrumbs(c, p, f.Title)
	return render(c, status, views.QueueView(f, v))
}

// queueView is the state of a queue in figures and tables.
func queueView(ctx context.Context, p db.Project, st db.QueueState) views.QueuePage {
	v := views.QueuePage{Base: queuePath(p), Scored: int(st.Scored), Items: int(st.Items), Figures: []views.Figure{
		{Name: views.T(ctx, "queuepage.items"), Value: views.Count(int(st.Items))},
		{Name: views.T(ctx, "queuepage.waiting"), Value: views.Count(int(st.Waiting))},
		{Name: views.T(ctx, "queuepage.leased"), Value: views.Count(int(st.Leased))},
		{Name: views.T(ctx, "queuepage.answered"), Value: views.Count(int(st.Answered))},
		{Name: views.T(ctx, "queuepage.done"), Value: views.Count(int(st.Done))},
	}}
	if st.Extra > 0 {
		v.Figures = append(v.Figures, views.Figure{Name: views.T(ctx, "queuepage.extraplaces"), Value: views.Count(int(st.Extra))})
	}
	unread := 0
	for _, l := range st.Languages {
		v.Languages = append(v.Languages, views.QueueLanguage{Lang: l.Lang, Items: int(l.Items), Waiting: int(l.Waiting), Leased: int(l.Leased),
			Answered: int(l.Answered), Readers: l.Readers})
		if l.Readers == 0 && l.Waiting > 0 {
			unread += int(l.Items)
		}
	}
	if unread > 0 {
		v.Notes = append(v.Notes, views.Notice{Kind: "warn", Title: views.T(ctx, "queuepage.noreader"), Text: views.N(ctx, "queuepage.noreader", unread)})
	}
	if st.Kept > 0 {
		v.Notes = append(v.Notes, views.Notice{Title: views.T(ctx, "queuepage.keptall"), Text: views.N(ctx, "queuepage.keptall", int(st.Kept))})
	}
	for _, g := range st.Groups {
		v.Groups = append(v.Groups, views.QueueGroup{Group: g.Group, Quota: g.Quota, Members: g.Members, Active: g.Active, Kept: int(g.Kept),
			Answered: int(g.Answered), Small: g.Members < db.SmallestGroup})
	}
	for _, purpose := range []string{db.ForGold, db.ForRepeat, db.ForPractice, db.ForScreening} {
		if n, ok := st.Silent[purpose]; ok {
			v.Silent = append(v.Silent, views.QueueSilent{Purpose: purpose, Items: int(n.Items), Answers: int(n.Answers)})
		}
	}
	return v
}

// queueForm fills the form with what is set and with the groups that there are.
func (s *Server) queueForm(ctx context.Context, p db.Project, q db.QueueSettings) (views.QueueForm, error) {
	v := views.QueueForm{SortBy: q.SortBy, Gold: asPercent(q.GoldShare), Repeat: asPercent(q.RepeatShare), RepeatAfter: strconv.Itoa(q.RepeatAfter),
		ExtraFrom: asPercent(q.ExtraFrom), GroupBy: q.GroupBy, FallbackHours: strconv.Itoa(q.FallbackHours), ActiveHours: strconv.Itoa(q.ActiveHours), Overlap: p.Overlap}
	if q.MaxOverlap > 0 {
		v.MaxOverlap = strconv.Itoa(q.MaxOverlap)
	}
	members, err := s.store.MemberGroups(ctx, p.ID)
	if err != nil {
		return v, err
	}
	people := map[string]map[string]int{}
	for _, m := range members {
		for name, value := range m.Groups {
			if people[name] == nil {
				people[name] = map[string]int{}
			}
			people[name][value]++
		}
	}
	if q.GroupBy != "" && people[q.GroupBy] == nil {
		people[q.GroupBy] = map[string]int{}
	}
	for _, name := range slices.Sorted(maps.Keys(people)) {
		by := views.QuotaBy{Name: name, Label: views.GroupLabel(ctx, name)}
		for value := range q.Quotas {
			if _, there := people[name][value]; !there && name == q.GroupBy {
				people[name][value] = 0
			}
		}
		for _, value := range slices.Sorted(maps.Keys(people[name])) {
			n := people[name][value]
			field := views.QuotaField{Value: value, Label: views.GroupValue(ctx, name, value)}
			if name == q.GroupBy && q.Quotas[value] > 0 {
				field.Quota = strconv.Itoa(q.Quotas[value])
			}
			if n >= db.SmallestGroup {
				field.People = views.N(ctx, "queuepage.members", n)
			} else if isSurvey(name) && field.Quota == "" {
				continue // what few people said of themselves is not shown
			}
			by.Values = append(by.Values, field)
		}
		if len(by.Values) > 0 {
			v.GroupNames = append(v.GroupNames, by)
		}
	}
	return v, nil
}

// isSurvey tells a question of the survey from a tag of invitations.
func isSurvey(name string) bool {
	return slices.ContainsFunc(db.SurveyQuestions, func(q db.SurveyQuestion) bool { return q.Key == name })
}

// asPercent is a share as people type it.
func asPercent(share float64) string {
	return strconv.FormatFloat(float64(int(share*1e5+.5))/1e3, 'f', -1, 64)
}

// saveQueue changes how the project hands out its items.
func (s *Server) saveQueue(c *gin.Context) error {
	ctx := c.Request.Context()
	p, err := s.project(c)
	if err != nil {
		return err
	}
	q, errs := readQueue(c, p)
	if len(errs) == 0 {
		err := s.store.SetQueue(ctx, user(c).ID, q)
		var invalid *db.InvalidError
		if errors.As(err, &invalid) {
			errs[invalid.Field] = said(c, invalid)
		} else if err != nil {
			return err
		}
	}
	if len(errs) == 0 {
		s.notice(c, say(c, "queuepage.saved"))
		return seeOther(c, queuePath(p))
	}
	return s.queuePage(c, http.StatusUnprocessableEntity, p, func(v *views.QueuePage) { retypeQueue(c, &v.Form, errs) })
}

// readQueue reads the form; what is no number is among the errors, by field.
func readQueue(c *gin.Context, p db.Project) (db.QueueSettings, map[string]string) {
	errs := map[string]string{}
	share := func(name string) float64 {
		v, err := strconv.ParseFloat(strings.TrimSpace(c.PostForm(name)), 64)
		if err != nil {
			errs[name] = say(c, "queuepage.percent")
		}
		return v / 100
	}
	whole := func(name string) int {
		v, err := strconv.Atoi(strings.TrimSpace(c.PostForm(name)))
		if err != nil {
			errs[name] = say(c, "settings.number")
		}
		return v
	}
	q := db.QueueSettings{ProjectID: p.ID, SortBy: c.PostForm("sort_by"), GoldShare: share("gold_share"), RepeatShare: share("repeat_share"),
		RepeatAfter: whole("repeat_after"), ExtraFrom: share("extra_from"), GroupBy: c.PostForm("group_by"), Quotas: db.Quotas{},
		FallbackHours: whole("fallback_hours"), ActiveHours: whole("active_hours")}
	if strings.TrimSpace(c.PostForm("max_overlap")) != "" {
		q.MaxOverlap = whole("max_overlap")
	}
	if q.GroupBy == "" {
		return q, errs
	}
	for name, value := range quotaFields(c, q.GroupBy) {
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			errs["quotas"] = say(c, "settings.number")
		}
		if n > 0 {
			q.Quotas[name] = n
		}
	}
	return q, errs
}

// quotaFields are the quotas typed for the values of a name; empty ones are absent.
func quotaFields(c *gin.Context, by string) map[string]string {
	fields := map[string]string{}
	for key, values := range c.Request.PostForm {
		value, ok := strings.CutPrefix(key, "quota."+by+".")
		if text := strings.TrimSpace(values[0]); ok && text != "" {
			fields[value] = text
		}
	}
	return fields
}

// retypeQueue puts what was typed back into the form, with what is wrong with it.
func retypeQueue(c *gin.Context, f *views.QueueForm, errs map[string]string) {
	f.Errors = errs
	for name, to := range map[string]*string{"sort_by": &f.SortBy, "gold_share": &f.Gold, "repeat_share": &f.Repeat, "repeat_after": &f.RepeatAfter,
		"max_overlap": &f.MaxOverlap, "extra_from": &f.ExtraFrom, "group_by": &f.GroupBy, "fallback_hours": &f.FallbackHours, "active_hours": &f.ActiveHours} {
		*to = c.PostForm(name)
	}
	for i, by := range f.GroupNames {
		typed := quotaFields(c, by.Name)
		for j, v := range by.Values {
			f.GroupNames[i].Values[j].Quota = typed[v.Value]
		}
	}
}

// scoreSets lists the scores that the project took in.
func (s *Server) scoreSets(ctx context.Context, p db.Project) ([]views.ScoreSet, error) {
	sets, err := s.store.ScoreSets(ctx, p.ID)
	var list []views.ScoreSet
	found := false
	for _, set := range sets {
		list = append(list, views.ScoreSet{Name: set.Name, SHA256: set.SHA256, Rows: set.Rows, Matched: set.Matched, Items: set.Items,
			When: set.Created.Time(), Current: set.Measure && !found})
		found = found || set.Measure
	}
	return list, err
}

// importScores takes an uploaded file of scores in, all of it or nothing.
func (s *Server) importScores(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	set, err := s.takeScores(c, p)
	if err == nil {
		s.notice(c, say(c, "queuepage.scores.done", views.Count(set.Rows), views.Count(set.Matched), views.Count(set.Items)))
		return seeOther(c, queuePath(p)+"#scores")
	}
	if why := scoresFault(c, err); why != "" {
		return s.queuePage(c, http.StatusUnprocessableEntity, p, func(v *views.QueuePage) { v.UploadErr = why })
	}
	return err
}

func (s *Server) takeScores(c *gin.Context, p db.Project) (db.ScoreSet, error) {
	header, err := c.FormFile("file")
	if err != nil {
		return db.ScoreSet{}, err
	}
	f, err := header.Open()
	if err != nil {
		return db.ScoreSet{}, err
	}
	defer f.Close()
	in := ScoresFile{Project: p.ID, By: user(c).ID, Name: header.Filename, Data: f, Measure: c.PostForm("measure") == "true"}
	return in.store(c.Request.Context(), s.store)
}

// scoresFault is what is wrong with the file, in words for the page; "" when the fault is not the file's.
func scoresFault(c *gin.Context, err error) string {
	var line *lineError
	var invalid *db.InvalidError
	var tooBig *http.MaxBytesError
	switch {
	case errors.Is(err, http.ErrMissingFile), errors.Is(err, http.ErrNotMultipart):
		return say(c, "import.nofile")
	case errors.As(err, &tooBig):
		return say(c, "import.toolarge", uploadBody>>20)
	case errors.As(err, &line):
		return say(c, "queuepage.scores.line", line.line, sayFault(c.Request.Context(), line.err))
	case errors.As(err, &invalid):
		return sayFault(c.Request.Context(), invalid)
	case errors.Is(err, db.ErrImportedTwice):
		return say(c, "fail.twice.text")
	}
	return ""
}

// lineError is what is wrong with one line of a file.
type lineError struct {
	file string
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.file, e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }
