package reward

import (
	"math"
	"slices"
	"strings"
	"testing"

	"agora/policy"
	"agora/policy/graph"
	"agora/reward/prefs"
)

// traced runs a loss of scores on the reference interpreter and returns it with its gradient.
func traced(t *testing.T, scores []float32, trace func(g *graph.Graph, s *graph.Value, f *graph.Feeds) *graph.Value) (float64, []float32) {
	t.Helper()
	params := graph.NewParams()
	table := params.MustAdd("scores", len(scores), 1)
	copy(table.Data, scores)
	g := graph.New(params)
	ids := g.Ints("ids", g.Dim("texts", 64))
	var feeds graph.Feeds
	all := make([]int32, len(scores))
	for i := range all {
		all[i] = int32(i)
	}
	feeds.Ints(ids, all)
	loss := trace(g, g.Embedding(ids, table), &feeds)
	g.Gradients(loss)
	prog, err := graph.NewReference(g)
	if err != nil {
		t.Fatal(err)
	}
	if err := prog.Run(&feeds); err != nil {
		t.Fatal(err)
	}
	return prog.Exact(loss)[0], table.Grad
}

func plackettLuceOf(t *testing.T, scores []float32, ranks ...int) (float64, []float32) {
	t.Helper()
	return traced(t, scores, func(g *graph.Graph, s *graph.Value, feeds *graph.Feeds) *graph.Value {
		f := newStageFeed(g, g.Dim("stages", 64), g.Dim("entries", 256))
		f.feed(feeds, stagesOf(line("p", 1, "abcdefgh"[:len(ranks)], ranks...)))
		return plackettLuceLoss(g, s, f)
	})
}

func TestPlackettLuce(t *testing.T) {
	for _, tt := range []struct {
		name   string
		scores []float32
		ranks  []int
		want   float64
	}{
		{"ranked 2 1 0 -1", []float32{2, 1, 0, -1}, []int{1, 2, 3, 4}, 1.1610573505}, // rlhf_numerics.md
		{"in another order", []float32{0, 2, -1, 1}, []int{3, 1, 4, 2}, 1.1610573505},
		{"the same plus 50", []float32{52, 51, 50, 49}, []int{1, 2, 3, 4}, 1.1610573505},
		{"all equal: ln 4!", []float32{3, 3, 3, 3}, []int{1, 2, 3, 4}, 3.1780538303},
		{"two texts: the pairwise loss", []float32{1.5, .25}, []int{1, 2}, math.Log1p(math.Exp(-1.25))},
		{"a tie for second: one choice", []float32{0, 0, 0}, []int{1, 2, 2}, math.Log(3)},
		{"a tie for first: two choices against the last", []float32{0, 5, 0}, []int{1, 1, 2}, math.Ln2 + math.Log1p(math.Exp(-5))},
		{"nothing but ties", []float32{1, 2}, []int{1, 1}, 0},
	} {
		got, _ := plackettLuceOf(t, tt.scores, tt.ranks...)
		if math.Abs(got-tt.want) > 1e-6*math.Max(1, tt.want) {
			t.Errorf("%s: %.10f, want %.10f", tt.name, got, tt.want)
		}
	}
	if got, _ := plackettLuceOf(t, []float32{-300, 300}, 1, 2); math.IsInf(got, 0) || got < maxScoreGap {
		t.Errorf("far apart: %v", got)
	}
}

func TestPlackettLuceGradient(t *testing.T) {
	scores, ranks := []float32{.3, -1.2, .8, 2.1, -.4}, []int{2, 4, 1, 3, 5}
	_, grad := plackettLuceOf(t, scores, ranks...)
	for i := range scores {
		const eps = 1.0 / 1024
		up, down := slices.Clone(scores), slices.Clone(scores)
		up[i] += eps
		down[i] -= eps
		a, _ := plackettLuceOf(t, up, ranks...)
		b, _ := plackettLuceOf(t, down, ranks...)
		if want := (a - b) / float64(up[i]-down[i]); math.Abs(float64(grad[i])-want) > 1e-5 {
			t.Errorf("d loss/d score[%d] = %v, finite difference %v", i, grad[i], want)
		}
	}
}

