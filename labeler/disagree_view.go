package labeler

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"agora/db"
	"agora/labeler/agree"
	"agora/reward/prefs"
	"agora/views"
)

// disagreementFigures is the page without its prompts.
func disagreementFigures(ctx context.Context, d disagreement) views.Disagreement {
	v := views.Disagreement{By: d.By, Tested: len(d.Compared), Found: d.found(), Small: d.Small,
		Overlap: views.Number(d.Overlap), Power: powerWords(ctx, d), Control: views.T(ctx, "disagree.control", views.Percent(foundQ))}
	for _, name := range d.Choices {
		v.Choices = append(v.Choices, views.Choice{Value: name, Label: views.GroupLabel(ctx, name)})
	}
	for _, value := range slices.Sorted(maps.Keys(d.People)) {
		v.Groups = append(v.Groups, views.Figure{Name: groupValue(ctx, d.By, value), Value: views.Count(d.People[value])})
	}
	for i, x := range bestOfPolicies(d.Policies) {
		v.Policies = append(v.Policies, policySplit(ctx, fmt.Sprintf("policies-%d", i), d, x))
	}
	return v
}

// powerWords says what the comparisons could find.
func powerWords(ctx context.Context, d disagreement) []string {
	say := func(key string, args ...any) string { return views.T(ctx, key, args...) }
	p := d.Power
	if p.Tests == 0 {
		return []string{say("disagree.power.none", views.Number(d.Overlap))}
	}
	tests := views.Count(p.Tests)
	words := []string{say("disagree.power.typical.none", p.NA, p.NB, tests)}
	if p.Possible {
		words[0] = say("disagree.power.typical.most", p.NA, p.NB, tests)
	}
	if p.Detectable <= 1 {
		words[0] = say("disagree.power.typical", p.NA, p.NB, tests, points(p.Detectable))
	}
	if !p.Possible {
		words = append(words, say("disagree.power.split"))
	}
	return append(words, say("disagree.power.need", views.Count(agree.PeopleNeeded(.3, p.Tests))))
}

// points writes a difference of shares.
func points(share float64) string { return views.Number(math.Round(100 * share)) }

// mostPolicyPairs is how many pairs of policies are compared on the page.
const mostPolicyPairs = 4

// bestOfPolicies is the differences about the first few pairs of policies, the surest difference first,
// all of one pair together.
func bestOfPolicies(ds []agree.Difference) [][]agree.Difference {
	var out [][]agree.Difference
	at := map[string]int{}
	for _, d := range ds {
		i, ok := at[d.Unit]
		if !ok {
			i = len(out)
			at[d.Unit] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], d)
	}
	return out[:min(mostPolicyPairs, len(out))]
}

// policySplit is how often each group prefers one policy to another.
func policySplit(ctx context.Context, id string, d disagreement, ds []agree.Difference) views.PolicySplit {
	a, b, _ := strings.Cut(ds[0].Unit, "\x00")
	best := ds[0]
	key := "disagree.policies.open"
	if best.Q <= lookQ {
		key = "disagree.policies.found"
	}
	return views.PolicySplit{
		Chart: views.ShareDots(ctx, id, views.T(ctx, "disagree.policies.chart", a, b), groupRows(ctx, d.By, ds, func(mean float64) float64 { return mean })),
		Verdict: views.T(ctx, key, points(math.Abs(best.Diff)), groupValue(ctx, d.By, best.A), groupValue(ctx, d.By, best.B),
			points(low(best)), points(high(best)), views.Number(best.Q)),
	}
}

