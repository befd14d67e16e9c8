package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agora/db"
	"agora/policy/checkpoint"
	"agora/reward/prefs"
)

// pretendReward writes a model directory as the reward trainer does, less the training.
func pretendReward(_ context.Context, _ *Worker, job Job, _ *dbSink) (map[string]any, error) {
	dir := filepath.Join(job.Dir, "model")
	hash, err := checkpoint.HashFile(job.Inputs["data"].Path)
	if err != nil {
		return nil, err
	}
	err = checkpoint.Commit(dir, func(tmp string) error {
		if err := os.WriteFile(filepath.Join(tmp, "config.json"), []byte(`{}`), 0o644); err != nil {
			return err
		}
		return checkpoint.WriteManifest(tmp, checkpoint.Manifest{Kind: "reward", Data: map[string]string{"train0": hash}, Config: map[string]int{"run": int(job.RunID)}})
	})
	return map[string]any{"checkpoint": dir}, err
}

// judged makes a project with three judgements each by two workers.
func judged(t *testing.T, store *db.Store) db.Project {
	t.Helper()
	p, err := store.CreateProject(t.Context(), db.DefaultProject("sky"))
	if err != nil {
		t.Fatal(err)
	}
	one, two, i := 1, 2, 0
	_, err = store.ImportBatch(t.Context(), db.Import{ProjectID: p.ID, File: "f", Format: "ranked", SHA256: "f"}, func() (db.NewItem, bool, error) {
		i++
		it := db.NewItem{Prompt: []db.Message{{Role: "user", Content: fmt.Sprint("Sky ", i/2)}}, Completions: []db.NewCompletion{{Text: "blue"}, {Text: "green"}},
			Answer: &db.NewAnswer{Worker: []string{"ana", "bea"}[i%2], Ranks: []*int{&one, &two}}}
		return it, i <= 6, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWithdrawalReachesModels trains, lets somebody withdraw, and trains again.
func TestWithdrawalReachesModels(t *testing.T) {
	store := openStore(t)
	p := judged(t, store)
	w := NewWorker(store, slog.New(slog.NewTextHandler(io.Discard, nil)))
	w.trainers = map[string]trainer{KindReward: pretendReward}
	policy := t.TempDir()
	train := func(inputs string) (db.Run, Input, prefs.Card) {
		run, err := store.CreateRun(t.Context(), db.Run{Kind: KindReward, Name: "judge", ProjectID: p.ID, Inputs: inputs})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Work(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		run = mustRun(t, store, run.ID)
		var in map[string]Input
		if err := json.Unmarshal([]byte(run.Inputs), &in); err != nil {
			t.Fatal(err)
		}
		var card prefs.Card
		if b, err := os.ReadFile(filepath.Join(run.Dir, "ranked.card.json")); err == nil {
			if err := json.Unmarshal(b, &card); err != nil {
				t.Fatal(err)
			}
		}
		return run, in["data"], card
	}
	given := `{"policy":{"path":"` + policy + `"}}`
	before, data, card := train(given)
	if before.Status != db.RunDone || card.Records != 6 || card.LeftOut != nil {
		t.Fatalf("first run %s (%s), card %+v", before.Status, before.Message, card)
	}
	out, err := store.Withdraw(t.Context(), db.Withdraw{ProjectID: p.ID, Worker: "ana"})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, a := range out.Artefacts {
		kinds = append(kinds, a.Kind)
	}
	if !slices.Equal(kinds, []string{db.ArtefactExport, KindReward}) {
		t.Errorf("the withdrawal names %v, want the data and the model", kinds)
	}
	after, fresh, card := train(given)
	if after.Status != db.RunDone || fresh.SHA256 == data.SHA256 || card.Records != 3 || card.LeftOut == nil || card.LeftOut.WithdrawnPeople != 1 {
		t.Errorf("second run %s, data %s after %s, card %+v", after.Status, fresh.SHA256, data.SHA256, card)
	}
	if text := card.Markdown("x"); !strings.Contains(text, "answers of 1 person withdrawn (3 answers)") {
		t.Errorf("the card does not say so:\n%s", text)
	}
	if again, err := store.ArtefactsOf(t.Context(), p.ID, "ana"); err != nil || len(again) != 2 {
		t.Errorf("after the second run %d artefacts hold the answers, want still 2 (%v)", len(again), err)
	}
	refused, _, _ := train(`{"policy":{"path":"` + policy + `"},"data":{"path":"` + data.Path + `"}}`)
	if refused.Status != db.RunFailed || !strings.Contains(refused.Message, "withdrew") {
		t.Errorf("a run on the old data is %s: %s", refused.Status, refused.Message)
	}
}
