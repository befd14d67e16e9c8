package reward

import (
	"math"
	"slices"
	"strings"
	"testing"

	"agora/policy"
	"agora/policy/graph"
)

// penalised is the whole loss of a ranking by given scores: K-wise and penalty.
func penalised(t *testing.T, c TrainConfig, scores []float32, pairs []link) (float64, []float32) {
	t.Helper()
	return traced(t, scores, func(g *graph.Graph, s *graph.Value, feeds *graph.Feeds) *graph.Value {
		f := newPairFeed(g, g.Dim("pairs", 256), nil)
		f.feed(feeds, pairs, nil)
		better, worse := f.sides(g, s)
		loss := kwiseLoss(g, g.Sub(better, worse), f)
		if penalty := sizePenalty(g, better, worse, f, c); penalty != nil {
			loss = g.Add(loss, penalty)
		}
		return loss
	})
}

func TestPenaltyClosedForms(t *testing.T) {
	scores := []float32{2, 1, 0, -1}
	for _, tt := range []struct {
		name       string
		center, l2 float64
		want       float64
	}{
		{"none", 0, 0, .2070380727},
		{"Open-Assistant's RMLoss, β .001", 0, .001, .2085380727},                        // rlhf_numerics.md
		{"TRL's centring: sums 3 2 1 1 0 −1", .01, 0, .2070380727 + .01*(9+4+1+1+0+1)/6}, // by hand
		{"both", .01, .001, .2085380727 + .01*16./6},
	} {
		c := TrainConfig{CenterCoef: tt.center, ScoreL2: tt.l2}
		if got, _ := penalised(t, c, scores, ranking(1, 2, 3, 4)); math.Abs(got-tt.want) > 1e-7 {
			t.Errorf("%s: %.10f, want %.10f", tt.name, got, tt.want)
		}
	}
}

func TestPenaltyGradient(t *testing.T) {
	c, scores, pairs := TrainConfig{CenterCoef: .05, ScoreL2: .02}, []float32{.3, -1.2, .8, 2.1, -.4}, ranking(2, 4, 1, 3, 5)
	_, grad := penalised(t, c, scores, pairs)
	for i := range scores {
		const eps = 1.0 / 1024 // exact in float32
		up, down := slices.Clone(scores), slices.Clone(scores)
		up[i] += eps
		down[i] -= eps
		a, _ := penalised(t, c, up, pairs)
		b, _ := penalised(t, c, down, pairs)
		if want := (a - b) / float64(up[i]-down[i]); math.Abs(float64(grad[i])-want) > 1e-5 {
			t.Errorf("d loss/d score[%d] = %v, finite difference %v", i, grad[i], want)
		}
	}
}

// A head that begins large scores texts far from 0; centring brings them back while it learns, and the loss
// that is logged stays the likelihood's.
func TestCentringInTraining(t *testing.T) {
	size := func(change func(*TrainConfig)) (mean float64, steps []map[string]float64) {
		c := toyConfig()
		c.Epochs, c.HeadInit = 2, "0.5"
		change(&c)
		dir := t.TempDir()
		if _, err := train(t.Context(), t, dir, c, policy.RunOptions{}); err != nil {
			t.Fatal(err)
		}
		steps = metricsOf(t, dir)
		return math.Abs(steps[len(steps)-1]["mean_reward"]), steps
	}
	far, plain := size(func(*TrainConfig) {})
	near, centred := size(func(c *TrainConfig) { c.CenterCoef = .1 })
	if near > far/2 {
		t.Errorf("texts score %.2f from 0 on average with center_coef, %.2f without", near, far)
	}
	if math.Abs(plain[0]["loss"]-centred[0]["loss"]) > 1e-6 || centred[0]["penalty"] <= 0 {
		t.Errorf("step 1: loss %g without, %g and penalty %g with center_coef", plain[0]["loss"], centred[0]["loss"], centred[0]["penalty"])
	}
	if _, ok := plain[0]["penalty"]; ok {
		t.Error("a penalty without one")
	}
}

func TestHeadInit(t *testing.T) {
	p := tinyPolicy(t, []string{"no merges"}, 257, 256, 1)
	for _, tt := range []struct {
		rule string
		want float64
	}{{HeadRsqrt, 1 / math.Sqrt(257)}, {HeadZero, 0}, {"0.02", .02}} {
		c := DefaultTrainConfig()
		if err := policy.LoadConfig(&c, "", []string{"head_init=" + tt.rule}); err != nil {
			t.Fatal(err)
		}
		for _, rank := range []int{0, 2} {
			c.LoRA.Rank = rank
			m, err := newFor(c, p)
			if err != nil {
				t.Fatal(err)
			}
			squares := 0.0
			for _, w := range m.Head().Data {
				squares += float64(w) * float64(w)
			}
			if std := math.Sqrt(squares / 256); math.Abs(std-tt.want) > .15*tt.want { // 256 draws: ±4.4 % at one deviation
				t.Errorf("%s, LoRA rank %d: standard deviation %.4f, want %.4f", tt.rule, rank, std, tt.want)
			}
		}
	}
	for _, rule := range []string{"wide", "-1", "NaN", "+Inf"} {
		c := DefaultTrainConfig()
		if c.HeadInit = rule; c.Validate() == nil || !strings.Contains(c.Validate().Error(), "head_init") {
			t.Errorf("head_init %q: %v", rule, c.Validate())
		}
	}
}
