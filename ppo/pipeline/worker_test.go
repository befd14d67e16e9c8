package pipeline

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agora/db"
	"agora/policy"
	"agora/policy/checkpoint"
)

// openStore makes a database in its own folder and closes it after the test.
func openStore(t *testing.T) *db.Store {
	t.Helper()
	store, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "agora.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// queue adds an SFT run whose policy and data exist, and a worker whose SFT trainer is fn.
func queue(t *testing.T, store *db.Store, fn trainer) (*Worker, int64) {
	t.Helper()
	data := filepath.Join(t.TempDir(), "demos.jsonl")
	if err := os.WriteFile(data, []byte("{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run, err := store.CreateRun(t.Context(), db.Run{Kind: KindSFT, Config: `{"epochs":2,"learning_rate":0.001,"template":"plain"}`,
		Inputs: `{"policy":{"path":"` + t.TempDir() + `"},"data":{"path":"` + data + `"}}`})
	if err != nil {
		t.Fatal(err)
	}
	w := NewWorker(store, slog.New(slog.NewTextHandler(io.Discard, nil)))
	w.trainers = map[string]trainer{KindSFT: fn}
	return w, run.ID
}

func mustRun(t *testing.T, store *db.Store, id int64) db.Run {
	t.Helper()
	run, err := store.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestWorkerTrainsAndStoresMetrics(t *testing.T) {
	store := openStore(t)
	w, id := queue(t, store, func(_ context.Context, _ *Worker, job Job, sink *dbSink) (map[string]any, error) {
		if got := strings.Join(job.sets(), " "); got != "epochs=2 learning_rate=0.001 template=plain" {
			t.Errorf("settings %q", got)
		}
		if job.Resume || job.Inputs["data"].SHA256 == "" {
			t.Errorf("job %+v", job)
		}
		for step := range 3 {
			sink.Progress(step+1, 3)
			if err := sink.Metrics(step, map[string]float64{"loss": float64(3 - step)}); err != nil {
				return nil, err
			}
			if err := sink.Sample(step, map[string]any{"completion": "ha"}); err != nil {
				return nil, err
			}
		}
		return map[string]any{"checkpoint": job.Dir}, nil
	})
	if err := w.Work(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	run := mustRun(t, store, id)
	if run.Status != db.RunDone || !strings.Contains(run.Result, "checkpoint") || run.Dir == "" {
		t.Errorf("run %+v", run)
	}
	metrics, err := store.Metrics(t.Context(), id, -1)
	if err != nil || len(metrics) != 3 || metrics[2].Value != 1 {
		t.Errorf("metrics %v, %v", metrics, err)
	}
	if samples, err := store.Samples(t.Context(), id, 9); err != nil || len(samples) != 3 {
		t.Errorf("samples %v, %v", samples, err)
	}
}

func TestWorkerSaysWhyARunFailed(t *testing.T) {
	store := openStore(t)
	w, id := queue(t, store, func(context.Context, *Worker, Job, *dbSink) (map[string]any, error) {
		return nil, errors.New("demos.jsonl line 3: no completion\nstack and noise")
	})
	if err := w.Work(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if run := mustRun(t, store, id); run.Status != db.RunFailed || run.Message != "demos.jsonl line 3: no completion" {
		t.Errorf("status %s, message %q", run.Status, run.Message)
	}
}

func TestWorkerSurvivesAPanic(t *testing.T) {
	store := openStore(t)
	w, id := queue(t, store, func(context.Context, *Worker, Job, *dbSink) (map[string]any, error) { panic("index out of range") })
	if err := w.Work(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if run := mustRun(t, store, id); run.Status != db.RunFailed || !strings.Contains(run.Message, "index out of range") {
		t.Errorf("status %s, message %q", run.Status, run.Message)
	}
}

func TestBadRunsFailWithTheField(t *testing.T) {
	for _, c := range []struct{ name, kind, inputs, want string }{
		{"unknown kind", "alchemy", `{}`, `kind "alchemy"`},
		{"no policy", KindSFT, `{}`, `"policy"`},
		{"missing file", KindSFT, `{"policy":{"path":"/nowhere/at/all"}}`, "input policy"},
		{"no data and no project", KindReward, `{"policy":{"path":"."}}`, `"data"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := openStore(t)
			run, err := store.CreateRun(t.Context(), db.Run{Kind: c.kind, Inputs: c.inputs})
			if err != nil {
				t.Fatal(err)
			}
			w := NewWorker(store, slog.New(slog.NewTextHandler(io.Discard, nil)))
			if run, err = store.StartRun(t.Context(), run.ID, w.Name); err != nil {
				t.Fatal(err)
			}
			if err := w.Train(t.Context(), run); err == nil {
				t.Error("no error")
			}
			if run = mustRun(t, store, run.ID); run.Status != db.RunFailed || !strings.Contains(run.Message, c.want) {
				t.Errorf("status %s, message %q", run.Status, run.Message)
			}
		})
	}
}

// wait is a trainer that runs until its context ends.
func wait(started chan<- bool) trainer {
	return func(ctx context.Context, _ *Worker, job Job, _ *dbSink) (map[string]any, error) {
		started <- job.Resume
		<-ctx.Done()
		return nil, ctx.Err()
	}
}

func TestStopRequestStopsTheRun(t *testing.T) {
	store := openStore(t)
	started := make(chan bool, 1)
	w, id := queue(t, store, wait(started))
	ended := make(chan error, 1)
	go func() { ended <- w.Work(t.Context(), true) }()
	<-started
	if err := store.RequestStop(t.Context(), id, 0); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the run did not stop within 10 s")
	}
	if run := mustRun(t, store, id); run.Status != db.RunStopped {
		t.Errorf("status %s", run.Status)
	}
}

// A worker that is told to end gives its run back, and the next one resumes it.
func TestEndingWorkerGivesItsRunBack(t *testing.T) {
	store := openStore(t)
	started := make(chan bool, 1)
	w, id := queue(t, store, wait(started))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Work(ctx, true) }()
	<-started
	cancel()
	<-ended
	if run := mustRun(t, store, id); run.Status != db.RunQueued {
		t.Fatalf("status %s", run.Status)
	}
	resumed := false
	w.trainers[KindSFT] = func(_ context.Context, _ *Worker, job Job, _ *dbSink) (map[string]any, error) {
		resumed = job.Resume
		return nil, nil
	}
	if err := w.Work(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if run := mustRun(t, store, id); run.Status != db.RunDone || !resumed {
		t.Errorf("status %s, resumed %v", run.Status, resumed)
	}
}

// A reward run without data reads the project's answers, as ranked/1 in its own folder.
func TestRewardRunExportsTheProject(t *testing.T) {
	store := openStore(t)
	project, err := store.CreateProject(t.Context(), db.DefaultProject("jokes"))
	if err != nil {
		t.Fatal(err)
	}
	one, two := 1, 2
	_, err = store.AddItems(t.Context(), project.ID, 0, "test", []db.NewItem{{
		PromptID: "p1", Prompt: []db.Message{{Role: "user", Content: "Why"}},
		Completions: []db.NewCompletion{{Text: " not?", Policy: "a"}, {Text: " me?", Policy: "b"}},
		Answer:      &db.NewAnswer{Worker: "w1", Shown: []string{"c2", "c1"}, Ranks: []*int{&two, &one}, Extra: `{"split":"train","weight":2}`},
	}})
	if err != nil {
		t.Fatal(err)
	}
	run, err := store.CreateRun(t.Context(), db.Run{Kind: KindReward, ProjectID: project.ID, Inputs: `{"policy":{"path":"` + t.TempDir() + `"}}`})
	if err != nil {
		t.Fatal(err)
	}
	w := NewWorker(store, slog.New(slog.NewTextHandler(io.Discard, nil)))
	var line []byte
	w.trainers = map[string]trainer{KindReward: func(_ context.Context, _ *Worker, job Job, _ *dbSink) (map[string]any, error) {
		var err error
		line, err = os.ReadFile(job.Inputs["data"].Path)
		return nil, err
	}}
	if err := w.Work(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"schema":"ranked/1"`, `"ranks":[2,1]`, `"worker":"w1"`, `"split":"train"`, `"weight":2`} {
		if !strings.Contains(string(line), want) {
			t.Errorf("run %+v: %q lacks %s", mustRun(t, store, run.ID), line, want)
		}
	}
}

// fakeModel writes a folder that passes for a run's result.
func fakeModel(dir string) error {
	return checkpoint.Commit(filepath.Join(dir, policy.ResultDir), func(tmp string) error {
		if err := os.WriteFile(filepath.Join(tmp, "config.json"), []byte("{}"), 0o644); err != nil {
			return err
		}
		return checkpoint.WriteManifest(tmp, checkpoint.Manifest{Kind: "policy"})
	})
}

// listen takes a free port and keeps it.
func listen(t *testing.T) (net.Listener, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, l.Addr().String()
}
