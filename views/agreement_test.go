package views

import (
	"math"
	"strings"
	"testing"
)

func sampleAgreement() Agreement {
	return Agreement{
		Items: 600, Answers: 1800, Labelers: 84, Method: "Bootstrap.", Unnamed: 3, SmallGroups: 2,
		Measures: []Measure{
			{"Krippendorff α, ordinal", "places in the ranking", "2 400 texts", .52, Interval{.47, .57}, "share the mean of their places"},
			{"Pairwise agreement", "which of two texts is better", "3 412 pairs of judgments", .73, NoInterval, "left out"},
			{"Fleiss κ", "which of two texts is better", "0 pairs of texts", math.NaN(), NoInterval, "an outcome of their own"},
		},
		People: []Rater{
			{Worker: "w17", Answers: 466, Peers: .58, CI: Interval{.5, .66}, Units: 900, Side: .81, SideCI: Interval{.77, .85}, SideN: 400, Seconds: 19, Look: []string{"Leans to what is shown earlier"}},
			{Worker: "w18", Answers: 4, Peers: math.NaN(), CI: NoInterval, Side: math.NaN(), SideCI: NoInterval, Seconds: math.NaN()},
		},
		Groups: []GroupPair{{"age", "60+", "60+", 40, .8, Interval{.7, .9}}, {"age", "18-29", "60+", 90, .55, Interval{.45, .66}}},
	}
}

// What is not known is a dash or a sentence, never a number; the note on a marked row comes with its reason.
func TestAgreementSaysWhatItDoesNotKnow(t *testing.T) {
	page := render(t, AgreementPage(Frame{}, sampleAgreement()))
	if strings.Contains(page, "NaN") {
		t.Error("a missing value must not reach the page")
	}
	if marked := elements(t, page, "tr", "class", "mark"); len(marked) != 1 {
		t.Errorf("%d marked rows, want w17's", len(marked))
	}
	for _, want := range []string{"not a verdict", "Leans to what is shown earlier", "2 groups of fewer than 5 people", "3 answers name no labeler", "within 60+", "18-29 and 60+", "0.47 to 0.57"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if dots := elements(t, page, "svg", "role", "img"); len(dots) != 2 {
		t.Errorf("%d drawings, want one for each figure that exists", len(dots))
	}
	if empty := render(t, AgreementPage(Frame{}, Agreement{})); !strings.Contains(empty, "No answers yet") || strings.Contains(empty, "<table") {
		t.Error("without answers the page must say so and show no table")
	}
	if alone := render(t, AgreementPage(Frame{}, Agreement{Answers: 1})); !strings.Contains(alone, "by two different people yet") {
		t.Error("without a second opinion the page must say what to do")
	}
}

func TestDotScale(t *testing.T) {
	positive, negative := scaleOf([]Measure{{Value: .2, CI: Interval{.1, .3}}}), scaleOf([]Measure{{Value: .2, CI: Interval{-.1, .3}}})
	if positive.at(0) != dotFrom || positive.at(1) != dotTo || math.Abs(negative.at(0)-(dotFrom+(dotTo-dotFrom)/3)) > 1e-9 || negative.at(-7) != dotFrom {
		t.Errorf("%g %g %g %g", positive.at(0), positive.at(1), negative.at(0), negative.at(-7))
	}
}

func TestDecimal(t *testing.T) {
	for v, want := range map[float64]string{.5: "0.50", -.126: "−0.13", -.001: "0.00", 12.3: "12.30"} {
		if got := decimal(v, 2); got != want {
			t.Errorf("decimal(%g) = %q, want %q", v, got, want)
		}
	}
	if decimal(math.NaN(), 2) != "–" {
		t.Error("NaN is a dash")
	}
}
