package labeler

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"agora/db"
	"agora/labeler/raking"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesPool serves who works in a project, against who should, and what work is paid.
func (s *Server) routesPool() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/projects/:project/pool", Allow: reviewers, Handle: s.pool},
		{Method: http.MethodPost, Path: "/projects/:project/pool/targets", Allow: researchers, Handle: s.saveTargets},
		{Method: http.MethodPost, Path: "/projects/:project/pool/pay", Allow: researchers, Handle: s.savePay},
		{Method: http.MethodGet, Path: "/projects/:project/pool/pay", Allow: researchers, Handle: s.paySheet},
		{Method: http.MethodGet, Path: "/projects/:project/pool/pay/names", Allow: admins, Handle: s.paySheetNames},
	}
}

func poolPath(p db.Project) string { return projectPath(p) + "/pool" }

func (s *Server) pool(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	return s.poolPage(c, http.StatusOK, p, nil)
}

// poolPage shows the page; add puts what was wrong with a form into it.
func (s *Server) poolPage(c *gin.Context, status int, p db.Project, add func(*views.Pool)) error {
	ctx := c.Request.Context()
	settings, err := s.store.PoolSettings(ctx, p.ID)
	if err != nil {
		return err
	}
	people, err := s.store.Pool(ctx, p.ID)
	if err != nil {
		return err
	}
	work, err := s.store.Work(ctx, p.ID)
	if err != nil {
		return err
	}
	v := views.Pool{Base: poolPath(p), People: peoplePath(p), Labelers: len(people), MayChange: researchers.allows(user(c).Role)}
	if err := s.fillPool(ctx, &v, p, people, work, settings); err != nil {
		return err
	}
	if v.MayChange {
		v.Targets = targetForm(ctx, people, settings)
		v.PayForm = views.PayForm{By: settings.PayBy, Rate: strconv.FormatFloat(settings.Rate, 'f', -1, 64), Currency: settings.Currency, Time: settings.PayTime}
		if err := s.fillPay(c, &v, work, settings); err != nil {
			return err
		}
	}
	if add != nil {
		add(&v)
	}
	f := s.frame(c, say(c, "pool.title"))
	f.Crumbs = projectCrumbs(c, p, f.Title)
	return render(c, status, views.PoolPage(f, v))
}

// fillPool adds what everybody who may see the page sees.
func (s *Server) fillPool(ctx context.Context, v *views.Pool, p db.Project, people []db.PoolPerson, work []db.WorkDay, settings db.PoolSettings) error {
	w, err := raking.Rake(people, settings)
	if err != nil {
		return err
	}
	now := s.store.Now()
	fillPoolFigures(ctx, v, people, work, w, now)
	for _, name := range groupNames(people, settings.Targets) {
		if name == "first_language" || name == "self_description" {
			continue
		}
		v.Groups = append(v.Groups, poolGroup(ctx, compose(people, name, settings.Targets[name]), len(people)))
	}
	if v.Languages, err = s.poolLanguages(ctx, people); err != nil {
		return err
	}
	invites, err := s.store.InvitesByTag(ctx, p.ID)
	if err != nil {
		return err
	}
	for _, u := range invites {
		v.Invites = append(v.Invites, views.PoolInvites{Tag: u.Tag, Open: u.Open, Used: u.Used, Expired: u.Expired})
	}
	v.Retention, v.Hours = retentionChart(ctx, retain(people, work, now)), hoursChart(ctx, work, now)
	return nil
}

// fillPoolFigures adds the key figures and what they mean.
func fillPoolFigures(ctx context.Context, v *views.Pool, people []db.PoolPerson, work []db.WorkDay, w *raking.Weights, now db.Millis) {
	v.Figures = []views.Figure{{Name: views.T(ctx, "pool.labelers"), Value: views.Count(len(people))}}
	if w != nil {
		v.Figures = append(v.Figures,
			views.Figure{Name: views.T(ctx, "pool.effective"), Value: views.Number(w.Effective)},
			views.Figure{Name: views.T(ctx, "pool.design"), Value: views.Number(w.Design)},
			views.Figure{Name: views.T(ctx, "pool.largest"), Value: views.Number(w.Max)})
		v.Reading = views.N(ctx, "pool.reading.text", int(math.Round(w.Effective)))
		v.Warning = poolWarning(ctx, w)
	}
	if share, of := stayed(people, work, now); of >= db.SmallestGroup {
		v.Figures = append(v.Figures, views.Figure{Name: views.T(ctx, "pool.stayed"), Value: strconv.Itoa(int(math.Round(100 * share))), Unit: "%"})
	}
	hours := 0.0
	for _, d := range work {
		if d.Day > int64(now)/86_400_000-7 {
			hours += float64(d.ActiveMS) / 3.6e6
		}
	}
	v.Figures = append(v.Figures, views.Figure{Name: views.T(ctx, "pool.hours7"), Value: views.Number(hours)})
}

