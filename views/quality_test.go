package views

import (
	"math"
	"strings"
	"testing"
)

func sampleQuality() Quality {
	return Quality{
		Freshness: Freshness{Ready: true, Fresh: true}, Weighting: Weighting{Offered: true, On: true, Effective: 51.2, Labelers: 84},
		Items: 600, Answers: 1800, Labelers: 84, Checked: 420, Method: "Bootstrap.", Unnamed: 3, SmallGroups: 2,
		Alike: .73, AlikeCI: Interval{.71, .74}, AlikeN: 3412, MoreKappas: 7,
		Measures: []Coefficient{
			{"Krippendorff α, ordinal", "places in the ranking", "Beyond chance.", "2 400 texts", .52, Interval{.47, .57}, "share the mean of their places"},
			{"Pairwise agreement", "which of two texts is better", "How often.", "3 412 pairs of judgments", .73, NoInterval, "left out"},
			{"Fleiss κ", "which of two texts is better", "As papers.", "0 pairs of texts", math.NaN(), NoInterval, "an outcome of their own"},
		},
		Flags: []FlagRow{{Name: "Hallucination", Of: "completions", Given: 92, N: 300, Alpha: .41, CI: Interval{.33, .49}, Verdict: "Explain it."}},
		People: []Rater{
			{Worker: "w17", Href: "/projects/1/quality/labelers/w17", Answers: 466, Gold: .71, GoldCI: Interval{.6, .8}, GoldN: 71, Again: .8, AgainN: 20, Peers: .58, CI: Interval{.5, .66}, Units: 900,
				Side: .81, SideCI: Interval{.77, .85}, SideN: 400, Know: .7, KnowN: 900, Seconds: 19, Look: []string{"Leans to what is shown earlier"}},
			{Worker: "w18", Href: "/projects/1/quality/labelers/w18", Answers: 4, Gold: math.NaN(), GoldCI: NoInterval, Again: math.NaN(), Peers: math.NaN(), CI: NoInterval, Side: math.NaN(), SideCI: NoInterval, Know: math.NaN(), Seconds: math.NaN()},
		},
		Team: sampleChart(), TeamVerdict: "No change.",
		Kappas: []KappaRow{{"w17", "w18", 120, .7, .44, Interval{.3, .58}}},
		Groups: []GroupPair{{"age", "60+", "60+", 40, .8, Interval{.7, .9}}, {"age", "18-29", "60+", 90, .55, Interval{.45, .66}}},
		Links:  []Link{{"Disagreement", "/projects/1/disagreement"}},
	}
}

func sampleLabelerPage() LabelerPage {
	return LabelerPage{Freshness: Freshness{Ready: true, Fresh: true}, Worker: "w17", Look: []string{"Changed over time"},
		Facts: []Fact{{"Known answers right", "71.0\u00a0%", "60.0\u00a0% to 80.0\u00a0%", "71 items", "The middle labeler: 88.0\u00a0%."}, {Name: "Same again", Value: "–", Means: "Nobody reaches 100 %."}},
		Agree: sampleChart(), Gold: renamed(sampleChart(), "gold"), Verdict: "It changed.", GoldVerdict: "No change.",
		Times: Bars{ID: "times", Title: "Time for an answer", Head: "Seconds", NHead: "Answers", Unit: "seconds", Bars: []Bar{{"0 to 5", "0", 3}, {"5 to 10", "5", 0}, {"10 to 20", "10", 40}}}, Speed: "Half less than 19 s."}
}