// groupRows is a line for each group of some differences, with its share and the interval over its people.
// share turns a mean into one.
func groupRows(ctx context.Context, by string, ds []agree.Difference, share func(float64) float64) []views.DotRow {
	type group struct {
		mean float64
		ci   agree.Span
		n    int
	}
	groups := map[string]group{}
	for _, d := range ds {
		groups[d.A], groups[d.B] = group{d.MeanA, d.CIA, d.NA}, group{d.MeanB, d.CIB, d.NB}
	}
	var rows []views.DotRow
	for i, value := range slices.Sorted(maps.Keys(groups)) {
		g := groups[value]
		rows = append(rows, views.DotRow{Name: groupValue(ctx, by, value), Value: share(g.mean), CI: views.Interval{Lo: share(g.ci.Lo), Hi: share(g.ci.Hi)}, N: views.Count(g.n), Series: i % 4})
	}
	return rows
}

// shareOfVerdicts turns a mean of −1 … 1 into the share that prefers the first text, ties as half.
func shareOfVerdicts(mean float64) float64 { return (1 + mean) / 2 }

// itemTexts is an item with its texts by completionKey and their scores.
type itemTexts struct {
	detail db.ItemDetail
	scores map[int64]map[int64]float64 // completion → set → score
}

// textsOf loads an item for a card.
func (s *Server) textsOf(ctx context.Context, p db.Project, item int64) (t itemTexts, err error) {
	if t.detail, err = s.store.ItemDetail(ctx, p.ID, item); err != nil {
		return t, err
	}
	ids := make([]int64, len(t.detail.Completions))
	for i, c := range t.detail.Completions {
		ids[i] = c.ID
	}
	t.scores, err = s.store.ScoresOf(ctx, ids)
	return t, err
}

// text is the completion of a key; a text that was since removed is empty.
func (t itemTexts) text(key string) db.Completion {
	for _, c := range t.detail.Completions {
		if keyOf(c) == key {
			return c
		}
	}
	return db.Completion{}
}

// card is one comparison of two groups, under a name that no other card of the page has.
func (t itemTexts) card(ctx context.Context, id, name, by string, x divided, scorers []db.Scorer) views.SplitPrompt {
	one, two := t.text(x.First), t.text(x.Second)
	card := views.SplitPrompt{
		Name: name, Prompt: promptStart(t.detail.Item.Prompt), Lang: t.detail.Item.Lang, Found: x.Diff.Q <= foundQ, More: x.More,
		Difference: views.T(ctx, "disagree.difference", points(math.Abs(x.Diff.Diff)/2), points(low(x.Diff)/2), points(high(x.Diff)/2)),
		One:        views.SplitText{Text: shorten(one.Text, excerptLength), Policy: one.Policy}, Two: views.SplitText{Text: shorten(two.Text, excerptLength), Policy: two.Policy},
		Chart: views.ShareDots(ctx, id, views.T(ctx, "disagree.chart", name), groupRows(ctx, by, []agree.Difference{x.Diff}, shareOfVerdicts)),
	}
	for _, sc := range scorers {
		first, ok1 := t.scores[one.ID][sc.ID]
		second, ok2 := t.scores[two.ID][sc.ID]
		if !ok1 || !ok2 {
			continue
		}
		card.Sides = append(card.Sides, views.Side{Name: sc.Name, Text: sideOf(first, second)})
	}
	return card
}

// low and high are the ends of a difference's interval, seen so that the difference is positive.
func low(d agree.Difference) float64 {
	if d.Diff < 0 {
		return -d.CI.Hi
	}
	return d.CI.Lo
}

func high(d agree.Difference) float64 {
	if d.Diff < 0 {
		return -d.CI.Lo
	}
	return d.CI.Hi
}

// sideOf is the text with the higher score, 0 where they are equal.
func sideOf(first, second float64) int {
	switch {
	case first > second:
		return 1
	case second > first:
		return 2
	}
	return 0
}

// excerptLength is how many characters of a text a card shows.
const excerptLength = 220

// keyOf is a text's completionKey.
func keyOf(c db.Completion) string {
	return completionKey(prefs.Completion{ID: c.ExtID, Text: c.Text})
}

// nameOf is how people call an item.
func nameOf(it db.Item) string {
	if it.PromptID != "" {
		return it.PromptID
	}
	return fmt.Sprint(it.ID)
}
