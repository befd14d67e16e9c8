package agree

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestBradleyTerryByHand: of two players the odds are the ratio of wins.
func TestBradleyTerryByHand(t *testing.T) {
	r := NewRecord(2)
	r.Wins[0][1], r.Wins[1][0] = 6, 2
	s, err := BradleyTerry(r, Half)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "difference", s.Theta[0]-s.Theta[1], math.Log(3), 1e-7)
	r.Tied[0][1], r.Tied[1][0] = 4, 4
	if s, err = BradleyTerry(r, Half); err != nil {
		t.Fatal(err)
	}
	near(t, "half ties", s.Theta[0]-s.Theta[1], math.Log(8./4), 1e-7)
	if s, err = BradleyTerry(r, Davidson); err != nil {
		t.Fatal(err)
	}
	// two players: the model is saturated, so it repeats the shares 6 : 2 : 4 exactly
	near(t, "Davidson", s.Theta[0]-s.Theta[1], math.Log(3), 1e-6)
	near(t, "ν", s.Nu, 4/math.Sqrt(6*2), 1e-6)
}

// Citations between four journals (Agresti, Categorical Data Analysis, 1990; the example of R's
// BradleyTerry2): abilities against Biometrika −2.9491 (Comm Statist), −0.4796 (JASA), 0.2690 (JRSS-B).
func TestBradleyTerryCitations(t *testing.T) {
	r := NewRecord(4) // Biometrika, Comm Statist, JASA, JRSS-B; [i][j]: i cited by j
	r.Wins[0][1], r.Wins[1][0] = 730, 33
	r.Wins[0][2], r.Wins[2][0] = 498, 320
	r.Wins[0][3], r.Wins[3][0] = 221, 284
	r.Wins[1][2], r.Wins[2][1] = 68, 813
	r.Wins[1][3], r.Wins[3][1] = 17, 276
	r.Wins[2][3], r.Wins[3][2] = 142, 325
	s, err := BradleyTerry(r, Half)
	if err != nil || !s.Bounded {
		t.Fatal(s, err)
	}
	for i, want := range []float64{0, -2.9491, -.4796, .2690} {
		near(t, fmt.Sprint("journal ", i), s.Theta[i]-s.Theta[0], want, .0001)
	}
}

func TestUnboundedStrengthsStayFinite(t *testing.T) {
	r := NewRecord(3)
	r.Wins[0][1], r.Wins[1][2], r.Wins[2][1] = 5, 3, 2 // 0 never lost
	for _, ties := range []Ties{Half, Davidson} {
		s, err := BradleyTerry(r, ties)
		if err != nil || s.Bounded || s.Theta[0] < s.Theta[1]+2 || s.Theta[0] > 20 {
			t.Errorf("%s: %+v %v", ties, s, err)
		}
	}
}

// pandaDuels are the three people's verdicts on five models.
func pandaDuels(t *testing.T) []Duel {
	var duels []Duel
	for _, row := range pandaLM(t) {
		a, b, _ := strings.Cut(row.Models, "_")
		for who, v := range row.Annotator {
			score := []float64{.5, 1, 0}[v]
			duels = append(duels, Duel{Answer: len(duels), Item: fmt.Sprint(row.Index), Labeler: fmt.Sprint(who), A: a, B: b, Score: score})
		}
	}
	return duels
}

func TestPandaLMLeaderboard(t *testing.T) {
	board, err := Leaderboard(pandaDuels(t), BoardOptions{Ties: Half, Baseline: "pythia-6.9b", Resamples: 200, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if board.By != ByItem || !board.Bounded || len(board.Standings) != 5 {
		t.Fatalf("%+v", board)
	}
	for i, s := range board.Standings {
		if s.CI.Lo > s.Strength || s.CI.Hi < s.Strength || s.Duels == 0 || s.Labelers != 3 {
			t.Errorf("%+v", s)
		}
		if (s.Policy == "pythia-6.9b") != (s.WinRate.N == 0) {
			t.Errorf("win rate against the baseline: %+v", s)
		}
		if i > 0 && s.RankUB < board.Standings[i-1].RankUB {
			t.Errorf("%s has a better Rank(UB) than a stronger policy", s.Policy)
		}
	}
	if first, last := board.Standings[0], board.Standings[4]; first.RankUB != 1 || last.RankUB < 3 {
		t.Errorf("ranks %d … %d", first.RankUB, last.RankUB)
	}
}

// The strengths' intervals cover the truth when people differ in taste.
func TestLeaderboardCovers(t *testing.T) {
	truth := []float64{.5, 0, -.5}
	rng := rand.New(rand.NewPCG(3, 4))
	covered := 0
	const trials = 120
	for range trials {
		var duels []Duel
		for who := range 30 {
			taste := []float64{.4 * rng.NormFloat64(), .4 * rng.NormFloat64(), .4 * rng.NormFloat64()}
			for n := range 12 {
				a, b := n%3, (n+1)%3
				score := 0.0
				if rng.Float64() < 1/(1+math.Exp(truth[b]+taste[b]-truth[a]-taste[a])) {
					score = 1
				}
				duels = append(duels, Duel{Answer: len(duels), Labeler: fmt.Sprint(who), A: fmt.Sprint(a), B: fmt.Sprint(b), Score: score})
			}
		}
		board, err := Leaderboard(duels, BoardOptions{Ties: Half, Resamples: 150, Seed: 1})
		if err != nil || board.By != ByLabeler {
			t.Fatal(board.By, err)
		}
		for _, s := range board.Standings {
			if s.Policy == "0" && s.CI.Lo <= .5 && .5 <= s.CI.Hi {
				covered++
			}
		}
	}
	if share := float64(covered) / trials; share < .87 || share > .99 {
		t.Errorf("covered %.3f of the time, want about .95", share)
	}
}
