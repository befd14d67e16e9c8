package ppo

import (
	"errors"
	"math"
	"strings"
	"testing"

	"agora/policy"
)

// A rollout of two responses, checked by hand.
func handRollout() *Rollout {
	r := newRollout(make([]Prompt, 2), [][]int32{{5, 6, 0}, {7}}, []bool{true, false}, []float32{-1, -2, -1, -3})
	copy(r.Ref, []float32{-1.5, -2, -.5, -3.5}) // log-ratios .5 0 −.5 | .5
	copy(r.Value, []float32{.1, .2, .3, 0})
	copy(r.Raw, []float32{2, 4})
	return r
}

func TestRolloutByHand(t *testing.T) {
	r := handRollout()
	r.Shape(ScoreRule{Mean: 1, Std: 2, EOS: EOSSubtract, Penalty: 2}, K1, .1)
	nearAll(t, "score", r.Score, []float64{.5, -.5}, 1e-6)
	nearAll(t, "reward", r.Reward, []float64{-.05, 0, .55, -.55}, 1e-6)
	c := DefaultConfig()
	c.Lambda, c.WhitenAdvantages = 1, WhitenOff
	r.Advantage(c)
	nearAll(t, "ret", r.Ret, []float64{.5, .55, .55, -.55}, 1e-6) // λ = 1: the sum of what follows
	nearAll(t, "adv", r.Adv, []float64{.4, .35, .25, -.55}, 1e-6)
	c.WhitenAdvantages = WhitenPopulation
	r.Advantage(c)
	near(t, "mean", Mean(r.Adv), 0, 1e-6)
	near(t, "variance", Variance(r.Adv, WhitenPopulation), 1, 1e-6)

	m := rolloutStats(r, .1).Metrics()
	for name, want := range map[string]float64{
		"objective/scores": 0, "objective/reward_raw": 3, "objective/kl": .25, "objective/entropy": 3.5,
		"objective/non_score_reward": -.025, "objective/rlhf_reward": -.025, "val/num_eos_tokens": 1, "val/length": 2,
		"val/distinct": 1, "objective/kl_sqrt": .5,
	} {
		near(t, name, m[name], want, 1e-6)
	}
	if _, ok := m["objective/judge"]; ok {
		t.Error("a judge score without a judge")
	}
}

func TestDistinct(t *testing.T) {
	r := newRollout(make([]Prompt, 4), [][]int32{{1, 2}, {1}, {1, 2}, {2}}, make([]bool, 4), make([]float32, 6))
	near(t, "distinct", r.distinct(), .75, 0)
}

func TestExplainedVariance(t *testing.T) {
	near(t, "perfect", explainedVariance([]float32{1, 2}, []float32{1, 2}), 1, 1e-9)
	near(t, "constant", explainedVariance([]float32{5, 5}, []float32{1, 2}), 0, 1e-9)
	near(t, "inverted", explainedVariance([]float32{2, 1}, []float32{1, 2}), -3, 1e-9)
	near(t, "nothing to explain", explainedVariance([]float32{2, 1}, []float32{1, 1}), 0, 0)
}

func TestEveryMetricIsDocumented(t *testing.T) {
	known := map[string]bool{}
	for _, m := range Metrics {
		if known[m.Name] {
			t.Errorf("%s is documented twice", m.Name)
		}
		known[m.Name] = true
		if m.Formula == "" {
			t.Errorf("%s has no formula", m.Name)
		}
	}
	one := 1.
	for _, s := range []Stats{{Judge: &one, Ptx: &one}, {KLInLoss: true, NoCritic: true}} {
		for name := range s.Metrics() {
			if !known[name] {
				t.Errorf("%s is logged and not documented", name)
			}
		}
	}
}

func TestCheckFinite(t *testing.T) {
	if err := checkFinite(map[string]float64{"a": 1, "b": -2}); err != nil {
		t.Error(err)
	}
	err := checkFinite(map[string]float64{"z": math.NaN(), "loss/value_avg": math.Inf(1), "a": 1})
	if !errors.Is(err, policy.ErrNotFinite) || !strings.Contains(err.Error(), "loss/value_avg is +Inf") {
		t.Errorf("got %v", err)
	}
}

func TestWarnings(t *testing.T) {
	good := Stats{Episodes: 100, Ended: 95, KLLogRatio: 2, KLStd: 1, Distinct: 1}
	tests := []struct {
		name, want string
		change     func(*Stats)
	}{
		{"good", "", func(s *Stats) {}},
		{"negative within noise", "", func(s *Stats) { s.KLLogRatio, s.KLStd = -.2, 2 }},
		{"negative", "KL is negative", func(s *Stats) { s.KLLogRatio, s.KLStd = -5, 2 }},
		{"no ends", "only 10 % of the responses end", func(s *Stats) { s.Ended = 10 }},
		{"no end token", "", func(s *Stats) { s.Ended, s.Endless = 0, true }},
		{"hacking", "KL is 34.0 nats", func(s *Stats) { s.KLLogRatio = 34 }},
		{"collapse", "only 30 % of the responses differ", func(s *Stats) { s.Distinct = .3 }},
	}
	for _, tt := range tests {
		s := good
		tt.change(&s)
		got := ""
		for _, w := range Warnings(s) {
			got += w.Text
		}
		if (tt.want == "") != (got == "") || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}
