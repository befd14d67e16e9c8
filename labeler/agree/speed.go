package agree

import (
	"math"
	"slices"
)

// Speed is the distribution of one labeler's times.
type Speed struct {
	Labeler          string
	N                int
	P10, Median, P90 float64 // seconds
	// Against is the median, over items, of this labeler's time divided by the others' median time:
	// 0.5 is twice as fast. NaN where nobody else did any of the items.
	Against float64
	Common  int // items that Against is over
}

// Timed is the time that one answer took.
type Timed struct {
	Labeler, Item string
	Seconds       float64
}

// Speeds describes every labeler, in order of appearance. Items differ in length, so people are
// compared on the same items only, and by medians, so that one long break changes little.
func Speeds(times []Timed) []Speed {
	var names []string
	numbers := index{}
	own := [][]float64{}
	byItem := map[string][]Timed{}
	for _, t := range times {
		if !(t.Seconds > 0) {
			continue
		}
		i := numbers.of(t.Labeler, &names)
		if i == len(own) {
			own = append(own, nil)
		}
		own[i] = append(own[i], t.Seconds)
		byItem[t.Item] = append(byItem[t.Item], t)
	}
	ratios := make([][]float64, len(names))
	for _, t := range times {
		if !(t.Seconds > 0) {
			continue
		}
		var others []float64
		for _, o := range byItem[t.Item] {
			if o.Labeler != t.Labeler {
				others = append(others, math.Log(o.Seconds))
			}
		}
		if len(others) > 0 {
			i := numbers[t.Labeler]
			ratios[i] = append(ratios[i], math.Log(t.Seconds)-median(others))
		}
	}
	out := make([]Speed, len(names))
	for i, name := range names {
		slices.Sort(own[i])
		out[i] = Speed{Labeler: name, N: len(own[i]), P10: quantile(own[i], .1), Median: quantile(own[i], .5),
			P90: quantile(own[i], .9), Against: math.NaN(), Common: len(ratios[i])}
		if len(ratios[i]) > 0 {
			out[i].Against = math.Exp(median(ratios[i]))
		}
	}
	return out
}

func median(xs []float64) float64 {
	slices.Sort(xs)
	return quantile(xs, .5)
}
