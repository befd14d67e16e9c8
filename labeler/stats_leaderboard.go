package labeler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"text/tabwriter"

	"agora/labeler/agree"
	"agora/reward/prefs"
)

// StatsLeaderboardCmd is `agora stats leaderboard`.
type StatsLeaderboardCmd struct {
	Judgements
	Resampling
	Ties     string `default:"half" help:"Ties are half a win for each (half), or an outcome with its own chance (davidson)."`
	Baseline string `placeholder:"POLICY" help:"Win rates against this policy (default: against all others)."`
	By       string `placeholder:"GROUP" help:"Also by this group of labelers, such as gender; groups of fewer than 5 labelers are not shown."`
	JSON     bool   `name:"json" help:"Print one JSON object a line."`
}

// Help shows how to use the command.
func (StatsLeaderboardCmd) Help() string {
	return `Scores are Bradley–Terry strengths on the scale of chess ratings: the mean is
1000, 400 points are odds of 10 to 1. Two policies whose intervals do not
overlap differ surely; rank_ub counts only those. Only pairs of texts by two
different named policies count.

Examples:
  agora stats leaderboard --data ranked.jsonl
  agora stats leaderboard --db study.db --project jokes --baseline sft --json
  agora stats leaderboard --data ranked.jsonl --by region`
}

// Run computes and prints the leaderboard.
func (cmd StatsLeaderboardCmd) Run(ctx context.Context) error {
	if ties := agree.Ties(cmd.Ties); ties != agree.Half && ties != agree.Davidson {
		return fmt.Errorf("--ties is %q; it is half or davidson", cmd.Ties)
	}
	if err := cmd.validate(); err != nil {
		return err
	}
	duels, err := cmd.duels(ctx)
	if err != nil {
		return err
	}
	groups, small := []string{""}, 0
	if cmd.By != "" {
		var shown []string
		if shown, small, err = groupsOf(duels, cmd.By); err != nil {
			return err
		}
		groups = append(groups, shown...)
	}
	var lines []standingJSON
	for _, group := range groups {
		board, err := interruptible(ctx, func() ([]standingJSON, error) { return cmd.board(duels, group) })
		if err != nil {
			return err
		}
		lines = append(lines, board...)
	}
	if small > 0 {
		fmt.Fprintf(os.Stderr, "agora: %d more groups of fewer than %d labelers are not shown\n", small, smallestGroup)
	}
	return cmd.print(lines)
}

// duels reads the answers as comparisons of policies.
func (cmd StatsLeaderboardCmd) duels(ctx context.Context) ([]agree.Duel, error) {
	var duels []agree.Duel
	answer := 0
	err := cmd.each(ctx, func(r *prefs.Ranked) error {
		answer++
		duels = appendDuels(duels, answer, r)
		return nil
	})
	if err == nil && len(duels) == 0 {
		err = errors.New("no comparison of two named policies: the completions need the member policy")
	}
	if err == nil && cmd.Baseline != "" && !slices.ContainsFunc(duels, func(d agree.Duel) bool { return d.A == cmd.Baseline || d.B == cmd.Baseline }) {
		err = fmt.Errorf("--baseline %q is compared nowhere; policies are %v", cmd.Baseline, policyNames(duels))
	}
	return duels, err
}

// appendDuels adds the pairs of one answer.
func appendDuels(duels []agree.Duel, answer int, r *prefs.Ranked) []agree.Duel {
	groups := map[string]string{}
	for name, value := range r.Groups {
		if value != nil {
			groups[name] = *value
		}
	}
	for i, a := range r.Completions {
		for j := i + 1; j < len(r.Completions); j++ {
			b := r.Completions[j]
			if a.Policy == "" || b.Policy == "" || a.Policy == b.Policy || r.Ranks[i] == nil || r.Ranks[j] == nil {
				continue
			}
			score := (1 + float64(compareInt(*r.Ranks[j], *r.Ranks[i]))) / 2
			duels = append(duels, agree.Duel{Answer: answer, Item: r.PromptID, Labeler: r.Worker, A: a.Policy, B: b.Policy, Score: score, Groups: groups})
		}
	}
	return duels
}

func policyNames(duels []agree.Duel) []string {
	names := map[string]bool{}
	for _, d := range duels {
		names[d.A], names[d.B] = true, true
	}
	return slices.Sorted(maps.Keys(names))
}

// smallestGroup is how many labelers a group needs to be shown, so that no answer points at a person.
const smallestGroup = 5

// groupsOf lists the values of a group that enough labelers share, and counts the others.
func groupsOf(duels []agree.Duel, by string) (shown []string, small int, err error) {
	people := map[string]map[string]bool{}
	for _, d := range duels {
		if value, ok := d.Groups[by]; ok && d.Labeler != "" {
			if people[value] == nil {
				people[value] = map[string]bool{}
			}
			people[value][d.Labeler] = true
		}
	}
	if len(people) == 0 {
		return nil, 0, fmt.Errorf("--by %s: no labeler has such a group", by)
	}
	for _, value := range slices.Sorted(maps.Keys(people)) {
		if len(people[value]) >= smallestGroup {
			shown = append(shown, value)
		} else {
			small++
		}
	}
	return shown, small, nil
}

