package labeler

import (
	"context"
	"math"
	"testing"

	"agora/labeler/agree"
	"agora/views"
)

func boardOf(duels []agree.Duel, baseline string) (views.Leaderboard, error) {
	b, err := computeBoard(duels, baseline)
	return leaderboardView(context.Background(), b), err
}

// Three wins of four: the log-odds of 3 to 1 are ln 3, shared out around a mean of 0.
func TestLeaderboardByHand(t *testing.T) {
	var duels []agree.Duel
	for i, score := range []float64{1, 1, 1, 0} {
		duels = append(duels, agree.Duel{Answer: i, Item: "p", Labeler: "w", A: "ppo", B: "sft", Score: score})
	}
	v, err := boardOf(duels, "sft")
	if err != nil {
		t.Fatal(err)
	}
	first, second := v.Standings[0], v.Standings[1]
	if first.Policy != "ppo" || math.Abs(first.Strength-math.Log(3)/2) > 1e-6 || math.Abs(second.Strength+math.Log(3)/2) > 1e-6 {
		t.Errorf("%+v", v.Standings)
	}
	if first.Rate != .75 || first.RateN != 4 || second.RateN != 0 || !math.IsNaN(second.RateCI.Lo) || v.Labelers != 1 || v.Comparisons != 4 || v.Unbounded {
		t.Errorf("%+v", v)
	}
}

// A policy that never lost has no limit: the page says so instead of showing a distance as if it were known.
func TestLeaderboardWithoutALoss(t *testing.T) {
	duels := []agree.Duel{{Answer: 1, Item: "p", Labeler: "w", A: "ppo", B: "sft", Score: 1}}
	v, err := boardOf(duels, "another")
	if err != nil || !v.Unbounded || v.Baseline != "" || len(v.Choices) != 3 {
		t.Errorf("%+v, %v", v, err)
	}
	for _, s := range v.Standings {
		if math.IsInf(s.Strength, 0) || math.IsNaN(s.Strength) {
			t.Errorf("%+v", s)
		}
	}
}
