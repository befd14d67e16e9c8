package agree

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// krippendorff is the example of Krippendorff (2011), 4 observers × 12 units with gaps.
func krippendorff() []Label {
	var labels []Label
	rows := [4][12]float64{
		{1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0},
		{1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3},
		{0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0},
		{1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0},
	}
	for who, row := range rows {
		for u, v := range row {
			if v == 0 {
				v = math.NaN()
			}
			labels = append(labels, Label{Unit: fmt.Sprint(u), Labeler: fmt.Sprint(who), Value: v})
		}
	}
	return labels
}

func TestAlphaOfKrippendorffsExample(t *testing.T) {
	c := table(t, krippendorff()).Coincide()
	near(t, "nominal", c.Alpha(Nominal), .743, .0005) // Krippendorff (2011), sections C to E
	near(t, "ordinal", c.Alpha(Ordinal), .815, .0005)
	near(t, "interval", c.Alpha(Interval), .849, .0005)
	near(t, "coincidence 2-2", c.O[1][1], 10, 1e-12) // his matrix of section C
	near(t, "coincidence 3-3", c.O[2][2], 8, 1e-12)
	near(t, "coincidence 1-2", c.O[0][1], 4./3, 1e-12)
}

func TestFleiss(t *testing.T) {
	diagnoses := [][]int{ // Fleiss (1971), table 1: 30 patients, 6 psychiatrists, 5 diagnoses
		{0, 0, 0, 6, 0}, {0, 3, 0, 0, 3}, {0, 1, 4, 0, 1}, {0, 0, 0, 0, 6}, {0, 3, 0, 3, 0}, {2, 0, 4, 0, 0},
		{0, 0, 4, 0, 2}, {2, 0, 3, 1, 0}, {2, 0, 0, 4, 0}, {0, 0, 0, 0, 6}, {1, 0, 0, 5, 0}, {1, 1, 0, 4, 0},
		{0, 3, 3, 0, 0}, {1, 0, 0, 5, 0}, {0, 2, 0, 3, 1}, {0, 0, 5, 0, 1}, {3, 0, 0, 1, 2}, {5, 1, 0, 0, 0},
		{0, 2, 0, 4, 0}, {1, 0, 2, 0, 3}, {0, 0, 0, 0, 6}, {0, 1, 0, 5, 0}, {0, 2, 0, 1, 3}, {2, 0, 0, 4, 0},
		{1, 0, 0, 4, 1}, {0, 5, 0, 1, 0}, {4, 0, 0, 0, 2}, {0, 2, 0, 4, 0}, {1, 0, 5, 0, 0}, {0, 0, 0, 0, 6},
	}
	near(t, "Fleiss 1971", table(t, counted(diagnoses)).Coincide().Fleiss(), .430, .0005)
	wikipedia := [][]int{ // en.wikipedia.org/wiki/Fleiss'_kappa, 10 subjects, 14 raters
		{0, 0, 0, 0, 14}, {0, 2, 6, 4, 2}, {0, 0, 3, 5, 6}, {0, 3, 9, 2, 0}, {2, 2, 8, 1, 1},
		{7, 7, 0, 0, 0}, {3, 2, 6, 3, 0}, {2, 5, 3, 2, 2}, {6, 5, 2, 1, 0}, {0, 2, 2, 3, 7},
	}
	near(t, "Wikipedia", table(t, counted(wikipedia)).Coincide().Fleiss(), .210, .0005)
}

func TestCohen(t *testing.T) {
	cases := []struct {
		name             string
		joint            [][]int // joint[a][b]
		kappa, quadratic float64
	}{
		{"Wikipedia, 50 grants", [][]int{{20, 5}, {10, 15}}, .4, .4},
		{"Wikipedia, same agreement, other margins", [][]int{{45, 15}, {25, 15}}, .1304, .1304},
		{"perfect", [][]int{{3, 0}, {0, 4}}, 1, 1},
		{"one value only", [][]int{{5, 0}, {0, 0}}, math.NaN(), math.NaN()},
	}
	for _, c := range cases {
		var labels []Label
		for a, row := range c.joint {
			for b, n := range row {
				for range n {
					u := fmt.Sprint(len(labels))
					labels = append(labels, Label{Unit: u, Labeler: "a", Value: float64(a)}, Label{Unit: u, Labeler: "b", Value: float64(b)})
				}
			}
		}
		k := table(t, labels).Cohen(1)
		if len(k) != 1 {
			t.Fatalf("%s: %d pairs", c.name, len(k))
		}
		near(t, c.name, k[0].Kappa, c.kappa, .0001)
		near(t, c.name+", weighted", k[0].Weighted, c.quadratic, .0001) // two values: weights change nothing
	}
}

