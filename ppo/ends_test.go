package ppo

import (
	"context"
	"slices"
	"testing"
)

func TestAdvantagesWithEndsByHand(t *testing.T) {
	c := DefaultConfig()
	c.WhitenAdvantages = WhitenOff
	rule := ScoreRule{Std: 1}
	for _, tt := range []struct {
		lambda   float64
		ret, adv []float64
		end      []float64
	}{
		// λ = 1: the returns are the sums of what follows, score included, as with score_at = last.
		{1, []float64{2, 2.05, 2.05, 3.95}, []float64{1.9, 1.85, 1.75, 3.95}, []float64{2, 4}},
		// λ = 0: one step ahead; the last token is worth what the critic thinks of the finished text.
		{0, []float64{.15, .3, .85, .45}, []float64{.05, .1, .55, .45}, []float64{2, 4}},
	} {
		c.Lambda = tt.lambda
		r := handRollout()
		r.addEnds()
		copy(r.EndValue, []float32{.8, .5})
		r.Shape(rule, K1, .1) // token rewards −.05 0 .05 | −.05, scores 2 | 4 behind them
		r.Advantage(c)
		nearAll(t, "ret", r.Ret, tt.ret, 1e-6)
		nearAll(t, "adv", r.Adv, tt.adv, 1e-6)
		nearAll(t, "return of the finished text", r.EndRet, tt.end, 1e-6)
	}
}

// The critic reads the same prefixes, so the values of tokens keep their bits; the run learns.
func TestScoreAfter(t *testing.T) {
	values := func(at ScorePlace) (*Trainer, *Rollout) {
		c := toyConfig()
		c.ScoreAt, c.MicroTokens = at, 100
		tr := toyTrainer(t, c)
		tr.reward = even{}
		roll, err := tr.sample(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.score(context.Background(), roll); err != nil {
			t.Fatal(err)
		}
		return tr, roll
	}
	_, last := values(ScoreLast)
	tr, after := values(ScoreAfter)
	if !slices.Equal(last.Value, after.Value) {
		t.Error("the values of tokens differ")
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(after.EndValue)))
	if len(distinct) < 10 {
		t.Errorf("only %d different values of finished texts", len(distinct))
	}
	s := run(t, tr)
	if first, end := s[0], s[len(s)-1]; end.Raw < .8 || end.Critic.Loss >= first.Critic.Loss {
		t.Errorf("reward %.3f → %.3f, value loss %.3f → %.3f", first.Raw, end.Raw, first.Critic.Loss, end.Critic.Loss)
	}
}
