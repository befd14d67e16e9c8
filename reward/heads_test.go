package reward

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agora/policy"
	"agora/reward/prefs"
)

// opposed are toy rankings by labelers of two groups: "more" likes exclamation marks, "less" the
// contrary. Every so many-th labeler is of "less", 20 are there in all.
func opposed(n, every int) []*prefs.Ranked {
	lines := toyRankings(n)
	more, less := "more", "less"
	for i, r := range lines {
		r.Groups = map[string]*string{"side": &more}
		if i%every == 0 {
			r.Groups["side"] = &less
			top := 0
			for _, rank := range r.Ranks {
				top = max(top, *rank)
			}
			ranks := make([]*int, len(r.Ranks))
			for k, rank := range r.Ranks {
				turned := top + 1 - *rank
				ranks[k] = &turned
			}
			r.Ranks = ranks
		}
		r.Worker = "w" + *r.Groups["side"] + r.Worker
	}
	return lines
}

func TestHeadsLearnWhatGroupsWant(t *testing.T) {
	lines := opposed(200, 2)
	p := tinyPolicy(t, toyTexts(lines), 300, 32, 2)
	c := toyConfig()
	c.ValWorkers = 0
	dir := t.TempDir()
	one, err := Train(t.Context(), device(t), p, Data{Rankings: lines}, c, t.TempDir(), policy.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if one.Val.Accuracy > .65 {
		t.Fatalf("one head for two opposed groups is right %.2f of the time: the groups are not opposed", one.Val.Accuracy)
	}
	c.GroupBy, c.GroupHeads = "side", true
	r, err := Train(t.Context(), device(t), p, Data{Rankings: lines}, c, dir, policy.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range []string{"side=less", "side=more"} {
		if part := r.Val.ByGroup[group]; part.Accuracy < .95 {
			t.Errorf("%s: own head right %.2f of %d", group, part.Accuracy, part.N)
		}
	}
	if !slices.Equal(r.Val.Heads, []string{"less", "more"}) {
		t.Errorf("heads %v", r.Val.Heads)
	}
	more, less, mean := loadToy(t, dir+"#more"), loadToy(t, dir+"#less"), loadToy(t, dir)
	for i := range mean {
		if math.Abs(float64(mean[i]-(more[i]+less[i])/2)) > 1e-4 {
			t.Errorf("text %d: the mean of %g and %g is not %g", i, more[i], less[i], mean[i])
		}
	}
	if corr := correlation(more, less); corr > -.5 {
		t.Errorf("the heads agree: correlation %.2f", corr)
	}
	r.Model.Select("more")
	if !slices.EqualFunc(scoreToy(t, r.Model), more, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-4 }) {
		t.Error("a selected head scores differently from the same head loaded alone")
	}
	if _, err := Load(dir + "#nobody"); err == nil || !strings.Contains(err.Error(), "less, more") {
		t.Errorf("a head that is not there: %v", err)
	}
}

func loadToy(t *testing.T, dir string) []float32 {
	t.Helper()
	m, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return scoreToy(t, m)
}

func correlation(x, y []float32) float64 {
	var mx, my, xx, yy, xy float64
	for i := range x {
		mx, my = mx+float64(x[i])/float64(len(x)), my+float64(y[i])/float64(len(y))
	}
	for i := range x {
		dx, dy := float64(x[i])-mx, float64(y[i])-my
		xx, yy, xy = xx+dx*dx, yy+dy*dy, xy+dx*dy
	}
	return xy / math.Sqrt(xx*yy)
}

func TestRobustWeights(t *testing.T) {
	r := newRobust(.5, []float64{.75, .25})
	if f := [2]float32{r.factor(0), r.factor(1)}; math.Abs(float64(f[0])-2./3) > 1e-6 || f[1] != 2 {
		t.Errorf("at first groups weigh alike: factors %v", f)
	}
	r.update([]float64{.3, 0}, []float64{.75, 0}) // the second was not in the step
	want := .5 * math.Exp(.5*.4) / (.5*math.Exp(.5*.4) + .5)
	if math.Abs(r.Alpha[0]-want) > 1e-12 || math.Abs(r.Alpha[0]+r.Alpha[1]-1) > 1e-12 {
		t.Errorf("α %v, want %g", r.Alpha, want)
	}
	for range 400 {
		r.update([]float64{.1, .9}, []float64{1, 1})
	}
	if r.Alpha[1] < .999 {
		t.Errorf("the group with the higher loss ends with %g", r.Alpha[1])
	}
	if (*robust)(nil).factor(3) != 1 {
		t.Error("without robust_rate nothing is reweighed")
	}
}

// One head for two opposed groups of three to one: it sides with the majority, unless the loss is robust.
func TestRobustLossHearsTheMinority(t *testing.T) {
	lines := opposed(200, 4)
	p := tinyPolicy(t, toyTexts(lines), 300, 32, 2)
	accuracy := func(rate float64) (less, more float64) {
		c := toyConfig()
		c.ValWorkers, c.GroupBy, c.RobustRate = 0, "side", rate
		if rate == 0 {
			c.GroupBy = ""
		}
		r, err := Train(t.Context(), device(t), p, Data{Rankings: lines}, c, t.TempDir(), policy.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Val.ByGroup["side=less"].Accuracy, r.Val.ByGroup["side=more"].Accuracy
	}
	less, more := accuracy(0)
	if less > .2 || more < .8 {
		t.Fatalf("without robust_rate: minority %.2f, majority %.2f", less, more)
	}
	heard, _ := accuracy(.5)
	if heard < less+.2 {
		t.Errorf("minority right %.2f with robust_rate, %.2f without", heard, less)
	}
}

// Two opposed groups of equal weight, each with a head of its own: what a step reports, and what moves the
// groups' weights, is the loss by those heads, which is the one that is minimised.
func TestStepMetricsReadOwnHeads(t *testing.T) {
	for name, change := range map[string]func(*TrainConfig){
		"heads":            func(*TrainConfig) {},
		"heads, smoothed":  func(c *TrainConfig) { c.LabelSmoothing = .1 },
		"heads and robust": func(c *TrainConfig) { c.RobustRate = .5 },
	} {
		lines := opposed(200, 2) // one line of either group on every prompt
		c := toyConfig()
		c.ValWorkers, c.GroupBy, c.GroupHeads = 0, "side", true
		change(&c)
		dir := t.TempDir()
		if _, err := Train(t.Context(), device(t), tinyPolicy(t, toyTexts(lines), 300, 32, 2), Data{Rankings: lines}, c, dir, policy.RunOptions{}); err != nil {
			t.Fatal(err)
		}
		steps := metricsOf(t, dir)
		for i, m := range steps {
			want := 0.0
			for _, side := range []string{"less", "more"} {
				weight, ok := m["group_weight/"+side]
				if !ok {
					weight = .5
				}
				want += weight * m["group_loss/"+side]
			}
			if math.Abs(m["loss"]-want) > 1e-5 {
				t.Fatalf("%s, step %d: loss %.6f, %.6f by groups", name, i+1, m["loss"], want)
			}
		}
		last := steps[len(steps)-1]
		for _, metric := range []string{"accuracy", "group_accuracy/less", "group_accuracy/more", "eval_accuracy"} {
			if last[metric] < .75 { // of one batch, with dropout; read by the mean of the heads one group has what the other lacks
				t.Errorf("%s: %s ends at %.2f", name, metric, last[metric])
			}
		}
		if w, ok := last["group_weight/less"]; ok && (w < .4 || w > .6) { // both heads learn equally fast
			t.Errorf("%s: a group that is as well off as the other weighs %.2f", name, w)
		}
	}
}

// metricsOf reads a run's metrics, a line a step.
func metricsOf(t *testing.T, dir string) []map[string]float64 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, policy.MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]float64
	for row := range strings.Lines(string(data)) {
		var line map[string]any
		if err := json.Unmarshal([]byte(row), &line); err != nil {
			t.Fatal(err)
		}
		numbers := map[string]float64{}
		for name, v := range line {
			if x, ok := v.(float64); ok {
				numbers[name] = x
			}
		}
		out = append(out, numbers)
	}
	return out
}

func TestGroupSettings(t *testing.T) {
	for _, tt := range []struct {
		change func(*TrainConfig)
		want   string
	}{
		{func(c *TrainConfig) { c.GroupHeads = true }, "need group_by"},
		{func(c *TrainConfig) { c.GroupBy = "side" }, "does nothing"},
		{func(c *TrainConfig) { c.GroupBy, c.GroupHeads, c.Loss = "side", true, LossPlackettLuce }, "go with loss = kwise"},
		{func(c *TrainConfig) { c.GroupBy, c.RobustRate = "side", -1 }, "robust_rate"},
		{func(c *TrainConfig) { c.GroupBy, c.GroupHeads = "height", true }, "no ranking has that group"},
	} {
		c := toyConfig()
		tt.change(&c)
		lines := opposed(20, 2)
		_, err := Train(t.Context(), device(t), tinyPolicy(t, toyTexts(lines), 280, 32, 1), Data{Rankings: lines}, c, t.TempDir(), policy.RunOptions{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("want %q, got %v", tt.want, err)
		}
	}
}
