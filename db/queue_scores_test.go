package db_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"agora/db"
)

func TestUncertainty(t *testing.T) {
	for _, tt := range []struct {
		name   string
		scores []float64
		want   float64
	}{
		{"a coin", []float64{2, 2}, 1},
		{"odds of 3 to 1", []float64{math.Log(3), 0}, .8112781245},                    // H(¾), by hand
		{"two equal, one a log 3 behind", []float64{0, 0, -math.Log(3)}, .8741854163}, // (1 + 2·H(¾))/3
		{"sure", []float64{900, 0}, 0},
		{"one alone", []float64{1}, -1},
	} {
		if got := db.Uncertainty(tt.scores); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s: %.10f, want %.10f", tt.name, got, tt.want)
		}
	}
}

func TestUncertainFirst(t *testing.T) {
	l := newLab(t, overlap(1), 4, 1)
	ctx := t.Context()
	q := db.DefaultQueue(l.project.ID)
	q.SortBy = db.UncertainFirst
	if err := l.SetQueue(ctx, 0, q); err != nil {
		t.Fatal(err)
	}
	var scores []db.Score
	for i, gap := range []float64{5, .1, 1} { // p3 has no scores
		for j, id := range []string{"c1", "c2", "c3"} {
			scores = append(scores, db.Score{PromptID: []string{"p0", "p1", "p2"}[i], ID: id, Score: gap * float64(j)})
		}
	}
	set := must(l.ImportScores(ctx, db.ScoreSet{ProjectID: l.project.ID, Name: "scores.jsonl", SHA256: "a", Measure: true}, append(scores, db.Score{PromptID: "elsewhere", ID: "c1"})))(t)
	if set.Rows != 10 || set.Matched != 9 || set.Items != 3 {
		t.Errorf("set %+v", set)
	}
	var order []int64
	for _, it := range l.workOn(0) {
		order = append(order, it.ID)
	}
	if !slices.Equal(order, []int64{2, 3, 1, 4}) {
		t.Errorf("handed out %v, want the most uncertain first and the unknown last", order)
	}
	last := must(l.ItemDetail(ctx, l.project.ID, 1))(t).Completions[2] // c3 of p0
	if by := must(l.Scores(ctx, set.ID))(t); len(by) != 9 || by[last.ID] != 10 {
		t.Errorf("scores %v", by)
	}
	other := []db.Score{{PromptID: "p0", ID: "c1", Score: 9}, {PromptID: "p0", ID: "c2", Score: 9}, {PromptID: "p0", ID: "c3", Score: 9}}
	must(l.ImportScores(ctx, db.ScoreSet{ProjectID: l.project.ID, SHA256: "b"}, other))(t)
	if st := must(l.QueueState(ctx, l.project.ID))(t); st.Scored != 3 {
		t.Errorf("scores that are no measure changed the %d uncertainties of 3 items", st.Scored)
	}
	_, err := l.ImportScores(ctx, db.ScoreSet{ProjectID: l.project.ID, SHA256: "a"}, scores)
	wantErr(t, err, db.ErrImportedTwice)
	var invalid *db.InvalidError
	for name, bad := range map[string][]db.Score{
		"not a number":    {{PromptID: "p0", ID: "c1", Score: math.NaN()}},
		"of nothing here": {{PromptID: "x", ID: "c1", Score: 1}},
		"ambiguous":       {{PromptID: "p0", ID: "c1", Score: 1}, {PromptID: "p0", ID: "c1", Score: 2}},
	} {
		if _, err := l.ImportScores(ctx, db.ScoreSet{ProjectID: l.project.ID, SHA256: name}, bad); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
