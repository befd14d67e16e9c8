package agree

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Span is a 95 % interval; NaN ends where it cannot be computed.
type Span struct{ Lo, Hi float64 }

// noSpan says that there is no interval.
func noSpan() Span { return Span{math.NaN(), math.NaN()} }

// Clusters is what an interval was resampled by.
type Clusters string

// People resemble themselves and answers to one item resemble each other, so whole labelers
// or whole items are drawn, never single labels.
const (
	ByLabeler Clusters = "labeler"
	ByItem    Clusters = "item"
	NoCluster Clusters = "none" // too few of both
)

// Coefficients are the agreement figures of a crowd.
type Coefficients struct {
	Nominal, Ordinal, Interval float64 // Krippendorff's α
	Fleiss                     float64
	Percent                    float64
}

// Coefficients computes all figures at once.
func (c *Coincidences) Coefficients() Coefficients {
	return Coefficients{c.Alpha(Nominal), c.Alpha(Ordinal), c.Alpha(Interval), c.Fleiss(), c.Percent()}
}

// list is the figures in the order of the struct.
func (c Coefficients) list() [5]float64 {
	return [5]float64{c.Nominal, c.Ordinal, c.Interval, c.Fleiss, c.Percent}
}

// Intervals are the intervals of Coefficients.
type Intervals struct {
	Nominal, Ordinal, Interval, Fleiss, Percent Span
	By                                          Clusters
}

// Bootstrap resamples whole labelers or whole items (percentile intervals, Efron and
// Tibshirani 1993). Fewer than MinLabelers clusters give none. The same table and seed give
// the same interval.
func (t *Table) Bootstrap(by Clusters, resamples int, seed uint64) Intervals {
	clusters := len(t.Items)
	if by == ByLabeler {
		clusters = len(t.Labelers)
	}
	if clusters < MinLabelers || by == NoCluster {
		return Intervals{noSpan(), noSpan(), noSpan(), noSpan(), noSpan(), NoCluster}
	}
	draws := make([][]float64, 5)
	draw := newDraw(clusters, seed)
	for range resamples {
		weights := draw.next()
		var c *Coincidences
		if by == ByLabeler {
			c = t.coincide(nil, weights)
		} else {
			c = t.coincide(weights, nil)
		}
		for i, x := range c.Coefficients().list() {
			draws[i] = append(draws[i], x)
		}
	}
	return Intervals{percentile(draws[0]), percentile(draws[1]), percentile(draws[2]), percentile(draws[3]), percentile(draws[4]), by}
}

// draw resamples clusters: next is how often each was drawn.
type draw struct {
	rng    *rand.Rand
	counts []float64
}

func newDraw(clusters int, seed uint64) *draw {
	return &draw{rand.New(rand.NewPCG(seed, 1993)), make([]float64, clusters)}
}

// next draws as many clusters as there are, with replacement; valid until the following call.
func (d *draw) next() []float64 {
	clear(d.counts)
	for range d.counts {
		d.counts[d.rng.IntN(len(d.counts))]++
	}
	return d.counts
}

// percentile is the middle 95 % of resampled figures. Resamples without a figure (nothing
// varied) are left out; if they are more than one in twenty there is no interval.
func percentile(xs []float64) Span {
	n := len(xs)
	xs = slices.DeleteFunc(xs, math.IsNaN)
	if n == 0 || len(xs)*20 < n*19 {
		return noSpan()
	}
	slices.Sort(xs)
	return Span{quantile(xs, .025), quantile(xs, .975)}
}