// What is not known is a dash or a sentence, never a number; the note on a marked row comes with its reason.
func TestQualitySaysWhatItDoesNotKnow(t *testing.T) {
	page := render(t, QualityPage(Frame{}, sampleQuality()))
	if strings.Contains(page, "NaN") {
		t.Error("a missing value must not reach the page")
	}
	if marked := elements(t, page, "tr", "class", "mark"); len(marked) != 1 {
		t.Errorf("%d marked rows, want w17's", len(marked))
	}
	for _, want := range []string{"not a verdict", "Leans to what is shown earlier", "2 groups of fewer than 5 people", "3 answers name no labeler", "within 60+", "18-29 and 60+", "0.47 to 0.57",
		"worth about 51.2", "95 % should worry you", "72.6", "7 more pairs", "never taken for a no"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if empty := render(t, QualityPage(Frame{}, Quality{Freshness: Freshness{Ready: true, Fresh: true}})); !strings.Contains(empty, "No answers yet") || strings.Contains(empty, "<table") {
		t.Error("without answers the page must say so and show no table")
	}
	if alone := render(t, QualityPage(Frame{}, Quality{Freshness: Freshness{Ready: true, Fresh: true}, Answers: 1, Alike: math.NaN()})); !strings.Contains(alone, "by two different people yet") {
		t.Error("without a second opinion the page must say what to do")
	}
}

// Figures that are being computed are announced, with a link that needs no script; older ones stay readable.
func TestQualityWhileComputing(t *testing.T) {
	q := sampleQuality()
	q.Freshness = Freshness{Ready: true, Made: noon, Events: "/projects/1/quality/events", Again: "/projects/1/quality"}
	page := render(t, QualityPage(Frame{}, q))
	for _, want := range []string{`data-events="/projects/1/quality/events"`, `role="status"`, `href="/projects/1/quality"`, "Newer figures", "0.47 to 0.57", "2026-01-02T12:00:00Z"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if none := render(t, QualityPage(Frame{}, Quality{})); strings.Contains(none, "<table") || strings.Contains(none, "No answers") || !strings.Contains(none, "being computed") {
		t.Error("before the first figures the page must say that they are being computed, and nothing else")
	}
	if fresh := render(t, QualityPage(Frame{}, sampleQuality())); strings.Contains(fresh, "data-events") {
		t.Error("fresh figures need no stream")
	}
}

// More agreement than people reach is a warning, but not of a handful of answers.
func TestQualityWorries(t *testing.T) {
	q := sampleQuality()
	for _, c := range []struct {
		alike float64
		n     int
		want  bool
	}{{.97, 400, true}, {.97, 40, false}, {.9, 400, false}, {math.NaN(), 0, false}} {
		q.Alike, q.AlikeN = c.alike, c.n
		if got := strings.Contains(render(t, QualityPage(Frame{}, q)), "Unusually high"); got != c.want {
			t.Errorf("%.2f of %d: warned %t", c.alike, c.n, got)
		}
	}
}

// Every mark of a chart of figures stands at the place that its axis says, also those outside it.
func TestDotsLayout(t *testing.T) {
	p := sampleQuality().references(t.Context()).layout()
	if p.px(.4) != dotsWhole.left || p.px(1) != dotsWhole.right || p.px(.2) != dotsWhole.left || p.px(.7) != (dotsWhole.left+dotsWhole.right)/2 {
		t.Errorf("%g %g %g %g", p.px(.4), p.px(1), p.px(.2), p.px(.7))
	}
	last := 0.0
	for _, m := range p.marks {
		if m.y <= last || m.y >= p.bottom {
			t.Errorf("%s at %g", m.Name, m.y)
		}
		last = m.y
	}
}

func TestBarsLayout(t *testing.T) {
	marks := sampleLabelerPage().Times.layout()
	if len(marks) != 3 || marks[2].h != barsBottom-barsTop || marks[1].h != 0 || marks[0].h <= 0 || marks[0].x >= marks[1].x {
		t.Errorf("%+v", marks)
	}
}

func TestDotScale(t *testing.T) {
	positive, negative := scaleOf([]Coefficient{{Value: .2, CI: Interval{.1, .3}}}), scaleOf([]Coefficient{{Value: .2, CI: Interval{-.1, .3}}})
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

// renamed gives a chart an id of its own, as every chart of a page has.
func renamed(c Chart, id string) Chart {
	c.ID = id
	return c
}
