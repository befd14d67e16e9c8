package labeler

import (
	"context"
	"math"
	"strings"
	"testing"

	"agora/db"
	"agora/ppo/guard"
	"agora/views"
)

func TestWarnings(t *testing.T) {
	ctx := context.Background()
	turning := line(0, .4, .8, 1, 1.1, 1.1, 1, .9, .7, .5, .4, .3)
	cases := []struct {
		name string
		run  db.Run
		m    map[string]curve
		want string // title of the first warning, "" for none
	}{
		{"healthy", db.Run{Kind: "ppo", Status: db.RunRunning, LeaseExpires: 200}, map[string]curve{"objective/kl": line(0, 1, 2), "val/length": line(10, 10, 11, 10, 11, 11)}, ""},
		{"failed", db.Run{Status: db.RunFailed, Message: "the disk is full"}, nil, "Failed"},
		{"silent worker", db.Run{Status: db.RunRunning, LeaseExpires: 50}, nil, "Worker silent"},
		{"negative KL", db.Run{Kind: "ppo"}, map[string]curve{"objective/kl": line(0, -.6, 2)}, "Negative KL"},
		{"a little noise below zero", db.Run{Kind: "ppo"}, map[string]curve{"objective/kl": line(0, -.1, 2)}, ""},
		{"length", db.Run{Kind: "rloo"}, map[string]curve{"val/length": line(10, 10, 10, 14, 15, 16)}, "Length grows"},
		{"collapse", db.Run{Kind: "ppo"}, map[string]curve{"val/distinct": line(1, .95, .4)}, "Collapse"},
		{"over-optimisation", db.Run{Kind: "ppo"}, map[string]curve{"objective/judge": turning, "objective/reward_raw": line(0, .5, 1, 1.3, 1.6, 1.8, 2, 2.1, 2.2, 2.3, 2.35, 2.4)}, "Over-optimisation"},
		{"dpo", db.Run{Kind: "dpo"}, map[string]curve{"loss/validation": line(.69, .5, .7)}, "Overfitting"},
	}
	for _, c := range cases {
		got := ""
		if ws := runWarnings(ctx, c.run, c.m, 100); len(ws) > 0 {
			got = ws[0].Title
			if strings.Contains(ws[0].Text, "%!") || strings.Contains(ws[0].Text, "%s") {
				t.Errorf("%s: %s", c.name, ws[0].Text)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Every kind of warning has words in every language.
func TestEveryWarningIsSaid(t *testing.T) {
	for _, l := range views.Offered() {
		ctx := views.WithLanguage(t.Context(), l)
		for _, kind := range guard.Kinds() {
			for _, key := range []string{"run.warn." + kind, "run.warn." + kind + ".text"} {
				if got := views.T(ctx, key); got == "" || strings.HasPrefix(got, "run.warn.") {
					t.Errorf("%s lacks %s", l, key)
				}
			}
		}
	}
}

// The chart of over-optimisation finds the curve that the judge's scores were made of.
func TestFitToTheJudge(t *testing.T) {
	const start, alpha, beta = -.7, 1.2, .6
	m := map[string]curve{}
	add := func(n int) {
		m = map[string]curve{}
		for i := range n {
			d, x := .4*float64(i), float64(i)
			gain := 0.0
			if d > 0 {
				gain = d * (alpha - beta*math.Log(d))
			}
			m["objective/kl_sqrt"] = append(m["objective/kl_sqrt"], views.Point{X: x, Y: d})
			m["objective/judge"] = append(m["objective/judge"], views.Point{X: x, Y: start + gain})
			m["objective/reward_raw"] = append(m["objective/reward_raw"], views.Point{X: x, Y: d})
		}
	}
	drawn := func() views.Chart {
		for _, c := range charts(t.Context(), "ppo", m) {
			if c.ID == "overopt" {
				return c
			}
		}
		t.Fatal("no chart of over-optimisation")
		return views.Chart{}
	}
	add(12) // up to d = 4.4; the peak is at e^(α/β − 1) = e
	c := drawn()
	if !strings.Contains(c.Note, "α = 1.2, β = 0.6, R² = 1, from 11 steps") || !strings.Contains(c.Note, "√KL = 2.72, a KL of 7.39 nats") {
		t.Errorf("note %q", c.Note)
	}
	fit := c.Series[len(c.Series)-1]
	last := fit.Points[len(fit.Points)-1]
	if !fit.Curve || math.Abs(last.X-4.4) > 1e-9 || math.Abs(last.Y-(start+4.4*(alpha-beta*math.Log(4.4)))) > 1e-9 {
		t.Errorf("the curve ends at %+v", last)
	}
	add(9) // eight steps away from the start, up to d = 3.2: still near
	if c := drawn(); c.Note == "" {
		t.Error("eight steps are enough")
	}
	add(8)
	if c := drawn(); c.Note != "" || len(c.Series) != 2 {
		t.Errorf("seven steps are fitted: %q", c.Note)
	}
	add(12)
	for i := range m["objective/judge"] { // a straight line: no peak
		m["objective/judge"][i].Y = start + m["objective/kl_sqrt"][i].Y
	}
	if c := drawn(); !strings.Contains(c.Note, "nothing is known") {
		t.Errorf("note %q", c.Note)
	}
}
