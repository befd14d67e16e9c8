package views

import (
	"context"
	"fmt"
)

// Leaderboard is a project's policies by what people prefer.
type Leaderboard struct {
	Freshness
	Weighting
	Choices     []Choice // baselines to choose from, the first is all others
	Baseline    string   // a policy, or "" for all others
	Standings   []Standing
	Comparisons int // pairs of texts by two policies
	Labelers    int
	Method      string // how the intervals were made, in words
	Unbounded   bool   // the data set no limit to some distance
}

// Standing is one policy, strongest first.
type Standing struct {
	Policy   string
	RankUB   int
	Strength float64 // Bradley–Terry, natural logarithm, mean 0
	CI       Interval
	N        int     // comparisons with other policies
	Rate     float64 // win rate against the baseline; NaN for itself and where they never met
	RateCI   Interval
	RateN    int // answers that the rate is over
}

// against is the heading of the win rates.
func (l Leaderboard) against(ctx context.Context) string {
	if l.Baseline == "" {
		return T(ctx, "board.others")
	}
	return T(ctx, "board.against", l.Baseline)
}

// signed writes a strength, with its sign.
func signed(v float64) string {
	text := decimal(v, 2)
	if v > 0 && text != "0.00" {
		return "+" + text
	}
	return text
}

const (
	boardW, boardRow       = 560.0, 44.0
	boardLeft, boardRight  = 146.0, 492.0
	boardTop, boardNameMax = 8.0, 18
)

// boardPlot is the drawing of the strengths.
type boardPlot struct {
	x      scale
	bottom float64
	rows   []boardMark
}

// boardMark is one policy's line.
type boardMark struct {
	Standing
	name string // shortened to fit
	y    float64
}

func (l Leaderboard) layout() boardPlot {
	e := extent{}
	e.add(0)
	p := boardPlot{bottom: boardTop + boardRow*float64(len(l.Standings))}
	for i, s := range l.Standings {
		for _, v := range []float64{s.Strength, s.CI.Lo, s.CI.Hi} {
			e.add(v)
		}
		p.rows = append(p.rows, boardMark{s, shortened(s.Policy, boardNameMax), boardTop + boardRow*(float64(i)+.5)})
	}
	p.x = niceScale(e, boardLeft, boardRight, 6, true)
	return p
}

func (p boardPlot) viewBox() string { return fmt.Sprintf("0 0 %.0f %.0f", boardW, p.bottom+34) }

// shortened keeps the beginning and the end of a long name, which is where policies differ.
func shortened(name string, most int) string {
	r := []rune(name)
	if len(r) <= most {
		return name
	}
	half := (most - 1) / 2
	return string(r[:half]) + "…" + string(r[len(r)-half:])
}
