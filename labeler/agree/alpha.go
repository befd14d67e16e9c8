package agree

import "math"

// Metric is the distance between two values that Krippendorff's α counts disagreement by.
type Metric int

// Nominal: different is different. Ordinal: how many labels lie between. Interval: squared difference.
const (
	Nominal Metric = iota
	Ordinal
	Interval
)

// Coincidences counts how often values met on the same unit, between different people: what
// every coefficient of a whole crowd is computed from.
//
// With weights (Table.Weight, or a bootstrap that draws a person or an item several times) a pair of
// people counts w_i·w_j times and nobody is paired with a copy of themself, which would look like
// agreement. All weights 1 give the textbook counts.
type Coincidences struct {
	Values []float64   // ascending
	O      [][]float64 // Krippendorff's matrix: a unit of m labels adds m in all
	Equal  float64     // pairs of labels of one unit that are equal, see Table.HalfTies
	Pairs  float64     // pairs of labels of one unit

	halfTies  bool
	unitShare float64   // sum over units of the share of equal pairs (Fleiss' P_i)
	units     float64   // units with two labels or more
	marginal  []float64 // sum over those units of the share of each value
}

// Coincide counts the coincidences of a table.
func (t *Table) Coincide() *Coincidences { return t.coincide(nil, nil) }

// coincide is Coincide with a weight for each item and labeler; nil is all ones.
func (t *Table) coincide(items, labelers []float64) *Coincidences {
	v := len(t.Values)
	c := &Coincidences{Values: t.Values, halfTies: t.HalfTies, O: make([][]float64, v), marginal: make([]float64, v)}
	flat := make([]float64, v*v)
	for k := range c.O {
		c.O[k] = flat[k*v : (k+1)*v]
	}
	var weights []float64
	for u := range t.Units {
		cells := t.unit(u)
		once := 1.0
		if items != nil {
			once = items[t.itemOf[u]]
		}
		if len(cells) < 2 || once == 0 {
			continue
		}
		weights = weights[:0]
		for _, cell := range cells {
			w := 1.0
			if cell.Labeler >= 0 {
				w = t.weight(cell.Labeler)
				if labelers != nil {
					w *= labelers[cell.Labeler]
				}
			}
			weights = append(weights, w)
		}
		c.add(cells, weights, once)
	}
	return c
}

// add counts one unit, once times.
func (c *Coincidences) add(cells []Cell, w []float64, once float64) {
	total, people := 0.0, 0
	for _, x := range w {
		total += x
		if x > 0 {
			people++
		}
	}
	if people < 2 {
		return
	}
	equal, half, pairs := 0.0, 0.0, 0.0
	for i, a := range cells {
		c.marginal[a.Value] += once * w[i] / total
		if w[i] == 0 {
			continue
		}
		for j, b := range cells[:i] {
			if w[j] == 0 {
				continue
			}
			both := w[i] * w[j]
			pairs += both
			if a.Value == b.Value {
				equal += both
			} else if c.halfTies && c.Values[a.Value]*c.Values[b.Value] == 0 {
				half += both / 2
			}
			// 1/(m−1), where the rest of the unit is m−1 for either of the two
			share := once * both * (1/(total-w[i]) + 1/(total-w[j])) / 2
			c.O[a.Value][b.Value] += share
			c.O[b.Value][a.Value] += share
		}
	}
	c.Equal += once * (equal + half)
	c.Pairs += once * pairs
	c.unitShare += once * equal / pairs
	c.units += once
}

// Alpha is Krippendorff's α = 1 − D_o/D_e (Krippendorff 2011, "Computing Krippendorff's
// Alpha-Reliability"): 1 is perfect, 0 is chance. Values missing from a unit are no loss; units
// with one label say nothing. NaN where nothing varies or no unit has two labels.
func (c *Coincidences) Alpha(m Metric) float64 {
	n := make([]float64, len(c.Values)) // n_c: labels of each value
	total := 0.0
	for k, row := range c.O {
		for _, o := range row {
			n[k] += o
		}
		total += n[k]
	}
	below := make([]float64, len(n)+1) // labels under each value
	for k, x := range n {
		below[k+1] = below[k] + x
	}
	observed, expected := 0.0, 0.0
	for a := range n {
		for b := range a {
			d := c.distance(m, a, b, n, below)
			observed += c.O[a][b] * d
			expected += n[a] * n[b] * d
		}
	}
	if expected == 0 {
		return math.NaN()
	}
	return 1 - (total-1)*observed/expected
}

// distance is δ² between the values a > b.
func (c *Coincidences) distance(m Metric, a, b int, n, below []float64) float64 {
	switch m {
	case Ordinal: // labels from b to a, the two ends half
		d := below[a+1] - below[b] - (n[a]+n[b])/2
		return d * d
	case Interval:
		d := c.Values[a] - c.Values[b]
		return d * d
	}
	return 1
}

// Percent is the share of equal pairs among all pairs of labels of one unit: every pair of
// people counts once, so units that many people labeled count more.
func (c *Coincidences) Percent() float64 { return c.Equal / c.Pairs }

// Fleiss is Fleiss' κ (1971). Units may have different numbers of labels; those with one are
// left out, and each other unit counts once, in the mean agreement and in the shares that
// chance is computed from (Gwet 2014, section 2.6). With equal numbers it is Fleiss' own figure.
func (c *Coincidences) Fleiss() float64 {
	chance := 0.0
	for _, m := range c.marginal {
		chance += (m / c.units) * (m / c.units)
	}
	return ratio(c.unitShare/c.units-chance, 1-chance)
}

// ratio is a/b, NaN for a coefficient whose chance agreement is already complete.
func ratio(a, b float64) float64 {
	if math.Abs(b) < 1e-12 {
		return math.NaN()
	}
	return a / b
}
