package pipeline

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agora/db"
	"agora/policy"
	"agora/policy/base"
	"agora/policy/cpu"
	"agora/reward"
)

// TestWorkerRunsEveryKind trains one step of each kind on a project, and lets the reward model and the policy
// before and after say which texts they favour. The scores in the database are those of the models.
func TestWorkerRunsEveryKind(t *testing.T) {
	store := openStore(t)
	p := judged(t, store)
	w := NewWorker(store, slog.New(slog.NewTextHandler(io.Discard, nil)))
	w.Threads = 1
	start := filepath.Join(t.TempDir(), "base")
	if err := base.WriteModel(start); err != nil {
		t.Fatal(err)
	}
	work := func(kind, name string, config map[string]any, inputs map[string]string) db.Run {
		t.Helper()
		in := map[string]Input{}
		for role, path := range inputs {
			in[role] = Input{Path: path}
		}
		run, err := store.CreateRun(t.Context(), db.Run{Kind: kind, Name: name, ProjectID: p.ID, Config: asJSON(t, config), Inputs: asJSON(t, in)})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Work(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if run = mustRun(t, store, run.ID); run.Status != db.RunDone {
			t.Fatalf("%s: %s (%s)", kind, run.Status, run.Message)
		}
		return run
	}
	model := func(run db.Run) string { return filepath.Join(run.Dir, policy.ResultDir) }

	rm := model(work(KindReward, "liked", map[string]any{"epochs": 1, "split": "none"}, map[string]string{"policy": start}))
	one := map[string]any{"iterations": 1, "episodes": 4, "minibatches": 1, "samples_per_prompt": 2, "max_new_tokens": 4, "score_samples": 0}
	var trained []string
	for _, kind := range []string{KindRLOO, KindGRPO} {
		trained = append(trained, model(work(kind, "", one, map[string]string{"policy": start, "reward": rm})))
	}
	trained = append(trained, model(work(KindDPO, "aligned", map[string]any{"epochs": 1, "split": "none"}, map[string]string{"policy": start})))
	for _, dir := range trained {
		if _, err := policy.LoadPolicy(dir); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}

	work(KindScore, "", nil, map[string]string{"model": rm})
	asked := work(KindScore, "", nil, map[string]string{"model": trained[2], "before": start})
	sets, err := store.ScoreSets(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]db.ScoreSet{}
	for _, s := range sets {
		byName[s.Name] = s
	}
	if len(sets) != 3 || !byName["liked"].Measure || byName["aligned"].Measure || byName["base"].Matched != 2*byName["base"].Items {
		t.Errorf("score sets %+v", sets)
	}
	checkStored(t, store, p, byName["aligned"], trained[2], policyScore)
	checkStored(t, store, p, byName["liked"], rm, rewardScore)
	if before, after := linesOf(t, asked.Dir, "before"), linesOf(t, asked.Dir, "model"); len(before) != len(after) || len(before) == 0 || slices.Equal(before, after) {
		t.Errorf("before %v, after %v", before, after)
	}
}

// checkStored compares a set in the database with what the model gives each text alone.
func checkStored(t *testing.T, store *db.Store, p db.Project, set db.ScoreSet, dir string, scorer func(*cpu.Device, string, ScoreConfig) (textScorer, error)) {
	t.Helper()
	dev, err := cpu.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	score, err := scorer(dev, dir, defaultScoreConfig())
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	err = store.EachRecord(t.Context(), db.Export{ProjectID: p.ID, Items: db.ItemRank}, func(row db.Record) error {
		prompt, err := messagesOf(row.Item)
		if err != nil {
			return err
		}
		for _, c := range row.Completions {
			alone, err := score(t.Context(), []storedText{{row.Item.PromptID, c.ExtID, c.Text, prompt}})
			if err != nil {
				return err
			}
			stored, err := store.ScoresOf(t.Context(), []int64{c.ID})
			if err != nil {
				return err
			}
			if got := stored[c.ID][set.ID]; math.Abs(got-alone[0]) > 1e-5 {
				t.Errorf("%s on %q: stored %g, alone %g", set.Name, c.Text, got, alone[0])
			}
			compared++
		}
		return nil
	})
	if err != nil || compared != set.Matched {
		t.Errorf("%s: compared %d of %d texts, %v", set.Name, compared, set.Matched, err)
	}
}

// linesOf are the scores that a run left beside it.
func linesOf(t *testing.T, dir, role string) []reward.ScoreLine {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, role+".scores.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []reward.ScoreLine
	for in := bufio.NewScanner(bytes.NewReader(b)); in.Scan(); {
		var l reward.ScoreLine
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) == "null" {
		return "{}"
	}
	return string(b)
}

// TestScoreRunsNeedAProject and a setting that exists.
func TestScoreRunsNeedAProject(t *testing.T) {
	store := openStore(t)
	w := NewWorker(store, slog.New(slog.NewTextHandler(io.Discard, nil)))
	for config, want := range map[string]string{`{}`: "a score run needs a project", `{"per":"word"}`: `per: "word" is neither token nor text`} {
		run, err := store.CreateRun(t.Context(), db.Run{Kind: KindScore, Config: config, Inputs: `{"model":{"path":"` + t.TempDir() + `"}}`})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Work(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if run = mustRun(t, store, run.ID); run.Status != db.RunFailed || run.Message != want {
			t.Errorf("%s: %s (%s), want %q", config, run.Status, run.Message, want)
		}
	}
}

// TestScoreRunsRefuseWhatIsNoModel leaves nothing with the project, also where only the second model is bad.
func TestScoreRunsRefuseWhatIsNoModel(t *testing.T) {
	store := openStore(t)
	p := judged(t, store)
	w := NewWorker(store, slog.New(slog.NewTextHandler(io.Discard, nil)))
	w.Threads = 1
	good, empty := filepath.Join(t.TempDir(), "base"), t.TempDir()
	if err := base.WriteModel(good); err != nil {
		t.Fatal(err)
	}
	for _, inputs := range []map[string]Input{{"model": {Path: empty}}, {"model": {Path: empty}, "before": {Path: good}}, {"model": {Path: filepath.Join(empty, "none")}}} {
		run, err := store.CreateRun(t.Context(), db.Run{Kind: KindScore, ProjectID: p.ID, Inputs: asJSON(t, inputs)})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Work(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if run = mustRun(t, store, run.ID); run.Status != db.RunFailed || !strings.HasPrefix(run.Message, "input model: ") {
			t.Errorf("%v: %s (%s)", inputs, run.Status, run.Message)
		}
	}
	if sets, err := store.ScoreSets(t.Context(), p.ID); err != nil || len(sets) != 0 {
		t.Errorf("sets %v, %v: half a run left scores", sets, err)
	}
}
