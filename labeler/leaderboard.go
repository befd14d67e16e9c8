package labeler

import (
	"context"
	"net/http"
	"slices"

	"agora/labeler/agree"
	"agora/reward/prefs"
	"agora/views"

	"github.com/gin-gonic/gin"
)

func (s *Server) leaderboard(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	var duels []agree.Duel
	answer := 0
	err = s.eachRanked(c.Request.Context(), p, func(r *prefs.Ranked) {
		answer++
		duels = appendDuels(duels, answer, r)
	})
	if err != nil {
		return err
	}
	v, err := leaderboardView(c.Request.Context(), duels, c.Query("baseline"))
	if err != nil {
		return err
	}
	f := s.frame(c, say(c, "board.title"))
	f.Crumbs = projectCrumbs(c, p, f.Title)
	return render(c, http.StatusOK, views.LeaderboardPage(f, v))
}

// leaderboardView computes the page; a baseline that is compared nowhere stands for all others.
func leaderboardView(ctx context.Context, duels []agree.Duel, baseline string) (v views.Leaderboard, err error) {
	if len(duels) == 0 {
		return v, nil
	}
	policies := policyNames(duels)
	if slices.Contains(policies, baseline) {
		v.Baseline = baseline
	}
	v.Choices = []views.Choice{{Value: "", Label: views.T(ctx, "board.others.choice")}}
	for _, p := range policies {
		v.Choices = append(v.Choices, views.Choice{Value: p, Label: p})
	}
	board, err := agree.Leaderboard(duels, agree.BoardOptions{Ties: agree.Half, Baseline: v.Baseline, Resamples: pageSampling.Resamples, Seed: pageSampling.Seed})
	if err != nil {
		return v, err
	}
	v.Comparisons, v.Labelers, v.Unbounded = len(duels), peopleOf(duels), !board.Bounded
	v.Method = views.T(ctx, "board.by.none")
	if board.By != agree.NoCluster {
		v.Method = views.T(ctx, "board.by."+string(board.By), pageSampling.Resamples)
	}
	for _, s := range board.Standings {
		v.Standings = append(v.Standings, standingView(s))
	}
	return v, nil
}

func standingView(s agree.Standing) views.Standing {
	out := views.Standing{Policy: s.Policy, RankUB: s.RankUB, Strength: s.Strength, CI: views.Interval(s.CI), N: s.Duels,
		Rate: s.WinRate.Rate, RateCI: views.NoInterval, RateN: s.WinRate.N}
	if s.WinRate.N > 0 {
		out.RateCI = views.Interval{Lo: s.WinRate.Lo, Hi: s.WinRate.Hi}
	}
	return out
}

// peopleOf counts the named labelers.
func peopleOf(duels []agree.Duel) int {
	people := map[string]bool{}
	for _, d := range duels {
		if d.Labeler != "" {
			people[d.Labeler] = true
		}
	}
	return len(people)
}
