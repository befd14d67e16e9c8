package agree

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// Difference is how differently two groups of people judged one unit.
type Difference struct {
	Unit         string
	A, B         string // groups
	MeanA, MeanB float64
	CIA, CIB     Span    // of the two means, as CI
	NA, NB       int     // people of each group
	Diff         float64 // MeanA − MeanB
	CI           Span    // see GroupDifferences
	P, Q         float64 // permutation test of the people's groups; after Benjamini–Hochberg over all differences
}

// GroupOptions are the choices of GroupDifferences.
type GroupOptions struct {
	Least        int // people that each group needs on a unit, so that no answer points at a person
	Permutations int // where there are too many to list
	Seed         uint64
	Means        bool // a person's value is a mean of many judgments: intervals resample people
}

// GroupDifferences compares, for every unit, every two groups that enough people of are there, the
// surest difference first. Each person is one observation, whatever else they answered, so the
// interval is clustered by labeler.
//
// The values of a few people are far from normal, so the p-value comes from exchanging the people
// between the groups, and the interval is Agresti and Caffo's (2000) for values between the table's
// lowest and highest: each group gets one imagined person of either extreme. Unanimous groups keep an
// interval of some width. A group's own mean has Wilson's interval on the same scale. With Means, where
// values are many and far from the extremes, intervals are the percentile bootstrap over people.
func (t *Table) GroupDifferences(groupOf map[string]string, o GroupOptions) []Difference {
	var out []Difference
	for u, unit := range t.Units {
		byGroup := map[string][]float64{}
		for _, c := range t.unit(u) {
			if c.Labeler >= 0 && groupOf[t.Labelers[c.Labeler]] != "" {
				g := groupOf[t.Labelers[c.Labeler]]
				byGroup[g] = append(byGroup[g], t.Values[c.Value])
			}
		}
		names := slices.DeleteFunc(slices.Sorted(maps.Keys(byGroup)), func(g string) bool { return len(byGroup[g]) < o.Least })
		for i, a := range names {
			for _, b := range names[i+1:] {
				d := t.difference(byGroup[a], byGroup[b], o)
				d.Unit, d.A, d.B = unit, a, b
				out = append(out, d)
			}
		}
	}
	ps := make([]float64, len(out))
	for i, d := range out {
		ps[i] = d.P
	}
	for i, q := range BenjaminiHochberg(ps) {
		out[i].Q = q
	}
	slices.SortStableFunc(out, func(x, y Difference) int {
		return cmp.Or(cmp.Compare(x.P, y.P), cmp.Compare(math.Abs(y.Diff), math.Abs(x.Diff)))
	})
	return out
}

// difference compares two groups' values.
func (t *Table) difference(a, b []float64, o GroupOptions) Difference {
	meanA, _ := meanVar(a)
	meanB, _ := meanVar(b)
	d := Difference{MeanA: meanA, MeanB: meanB, NA: len(a), NB: len(b), Diff: meanA - meanB, P: permutationP(a, b, o)}
	if o.Means {
		d.CIA, d.CIB, d.CI = meanIntervals(a, b, o.Seed)
		return d
	}
	low, high := t.Values[0], t.Values[len(t.Values)-1]
	d.CIA, d.CIB = wilsonOn(meanA, len(a), low, high), wilsonOn(meanB, len(b), low, high)
	adjA, varA := meanVar(append(slices.Clone(a), low, high))
	adjB, varB := meanVar(append(slices.Clone(b), low, high))
	half := z * math.Sqrt(varA/float64(len(a)+2)+varB/float64(len(b)+2))
	d.CI = Span{max(low-high, adjA-adjB-half), min(high-low, adjA-adjB+half)}
	return d
}

// wilsonOn is Wilson's interval of a mean of n values between low and high.
func wilsonOn(mean float64, n int, low, high float64) Span {
	if high == low {
		return Span{low, high}
	}
	lo, hi := wilson((mean-low)/(high-low), float64(n))
	return Span{low + lo*(high-low), low + hi*(high-low)}
}

// meanResamples is how many resamples an interval of means takes.
const meanResamples = 2000

