package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agora/db"
	"agora/policy/base"
)

// openTiny opens a quickstart whose stages are so small that the whole loop takes seconds.
func openTiny(t *testing.T, dir string) (*quickstart, *bytes.Buffer) {
	t.Helper()
	q, err := (&QuickstartCmd{Dir: dir, FromScratch: true, NoServe: true}).open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.store.Close() })
	var out bytes.Buffer
	q.out, q.evalPrompts, q.evalJudgments, q.worker.Threads = &out, 40, 200, 1
	q.shrink = func(s stage) stage { return tiny(t, q, s) }
	return q, &out
}

func tiny(t *testing.T, q *quickstart, s stage) stage {
	t.Helper()
	s.config, s.inputs = maps.Clone(s.config), maps.Clone(s.inputs)
	small := map[string]map[string]any{
		KindPretrain: {"layers": 1, "width": 32, "heads": 1, "kv_heads": 1, "ffn": 64, "vocab": 400, "steps": 6, "batch_sequences": 4},
		KindSFT:      {"epochs": .3},
		KindReward:   {"epochs": .5, "batch_prompts": 16},
		KindPPO:      {"iterations": 2, "episodes": 8, "score_samples": 8},
	}[s.kind]
	maps.Copy(s.config, small)
	for role, lines := range map[string]int{"data": 600, "pretrain": 300} {
		if path := s.inputs[role]; path != "" && !strings.HasSuffix(path, ".gz") {
			s.inputs[role] = head(t, path, lines)
		} else if path != "" {
			text := strings.Join(base.Corpus()[:lines], "\n")
			s.inputs[role] = q.path("data", role+".txt")
			if err := os.WriteFile(s.inputs[role], []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// head cuts a file of lines short.
func head(t *testing.T, path string, n int) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfterN(b, []byte("\n"), n+1)
	out := strings.TrimSuffix(path, ".jsonl") + ".head.jsonl"
	if err := os.WriteFile(out, bytes.Join(lines[:min(n, len(lines))], nil), 0o644); err != nil {
		t.Fatal(err)
	}
	return out
}

// The whole loop with tiny stages: every number is there, the tasks are in the project, the runs are
// in the database, and a second start keeps it all.
func TestQuickstartLoop(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds")
	}
	dir := t.TempDir()
	q, out := openTiny(t, dir)
	report, err := q.loop(t.Context())
	if err != nil {
		t.Fatal(err, out)
	}
	if report.Reward.N == 0 || report.Judge.N == 0 || report.PPO.N != 40 || report.PPO.LossSFT <= 0 || len(report.Chart) != 2 || len(report.Samples) != 10 {
		t.Errorf("report %+v", report)
	}
	if !strings.Contains(out.String(), "Win rate of PPO over SFT") {
		t.Errorf("output\n%s", out)
	}
	checkJSONShape(t, report)
	runs, err := q.store.ListRuns(t.Context(), q.project)
	if err != nil || len(runs) != 6 {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	items, err := q.store.Items(t.Context(), q.project, 0, 1000)
	if err != nil || len(items) == 0 {
		t.Fatalf("%d tasks, %v", len(items), err)
	}
	policies, err := q.store.Policies(t.Context(), q.project)
	if err != nil || len(policies) != 2 || policies[0].Texts != policies[1].Texts {
		t.Errorf("policies %v, %v", policies, err)
	}
	q.store.Close()

	again, out := openTiny(t, dir)
	second, err := again.loop(t.Context())
	if err != nil {
		t.Fatal(err, out)
	}
	for phrase, want := range map[string]int{"same settings, same data": 6, "same models": 2} {
		if n := strings.Count(out.String(), phrase); n != want {
			t.Errorf("%q %d times, want %d:\n%s", phrase, n, want, out)
		}
	}
	second.Seconds = report.Seconds
	a, _ := json.Marshal(report)
	b, _ := json.Marshal(second)
	if !bytes.Equal(a, b) {
		t.Errorf("the second start reports other numbers:\n%s\n%s", a, b)
	}
	if more, err := again.store.Items(t.Context(), again.project, 0, 1000); err != nil || len(more) != len(items) {
		t.Errorf("%d tasks after the second start, %d before, %v", len(more), len(items), err)
	}
}

// The loop on a model that counts as large: only low-rank changes are trained, nothing is mixed in, and
// the results are whole models.
func TestQuickstartOnALargeModel(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds")
	}
	dir := t.TempDir()
	q, out := openTiny(t, dir)
	q.cmd.FromScratch, q.cmd.Model, q.largeFrom, q.evalPrompts = false, "some-model", 1000, 12
	q.cmd.Pull = func(_ context.Context, name, dir string) error {
		if name != "some-model" {
			t.Errorf("pulls %q", name)
		}
		return base.WriteModel(dir)
	}
	report, err := q.loop(t.Context())
	if err != nil {
		t.Fatal(err, out)
	}
	if report.PPO.N != 12 || !strings.Contains(out.String(), "low-rank changes") {
		t.Errorf("report %+v\n%s", report, out)
	}
	for _, stage := range []string{stageSFT, stageReward, stagePPO} {
		if _, err := os.Stat(q.path("runs", stage, "model", "adapter", "adapter_model.safetensors")); err != nil {
			t.Errorf("%s: %v", stage, err)
		}
	}
	if _, err := os.Stat(q.path("runs", stagePPO, "checkpoint", "model.safetensors")); err == nil {
		t.Error("PPO's checkpoint holds the frozen weights")
	}
	q.cmd.Model = "no-such-model"
	q.cmd.Pull = func(context.Context, string, string) error { return errors.New("not known") }
	if _, err := q.given(t.Context()); err == nil || !strings.Contains(err.Error(), "--model: not known") {
		t.Errorf("a model that is not there: %v", err)
	}
}

// checkJSONShape holds --json to the design's section 10.
func checkJSONShape(t *testing.T, r *Report) {
	t.Helper()
	var buf bytes.Buffer
	if err := json.NewEncoder(&buf).Encode(r); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(buf.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for part, keys := range map[string]string{
		"reward_model": "accuracy ci95 n accuracy_new_texts ci95_new_texts n_new_texts length_correlation",
		"references":   "rater_rater others_majority bradley_terry",
		"judge":        "accuracy ci95 n",
		"ppo": "win_rate ci95 kl reward_sft reward_ppo judge_sft judge_ppo distinct2_sft distinct2_ppo distinct_samples_ppo " +
			"length_sft length_ppo lm_loss_sft lm_loss_ppo verbatim_ppo",
	} {
		object, _ := got[part].(map[string]any)
		for _, key := range strings.Fields(keys) {
			if _, ok := object[key]; !ok {
				t.Errorf("%s.%s is missing", part, key)
			}
		}
	}
	if _, ok := got["seconds"]; !ok {
		t.Error("seconds is missing")
	}
}

// failSeed makes the fake trainer fail at its first attempt.
const failSeed = 13.

// fakeStage is a stage whose trainer only writes a model folder, as a real one does at its end.
func fakeStage(t *testing.T, q *quickstart) (stage, *[]bool) {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data.jsonl")
	if err := os.WriteFile(data, []byte("{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var attempts []bool // resumed?
	q.worker.trainers = map[string]trainer{KindPretrain: func(ctx context.Context, _ *Worker, job Job, _ *dbSink) (map[string]any, error) {
		attempts = append(attempts, job.Resume)
		if job.Config["seed"] == failSeed && !job.Resume {
			return nil, errors.New("no space left on device")
		}
		return map[string]any{"checkpoint": job.Dir}, fakeModel(job.Dir)
	}}
	return stage{kind: KindPretrain, name: "fake", title: "fake", config: map[string]any{"steps": 1}, inputs: map[string]string{"data": data}}, &attempts
}

func TestStageIsKeptUntilSomethingChanges(t *testing.T) {
	q, _ := openTiny(t, t.TempDir())
	s, attempts := fakeStage(t, q)
	other, err := q.store.CreateRun(t.Context(), db.Run{Kind: KindSFT, Name: "somebody else's", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func()
		kept   bool
	}{
		{"first start", func() {}, false},
		{"nothing changed", func() {}, true},
		{"another setting", func() { s.config["steps"] = 2 }, false},
		{"other data", func() { _ = os.WriteFile(s.inputs["data"], []byte("{}\n{}\n"), 0o644) }, false},
		{"result lost", func() { _ = os.RemoveAll(q.path("runs", "fake", "model")) }, false},
		{"another database", func() {
			b, _ := json.Marshal(stamp{q.readStamp(s).Key, other.ID})
			_ = os.WriteFile(q.stampPath(s), b, 0o644)
		}, false},
		{"stamp damaged", func() { _ = os.WriteFile(q.stampPath(s), []byte("{"), 0o644) }, false},
		{"nothing changed again", func() {}, true},
	} {
		c.change()
		before := len(*attempts)
		run, kept, err := q.train(t.Context(), s)
		if err != nil || kept != c.kept || run.Status != db.RunDone || (len(*attempts) == before) != c.kept {
			t.Errorf("%s: kept %v, run %s, trained %d times, %v", c.name, kept, run.Status, len(*attempts)-before, err)
		}
	}
}

func TestFailedStageIsResumed(t *testing.T) {
	q, _ := openTiny(t, t.TempDir())
	s, attempts := fakeStage(t, q)
	s.config["seed"] = int(failSeed)
	if _, _, err := q.train(t.Context(), s); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Fatalf("error %v", err)
	}
	if run, kept, err := q.train(t.Context(), s); err != nil || kept || run.Attempt != 2 {
		t.Errorf("kept %v, attempt %d, %v", kept, run.Attempt, err)
	}
	if got := *attempts; len(got) != 2 || got[0] || !got[1] {
		t.Errorf("attempts resumed: %v", got)
	}
}

func TestBusyPortIsSaidAtOnce(t *testing.T) {
	l, addr := listen(t)
	defer l.Close()
	err := (&QuickstartCmd{Dir: t.TempDir(), Addr: addr}).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("error %v", err)
	}
}

func TestReportSaysWhenTheJudgeKnowsNothing(t *testing.T) {
	r := Report{Judge: JudgePart{Accuracy: .51, CI95: [2]float64{.49, .53}}, PPO: PPOPart{WinRate: .7, CI95: [2]float64{.6, .8}}}
	r.check()
	var out bytes.Buffer
	r.writePPO(&out)
	if !strings.Contains(out.String(), "this win rate means nothing") {
		t.Errorf("output\n%s", out.String())
	}
	if r.Checks[0].OK != true || r.Checks[1].OK != false {
		t.Errorf("checks %+v", r.Checks)
	}
}

// A run that was interrupted must not be taken up by a worker once other settings have its folder.
func TestChangedStageLeavesNothingInTheQueue(t *testing.T) {
	q, _ := openTiny(t, t.TempDir())
	s, _ := fakeStage(t, q)
	key, err := s.key()
	if err != nil {
		t.Fatal(err)
	}
	old, err := q.begin(t.Context(), s, key) // queued, as Ctrl-C leaves it
	if err != nil {
		t.Fatal(err)
	}
	s.config["steps"] = 2
	if _, _, err := q.train(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if run := mustRun(t, q.store, old.ID); run.Status != db.RunStopped {
		t.Errorf("the first run is %s", run.Status)
	}
	if _, err := q.store.ClaimRun(t.Context(), "another"); !errors.Is(err, db.ErrNotFound) {
		t.Errorf("a worker finds something to do: %v", err)
	}
}
