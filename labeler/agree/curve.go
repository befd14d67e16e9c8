package agree

import (
	"math"
	"math/rand/v2"
)

// Point is what the votes of K people say about one more person's.
type Point struct {
	K     int     // people asked
	Equal float64 // how often their majority is what a further person says; tied majorities count their share
	CI    Span    // items resampled
	Units int     // units with more than K named people or unnamed ones
}

// CrowdCurve is the learning curve of asking more people: for K = 1, 2, … how well the majority of K
// people, drawn anew for every unit and every round, predicts a further person's value. It rises to what
// the crowd's taste allows; where it is flat, another label on the same item buys nothing.
//
// The curve stops at the first K that fewer than MinLabelers items have enough people for. Each point is
// over the units that have more than K people, so points compare only where those are the same units.
func (t *Table) CrowdCurve(most, rounds, resamples int, seed uint64) []Point {
	var points []Point
	for k := 1; k <= most; k++ {
		rng := rand.New(rand.NewPCG(seed, uint64(k)))
		equal, counts := make([]float64, len(t.Items)), make([]float64, len(t.Items))
		units := 0
		for u := range t.Units {
			if cells := t.unit(u); len(cells) > k {
				units++
				counts[t.itemOf[u]]++
				equal[t.itemOf[u]] += t.predicted(cells, k, rounds, rng)
			}
		}
		var sums, ns []float64
		p := Point{K: k, Units: units}
		for i, n := range counts {
			if n > 0 {
				sums, ns = append(sums, equal[i]), append(ns, n)
				p.Equal += equal[i] / float64(units)
			}
		}
		if len(sums) < MinLabelers {
			break
		}
		p.CI = meanSpan(sums, ns, resamples, seed)
		points = append(points, p)
	}
	return points
}

// predicted is how often the majority of k random people of a unit is what one more of them says.
func (t *Table) predicted(cells []Cell, k, rounds int, rng *rand.Rand) float64 {
	order := make([]int, len(cells))
	for i := range order {
		order[i] = i
	}
	votes, hits := make([]int, len(t.Values)), 0.0
	for range rounds {
		for i := range k + 1 { // the first steps of a Fisher–Yates shuffle
			j := i + rng.IntN(len(order)-i)
			order[i], order[j] = order[j], order[i]
		}
		clear(votes)
		top := 0
		for _, i := range order[:k] {
			votes[cells[i].Value]++
			top = max(top, votes[cells[i].Value])
		}
		tied := 0
		for _, n := range votes {
			if n == top {
				tied++
			}
		}
		if votes[cells[order[k]].Value] == top {
			hits += 1 / float64(tied)
		}
	}
	return hits / math.Max(1, float64(rounds))
}
