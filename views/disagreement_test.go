package views

import (
	"context"
	"math"
	"strings"
	"testing"
)

func sampleSplit() SplitPrompt {
	rows := []DotRow{{Name: "north", Value: .9, CI: Interval{.6, .98}, N: "9"}, {Name: "south", Value: .1, CI: Interval{.02, .4}, N: "8", Series: 1}}
	return SplitPrompt{Href: "/projects/1/disagreement/items/3?by=region", Name: "play", Prompt: "Should I tell my friend?", Lang: "en", Difference: "80 points, 42 to 100", Found: true, More: 2,
		One: SplitText{"Yes, kindly.", "ppo"}, Two: SplitText{"Leave it there.", ""}, Chart: ShareDots(context.Background(), "split-0", "Who prefers text 1", rows),
		Sides: []Side{{"reward model 2", 1}, {"policy before", 2}, {"policy after", 0}}}
}

func sampleDisagreement() Disagreement {
	policies := sampleSplit().Chart
	policies.ID = "policies-0"
	return Disagreement{Freshness: Freshness{Ready: true, Fresh: true}, By: "region", Choices: []Choice{{"region", "region"}, {"age", "Age"}},
		Groups: []Figure{{"north", "9", ""}, {"south", "8", ""}}, Tested: 120, Found: 12, Overlap: "17", Small: 1, Power: []string{"In the middle comparison …"},
		Policies: []PolicySplit{{Chart: policies, Verdict: "The groups differ."}}, Prompts: []SplitPrompt{sampleSplit()}, Pager: Pager{Next: "?from=10", From: 1, To: 10, N: 40},
		CSV: "/projects/1/disagreement/export?format=csv", JSON: "/projects/1/disagreement/export?format=json", Control: "At most one in ten."}
}

func sampleSplitItem() SplitItem {
	return SplitItem{Freshness: Freshness{Ready: true, Fresh: true}, Name: "play", Item: "/projects/1/items/3", By: "region", Turns: []Turn{{"user", "Should I tell my friend?"}}, Lang: "en", Hidden: 1,
		Groups: []GroupRanking{{"north", 9, []Place{{"c1", "ppo", 1.1, 1}, {"c2", "sft", 2.4, 0}}}, {"south", 8, []Place{{"c2", "sft", 1, 1}, {"c1", "ppo", math.NaN(), math.NaN()}}}},
		Pairs:  []SplitPrompt{sampleSplit()}, Texts: []ItemText{{"c1", "ppo", "Yes, kindly."}, {"c2", "sft", "Leave it there."}},
		Scorers: []string{"reward model 2"}, Scores: []ScoreRow{{"c1", "ppo", []float64{1.25}}, {"c2", "sft", []float64{math.NaN()}}}}
}

// Each model's side is named, also where it takes none, and a card says whether its difference may be chance.
func TestDisagreementSaysWhoTakesWhichSide(t *testing.T) {
	page := render(t, DisagreementPage(Frame{}, sampleDisagreement()))
	for _, want := range []string{"reward model 2: text 1", "policy before: text 2", "policy after: neither", ">found<", "2 more pairs of texts", "never voted away", "Save as CSV"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	open := sampleDisagreement()
	open.Prompts[0].Found = false
	if page := render(t, DisagreementPage(Frame{}, open)); !strings.Contains(page, "may be chance") {
		t.Error("a difference that is not found must say so")
	}
	none := render(t, DisagreementPage(Frame{}, Disagreement{Freshness: Freshness{Ready: true, Fresh: true}}))
	if !strings.Contains(none, "No groups to compare yet") || strings.Contains(none, "<table") {
		t.Error("without groups the page must say where they come from")
	}
}

func TestSplitItemSaysWhatIsHidden(t *testing.T) {
	page := render(t, SplitItemPage(Frame{}, sampleSplitItem()))
	for _, want := range []string{"1 group has fewer than 5 people here", "9 people", "side by side", "1.25"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "NaN") {
		t.Error("a missing value must not reach the page")
	}
}
