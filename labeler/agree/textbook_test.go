package agree

import (
	"fmt"
	"math"
	"testing"
)

// missing is a label that was not given.
var missing = math.NaN()

// byRater makes labels from one row of values per person.
func byRater(rows ...[]float64) []Label {
	var labels []Label
	for who, row := range rows {
		for u, v := range row {
			labels = append(labels, Label{Unit: fmt.Sprint(u), Labeler: fmt.Sprint(who), Value: v})
		}
	}
	return labels
}

// Figures that others computed and printed, typed in from the sources named.
func TestAlphaOfTextbookExamples(t *testing.T) {
	o := missing
	const a, b, c, d, e = 1, 2, 3, 4, 5
	cases := []struct {
		name   string
		labels []Label
		metric Metric
		want   float64
	}{
		{"Krippendorff (2011), section A: two observers, binary", byRater(
			[]float64{0, 1, 0, 0, 0, 0, 0, 0, 1, 0}, []float64{1, 1, 1, 0, 0, 1, 0, 0, 0, 0}), Nominal, .095},
		{"Krippendorff (2011), section B: two observers, five names", byRater(
			[]float64{a, a, b, b, d, c, c, c, e, d, d, a}, []float64{b, a, b, b, b, c, c, c, e, d, d, d}), Nominal, .692},
		{"Wikipedia, three coders with gaps, nominal", threeCoders(o), Nominal, .691},
		{"Wikipedia, three coders with gaps, interval", threeCoders(o), Interval, .811},
	}
	for _, x := range cases {
		near(t, x.name, table(t, x.labels).Coincide().Alpha(x.metric), x.want, .0006)
	}
}

// threeCoders is the example of en.wikipedia.org/wiki/Krippendorff's_alpha: 15 units, of which three
// have one label or none.
func threeCoders(o float64) []Label {
	return byRater(
		[]float64{o, o, o, o, o, 3, 4, 1, 2, 1, 1, 3, 3, o, 3},
		[]float64{1, o, 2, 1, 3, 3, 4, 3, o, o, o, o, o, o, o},
		[]float64{o, o, 2, 1, 3, 4, 4, o, 2, 1, 1, 3, 3, o, 4})
}

// Fleiss, Levin and Paik (2003), table 18.1: two raters on 100 people, κ .68 with standard error .087.
func TestCohenOfFleissLevinPaik(t *testing.T) {
	joint := [][]int{{75, 1, 4}, {5, 4, 1}, {0, 0, 10}}
	var first, second []float64
	for x, row := range joint {
		for y, n := range row {
			for range n {
				first, second = append(first, float64(x)), append(second, float64(y))
			}
		}
	}
	k := table(t, byRater(first, second)).Cohen(1)[0]
	near(t, "κ", k.Kappa, .68, .005)
	near(t, "standard error", k.SE, .087, .001) // printed with three digits, cut
	near(t, "agreement", k.Agreement, .89, 1e-12)
}

// What only one person judged says nothing about agreement, however much of it there is.
func TestSingleLabelsChangeNothing(t *testing.T) {
	labels := krippendorff()
	before := table(t, labels).Coincide().Coefficients()
	for i := range 50 {
		labels = append(labels, Label{Unit: fmt.Sprint("alone ", i), Labeler: fmt.Sprint(i % 4), Value: float64(1 + i%5)})
	}
	after := table(t, labels).Coincide().Coefficients()
	for i, x := range before.list() {
		near(t, "coefficient", after.list()[i], x, 1e-12)
	}
}

// A weight of 2 is what a second person of the same mind would be, short of agreeing with oneself.
func TestWeightsOfLabelers(t *testing.T) {
	labels := byRater([]float64{1, 1, 0, 0}, []float64{1, 0, 0, 1}, []float64{1, 1, 0, 1})
	plain, weighted := table(t, labels), table(t, labels)
	weighted.WeighBy(map[string]float64{"0": 2, "1": .5, "2": .5})
	// pairs 01, 02, 12 agree on 2, 3, 3 of 4 units
	near(t, "unweighted", plain.Coincide().Percent(), 8./12, 1e-12)
	near(t, "weighted", weighted.Coincide().Percent(), (1*2+1*3+.25*3)/(4*2.25), 1e-12)
	even := table(t, labels)
	even.WeighBy(map[string]float64{"0": 1, "1": 1, "2": 1})
	for i, x := range plain.Coincide().Coefficients().list() {
		near(t, "all alike", even.Coincide().Coefficients().list()[i], x, 1e-12)
	}
}

func TestWeightsOfVotes(t *testing.T) {
	js := []Judgment{{Labeler: "a", Score: 1, Weight: 3}, {Labeler: "b", Weight: 1}}
	e := WinRate(js, 100)
	near(t, "rate", e.Rate, .75, 1e-12)
	lo, _ := wilson(.75, 1.6) // (3+1)²/(9+1)
	near(t, "interval", e.Lo, lo, 1e-12)
	board, err := Leaderboard([]Duel{{Answer: 1, Item: "p", Labeler: "a", A: "x", B: "y", Score: 1, Weight: 3}, {Answer: 2, Item: "p", Labeler: "b", A: "x", B: "y", Weight: 1}}, BoardOptions{Ties: Half, Resamples: 100})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "odds of 3 to 1", board.Standings[0].Strength-board.Standings[1].Strength, math.Log(3), 1e-6)
}
