package scale

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agora/policy"
)

// sweepOf are profiles whose losses are parabolas with minima at N = scale · C^a.
func sweepOf(a, scale, noise float64) []Profile {
	var list []Profile
	for _, flops := range []float64{1e12, 4e12, 1.6e13, 6.4e13} {
		p := Profile{Flops: flops}
		best := scale * math.Pow(flops, a)
		for i, share := range []float64{.2, .4, .7, 1, 1.5, 3, 5} {
			x := math.Log10(share)
			p.Runs = append(p.Runs, Observation{Params: best * share, Tokens: flops / (6 * best * share), Loss: 3 + .5*x*x + noise*math.Sin(float64(7*i)+flops/1e12)})
		}
		list = append(list, p)
	}
	return list
}

// TestIsoFLOPMinima: exponent and scale come back from parabolas, exactly without noise, within the
// interval with some.
func TestIsoFLOPMinima(t *testing.T) {
	for _, noise := range []float64{0, .01} {
		r := IsoFLOP{Profiles: sweepOf(.6, .02, noise)}
		var all []Observation
		for i := range r.Profiles {
			r.Profiles[i].minimum(r.Profiles[i].Runs)
			all = append(all, r.Profiles[i].Runs...)
		}
		r.fit(all, 200, 1)
		if r.Used != 4 || noise == 0 && (math.Abs(r.ExponentN-.6) > 1e-6 || !near(r.Scale, .02, 1e-4)) {
			t.Errorf("noise %g: N = %g·C^%g from %d minima", noise, r.Scale, r.ExponentN, r.Used)
		}
		if in := r.NInterval; in == nil || in.Lo > .6+1e-6 || in.Hi < .6-1e-6 || in.Hi-in.Lo > .3 || r.Resamples != 200 || r.Fitted < 150 {
			t.Errorf("noise %g: a in %+v from %d of %d draws", noise, in, r.Fitted, r.Resamples)
		}
		if r.ExponentN+r.ExponentD != 1 {
			t.Errorf("a + b = %g", r.ExponentN+r.ExponentD)
		}
	}
}

// TestIsoFLOPWithoutMinimum: profiles that only fall, or whose minimum lies outside, are not used, and
// the report says why there is no exponent.
func TestIsoFLOPWithoutMinimum(t *testing.T) {
	falling := Profile{Flops: 1e12}
	for _, n := range []float64{1e4, 1e5, 1e6} {
		falling.Runs = append(falling.Runs, Observation{Params: n, Tokens: 1e12 / (6 * n), Loss: 5 - math.Log10(n)/10})
	}
	r := IsoFLOP{Profiles: append(sweepOf(.5, .1, 0)[:1], falling)}
	r.Profiles[0].Runs = r.Profiles[0].Runs[:3] // up to 0.7 of the best
	var all []Observation
	for i := range r.Profiles {
		r.Profiles[i].minimum(r.Profiles[i].Runs)
		all = append(all, r.Profiles[i].Runs...)
	}
	if !r.Profiles[0].Outside || r.Profiles[1].Curve != nil {
		t.Errorf("profiles %+v", r.Profiles)
	}
	r.fit(all, 100, 1)
	report := isoflopReport{Config: policy.Named(ptr(DefaultIsoFLOP())).(map[string]any), Text: strings.Repeat("0", 64), IsoFLOP: r}
	if text := report.markdown(); !strings.Contains(text, "0 of 2 budgets have a minimum") || !strings.Contains(text, "beyond the sizes that were run") || !strings.Contains(text, "no parabola") {
		t.Error(text)
	}
}

func ptr[T any](x T) *T { return &x }

// TestIsoFLOPSweep runs a grid of seconds from the command on, twice, and fits a law to its folder.
func TestIsoFLOPSweep(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.txt")
	var b strings.Builder
	for i := range 400 {
		fmt.Fprintf(&b, "The %s sat on the %s and saw %d birds.\n", []string{"cat", "dog", "hen"}[i%3], []string{"mat", "hill", "roof", "road"}[i%4], i%9+2)
	}
	if err := os.WriteFile(text, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	cmd := IsoFLOPCmd{textFlags: textFlags{Data: []string{text}, Out: out}, Set: []string{
		"widths=[8,16,24,32]", "budgets=[4e8,8e8]", "base_width=16", "head_dim=8", "layers=1", "vocab=300", "context=16", "batch_sequences=2",
		"fewest_steps=4", "fewest_tokens_per_param=0", "passes=100", "held_out=200", "resamples=100",
	}}
	for range 2 {
		if err := cmd.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Set = append(cmd.Set, "fewest_steps=100000")
	if err := cmd.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no run is within the limits") {
		t.Errorf("with limits that leave nothing: %v", err)
	}
	cells, _ := filepath.Glob(filepath.Join(out, "cells", "*.json"))
	if len(cells) != 8 {
		t.Errorf("%d cells, want 8", len(cells))
	}
	for name, want := range map[string]string{"report.md": "| 4e+08 |", "isoflop.svg": "8e+08 FLOPs", "frontier.svg": "20 tokens a parameter", "isoflop.json": `"profiles"`} {
		if data, err := os.ReadFile(filepath.Join(out, name)); err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s lacks %q (%v)", name, want, err)
		}
	}
	runs, err := ReadRuns([]string{out})
	if err != nil || len(runs) != 8 {
		t.Errorf("%d runs in %s (%v)", len(runs), out, err)
	}
	for _, r := range runs {
		if flops := 6 * r.Params * r.Tokens; !near(flops, 4e8, .15) && !near(flops, 8e8, .15) {
			t.Errorf("%s has %g FLOPs", r.Source, flops)
		}
	}
}