// meanIntervals resamples the people of two groups: the intervals of both means and of their difference.
func meanIntervals(a, b []float64, seed uint64) (ofA, ofB, diff Span) {
	rng := rand.New(rand.NewPCG(seed, uint64(len(a)*1000+len(b))))
	draw := func(xs []float64) (mean float64) {
		for range xs {
			mean += xs[rng.IntN(len(xs))] / float64(len(xs))
		}
		return mean
	}
	as, bs, ds := make([]float64, meanResamples), make([]float64, meanResamples), make([]float64, meanResamples)
	for i := range ds {
		as[i], bs[i] = draw(a), draw(b)
		ds[i] = as[i] - bs[i]
	}
	return percentile(as), percentile(bs), percentile(ds)
}

// meanVar is the mean and the population variance.
func meanVar(xs []float64) (mean, variance float64) {
	for _, x := range xs {
		mean += x / float64(len(xs))
	}
	for _, x := range xs {
		variance += (x - mean) * (x - mean) / float64(len(xs))
	}
	return mean, variance
}

// permutationP is the chance of a difference at least as large when the groups' names mean nothing:
// over every way to choose the first group where there are at most as many as permutations, else over
// so many random ones, fewer where the answer is clear (sequentialP).
func permutationP(a, b []float64, o GroupOptions) float64 {
	all := append(slices.Clone(a), b...)
	total := 0.0
	for _, x := range all {
		total += x
	}
	size, n := len(a), len(all)
	observed := 0.0
	for _, x := range a {
		observed += x
	}
	// |mean of the first − mean of the rest| grows with |sum − size·total/n|
	centre := float64(size) * total / float64(n)
	extreme := func(sum float64) bool { return math.Abs(sum-centre) >= math.Abs(observed-centre)-1e-9 }
	if math.Exp(logChoose(n, size)) <= float64(o.Permutations) {
		hits, ways := 0, 0
		choose(all, size, 0, func(sum float64) {
			ways++
			if extreme(sum) {
				hits++
			}
		})
		return float64(hits) / float64(ways)
	}
	rng := rand.New(rand.NewPCG(o.Seed, uint64(n)))
	return sequentialP(o.Permutations, func() bool {
		sum := 0.0
		for i := range size { // the first steps of a Fisher–Yates shuffle
			j := i + rng.IntN(n-i)
			all[i], all[j] = all[j], all[i]
			sum += all[i]
		}
		return extreme(sum)
	})
}

// choose calls fn with the sum of every way to take size values.
func choose(values []float64, size int, sum float64, fn func(float64)) {
	if size == 0 {
		fn(sum)
		return
	}
	for i := 0; i+size <= len(values); i++ {
		choose(values[i+1:], size-1, sum+values[i], fn)
	}
}

// Between is the agreement of pairs of people by their groups.
type Between struct {
	A, B  string
	Pairs int // pairs of labels of one unit
	Equal float64
	CI    Span // items resampled
}

// ByGroup is the share of equal labels between people of each two groups, and within each: a group that
// agrees with itself but not with others sees something that an overall figure hides.
func (t *Table) ByGroup(groupOf map[string]string, resamples int, seed uint64) ([]Between, error) {
	type total struct{ equal, pairs []float64 } // by item
	totals := map[[2]string]*total{}
	for u := range t.Units {
		cells := t.unit(u)
		for i, x := range cells {
			for _, y := range cells[i+1:] {
				if x.Labeler < 0 || y.Labeler < 0 {
					continue
				}
				a, b := groupOf[t.Labelers[x.Labeler]], groupOf[t.Labelers[y.Labeler]]
				if a == "" || b == "" {
					continue
				}
				key := [2]string{min(a, b), max(a, b)}
				if totals[key] == nil {
					totals[key] = &total{make([]float64, len(t.Items)), make([]float64, len(t.Items))}
				}
				totals[key].pairs[t.itemOf[u]]++
				if x.Value == y.Value {
					totals[key].equal[t.itemOf[u]]++
				}
			}
		}
	}
	if len(totals) == 0 {
		return nil, fmt.Errorf("no two people whose groups are known judged the same")
	}
	var out []Between
	for key, x := range totals {
		var equals, counts []float64 // of the items where such people met
		equal, pairs := 0.0, 0.0
		for i, n := range x.pairs {
			if n > 0 {
				equals, counts = append(equals, x.equal[i]), append(counts, n)
				equal, pairs = equal+x.equal[i], pairs+n
			}
		}
		out = append(out, Between{A: key[0], B: key[1], Pairs: int(pairs), Equal: equal / pairs, CI: meanSpan(equals, counts, resamples, seed)})
	}
	slices.SortFunc(out, func(x, y Between) int { return cmp.Or(cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B)) })
	return out, nil
}
