package ppo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agora/policy/cpu"
	"agora/reward/prefs"
)

func TestBestOfCurve(t *testing.T) {
	// Best of 2 of {1 2 3 4}: the six pairs have the maxima 2 3 4 3 4 4.
	curve := BestOfCurve([][]float64{{3, 1, 4, 2}, {0, 0, 0, 0}}, nil)
	for i, want := range []struct {
		n         int
		kl, score float64
	}{{1, 0, 2.5 / 2}, {2, .1931, 20. / 6 / 2}, {4, .6363, 4. / 2}} {
		if curve[i].N != want.n {
			t.Fatalf("curve %v", curve)
		}
		near(t, "KL", curve[i].KL, want.kl, 5e-5)
		near(t, "score", curve[i].Score, want.score, 1e-12)
	}
	three := BestOfCurve([][]float64{{1, 2, 6}}, nil)
	near(t, "best of 2 of 3", three[1].Score, (2.+6+6)/3, 1e-12)
	near(t, "best of 3 of 3", three[2].Score, 6, 1e-12)
}

func TestBestOfN(t *testing.T) {
	dir := t.TempDir()
	job := toyFiles(t, dir)
	dev, err := cpu.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	cmd := BestOfNCmd{Policy: job.Policy, Reward: []string{job.Reward, job.Judge}, Combine: "mean", Prompts: job.Prompts, N: 6, Keep: 1, MaxNew: 8, Temperature: 1, Batch: 8}
	read := func() (rows []*prefs.Completions, curve []BestOf) {
		var out bytes.Buffer
		if curve, err = cmd.run(context.Background(), dev, &out); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "out.jsonl")
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		for r, err := range prefs.Read(path, prefs.Auto) {
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, r.(*prefs.Completions))
		}
		return rows, curve
	}
	best, curve := read()
	cmd.Keep = 0
	all, _ := read()
	if len(best[0].Completions) != 1 || best[0].Completions[0].Text != all[0].Completions[0].Text {
		t.Errorf("kept %v of %v", best[0].Completions, all[0].Completions)
	}
	if len(best) != 5 || len(all) != 5 || len(curve) != 4 || curve[3].N != 6 {
		t.Fatalf("%d and %d rows, curve %v", len(best), len(all), curve)
	}
	for i := range all {
		var scores []float64
		for _, c := range all[i].Completions {
			raw, _ := c.Extra.Get("score")
			var s float64
			if err := json.Unmarshal(raw, &s); err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			scores = append(scores, s)
		}
		if len(scores) != 6 || !slices.IsSortedFunc(scores, func(a, b float64) int { return cmp.Compare(b, a) }) {
			t.Errorf("row %d: scores %v", i, scores)
		}
		if all[i].PromptID != best[i].PromptID {
			t.Errorf("row %d: prompts differ", i)
		}
	}
	if curve[0].Score >= curve[3].Score {
		t.Errorf("the best is no better: %v", curve)
	}
}

func TestBestOfNRefusesAbsurdFlags(t *testing.T) {
	good := BestOfNCmd{N: 2, MaxNew: 4, Temperature: 1}
	for _, tt := range []struct {
		want   string
		change func(*BestOfNCmd)
	}{
		{"", func(c *BestOfNCmd) {}},
		{"--n 0", func(c *BestOfNCmd) { c.N = 0 }},
		{"--keep -1", func(c *BestOfNCmd) { c.Keep = -1 }},
		{"--temperature 0", func(c *BestOfNCmd) { c.Temperature = 0 }},
		{"temperature +Inf", func(c *BestOfNCmd) { c.Temperature = math.Inf(1) }},
		{"max_new 0", func(c *BestOfNCmd) { c.MaxNew = 0 }},
	} {
		c := good
		tt.change(&c)
		if err := c.validate(); (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("want %q, got %v", tt.want, err)
		}
	}
}