// The authors report .85, .88, .86 over all 999 rows; the 945 shared rows give the figures here.
func TestPandaLM(t *testing.T) {
	tab := table(t, pandaLabels(t))
	want := map[string]float64{"12": .855, "13": .878, "23": .863}
	for _, k := range tab.Cohen(1) {
		near(t, "Cohen "+k.A+"–"+k.B, k.Kappa, want[k.A+k.B], .0005)
		if k.N != 945 {
			t.Errorf("n = %d", k.N)
		}
	}
	c := tab.Coincide()
	near(t, "Fleiss", c.Fleiss(), .865, .0005)
	// complete nominal data: 1−α = (1−κ)·(1−1/N), N = all labels
	near(t, "α and κ", 1-c.Alpha(Nominal), (1-c.Fleiss())*(1-1./(3*945)), 1e-12)
	iv := tab.Bootstrap(ByItem, 200, 1)
	if iv.By != ByItem || iv.Fleiss.Lo > c.Fleiss() || iv.Fleiss.Hi < c.Fleiss() || iv.Fleiss.Hi-iv.Fleiss.Lo > .06 {
		t.Errorf("interval by item %+v around %.3f", iv.Fleiss, c.Fleiss())
	}
	if three := tab.Bootstrap(ByLabeler, 200, 1); three.By != NoCluster || !math.IsNaN(three.Fleiss.Lo) {
		t.Errorf("three people gave a labeler interval: %+v", three)
	}
}

func TestCohenStandardError(t *testing.T) {
	k := table(t, pandaLabels(t)).Cohen(1)[0]
	// the same by resampling the units of the two people
	var two []Label
	for _, l := range pandaLabels(t) {
		if l.Labeler == k.A || l.Labeler == k.B {
			two = append(two, l)
		}
	}
	tab := table(t, two)
	d, sum, square := newDraw(len(tab.Items), 3), 0.0, 0.0
	const resamples = 600
	for range resamples {
		x := tab.coincide(d.next(), nil).Fleiss() // Scott's π: within .001 of κ here
		sum, square = sum+x, square+x*x
	}
	near(t, "standard error", k.SE, math.Sqrt(square/resamples-sum*sum/resamples/resamples), .0015)
}

func TestMissingAndRepeatedLabels(t *testing.T) {
	tab := table(t, []Label{
		{Unit: "u", Labeler: "a", Value: 1}, {Unit: "u", Labeler: "a", Value: 2}, {Unit: "u", Labeler: "b", Value: 1},
		{Unit: "v", Labeler: "a", Value: 3}, {Unit: "w", Labeler: "", Value: 1}, {Unit: "w", Labeler: "", Value: 2},
		{Unit: "w", Labeler: "b", Value: math.NaN()},
	})
	if tab.Repeats != 1 || tab.Shared() != 2 || len(tab.Labelers) != 2 || len(tab.Cells) != 5 {
		t.Errorf("repeats %d, shared %d, labelers %v, cells %v", tab.Repeats, tab.Shared(), tab.Labelers, tab.Cells)
	}
	near(t, "percent", tab.Coincide().Percent(), .5, 1e-12)
	for _, bad := range [][]Label{
		{{Unit: "u", Value: math.Inf(1)}},
		{{Unit: "u", Item: "p"}, {Unit: "u", Item: "q"}},
	} {
		if _, err := NewTable(bad); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
	empty := table(t, nil).Coincide().Coefficients()
	for _, x := range empty.list() {
		near(t, "of nothing", x, math.NaN(), 0)
	}
}

// A labeler drawn twice must not agree with their copy: of people who answer by coin, the
// resampled α stays around zero.
func TestDrawnTwiceIsNotAgreement(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var labels []Label
	for u := range 200 {
		for who := range 6 {
			labels = append(labels, Label{Unit: fmt.Sprint(u), Labeler: fmt.Sprint(who), Value: float64(rng.IntN(2))})
		}
	}
	iv := table(t, labels).Bootstrap(ByLabeler, 300, 1)
	if iv.Nominal.Lo > 0 || iv.Nominal.Hi < 0 || iv.Nominal.Hi > .08 {
		t.Errorf("interval %+v, want around 0", iv.Nominal)
	}
}

// About 95 of 100 intervals must cover the agreement of the whole pool that the people come from:
// careful ones (right 9 times in 10) and careless ones (a coin), half and half.
func TestLabelerBootstrapCovers(t *testing.T) {
	careful := []float64{.9, .5}
	// two people agree with p·q + (1−p)(1−q), averaged over who they are
	truth := 0.0
	for _, p := range careful {
		for _, q := range careful {
			truth += (p*q + (1-p)*(1-q)) / 4
		}
	}
	rng := rand.New(rand.NewPCG(7, 8))
	covered, byItem := 0, 0
	const trials = 80
	for range trials {
		var labels []Label
		for who := range 20 {
			p := careful[rng.IntN(2)]
			for u := range 60 {
				v := 0.0
				if rng.Float64() < p {
					v = 1
				}
				labels = append(labels, Label{Unit: fmt.Sprint(u), Labeler: fmt.Sprint(who), Value: v})
			}
		}
		tab := table(t, labels)
		if iv := tab.Bootstrap(ByLabeler, 100, 1).Percent; iv.Lo <= truth && truth <= iv.Hi {
			covered++
		}
		if iv := tab.Bootstrap(ByItem, 40, 1).Percent; iv.Lo <= truth && truth <= iv.Hi {
			byItem++
		}
	}
	if share := float64(covered) / trials; share < .87 || share > .99 {
		t.Errorf("covered %.3f of the time, want about .95", share)
	}
	if share := float64(byItem) / trials; share > .8 {
		t.Errorf("control: intervals that ignore labelers covered %.3f of the time", share)
	}
}