func kwiseOf(t *testing.T, scores []float32, smoothing float64, pairs ...link) float64 {
	t.Helper()
	loss, _ := traced(t, scores, func(g *graph.Graph, s *graph.Value, feeds *graph.Feeds) *graph.Value {
		rows := g.Dim("pairs", 64)
		f := newPairFeed(g, rows, nil)
		f.smoothing, f.margin = smoothing, g.Floats("margin", rows, 1)
		f.feed(feeds, pairs, nil)
		better, worse := f.sides(g, s)
		return kwiseLoss(g, g.Sub(better, worse), f)
	})
	return loss
}

func TestMarginsAndSmoothing(t *testing.T) {
	lost := func(gap float64) float64 { return math.Log1p(math.Exp(-gap)) } // −log σ
	scores := []float32{1.5, .25}
	for _, tt := range []struct {
		name              string
		margin, smoothing float64
		want              float64
	}{
		{"plain", 0, 0, lost(1.25)},
		{"a margin of 1", 1, 0, lost(.25)},
		{"one label in five wrong", 0, .2, .8*lost(1.25) + .2*lost(-1.25)},
		{"both", 1, .2, .8*lost(.25) + .2*lost(-.25)},
	} {
		got := kwiseOf(t, scores, tt.smoothing, link{a: 0, b: 1, weight: 1, margin: float32(tt.margin)})
		if math.Abs(got-tt.want) > 1e-6 {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestMarginOf(t *testing.T) {
	strong := 2.0
	ranked := line("p", 1, "ab", 1, 2)
	if m := marginOf(ranked); m != 0 {
		t.Errorf("a plain line has margin %v", m)
	}
	ranked.Strength = &strong
	if m := marginOf(ranked); m != 2 {
		t.Errorf("strength 2 gives margin %v", m)
	}
	rows := `{"prompt":"x","chosen":"a","rejected":"b","margin":0.7}`
	for r, err := range prefs.Decode(strings.NewReader(rows), "rows", prefs.Auto) {
		if err != nil {
			t.Fatal(err)
		}
		if m := marginOf(r.(*prefs.Ranked)); m != .7 {
			t.Errorf("TRL's margin column gives %v", m)
		}
	}
	// Rows that differ in their margin stay two comparisons.
	weak := line("p", 1, "ab", 1, 2)
	groups, _, err := makeGroups([]*prefs.Ranked{ranked, weak}, toyEncoder(t), rule{ties: TiesDrop, margin: .5})
	if err != nil || len(groups) != 1 || len(groups[0].pairs) != 2 || groups[0].pairs[0].margin != 1 || groups[0].pairs[1].margin != 0 {
		t.Errorf("%v %+v", err, groups)
	}
}

func TestOtherLossesLearn(t *testing.T) {
	for name, change := range map[string]func(*TrainConfig){
		LossPlackettLuce: func(c *TrainConfig) { c.Loss = LossPlackettLuce },
		"smoothed":       func(c *TrainConfig) { c.LabelSmoothing, c.MarginCoef = .1, 1 },
	} {
		c := toyConfig()
		change(&c)
		lines := withStrength(toyRankings(200))
		r, err := Train(t.Context(), device(t), tinyPolicy(t, toyTexts(lines), 300, 32, 2), Data{Rankings: lines}, c, t.TempDir(), policy.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Val == nil || r.Val.Accuracy < .95 {
			t.Errorf("%s: validation %v", name, r.Val)
		}
	}
}

// withStrength says of every second ranking that the better texts are clearly better.
func withStrength(lines []*prefs.Ranked) []*prefs.Ranked {
	clearly := 2.0
	for i := 0; i < len(lines); i += 2 {
		lines[i].Strength = &clearly
	}
	return lines
}

func TestLossesThatDoNotGoTogether(t *testing.T) {
	for want, change := range map[string]func(*TrainConfig){
		"belong to kwise":               func(c *TrainConfig) { c.Loss, c.Ties = LossPlackettLuce, "half" },
		"label_smoothing 0.5 is outsid": func(c *TrainConfig) { c.LabelSmoothing = .5 },
		`loss "listwise" must be`:       func(c *TrainConfig) { c.Loss = "listwise" },
		"does not go with ties":         func(c *TrainConfig) { c.Ties, c.MarginCoef = "davidson", 1 },
	} {
		c := DefaultTrainConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
