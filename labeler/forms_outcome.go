package labeler

import (
	"context"
	"slices"
	"strings"

	"agora/db"
	"agora/views"
)

// unranked writes an answer that compares nothing: the beginning of what was written, or the scores
// and the number of flags. It is "" for an answer that has neither.
func unranked(ctx context.Context, a db.Answer) string {
	if slices.ContainsFunc(a.Ranks, func(r *int) bool { return r != nil }) {
		return ""
	}
	d, err := a.ParseDetails()
	switch {
	case err != nil: // an import's; its line is kept as it was
		return ""
	case d.Written != nil:
		return shorten(d.Written.Text, 90)
	case len(d.Ratings) != 1:
		return ""
	}
	var scores []string
	for _, axis := range sortedScores(d.Ratings[0]) {
		text := views.T(ctx, "flags.na")
		if score := d.Ratings[0].Scores[axis]; score != nil {
			text = views.Number(*score)
		}
		scores = append(scores, text)
	}
	text := views.N(ctx, "outcome.flags", len(d.Ratings[0].Flags))
	if len(scores) > 0 {
		text = views.T(ctx, "outcome.rated", views.List(ctx, scores), text)
	}
	return text
}

// sortedScores are the axes of a rating, the overall one first.
func sortedScores(r db.Rated) []string {
	var axes []string
	for axis := range r.Scores {
		axes = append(axes, axis)
	}
	slices.SortFunc(axes, func(a, b string) int {
		if (a == "overall") != (b == "overall") {
			return map[bool]int{true: -1, false: 1}[a == "overall"]
		}
		return strings.Compare(a, b)
	})
	return axes
}
