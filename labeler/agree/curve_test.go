package agree

import (
	"math"
	"testing"
)

// TestCrowdCurve: people who are each right with .8 predict one another as binomial sums say.
func TestCrowdCurve(t *testing.T) {
	right := make([]float64, 9)
	for i := range right {
		right[i] = .8
	}
	labels, _ := crowd(1500, right, 0, 4)
	points := table(t, labels).CrowdCurve(9, 20, 100, 1)
	if len(points) != 8 { // one more person is needed for 9
		t.Fatalf("%d points", len(points))
	}
	for _, k := range []int{1, 3, 5} {
		majority := 0.0 // chance that most of k are right
		for n := (k + 1) / 2; n <= k; n++ {
			majority += math.Exp(logChoose(k, n)) * math.Pow(.8, float64(n)) * math.Pow(.2, float64(k-n))
		}
		p := points[k-1]
		near(t, "curve", p.Equal, majority*.8+(1-majority)*.2, .015)
		if p.K != k || p.Units != 1500 || p.CI.Lo > p.Equal || p.CI.Hi < p.Equal {
			t.Errorf("%+v", p)
		}
	}
	near(t, "two people are worth one: ties count half", points[1].Equal, points[0].Equal, .01)
}
