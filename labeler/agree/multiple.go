package agree

import (
	"cmp"
	"math"
	"slices"
)

// BenjaminiHochberg turns p-values into q-values: reporting all with q ≤ 0.05 makes at most one in
// twenty of the reported ones false, on average (Benjamini and Hochberg 1995). NaN stays NaN and
// is not counted as a test.
func BenjaminiHochberg(p []float64) []float64 {
	q := make([]float64, len(p))
	var order []int
	for i, x := range p {
		q[i] = math.NaN()
		if !math.IsNaN(x) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p[b], p[a]) }) // largest first
	least, tests := 1.0, float64(len(order))
	for k, i := range order {
		rank := tests - float64(k)
		least = min(least, p[i]*tests/rank)
		q[i] = least
	}
	return q
}

// signTest is the exact two-sided p-value of k heads in n throws of a fair coin.
func signTest(k, n int) float64 {
	k = min(k, n-k)
	tail := 0.0
	for i := range k + 1 {
		tail += math.Exp(logChoose(n, i) - float64(n)*math.Ln2)
	}
	return min(1, 2*tail)
}

func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
