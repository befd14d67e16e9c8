package agree

import (
	"cmp"
	"math"
	"slices"
)

// Kappa is the agreement of two people on the units that both labeled.
type Kappa struct {
	A, B      string
	N         int     // units both labeled
	Agreement float64 // share of equal labels
	Kappa     float64 // Cohen (1960), NaN where both always gave the same one value
	Weighted  float64 // quadratic weights (Cohen 1968), for ordered values
	SE        float64 // standard error of Kappa (Fleiss, Cohen and Everitt 1969), 0 for perfect agreement
}

// Cohen lists κ for every pair of people with at least min units in common, most units first.
func (t *Table) Cohen(min int) []Kappa {
	joint := map[[2]int][][2]int{} // pair of labelers → their two values, unit by unit
	for u := range t.Units {
		cells := t.unit(u)
		for i, a := range cells {
			for _, b := range cells[i+1:] {
				x, y := a, b
				if x.Labeler > y.Labeler {
					x, y = y, x
				}
				if x.Labeler >= 0 {
					pair := [2]int{x.Labeler, y.Labeler}
					joint[pair] = append(joint[pair], [2]int{x.Value, y.Value})
				}
			}
		}
	}
	var out []Kappa
	for pair, values := range joint {
		if len(values) >= min {
			k := cohen(values, t.Values)
			k.A, k.B = t.Labelers[pair[0]], t.Labelers[pair[1]]
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(x, y Kappa) int {
		return cmp.Or(cmp.Compare(y.N, x.N), cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B))
	})
	return out
}

// cohen computes κ of two people's values, given as indices into the value list.
func cohen(values [][2]int, scale []float64) Kappa {
	n := float64(len(values))
	first, second := make([]float64, len(scale)), make([]float64, len(scale))
	equal, square := 0.0, 0.0 // agreement, mean squared difference
	for _, v := range values {
		first[v[0]] += 1 / n
		second[v[1]] += 1 / n
		d := scale[v[0]] - scale[v[1]]
		square += d * d / n
		if v[0] == v[1] {
			equal += 1 / n
		}
	}
	chance, chanceSquare := 0.0, 0.0
	for i, p := range first {
		chance += p * second[i]
		for j, q := range second {
			d := scale[i] - scale[j]
			chanceSquare += p * q * d * d
		}
	}
	k := Kappa{N: len(values), Agreement: equal, Kappa: ratio(equal-chance, 1-chance), Weighted: 1 - ratio(square, chanceSquare)}
	k.SE = cohenSE(values, first, second, equal, chance)
	return k
}

// cohenSE is eq. 13 of Fleiss, Cohen and Everitt (1969).
func cohenSE(values [][2]int, first, second []float64, equal, chance float64) float64 {
	n := float64(len(values))
	sum := 0.0
	for _, v := range values {
		if v[0] == v[1] {
			x := (1 - chance) - (first[v[0]]+second[v[0]])*(1-equal)
			sum += x * x / n
		} else {
			x := (1 - equal) * (first[v[1]] + second[v[0]])
			sum += x * x / n
		}
	}
	rest := equal*chance - 2*chance + equal
	return math.Sqrt(max(0, ratio(sum-rest*rest, n*math.Pow(1-chance, 4))))
}
