package agree

import "math"

// Power says what a comparison of two groups on one unit could find.
type Power struct {
	NA, NB     int
	Tests      int     // comparisons made
	Detectable float64 // difference of shares that is found four times in five, at level 0.05/Tests; above 1: none
	LeastP     float64 // of a complete split: all of one group for the first text, all of the other for the second
	Possible   bool    // whether that, as the only one, could reach q ≤ 0.05
}

// PowerOf computes it for two groups of so many people. The difference is of two shares near one half,
// by the normal approximation (Fleiss, Levin and Paik 2003, section 4.1, without correction), where
// Benjamini and Hochberg's procedure begins: the first difference found among the tests.
func PowerOf(na, nb, tests int) Power {
	p := Power{NA: na, NB: nb, Tests: tests, Detectable: math.Inf(1), LeastP: 1}
	if na < 1 || nb < 1 || tests < 1 {
		return p
	}
	level := .05 / float64(tests)
	p.Detectable = (normal(1-level/2) + normal(.8)) * .5 * math.Sqrt(1/float64(na)+1/float64(nb))
	ways := 1.0 // of choosing the first group that are as extreme as a complete split
	if na == nb {
		ways = 2
	}
	p.LeastP = min(1, ways*math.Exp(-logChoose(na+nb, na)))
	p.Possible = p.LeastP <= level
	return p
}

// PeopleNeeded is how many people each group needs on a unit to find a difference of shares four
// times in five, at level 0.05/tests.
func PeopleNeeded(difference float64, tests int) int {
	zs := normal(1-.025/float64(max(1, tests))) + normal(.8)
	return int(math.Ceil(zs * zs * .5 / (difference * difference)))
}

// normal is the quantile function of the normal distribution.
func normal(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }
