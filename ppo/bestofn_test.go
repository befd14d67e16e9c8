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
		sum, err := cmd.run(context.Background(), dev, &out)
		if err != nil {
			t.Fatal(err)
		}
		curve = sum.Curve
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
		{"2 of --weight for 1 of --reward", func(c *BestOfNCmd) { c.Reward, c.Weight = []string{"rm"}, []float64{1, 2} }},
		{"weight 1 is +Inf", func(c *BestOfNCmd) { c.Reward, c.Weight = []string{"rm"}, []float64{math.Inf(1)} }},
		{"sum to 0", func(c *BestOfNCmd) {
			c.Reward, c.Weight, c.Combine = []string{"rm", "rm2"}, []float64{1, -1}, "mean"
		}},
		{"--judge and --plot", func(c *BestOfNCmd) { c.Beside = "runs/ppo" }},
		{"max_new 0", func(c *BestOfNCmd) { c.MaxNew = 0 }},
	} {
		c := good
		tt.change(&c)
		if err := c.validate(); (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("want %q, got %v", tt.want, err)
		}
	}
}

// The judge reads what the reward chose; the chart has both, their fits, and a run beside them.
func TestBestOfNWithAJudge(t *testing.T) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), toyConfig()
	job.Ptx, job.Out = nil, filepath.Join(dir, "run")
	c.Iterations, c.Episodes, c.ScoreSamples, c.KLCoef = 8, 16, 16, 0
	if err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	dev, err := cpu.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	cmd := BestOfNCmd{Policy: job.Policy, Reward: []string{job.Reward, job.Judge}, Weight: []float64{1, -2}, Judge: job.Judge, Combine: "sum", Prompts: job.Prompts,
		N: 16, Keep: 1, MaxNew: 8, Temperature: 1, Batch: 16, Plot: filepath.Join(dir, "over.svg"), Beside: job.Out}
	var out bytes.Buffer
	sum, err := cmd.run(context.Background(), dev, &out)
	if err != nil {
		t.Fatal(err)
	}
	var row struct {
		Completions []struct{ Score, Judge *float64 }
	}
	if err := json.NewDecoder(&out).Decode(&row); err != nil || row.Completions[0].Score == nil || row.Completions[0].Judge == nil {
		t.Errorf("%+v, %v", row, err)
	}
	first, last := sum.Curve[0], sum.Curve[len(sum.Curve)-1]
	if !(last.Score > first.Score) || !(*last.Judge < *first.Judge) { // its weight is negative
		t.Errorf("score %g → %g, judge %g → %g", first.Score, last.Score, *first.Judge, *last.Judge)
	}
	if sum.Fit == nil || !sum.Fit.BestN || sum.Run == nil || sum.Run.BestN {
		t.Errorf("fits %+v and %+v", sum.Fit, sum.Run)
	}
	var text bytes.Buffer
	sum.print(&text)
	if s := text.String(); strings.Count(s, "judge") < 6 || !strings.Contains(s, "the run's") {
		t.Errorf("printed\n%s", s)
	}
	svg, err := os.ReadFile(cmd.Plot)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"judge, best of n", "reward, best of n", "judge, the run", "ln d"} {
		if !bytes.Contains(svg, []byte(name)) {
			t.Errorf("the chart lacks %q", name)
		}
	}
	cmd.Weight, cmd.Judge, cmd.Plot, cmd.Beside = nil, "", "", "" // a control: without weights another sample wins
	plain, err := cmd.run(context.Background(), dev, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if plain.Fit != nil || plain.Curve[0].Judge != nil || plain.Curve[4].Score == last.Score {
		t.Errorf("without weights and judge: %+v", plain)
	}
	cmd.Judge, cmd.Plot, cmd.Beside = job.Judge, filepath.Join(dir, "x.svg"), dir
	if _, err := cmd.run(context.Background(), dev, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "--run") {
		t.Errorf("a folder without a run: %v", err)
	}
}