// TestPlanFit: runs as JSON lines become a law that the plan recommends.
func TestPlanFit(t *testing.T) {
	dir := t.TempDir()
	var lines bytes.Buffer
	for _, r := range synthetic(besiroglu, 0, 1) {
		r.Source = ""
		if err := json.NewEncoder(&lines).Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	lines.WriteString("{\"params\": 2e7, \"tokens\": 8333333333.333333, \"loss\": 9}\n") // a worse run of the same shape does not count
	path := filepath.Join(dir, "runs.jsonl")
	if err := os.WriteFile(path, lines.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	never := func() (float64, error) { t.Error("measured without need"); return 1, nil }
	cmd := PlanCmd{Fit: true, Resamples: 100, Runs: []string{path}, Flops: "1e19"}
	r, err := cmd.plan(never)
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Methods[0]; m.Method != ownMethod || !m.Recommended || r.Methods[1].Recommended || !near(m.TokensPerParam, 24.2, .03) || r.Fit.Runs != 30 {
		t.Errorf("%d runs: %+v", r.Fit.Runs, m)
	}
	var text bytes.Buffer
	if err := r.print(&text, false); err != nil || !strings.Contains(text.String(), "own-fit *") || !strings.Contains(text.String(), "a (N ∝ C^a)  0.51") {
		t.Errorf("printed %s (%v)", text.String(), err)
	}
	cmd.Flops = ""
	if r, err = cmd.plan(never); err != nil || r.Fit == nil || r.Methods != nil {
		t.Errorf("without a budget: %+v (%v)", r, err)
	}
	cmd.Resamples = 0
	checkNoIntervals(t, cmd)
	for _, n := range []int{-1, 1, 99} {
		cmd.Resamples = n
		if _, err := cmd.plan(never); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("--resamples %d: must be at least 100", n)) {
			t.Errorf("%d resamples: %v", n, err)
		}
	}
	cmd.Resamples = 0
	for _, c := range []struct {
		text, want string
	}{
		{"{\"params\": 1}\n", "runs.jsonl: line 1: params 1, tokens 0 and loss 0"}, {"\n{\n", "runs.jsonl: line 2"}, {"", "0 runs"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := cmd.plan(never); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.text, err, c.want)
		}
	}
	if _, err := (&PlanCmd{Fit: true}).plan(never); err == nil || !strings.Contains(err.Error(), "--fit and the runs") {
		t.Errorf("no runs: %v", err)
	}
	if _, err := (&PlanCmd{Fit: true, Runs: []string{dir}}).plan(never); err == nil || !strings.Contains(err.Error(), "neither a folder of policy isoflop") {
		t.Errorf("an empty folder: %v", err)
	}
}

// checkNoIntervals: without a bootstrap there are none, in text and in JSON.
func checkNoIntervals(t *testing.T, cmd PlanCmd) {
	t.Helper()
	r, err := cmd.plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	var text, asJSON bytes.Buffer
	if err := errors.Join(r.print(&text, false), r.print(&asJSON, true)); err != nil {
		t.Fatal(err)
	}
	if s := text.String(); strings.Contains(s, " to 0.0") || strings.Contains(s, "95 %") || !strings.Contains(s, "No intervals: no bootstrap was asked for.") {
		t.Error(s)
	}
	var back struct{ Fit map[string]any }
	if err := json.Unmarshal(asJSON.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"alpha_interval", "beta_interval", "a_interval", "b_interval"} {
		if in, ok := back.Fit[name]; !ok || in != nil {
			t.Errorf("%s is %v in %s", name, in, asJSON.String())
		}
	}
}

// TestPretrainRunsAreRead: a run directory tells its size, tokens and loss.
func TestPretrainRunsAreRead(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("The cat sat on the mat.\nA dog saw nine birds.\n", 100)), 0o644); err != nil {
		t.Fatal(err)
	}
	small := smallTransfer()
	c := small.run32()
	c.Documents, c.Validation, c.Steps = policy.DocumentLine, .1, 3
	r, err := policy.Pretrain(t.Context(), testDevice(t), c, policy.Job{Data: []string{text}, Out: filepath.Join(dir, "run")})
	if err != nil {
		t.Fatal(err)
	}
	runs, err := ReadRuns([]string{filepath.Join(dir, "run")})
	if err != nil || len(runs) != 1 {
		t.Fatalf("%v (%v)", runs, err)
	}
	tokens := float64(3 * c.BatchSequences * c.Context)
	if got := runs[0]; got.Tokens != tokens || got.Loss != r.Metrics[policy.MetricValLoss] || got.Params < 10000 || got.Params > 30000 {
		t.Errorf("%+v, want %g tokens and loss %g", got, tokens, r.Metrics[policy.MetricValLoss])
	}
}
