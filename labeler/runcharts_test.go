package labeler

import (
	"context"
	"strings"
	"testing"

	"agora/db"
	"agora/views"
)

// line is a curve with the given values at steps 0, 1, 2, …
func line(values ...float64) curve {
	var c curve
	for i, v := range values {
		c = append(c, views.Point{X: float64(i), Y: v})
	}
	return c
}

func TestTimeLeft(t *testing.T) {
	run := db.Run{Status: db.RunRunning, Started: 0, Done: 10, Total: 40, Attempt: 1}
	if left, ok := timeLeft(t.Context(), run, 600_000); !ok || left != "30 min" { // a minute a step, 30 to go
		t.Errorf("%q %v", left, ok)
	}
	run.Attempt = 2
	if _, ok := timeLeft(t.Context(), run, 600_000); ok {
		t.Error("a resumed run's clock holds pauses")
	}
}

func TestAgainst(t *testing.T) {
	got := against(curve{{X: 0, Y: 3}, {X: 1, Y: 1}, {X: 3, Y: 2}}, curve{{X: 0, Y: 30}, {X: 1, Y: 10}, {X: 2, Y: 99}, {X: 3, Y: 20}})
	want := curve{{X: 1, Y: 10}, {X: 2, Y: 20}, {X: 3, Y: 30}}
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%v", got)
	}
}

// Charts name what they draw as the trainer logs it, and draw nothing that is not logged.
func TestChartsOfEachKind(t *testing.T) {
	ctx := context.Background()
	for kind, m := range map[string]map[string]curve{
		"ppo":    {"objective/reward_raw": line(1, 2), "objective/kl": line(0, 1), "loss/policy_avg": line(0, 0), "val/length": line(9, 9)},
		"reward": {"loss": line(.7, .6), "accuracy": line(.5, .6), "eval_accuracy": line(.6), "eval_rater_agreement": line(.6), "eval_others_majority": line(.7)},
		"sft":    {"loss/train": line(5, 4), "loss/validation": line(5)},
	} {
		cs := charts(ctx, kind, m)
		var logged []string
		for _, c := range cs {
			logged = append(logged, c.Help[3].Value)
			for _, h := range c.Help {
				if strings.HasPrefix(h.Value, "metric.") || h.Value == "" {
					t.Errorf("%s: %s of %s is not explained", kind, h.Name, c.Title)
				}
			}
		}
		for name := range m {
			if !strings.Contains(strings.Join(logged, ", "), name) {
				t.Errorf("%s: %s is not drawn, only %v", kind, name, logged)
			}
		}
	}
}

// How far people agree is a level of the accuracy chart and a key figure beside the accuracy, not one of
// the rest.
func TestPeopleBesideAccuracy(t *testing.T) {
	ctx := context.Background()
	m := map[string]curve{"accuracy": line(.5, .6), "eval_accuracy": line(.64), "eval_rater_agreement": line(.6), "eval_others_majority": line(.66), "eval_rater_pairs": line(40)}
	cs := charts(ctx, "reward", m)
	if len(cs) != 1 || len(cs[0].Levels) != 3 || cs[0].Levels[1] != (views.Level{Y: .6, Label: "two people agree"}) || cs[0].Levels[2].Y != .66 {
		t.Fatalf("%+v", cs)
	}
	if rest := restOf(ctx, "reward", m); len(rest) != 1 || rest[0].Name != "eval_rater_pairs" {
		t.Errorf("the rest: %v", rest)
	}
	found := 0
	for _, f := range figures(ctx, db.Run{Kind: "reward"}, m, 0) {
		if f.Value == views.Number(.6) || f.Value == views.Number(.66) || f.Value == views.Number(.64) {
			found++
		}
	}
	if found < 3 {
		t.Errorf("figures %v", figures(ctx, db.Run{Kind: "reward"}, m, 0))
	}
}

func TestSamplesWithoutRecurringPrompts(t *testing.T) {
	samples := []db.Sample{
		{Step: 9, Idx: 0, Data: `{"prompt":"c","completion":"C","score":1.5}`}, {Step: 9, Idx: 1, Data: `{"prompt":"d","completion":"D"}`},
		{Step: 5, Idx: 0, Data: `{"prompt":"x","completion":"X"}`}, {Step: 5, Idx: 1, Data: `not json`},
		{Step: 1, Idx: 0, Data: `{"prompt":"a","completion":"A"}`},
	}
	pairs := samplePairs(context.Background(), samples)
	if len(pairs) != 2 || pairs[0].Before.Text != "A" || pairs[0].After.Text != "C" || pairs[0].After.Prompt != "c" || pairs[0].After.Detail != "score 1.5" || pairs[1].Before.Head != "" {
		t.Errorf("%+v", pairs)
	}
	if samplePairs(context.Background(), nil) != nil {
		t.Error("no samples, no pairs")
	}
}

func TestResultRows(t *testing.T) {
	rows := resultRows(`{"n":2028,"ci95":[0.614,0.668],"checkpoint":"/runs/1/model","metrics":{"loss/validation":5.43}}`)
	want := []views.Row{{Name: "checkpoint", Value: "/runs/1/model"}, {Name: "ci95", Value: "0.614 to 0.668"}, {Name: "metrics: loss/validation", Value: "5.43"}, {Name: "n", Value: "2\u202f028"}}
	if len(rows) != len(want) {
		t.Fatalf("%v", rows)
	}
	for i := range want {
		if rows[i] != want[i] {
			t.Errorf("%v, want %v", rows[i], want[i])
		}
	}
}