// poolWarning says what the weights cannot make up for.
func poolWarning(ctx context.Context, w *raking.Weights) string {
	var parts []string
	if len(w.Missing) > 0 {
		var names []string
		for _, m := range w.Missing {
			name, value, _ := strings.Cut(m, "=")
			names = append(names, views.T(ctx, "pool.isvalue", views.GroupLabel(ctx, name), groupValue(ctx, name, value)))
		}
		parts = append(parts, views.T(ctx, "pool.missing", views.List(ctx, names)))
	}
	if w.Trimmed > 0 {
		parts = append(parts, views.N(ctx, "pool.trimmed", w.Trimmed, views.Percent(w.Miss)))
	}
	return strings.Join(parts, " ")
}

// groupValue is a value of a group in words.
func groupValue(ctx context.Context, name, value string) string {
	if i := slices.IndexFunc(db.SurveyQuestions, func(q db.SurveyQuestion) bool { return q.Key == name && q.Kind == db.AskCountry }); i >= 0 && slices.Contains(db.Countries, value) {
		return views.Countries(ctx, []string{value})[0].Label
	}
	return views.GroupValue(ctx, name, value)
}

// poolGroup is a composition as the page shows it.
func poolGroup(ctx context.Context, c composition, all int) views.PoolGroup {
	g := views.PoolGroup{Name: views.GroupLabel(ctx, c.Name)}
	for _, r := range c.Rows {
		row := views.PoolShare{Value: groupValue(ctx, c.Name, r.Value), Share: r.Share, Target: r.Target}
		switch {
		case r.Hidden == tooFew:
			row.Hidden = views.T(ctx, "pool.small")
		case r.Hidden == complementary:
			row.Hidden = views.T(ctx, "pool.withheld")
		case !c.KnownHidden:
			row.Count = views.Count(r.N)
		}
		g.Rows = append(g.Rows, row)
	}
	switch {
	case c.KnownHidden:
		g.Known = views.T(ctx, "pool.known.hidden")
	case c.Unknown == 0:
		g.Known = views.N(ctx, "pool.known.all", all)
	default:
		g.Known = views.N(ctx, "pool.known", c.Known, views.Count(c.Unknown))
	}
	return g
}

