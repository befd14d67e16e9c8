package reward

import (
	"math"
	"strings"
	"testing"

	"agora/reward/prefs"
)

// observed makes observations by hand: who judged, by how much the score of the
// text that was preferred lies above the other's.
func observed(worker, better, worse string, margin float64, groups map[string]*string) observation {
	return observation{line: &prefs.Ranked{PromptID: "p", Worker: worker, Groups: groups}, unit: worker, people: 1,
		better: better, worse: worse, margin: margin}
}

func TestReportByHand(t *testing.T) {
	north := "north"
	all := []observation{
		observed("w1", "a", "b", 2, map[string]*string{"region": &north}),
		observed("w2", "b", "a", -2, map[string]*string{"region": nil}),
		observed("w3", "c", "d", 0, nil),
		observed("w4", "c", "d", 0, nil),
		observed("w5", "e", "f", 1, nil),
	}
	r := &Report{N: len(all)}
	r.parts(all)
	check := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s %v, want %v", name, got, want)
		}
	}
	if r.Units != 5 {
		t.Errorf("%d clusters, want 5", r.Units)
	}
	check("north", r.ByGroup["region=north"].Accuracy, 1)
	if len(r.ByGroup) != 1 {
		t.Errorf("groups %v: a suppressed value must not appear", r.ByGroup)
	}
	check("divided", r.ByAgreement["divided"].Accuracy, .5)
	check("unanimous", r.ByAgreement["unanimous"].Accuracy, .5)
	if n := r.ByAgreement["unanimous"].N; n != 2 {
		t.Errorf("%d unanimous judgments, want 2: a pair judged once says nothing", n)
	}
	check("smallest margins", r.ByMargin[0].Predicted, .5)
	check("largest margins claim", r.ByMargin[4].Predicted, sigmoid(2))
	// Margins 0 0 1 2 −2, a bin each: right half of the time as claimed, twice; then 1, 1 and 0.
	check("calibration error", r.Calibration, (1-sigmoid(1)+1-sigmoid(2)+sigmoid(2))/5)
}

// Beside every accuracy stands how far people agree: on the whole, within groups and folds, and for a
// strength with everybody; and a line of votes is as many judgments.
func TestReferencesBesideEveryAccuracy(t *testing.T) {
	north, south, clearly := "north", "south", 2.0
	said := func(worker, region, ids string) *prefs.Ranked {
		r := judged(worker, 1, ids)
		r.Groups = map[string]*string{"region": &region}
		return r
	}
	lines := []*prefs.Ranked{said("u", north, "ab"), said("v", north, "ab"), said("w", south, "ba"), judged("", 3, "ab")}
	lines[2].Strength = &clearly
	r, err := Evaluate(t.Context(), lines, toyScorer(t))
	if err != nil {
		t.Fatal(err)
	}
	// Five for a, one for b: 5·4 of 6·5 pairs of judgments agree.
	if r.N != 6 || math.Abs(r.Raters.Value-20./30) > 1e-12 || r.Others.Value != 5./6 {
		t.Errorf("n %d, raters %+v, others %+v", r.N, r.Raters, r.Others)
	}
	if p := r.ByGroup["region=north"]; p.Raters == nil || p.Raters.Value != 1 || p.N != 2 {
		t.Errorf("north %+v", p)
	}
	if p := r.ByGroup["region=south"]; p.Raters != nil {
		t.Errorf("the south is one person, and agrees with %+v", p.Raters)
	}
	if p := r.ByStrength["2"]; p.Raters == nil || p.Raters.Value != 0 || p.Others.Value != 0 {
		t.Errorf("the clear judgment, against everybody: %+v", p.Raters)
	}
	var text strings.Builder
	if err := r.print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"two agree on 66.7 %", "majority of the others is right on 83.3 %", "n = 1 pairs", "group region=north: ", "people: two agree on 100.0 %", "strength 2: "} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, text.String())
		}
	}
	if line := r.String(); !strings.Contains(line, "two agree on 66.7 %") {
		t.Errorf("in one line: %s", line)
	}
	if got := r.References.Metrics("eval_"); got["eval_rater_agreement"] != r.Raters.Value || got["eval_others_majority"] != r.Others.Value || got["eval_rater_pairs"] != 1 {
		t.Errorf("metrics %v", got)
	}
}

// toyScorer is a reward model that learned nothing.
func toyScorer(t *testing.T) *Scorer {
	t.Helper()
	m, err := New(tinyPolicy(t, []string{"no merges"}, 257, 16, 1), 1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewScorer(device(t), m, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Resampling labelers, not judgments: ten judgments of one careless labeler are one
// draw, so the interval is wide.
func TestIntervalResamplesClusters(t *testing.T) {
	var clustered, independent []observation
	for i := range 40 {
		margin := 1.0
		if i < 10 {
			margin = -1
		}
		clustered = append(clustered, observed(string(rune('a'+i/10)), "x", "y", margin, nil))
		independent = append(independent, observed(string(rune('a'+i)), "x", "y", margin, nil))
	}
	wide, narrow := interval(clustered), interval(independent)
	if wide.Value != .75 || narrow.Value != .75 {
		t.Fatalf("accuracies %v and %v, want 0.75", wide.Value, narrow.Value)
	}
	if wide.Hi-wide.Lo < 1.5*(narrow.Hi-narrow.Lo) {
		t.Errorf("interval over 4 labelers %+v is not wider than over 40 %+v", wide, narrow)
	}
}

// TestEnsembleByHand judges two pairs by two models: the first is sure and wrong where the second is right.
func TestEnsembleByHand(t *testing.T) {
	a, b := prefs.Completion{ID: "a", Text: "aa"}, prefs.Completion{ID: "b", Text: "b"}
	one, two := 1, 2
	line := &prefs.Ranked{PromptID: "p", Completions: []prefs.Completion{a, b}, Ranks: []*int{&one, &two}}
	name := func(id string) string { return "p\x00" + id }
	member := func(scoreA, scoreB float64) reading {
		return reading{texts: map[string]scored{name("a"): {scoreA, 2}, name("b"): {scoreB, 1}}}
	}
	rs := readings{member(3, 0), member(-1, 0)}
	sums := make([]Member, 2)
	o := observation{line: line, people: 1, better: name("a"), worse: name("b")}
	rs.judge(&o, sums)
	// Margins 3 and −1: their mean is 1, their deviation 2.
	if o.margin != 1 || o.spread != 2 || o.right() != 1 || o.longer != 1 {
		t.Errorf("margin %g, spread %g, longer %d", o.margin, o.spread, o.longer)
	}
	if sums[0].Accuracy != 1 || sums[1].Accuracy != 0 || math.Abs(sums[1].Loss-math.Log1p(math.E)) > 1e-12 {
		t.Errorf("members %+v", sums)
	}
	if means := rs.means(); means[name("a")].score != 1 || means[name("a")].length != 2 || means[name("b")].score != 0 {
		t.Errorf("means %v", means)
	}
}
