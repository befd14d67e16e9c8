package pipeline

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"testing"

	"agora/db"
	"agora/reward/prefs"
)

// TestTrainingsTakeTheProjectsWeights lets eight women and five men answer in a project that wants half and
// half: the file that a reward model learns from weighs them so, and only where the project says to.
func TestTrainingsTakeTheProjectsWeights(t *testing.T) {
	store := openStore(t)
	ctx := t.Context()
	p := db.DefaultProject("weighed")
	p.Overlap = 13
	p, err := store.CreateProject(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.AddItems(ctx, p.ID, 0, "f", []db.NewItem{{Prompt: []db.Message{{Role: "user", Content: "Sky?"}}, Completions: []db.NewCompletion{{Text: "blue"}, {Text: "green"}}}}); err != nil {
		t.Fatal(err)
	}
	text, err := store.SetConsentText(ctx, 0, p.ID, "May we?", true)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 13 {
		answerAs(t, store, p, fmt.Sprint("one", i), map[bool]string{true: "female", false: "male"}[i < 8], text.Version)
	}
	pool := db.DefaultPool(p.ID)
	pool.Targets = map[string]map[string]float64{"gender": {"female": .5, "male": .5}}
	w := NewWorker(store, slog.New(slog.NewTextHandler(io.Discard, nil)))
	for _, on := range []bool{false, true} {
		pool.UseWeights = on
		if err := store.SetPool(ctx, 0, pool); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "ranked.jsonl")
		if err := w.export(ctx, Job{Kind: KindReward, Project: p.ID}, path, prefs.FormatRanked, w.answers); err != nil {
			t.Fatal(err)
		}
		sum := map[string]float64{}
		for r, err := range prefs.Read(path, prefs.FormatRanked) {
			if err != nil {
				t.Fatal(err)
			}
			line := r.(*prefs.Ranked)
			if on != (line.Weight != nil) {
				t.Fatalf("weights %v, line %+v", on, line)
			}
			if on {
				sum[*line.Groups["gender"]] += *line.Weight
			}
		}
		if on && (math.Abs(sum["female"]-6.5) > 1e-6 || math.Abs(sum["male"]-6.5) > 1e-6) {
			t.Errorf("weights by gender %v, want 6.5 each", sum)
		}
	}
}

// answerAs lets somebody join, consent, say their gender, and rank a task.
func answerAs(t *testing.T, store *db.Store, p db.Project, name, gender string, consent int) {
	t.Helper()
	ctx := t.Context()
	u, err := store.CreateUser(ctx, name, db.RoleLabeler, "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Join(ctx, p.ID, u.ID); err != nil {
		t.Fatal(err)
	}
	if err := store.AnswerConsent(ctx, p.ID, u.ID, consent, true); err != nil {
		t.Fatal(err)
	}
	if err := store.PutSurvey(ctx, p.ID, u.ID, map[string][]string{"gender": {gender}}, true); err != nil {
		t.Fatal(err)
	}
	task, err := store.Next(ctx, p.ID, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	r := db.Ranking{Ranks: map[string]int{}, ActiveMS: 1000}
	for i, c := range task.Completions {
		r.Ranks[c.Key] = i + 1
	}
	if _, err := store.Submit(ctx, u.ID, task.Lease.ID, r); err != nil {
		t.Fatal(err)
	}
}
