package policy

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agora/policy/checkpoint"
)

func infoOf() RunInfo {
	return RunInfo{Kind: "sft", Config: DefaultSFT(), Inputs: map[string]string{"data.0": "sha256:aa"}, Kernels: "avx2", DType: "fp32"}
}

func openRun(t *testing.T, dir string, info RunInfo, opt RunOptions) *RunDir {
	t.Helper()
	r, err := OpenRun(dir, info, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestOpenRunRefuses: a run is resumed as what it was or not at all.
func TestOpenRunRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r := openRun(t, dir, infoOf(), RunOptions{})
	if _, err := OpenRun(dir, infoOf(), RunOptions{Resume: true}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("opened twice at a time: %v", err)
	}
	r.Close()
	for _, c := range []struct {
		name   string
		change func(*RunInfo, *RunOptions)
		want   string
	}{
		{"without --resume", func(_ *RunInfo, o *RunOptions) { o.Resume = false }, "--resume"},
		{"another kind", func(i *RunInfo, _ *RunOptions) { i.Kind = "reward" }, "holds a sft run"},
		{"other settings", func(i *RunInfo, _ *RunOptions) { i.Config = SFTConfig{} }, "other settings"},
		{"two settings", func(i *RunInfo, _ *RunOptions) { c := DefaultSFT(); c.Epochs, c.LearningRate = 7, 1e-8; i.Config = c },
			"was started with other settings: epochs 3, now 7; learning_rate 0.001, now 1e-8"},
		{"another input", func(i *RunInfo, _ *RunOptions) { i.Inputs = map[string]string{"data.0": "sha256:bb"} }, "data.0 had sha256:aa"},
		{"one input more", func(i *RunInfo, _ *RunOptions) { i.Inputs["data.1"] = "sha256:bb" }, "data.1 had none"},
		{"other kernels", func(i *RunInfo, _ *RunOptions) { i.Kernels = "avx512" }, "--accept-different-bits"},
	} {
		info, opt := infoOf(), RunOptions{Resume: true}
		c.change(&info, &opt)
		if _, err := OpenRun(dir, info, opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	openRun(t, dir, infoOf(), RunOptions{Resume: true}).Close()
	other := infoOf()
	other.Kernels = "avx512"
	openRun(t, dir, other, RunOptions{Resume: true, AcceptDifferentBits: true}).Close()
	if _, err := OpenRun(filepath.Join(t.TempDir(), "none"), infoOf(), RunOptions{Resume: true}); err == nil || !strings.Contains(err.Error(), "no run to resume") {
		t.Errorf("nothing to resume: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, RunFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRun(dir, infoOf(), RunOptions{Resume: true}); err == nil || !strings.Contains(err.Error(), RunFile) {
		t.Errorf("damaged run.json: %v", err)
	}
}

// TestRewind: after a crash, lines behind the checkpoint and a half-written one go away.
func TestRewind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r := openRun(t, dir, infoOf(), RunOptions{})
	for step := 1; step <= 5; step++ {
		if err := r.Metrics(step, map[string]float64{"x": float64(step)}); err != nil {
			t.Fatal(err)
		}
		if step == 3 {
			if err := r.Commit(checkpoint.Manifest{Kind: "policy", Step: 3}, func(string) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := r.Metrics(6, map[string]float64{"x": math.NaN()}); err == nil || !strings.Contains(err.Error(), "x is NaN") {
		t.Errorf("not a number: %v", err)
	}
	if _, err := r.metrics.WriteString(`{"step":6,"x`); err != nil {
		t.Fatal(err)
	}
	r.Close()
	again := openRun(t, dir, infoOf(), RunOptions{Resume: true})
	defer again.Close()
	rows := logLines(t, filepath.Join(dir, MetricsFile))
	if len(rows) != 3 || rows[2]["x"] != 3.0 || !again.Resumed {
		t.Errorf("kept %v, resumed %v", rows, again.Resumed)
	}
}