// poolLanguages lists who reads what, most people first.
func (s *Server) poolLanguages(ctx context.Context, people []db.PoolPerson) ([]views.PoolCount, error) {
	counts, err := s.store.Languages(ctx, people)
	if err != nil {
		return nil, err
	}
	var tags []string
	for tag := range counts {
		tags = append(tags, tag)
	}
	slices.SortFunc(tags, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	var rows []views.PoolCount
	for _, tag := range tags {
		row := views.PoolCount{Name: views.T(ctx, "pool.languages.any"), N: views.Count(counts[tag])}
		if tag != "" {
			row.Name, row.Small = views.LanguageName(ctx, tag), counts[tag] < db.SmallestGroup
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// retentionChart draws who is still there, for weeks of which enough people are known.
func retentionChart(ctx context.Context, weeks []retention) views.Chart {
	line := views.Series{Name: views.T(ctx, "pool.retention")}
	for _, r := range weeks {
		if r.Of >= db.SmallestGroup {
			line.Points = append(line.Points, views.Point{X: float64(r.Week + 1), Y: 100 * float64(r.Active) / float64(r.Of)})
		}
	}
	if len(line.Points) == 0 {
		return views.Chart{}
	}
	last := line.Points[len(line.Points)-1]
	return views.Chart{ID: "retention", Title: views.T(ctx, "pool.retention"), XLabel: views.T(ctx, "pool.week"), Unit: "%", Zero: true, Counts: true,
		Help:   []views.Row{{Name: views.T(ctx, "pool.chart"), Value: views.T(ctx, "pool.retention.help")}},
		Series: []views.Series{line}, Now: views.T(ctx, "pool.retention.now", views.Number(math.Round(last.Y)), views.Number(last.X))}
}

// hoursChart draws the hours of the last weeks, this one included.
func hoursChart(ctx context.Context, work []db.WorkDay, now db.Millis) views.Chart {
	today := int64(now) / 86_400_000
	sums := map[int]float64{}
	oldest := 0
	for _, d := range work {
		if i := int(today-d.Day) / 7; i >= 0 && i < maxWeeks {
			sums[i] += float64(d.ActiveMS) / 3.6e6
			oldest = max(oldest, i)
		}
	}
	if oldest == 0 {
		return views.Chart{}
	}
	line := views.Series{Name: views.T(ctx, "pool.hours")}
	for i := oldest; i >= 0; i-- {
		line.Points = append(line.Points, views.Point{X: float64(-i), Y: sums[i]})
	}
	return views.Chart{ID: "hours", Title: views.T(ctx, "pool.hours"), XLabel: views.T(ctx, "pool.weeksago"), Zero: true, Counts: true,
		Help:   []views.Row{{Name: views.T(ctx, "pool.chart"), Value: views.T(ctx, "pool.hours.help")}},
		Series: []views.Series{line}, Now: views.T(ctx, "pool.hours.now", views.Number(sums[0]))}
}

// fillPay adds hours and earnings in the days of the request.
func (s *Server) fillPay(c *gin.Context, v *views.Pool, work []db.WorkDay, rate db.PoolSettings) error {
	from, to, err := daySpan(c)
	if err != nil {
		return err
	}
	v.From, v.To, v.Paid = c.Query("from"), c.Query("to"), rate.PayBy != db.PayNothing
	query := ""
	if v.From != "" || v.To != "" {
		query = "?" + url.Values{"from": {v.From}, "to": {v.To}}.Encode()
	}
	v.Sheet = v.Base + "/pay" + query
	if admins.allows(user(c).Role) {
		v.NameSheet = v.Base + "/pay/names" + query
	}
	sum := payRow{}
	for _, r := range payRows(work, rate, from, to) {
		v.Pay = append(v.Pay, payView(r, rate))
		sum.Tasks += r.Tasks
		sum.ActiveHours += r.ActiveHours
		sum.LeaseHours += r.LeaseHours
		sum.Amount += r.Amount
	}
	v.PaySum = payView(sum, rate)
	return nil
}

func payView(r payRow, rate db.PoolSettings) views.PayRow {
	hours := func(h float64) string { return strconv.FormatFloat(h, 'f', 2, 64) }
	return views.PayRow{Worker: r.Worker, Tasks: int(r.Tasks), Active: hours(r.ActiveHours), Lease: hours(r.LeaseHours),
		Amount: strconv.FormatFloat(r.Amount, 'f', 2, 64) + "\u00a0" + rate.Currency}
}

// savePay changes the rate.
func (s *Server) savePay(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	form := views.PayForm{By: c.PostForm("pay_by"), Rate: strings.TrimSpace(c.PostForm("rate")), Currency: strings.TrimSpace(c.PostForm("currency")), Time: c.PostForm("pay_time"), Errors: map[string]string{}}
	rate, err := strconv.ParseFloat(form.Rate, 64)
	if err != nil {
		form.Errors["rate"] = say(c, "queuepage.percent")
	} else {
		err = s.changePool(c, p, form.Errors, func(set *db.PoolSettings) {
			set.PayBy, set.Rate, set.Currency, set.PayTime = form.By, rate, form.Currency, form.Time
		})
		if err != nil {
			return err
		}
	}
	if len(form.Errors) > 0 {
		return s.poolPage(c, http.StatusUnprocessableEntity, p, func(v *views.Pool) { v.PayForm = form })
	}
	return seeOther(c, poolPath(p)+"#pay")
}

// changePool stores changed settings; what is wrong with them goes to errs by field.
func (s *Server) changePool(c *gin.Context, p db.Project, errs map[string]string, change func(*db.PoolSettings)) error {
	settings, err := s.store.PoolSettings(c.Request.Context(), p.ID)
	if err != nil {
		return err
	}
	change(&settings)
	err = s.store.SetPool(c.Request.Context(), user(c).ID, settings)
	var invalid *db.InvalidError
	if errors.As(err, &invalid) {
		errs[invalid.Field] = said(c, invalid)
		return nil
	}
	if err == nil {
		s.notice(c, say(c, "settings.saved"))
	}
	return err
}
