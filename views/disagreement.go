package views

import (
	"context"
	"math"
)

// Disagreement is where groups of people want different things.
type Disagreement struct {
	Freshness
	By        string
	Choices   []Choice // characteristics that could be compared
	Groups    []Figure // their people
	Tested    int      // comparisons
	Found     int      // prompts whose difference is called found
	Overlap   string   // people on a prompt, on average
	Small     int      // groups too small to show
	Power     []string // what could be found, in words
	Policies  []PolicySplit
	Prompts   []SplitPrompt
	Pager     Pager
	CSV, JSON string // addresses of the export
	Ask       string // address of the form that lets a model score the texts; "" for readers who may not
	Control   string // share of false discoveries, in words
}

// PolicySplit is how often each group prefers one policy to another.
type PolicySplit struct {
	Chart   Dots
	Verdict string
}

// SplitPrompt is a prompt that two groups judge differently.
type SplitPrompt struct {
	Href, Name, Prompt, Lang string
	Difference               string // in words
	Found                    bool
	More                     int
	One, Two                 SplitText
	Chart                    Dots
	Sides                    []Side
}

// SplitText is one of the two texts.
type SplitText struct{ Text, Policy string }

// Side is which text a model takes: 1, 2, or 0 for neither.
type Side struct {
	Name string
	Text int
}

// words says which.
func (s Side) words(ctx context.Context) string {
	if s.Text == 0 {
		return T(ctx, "disagree.side.neither", s.Name)
	}
	return T(ctx, "disagree.side", s.Name, s.Text)
}

// SplitItem is one prompt with what each group made of it.
type SplitItem struct {
	Freshness
	Name     string
	Item     string // address of the item
	By       string
	Turns    []Turn
	Lang     string
	Groups   []GroupRanking
	Hidden   int // groups of too few people here
	Pairs    []SplitPrompt
	Texts    []ItemText
	Scores   []ScoreRow // what models give each text
	Scorers  []string
	Untested bool // no two groups have enough people here
}

// GroupRanking is a group's order of a prompt's texts.
type GroupRanking struct {
	Name   string
	People int
	Places []Place
}

// Place is a text in it.
type Place struct {
	Name, Policy string
	Mean         float64 // 1 is best
	First        float64 // share of people who put it first, alone or with others
}

// ScoreRow is a text's score by each model; NaN for none.
type ScoreRow struct {
	Name, Policy string
	Scores       []float64
}

// half is the line that parts one preference from the other.
const half = .5

// ShareDots is a chart of the share of each group that prefers the first of two things.
func ShareDots(ctx context.Context, id, title string, rows []DotRow) Dots {
	return Dots{ID: id, Small: true, Title: title, Head: T(ctx, "disagree.group"), NHead: T(ctx, "disagree.people"), From: 0, To: 1, Ticks: []float64{0, .5, 1},
		Line: half, LineLabel: T(ctx, "disagree.half"), Zone: math.NaN(), Rows: rows}
}