// board is the leaderboard of one group's labelers, of everybody for "".
func (cmd StatsLeaderboardCmd) board(duels []agree.Duel, group string) ([]standingJSON, error) {
	if group != "" {
		var own []agree.Duel
		for _, d := range duels {
			if d.Groups[cmd.By] == group {
				own = append(own, d)
			}
		}
		duels = own
	}
	board, err := agree.Leaderboard(duels, agree.BoardOptions{Ties: agree.Ties(cmd.Ties), Baseline: cmd.Baseline, Resamples: cmd.Resamples, Seed: cmd.Seed})
	if err != nil {
		return nil, err
	}
	if !board.Bounded {
		fmt.Fprintf(os.Stderr, "agora: %ssome policies never lost to, or never met, the others: their distance has no limit in the data and a weak prior sets it\n", named(cmd.By, group))
	}
	var lines []standingJSON
	for _, s := range board.Standings {
		line := standingJSON{
			Policy: s.Policy, Score: figure(agree.Elo(s.Strength)), RankUB: s.RankUB, WinRate: figure(s.WinRate.Rate), N: s.Duels,
			Labelers: s.Labelers, Strength: figure(s.Strength), CIBy: string(board.By), WinN: s.WinRate.N, Ties: cmd.Ties, Baseline: cmd.Baseline,
		}
		line.CI = spanOf(agree.Span{Lo: agree.Elo(s.CI.Lo), Hi: agree.Elo(s.CI.Hi)})
		if s.WinRate.N > 0 {
			line.WinCI, line.WinBy = &span{figure(s.WinRate.Lo), figure(s.WinRate.Hi)}, methodName(s.WinRate.Method)
		}
		if group != "" {
			line.Group = &groupJSON{cmd.By, group}
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// methodName says what a win rate's interval resampled; wilson takes answers for independent.
func methodName(m agree.Method) string {
	switch m {
	case agree.Clustered:
		return string(agree.ByLabeler)
	case agree.ClusteredByItem:
		return string(agree.ByItem)
	}
	return "wilson"
}

func named(by, group string) string {
	if group == "" {
		return ""
	}
	return by + " " + group + ": "
}

// standingJSON is one line of a leaderboard.
type standingJSON struct {
	Policy   string     `json:"policy"`
	Group    *groupJSON `json:"group,omitempty"` // whose labelers; absent: everybody's
	Score    figure     `json:"score"`
	CI       *span      `json:"ci95"`
	CIBy     string     `json:"ci95_by"` // labeler, item or none: what was resampled
	RankUB   int        `json:"rank_ub"`
	WinRate  figure     `json:"win_rate"` // ties half; null for the baseline itself
	WinCI    *span      `json:"win_rate_ci95"`
	WinBy    string     `json:"win_rate_ci95_by,omitempty"`
	WinN     int        `json:"win_rate_n"` // answers that the win rate is over
	Baseline string     `json:"baseline,omitempty"`
	N        int        `json:"n"` // comparisons with other policies
	Labelers int        `json:"n_labelers"`
	Strength figure     `json:"strength"` // Bradley–Terry log-strength, mean 0
	Ties     string     `json:"ties"`
}

type groupJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// print writes the lines for machines or for people.
func (cmd StatsLeaderboardCmd) print(lines []standingJSON) error {
	if cmd.JSON {
		for _, l := range lines {
			if err := printJSON(l); err != nil {
				return err
			}
		}
		return nil
	}
	against := "all others"
	if cmd.Baseline != "" {
		against = cmd.Baseline
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	var group *groupJSON
	for i, l := range lines {
		if i == 0 || l.Group != nil && (group == nil || *l.Group != *group) {
			if group = l.Group; group != nil {
				fmt.Fprintf(w, "\n%s: %s\n", group.Name, group.Value)
			}
			fmt.Fprintf(w, "RANK(UB)\tPOLICY\tSCORE\t95 %% BY %s\tWINS AGAINST %s\t95 %%\tCOMPARISONS\tLABELERS\n", l.CIBy, against)
		}
		ci, rate := "–", "–"
		if l.CI != nil {
			ci = fmt.Sprintf("%.0f to %.0f", l.CI[0], l.CI[1])
		}
		if l.WinCI != nil {
			rate = l.WinRate.String()
		}
		fmt.Fprintf(w, "%d\t%s\t%.0f\t%s\t%s\t%v\t%d\t%d\n", l.RankUB, l.Policy, float64(l.Score), ci, rate, l.WinCI, l.N, l.Labelers)
	}
	return w.Flush()
}
