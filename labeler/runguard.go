package labeler

import (
	"context"
	"math"

	"agora/db"
	"agora/ppo/guard"
	"agora/views"
)

// runWarnings says what is wrong, most serious first: what the run's state tells, then what its numbers tell
// the command line too.
func runWarnings(ctx context.Context, r db.Run, m map[string]curve, now db.Millis) []views.Notice {
	var list []views.Notice
	if r.Status == db.RunFailed {
		list = append(list, views.Notice{Kind: "bad", Title: views.T(ctx, "run.failed"), Text: r.Message})
	}
	if r.Status == db.RunRunning && r.LeaseExpires < now {
		list = append(list, views.Notice{Kind: "warn", Title: views.T(ctx, "run.warn.silent"), Text: views.T(ctx, "run.warn.silent.text")})
	}
	logged := map[string][]guard.Point{}
	for name, c := range m {
		for _, p := range c {
			logged[name] = append(logged[name], guard.Point{Step: int(p.X), Value: p.Y})
		}
	}
	for _, w := range guard.Standing(r.Kind, logged) {
		args := make([]any, len(w.Args))
		for i, x := range w.Args {
			args[i] = views.Number(x)
		}
		list = append(list, views.Notice{Kind: "warn", Title: views.T(ctx, "run.warn."+w.Kind), Text: views.T(ctx, "run.warn."+w.Kind+".text", args...)})
	}
	return list
}

// enoughToFit is how many iterations away from the start the curve of over-optimisation is fitted to at least.
const enoughToFit = 8

// fitJudge draws the curve of over-optimisation (Gao et al. 2022) through the judge's scores and says its numbers.
// Gains are over the first iteration, which the starting policy sampled.
func fitJudge(ctx context.Context, c *views.Chart, m map[string]curve) {
	judge := m["objective/judge"]
	start, furthest := judge[0].Y, 0.0
	var gains []guard.Gain
	for _, p := range against(m["objective/kl_sqrt"], judge) {
		gains = append(gains, guard.Gain{D: p.X, Gain: p.Y - start})
		furthest = math.Max(furthest, p.X)
	}
	fit, err := guard.FitOver(gains, false)
	if err != nil || fit.N < enoughToFit {
		return
	}
	s := views.Series{Name: views.T(ctx, "metric.fit"), Curve: true}
	for _, p := range fit.Curve(furthest, 60) {
		s.Points = append(s.Points, views.Point{X: p.D, Y: start + p.Gain})
	}
	c.Series = append(c.Series, s)
	c.Note = views.T(ctx, "metric.fit.note", views.Number(fit.Alpha), views.Number(fit.Beta), views.Number(fit.R2), views.Count(fit.N))
	if peak := fit.Peak(); fit.Near(furthest) {
		c.Note += " " + views.T(ctx, "metric.fit.peak", views.Number(peak), views.Number(peak*peak))
	} else {
		c.Note += " " + views.T(ctx, "metric.fit.nopeak")
	}
}
