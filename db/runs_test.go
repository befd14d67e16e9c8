package db_test

import (
	"math"
	"testing"
	"time"

	"agora/db"
	"agora/db/dbtest"
)

func TestRunLife(t *testing.T) {
	st := dbtest.Open(t)
	ctx := t.Context()
	run := must(st.CreateRun(ctx, db.Run{Kind: "ppo", Name: "first", Config: `{"lr":0.001}`}))(t)
	_, err := st.ClaimRun(ctx, "host:1", "reward")
	wantErr(t, err, db.ErrNotFound) // not a kind it does
	got := must(st.ClaimRun(ctx, "host:1", "sft", "ppo"))(t)
	if got.ID != run.ID || got.Status != db.RunRunning || got.Attempt != 1 {
		t.Fatalf("claimed %+v", got)
	}
	_, err = st.ClaimRun(ctx, "host:2")
	wantErr(t, err, db.ErrNotFound) // held
	if err := st.Heartbeat(ctx, run.ID, "host:1", 3, 20, "iteration 3"); err != nil {
		t.Fatal(err)
	}
	wantErr(t, st.Heartbeat(ctx, run.ID, "host:2", 3, 20, ""), db.ErrRunLost)
	if err := st.RequestStop(ctx, run.ID, 0); err != nil {
		t.Fatal(err)
	}
	if stop := must(st.StopRequested(ctx, run.ID))(t); !stop {
		t.Error("the request is not seen")
	}
	if err := st.FinishRun(ctx, run.ID, "host:1", db.RunStopped, "stopped at iteration 3", ""); err != nil {
		t.Fatal(err)
	}
	if err := st.QueueAgain(ctx, run.ID, 0); err != nil {
		t.Fatal(err)
	}
	got = must(st.ClaimRun(ctx, "host:2"))(t)
	if got.Attempt != 2 || got.StopRequested || got.Done != 3 {
		t.Errorf("resumed %+v", got)
	}
	if err := st.FinishRun(ctx, run.ID, "host:2", db.RunDone, "", `{"win_rate":0.7}`); err != nil {
		t.Fatal(err)
	}
	wantErr(t, st.RequestStop(ctx, run.ID, 0), db.ErrNotFound)
	if _, err := st.StartRun(ctx, run.ID, "host:1"); err == nil {
		t.Error("a finished run started again")
	}
}

func TestDeadWorkersRunIsClaimedAgain(t *testing.T) {
	st := dbtest.Open(t)
	ctx := t.Context()
	run := must(st.CreateRun(ctx, db.Run{Kind: "sft"}))(t)
	must(st.ClaimRun(ctx, "dead:1"))(t)
	st.Clock.Advance(2 * time.Minute)
	if got := must(st.ClaimRun(ctx, "alive:1"))(t); got.ID != run.ID || got.Attempt != 2 {
		t.Errorf("claimed %+v", got)
	}
	wantErr(t, st.FinishRun(ctx, run.ID, "dead:1", db.RunDone, "", ""), db.ErrRunLost)
}

// TestRunThatKillsItsWorker is given up, unless it got further in between.
func TestRunThatKillsItsWorker(t *testing.T) {
	for _, progress := range []bool{false, true} {
		st := dbtest.Open(t)
		ctx := t.Context()
		run := must(st.CreateRun(ctx, db.Run{Kind: "sft"}))(t)
		for i := range 4 {
			must(st.ClaimRun(ctx, "w"))(t)
			if progress {
				if err := st.Heartbeat(ctx, run.ID, "w", int64(i+1), 20, ""); err != nil {
					t.Fatal(err)
				}
			}
			st.Clock.Advance(2 * time.Minute)
		}
		_, err := st.ClaimRun(ctx, "w")
		got := must(st.Run(ctx, run.ID))(t)
		if progress && (err != nil || got.Status != db.RunRunning) || !progress && got.Status != db.RunFailed {
			t.Errorf("progress %v: %s %q, %v", progress, got.Status, got.Message, err)
		}
	}
}

func TestStopIsHeardAlthoughTheWorkerDied(t *testing.T) {
	st := dbtest.Open(t)
	ctx := t.Context()
	run := must(st.CreateRun(ctx, db.Run{Kind: "sft"}))(t)
	must(st.ClaimRun(ctx, "dead:1"))(t)
	if err := st.RequestStop(ctx, run.ID, 0); err != nil {
		t.Fatal(err)
	}
	st.Clock.Advance(2 * time.Minute)
	_, err := st.ClaimRun(ctx, "alive:1")
	wantErr(t, err, db.ErrNotFound)
	if got := must(st.Run(ctx, run.ID))(t); got.Status != db.RunStopped {
		t.Errorf("status %s", got.Status)
	}
}

func TestRunInputIsChecked(t *testing.T) {
	st := dbtest.Open(t)
	for _, bad := range []db.Run{{}, {Kind: "ppo", Config: "lr=1"}, {Kind: "ppo", Inputs: "[]"}} {
		if _, err := st.CreateRun(t.Context(), bad); err == nil {
			t.Errorf("accepted %+v", bad)
		}
	}
}

func TestMetricsAndSamples(t *testing.T) {
	st := dbtest.Open(t)
	ctx := t.Context()
	run := must(st.CreateRun(ctx, db.Run{Kind: "ppo"}))(t).ID
	var ms []db.Metric
	for step := range int64(300) {
		ms = append(ms, db.Metric{RunID: run, Step: step, Name: "kl", Value: float64(step)}, db.Metric{RunID: run, Step: step, Name: "a", Value: 1})
	}
	samples := []db.Sample{{RunID: run, Step: 10, Idx: 1, Data: `{"x":2}`}, {RunID: run, Step: 10, Idx: 0, Data: `{"x":1}`}, {RunID: run, Step: 5, Data: `{}`}}
	if err := st.Append(ctx, ms, samples); err != nil {
		t.Fatal(err)
	}
	// A resumed run computes its last steps again.
	if err := st.AppendMetrics(ctx, []db.Metric{{RunID: run, Step: 299, Name: "kl", Value: -1}}); err != nil {
		t.Fatal(err)
	}
	twice := []db.Metric{{RunID: run, Step: 299, Name: "kl", Value: -2}, {RunID: run, Step: 299, Name: "kl", Value: -1}}
	if err := st.AppendMetrics(ctx, twice); err != nil {
		t.Fatal(err)
	}
	if got := must(st.Metrics(ctx, run, -1))(t); len(got) != 600 || got[0].Name != "a" || got[599].Value != -1 {
		t.Errorf("%d metrics, last %+v", len(got), got[len(got)-1])
	}
	if got := must(st.Metrics(ctx, run, 297, "kl"))(t); len(got) != 2 {
		t.Errorf("%d metrics after 297", len(got))
	}
	if got := must(st.LatestMetrics(ctx, run))(t); len(got) != 2 || got[1].Value != -1 {
		t.Errorf("latest %+v", got)
	}
	if got := must(st.Samples(ctx, run, 1))(t); len(got) != 2 || got[0].Data != `{"x":1}` {
		t.Errorf("samples %+v", got)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		if err := st.AppendMetrics(ctx, []db.Metric{{RunID: run, Name: "kl", Value: bad}}); err == nil {
			t.Errorf("stored %v", bad)
		}
	}
	if err := st.Append(ctx, nil, nil); err != nil {
		t.Error(err)
	}
}
