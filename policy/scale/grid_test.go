package scale

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agora/policy"
)

// smallTransfer is a grid of seconds.
func smallTransfer() TransferConfig {
	c := DefaultTransfer()
	c.Widths, c.BaseWidth, c.HeadDim, c.Layers, c.Vocab, c.Context = []int{16, 32}, 16, 8, 1, 300, 32
	c.Steps, c.RateFrom, c.RateTo, c.Seeds, c.Reach, c.HeldOut = 12, -9, -5, 2, 1, 256
	return c
}

func smallGrid(t *testing.T, dir string, text policy.Text, held int) *grid {
	return &grid{dir: dir, dev: testDevice(t), text: text, hash: hashText(text), held: held}
}

// TestTransfer: the grid has every rate for the first seed and those in reach for the second, shares the
// runs of the base width, goes on where it was stopped with the same result, and refuses cells of other
// settings.
func TestTransfer(t *testing.T) {
	text, c := smallText(t), smallTransfer()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	whole, dir := t.TempDir(), t.TempDir()
	curves, err := c.transfer(t.Context(), smallGrid(t, whole, text, c.HeldOut))
	if err != nil {
		t.Fatal(err)
	}
	cells, _ := filepath.Glob(filepath.Join(whole, "cells", "*.json"))
	if most := 4 * (5 + 3); len(cells) > most || len(cells) < most-4 {
		t.Errorf("%d cells, want at most %d", len(cells), most)
	}
	if a, b := curveOf(curves, policy.Mup, 16), curveOf(curves, policy.Standard, 16); *a.Rates[0].Mean != *b.Rates[0].Mean {
		t.Error("at the base width the parametrisations differ")
	}
	if a, b := curveOf(curves, policy.Mup, 32), curveOf(curves, policy.Standard, 32); *a.Rates[2].Losses[0] == *b.Rates[2].Losses[0] {
		t.Error("at twice the base width they do not differ")
	}
	ctx, cancel := context.WithCancel(t.Context())
	g := smallGrid(t, dir, text, c.HeldOut)
	j := c.job(policy.Standard, 16, -9, 1)
	if _, err := g.run(ctx, j); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := c.transfer(ctx, g); !errors.Is(err, context.Canceled) || !strings.Contains(g.stopped(err).Error(), "the same command goes on") {
		t.Errorf("stopped: %v", err)
	}
	again, err := c.transfer(t.Context(), smallGrid(t, dir, text, c.HeldOut))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(curves)
	if b, _ := json.Marshal(again); string(a) != string(b) {
		t.Errorf("resumed: %s, want %s", b, a)
	}
	other := c
	other.Steps = 13
	if _, err := other.transfer(t.Context(), smallGrid(t, dir, text, c.HeldOut)); err == nil || !strings.Contains(err.Error(), "was run with steps = 12, now it is 13") {
		t.Errorf("other settings: %v", err)
	}
	checkTransferReport(t, c, curves, smallGrid(t, whole, text, c.HeldOut))
}

func checkTransferReport(t *testing.T, c TransferConfig, curves []Curve, g *grid) {
	t.Helper()
	dir := t.TempDir()
	r := newTransferReport(c, curves, g)
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"report.md": "| 2^-9 |", "transfer.json": `"vertex_steps"`, "mup.svg": "width 32", "standard.svg": "width 16"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s lacks %q (%v)", name, want, err)
		}
	}
}

// TestBestRate: the best is of least mean loss among the rates that all seeds have run; the vertex is
// that of a parabola; a rate that diverged is never the best.
func TestBestRate(t *testing.T) {
	x := func(v float64) *float64 { return &v }
	c := Curve{Rates: []Rate{
		{Log2: -4, Losses: []*float64{x(1)}}, {Log2: -3, Losses: []*float64{x(3), x(3.2)}}, {Log2: -2, Losses: []*float64{x(2.9), x(2.7)}},
		{Log2: -1, Losses: []*float64{x(2.9), x(2.9)}}, {Log2: 0, Losses: []*float64{x(2), nil}},
	}}
	c.summarise(2)
	// Means 3.1, 2.8, 2.9: the vertex is at -2 + (3.1 - 2.9) / (2·(3.1 - 5.6 + 2.9)) = -1.75.
	if c.Best != -2 || math.Abs(c.Fine+1.75) > 1e-9 || c.Edge {
		t.Errorf("best %d, vertex %g, edge %t", c.Best, c.Fine, c.Edge)
	}
	if s := c.Rates[2].StdError; math.Abs(s-.1) > 1e-9 {
		t.Errorf("standard error %g, want 0.1", s)
	}
}

// TestClaims: what is said of a shift.
func TestClaims(t *testing.T) {
	for _, c := range []struct {
		shift Shift
		want  string
	}{
		{Shift{Parametrization: policy.Mup, From: 128, To: 512, Steps: -1}, "shows"},
		{Shift{Parametrization: policy.Mup, From: 128, To: 512, Steps: -2}, "does not show here"},
		{Shift{Parametrization: policy.Mup, From: 128, To: 512, Edge: true}, "does not show here"},
		{Shift{Parametrization: policy.Standard, From: 128, To: 512, Steps: -2}, "shows"},
		{Shift{Parametrization: standardFanIn, From: 128, To: 512, Steps: -1}, "does not show here"},
		{Shift{Parametrization: policy.Standard, From: 256, To: 512, Steps: -1}, ""},
	} {
		if _, says := c.shift.claim(); says != c.want {
			t.Errorf("%+v: %q, want %q", c.shift, says, c.want)
		}
	}
}

// TestTrialIsPretrain: a cell takes the very steps that policy pretrain takes.
func TestTrialIsPretrain(t *testing.T) {
	dir := t.TempDir()
	docs := strings.Split(strings.Repeat("The cat sat on the mat.\nA dog saw nine birds.\nWhere is the owl?\n", 60), "\n")
	path := filepath.Join(dir, "text.txt")
	if err := os.WriteFile(path, []byte(strings.Join(docs, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	small := smallTransfer()
	c := small.run32()
	docs, err := policy.ReadDocuments([]string{path}, policy.DocumentLine)
	if err != nil {
		t.Fatal(err)
	}
	text, err := policy.NewText(docs, docs[:4], 300)
	if err != nil {
		t.Fatal(err)
	}
	trial, err := policy.NewTrial(testDevice(t), c, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	var losses []float64
	for range c.Steps {
		loss, err := trial.Step()
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, loss)
	}
	c.Documents, c.Validation = policy.DocumentLine, 0
	log := &lossLog{}
	if _, err := policy.Pretrain(t.Context(), testDevice(t), c, policy.Job{Data: []string{path}, Out: filepath.Join(dir, "run"), Sinks: []policy.Sink{log}}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(log.losses, losses) {
		t.Errorf("policy pretrain: %v, the trial: %v", log.losses, losses)
	}
}

// run32 is a run of the grid at twice the base width.
func (c TransferConfig) run32() policy.PretrainConfig { return c.job(policy.Mup, 32, -7, 1).config }

type lossLog struct{ losses []float64 }

func (l *lossLog) Metrics(_ int, values map[string]float64) error {
	l.losses = append(l.losses, values[policy.MetricLoss])
	return nil
}
func (*lossLog) Sample(int, map[string]any) error { return nil }
func (*lossLog) Progress(int, int)                {}
