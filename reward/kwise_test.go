package reward

import (
	"math"
	"testing"

	"agora/policy/graph"
)

// lossOf runs the loss graph on given scores and returns it with its gradient.
// With ties it is Davidson's, at ν = e^logNu.
func lossOf(t *testing.T, scores []float32, pairs, ties []link, logNu *float32) (float64, []float32) {
	t.Helper()
	params := graph.NewParams()
	table := params.MustAdd("scores", len(scores), 1)
	copy(table.Data, scores)
	g := graph.New(params)
	texts, pairDim := g.Dim("texts", 64), g.Dim("pairs", 256)
	ids := g.Ints("ids", texts)
	s := g.Embedding(ids, table)
	var feeds graph.Feeds
	all := make([]int32, len(scores))
	for i := range all {
		all[i] = int32(i)
	}
	feeds.Ints(ids, all)
	var loss *graph.Value
	var f pairFeed
	if logNu == nil {
		f = newPairFeed(g, pairDim, nil)
		better, worse := f.sides(g, s)
		loss = kwiseLoss(g, g.Sub(better, worse), f)
	} else {
		f = newPairFeed(g, pairDim, g.Dim("ties", 256))
		nu := params.MustAdd("nu", 1, 1)
		nu.Data[0] = *logNu
		better, worse := f.sides(g, s)
		loss = davidsonLoss(g, g.Sub(better, worse), s, nu, f)
	}
	g.Gradients(loss)
	f.feed(&feeds, pairs, ties)
	prog, err := graph.NewReference(g)
	if err != nil {
		t.Fatal(err)
	}
	if err := prog.Run(&feeds); err != nil {
		t.Fatal(err)
	}
	return prog.Exact(loss)[0], table.Grad
}

// ranking gives the untied pairs of a ranking 1/P each, as training does.
func ranking(ranks ...int) []link {
	var pairs []link
	for i := range ranks {
		for j := range ranks {
			if ranks[i] < ranks[j] {
				pairs = append(pairs, link{a: int32(i), b: int32(j), weight: 1})
			}
		}
	}
	for i := range pairs {
		pairs[i].weight /= float32(len(pairs))
	}
	return pairs
}

func TestKwiseClosedForms(t *testing.T) {
	tests := []struct {
		name   string
		scores []float32
		ranks  []int
		want   float64
	}{
		{"K=4, scores 2 1 0 -1", []float32{2, 1, 0, -1}, []int{1, 2, 3, 4}, .2070380727}, // rlhf_numerics.md
		{"the same plus 100", []float32{102, 101, 100, 99}, []int{1, 2, 3, 4}, .2070380727},
		{"all equal", []float32{3, 3, 3, 3, 3}, []int{1, 2, 3, 4, 5}, math.Ln2},
		{"K=2 is pairwise", []float32{1.5, .25}, []int{1, 2}, math.Log1p(math.Exp(-1.25))},
		{"ties dropped: the mean is over 2 pairs", []float32{1, 0, 0}, []int{1, 2, 2}, math.Log1p(math.Exp(-1))},
		{"far apart, no overflow", []float32{-300, 300}, []int{1, 2}, 600},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := lossOf(t, tt.scores, ranking(tt.ranks...), nil, nil)
			if math.Abs(got-tt.want) > 1e-7*math.Max(1, tt.want) {
				t.Errorf("graph %.10f, want %.10f", got, tt.want)
			}
			wide := make([]float64, len(tt.scores))
			for i, s := range tt.scores {
				wide[i] = float64(s)
			}
			if got := PairwiseLoss(wide, tt.ranks); math.Abs(got-tt.want) > 1e-9*math.Max(1, tt.want) {
				t.Errorf("plain Go %.10f, want %.10f", got, tt.want)
			}
		})
	}
}

func TestTiesAsHalvesPullTogether(t *testing.T) {
	tie := []link{{a: 0, b: 1, weight: .5}, {a: 1, b: 0, weight: .5}}
	loss, grad := lossOf(t, []float32{0, 0}, tie, nil, nil)
	if math.Abs(loss-math.Ln2) > 1e-7 || grad[0] != 0 || grad[1] != 0 {
		t.Errorf("equal scores: loss %v gradient %v, want ln 2 and 0", loss, grad)
	}
	if _, grad = lossOf(t, []float32{1, 0}, tie, nil, nil); grad[0] <= 0 || grad[1] >= 0 {
		t.Errorf("gradient %v does not pull the scores together", grad)
	}
}

func TestDavidson(t *testing.T) {
	zero, small := float32(0), float32(-60)
	win, tie := []link{{a: 0, b: 1, weight: 1}}, []link{{a: 0, b: 1, weight: 1}}
	for _, tt := range []struct {
		name       string
		scores     []float32
		pairs, tie []link
		logNu      *float32
		want       float64
	}{
		{"equal scores, ν = 1: a win is one third", []float32{0, 0}, win, nil, &zero, math.Log(3)},
		{"equal scores, ν = 1: a tie is one third", []float32{0, 0}, nil, tie, &zero, math.Log(3)},
		{"ν → 0 is Bradley-Terry", []float32{1, 0}, win, nil, &small, math.Log1p(math.Exp(-1))},
		{"2 apart", []float32{2, 0}, win, nil, &zero, math.Log(math.E+1/math.E+1) - 1},
		{"far apart, no overflow", []float32{0, 500}, win, tie, &zero, 500 + 250},
	} {
		if got, _ := lossOf(t, tt.scores, tt.pairs, tt.tie, tt.logNu); math.Abs(got-tt.want) > 1e-6*math.Max(1, tt.want) {
			t.Errorf("%s: %.8f, want %.8f", tt.name, got, tt.want)
		}
	}
}

func TestLossGradients(t *testing.T) {
	scores := []float32{.3, -1.2, .8, 2.1, -.4}
	pairs, ties := ranking(2, 4, 1, 3, 5), []link{{a: 0, b: 3, weight: .25}, {a: 1, b: 4, weight: .5}}
	logNu := float32(-.7)
	for name, nu := range map[string]*float32{"kwise": nil, "davidson": &logNu} {
		tied := ties
		if nu == nil {
			tied = nil
		}
		_, grad := lossOf(t, scores, pairs, tied, nu)
		sum := 0.0
		for i := range scores {
			const eps = 1.0 / 1024 // exact in float32
			up, down := append([]float32{}, scores...), append([]float32{}, scores...)
			up[i] += eps
			down[i] -= eps
			a, _ := lossOf(t, up, pairs, tied, nu)
			b, _ := lossOf(t, down, pairs, tied, nu)
			want := (a - b) / float64(up[i]-down[i])
			if math.Abs(float64(grad[i])-want) > 1e-5 {
				t.Errorf("%s: d loss/d score[%d] = %v, finite difference %v", name, i, grad[i], want)
			}
			sum += float64(grad[i])
		}
		if math.Abs(sum) > 1e-6 {
			t.Errorf("%s: gradient sums to %v: the loss must not change when a constant is added to all scores", name, sum)
		}
	}
}
