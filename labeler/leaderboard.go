package labeler

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"agora/db"
	"agora/labeler/agree"
	"agora/reward/prefs"
	"agora/views"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"
)

func (s *Server) leaderboard(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	v, err := s.leaderboardPage(c, p)
	if err != nil {
		return err
	}
	f := s.frame(c, say(c, "board.title"))
	f.Crumbs, f.Scripts = projectCrumbs(c, p, f.Title), liveScripts(v.Freshness)
	return render(c, http.StatusOK, views.LeaderboardPage(f, v))
}

func (s *Server) leaderboardEvents(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	return streamStat(s, c, func() (templ.Component, views.Freshness, error) {
		v, err := s.leaderboardPage(c, p)
		return views.LeaderboardLive(v), v.Freshness, err
	})
}

// board is a computed leaderboard, the same for all readers.
type board struct {
	agree.Board
	Policies    []string
	Baseline    string // "" for all others, also where the one asked for is compared nowhere
	Comparisons int
	Labelers    int
}

func (s *Server) leaderboardPage(c *gin.Context, p db.Project) (v views.Leaderboard, err error) {
	ctx, baseline := c.Request.Context(), c.Query("baseline")
	choice, err := s.weightChoice(c, p)
	if err != nil {
		return v, err
	}
	version, err := s.statsVersion(ctx, p, choice.weights)
	if err != nil {
		return v, err
	}
	key := fmt.Sprintf("board/%d/%t/%s", p.ID, choice.weights != nil, baseline)
	b, err := statOf(ctx, s.stats, key, version, statPatience, func(ctx context.Context) (board, error) {
		duels, err := duelsOf(ctx, s.store, p, choice.weights)
		if err != nil {
			return board{}, err
		}
		return computeBoard(duels, baseline)
	})
	if err != nil {
		return v, err
	}
	if b.Ready {
		v = leaderboardView(ctx, b.Value)
	}
	v.Freshness = freshness(c, b.Ready, b.Fresh)
	v.Made, v.Weighting = b.Made, choice.view
	return v, nil
}

// duelsOf reads a project's answers as comparisons of policies. Whom the weights give nothing is left out.
func duelsOf(ctx context.Context, store *db.Store, p db.Project, w *weighting) ([]agree.Duel, error) {
	var duels []agree.Duel
	answer := 0
	err := eachJudgement(ctx, store, p, func(_ int64, r *prefs.Ranked) {
		answer++
		weight, ok := w.of()[r.Worker]
		if ok && weight == 0 {
			return
		}
		from := len(duels)
		duels = appendDuels(duels, answer, r)
		for i := range duels[from:] {
			duels[from+i].Weight = weight // 0, not known, counts 1
		}
	})
	return duels, err
}

// computeBoard ranks the policies; a baseline that is compared nowhere stands for all others.
func computeBoard(duels []agree.Duel, baseline string) (b board, err error) {
	if len(duels) == 0 {
		return b, nil
	}
	b.Policies, b.Comparisons, b.Labelers = policyNames(duels), len(duels), peopleOf(duels)
	if slices.Contains(b.Policies, baseline) {
		b.Baseline = baseline
	}
	b.Board, err = agree.Leaderboard(duels, agree.BoardOptions{Ties: agree.Half, Baseline: b.Baseline, Resamples: pageSampling.Resamples, Seed: pageSampling.Seed})
	return b, err
}

// leaderboardView puts a leaderboard into the reader's words.
func leaderboardView(ctx context.Context, b board) (v views.Leaderboard) {
	if len(b.Policies) == 0 {
		return v
	}
	v.Baseline = b.Baseline
	v.Choices = []views.Choice{{Value: "", Label: views.T(ctx, "board.others.choice")}}
	for _, p := range b.Policies {
		v.Choices = append(v.Choices, views.Choice{Value: p, Label: p})
	}
	v.Comparisons, v.Labelers, v.Unbounded = b.Comparisons, b.Labelers, !b.Bounded
	v.Method = views.T(ctx, "board.by.none")
	if b.By != agree.NoCluster {
		v.Method = views.T(ctx, "board.by."+string(b.By), pageSampling.Resamples)
	}
	for _, s := range b.Standings {
		v.Standings = append(v.Standings, standingView(s))
	}
	return v
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
