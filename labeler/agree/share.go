package agree

import "math"

// Share is a mean of scores between 0 and 1, such as the share of right answers.
type Share struct {
	N    int
	Rate float64 // NaN of nothing
	CI   Span    // Wilson's; none of nothing
}

// ShareOf is the mean of scores with Wilson's (1927) interval. A score between 0 and 1, such as 5 of
// 6 pairs right, varies less than a whole one of the same mean, so the interval covers at least 95 %.
func ShareOf(scores []float64) Share {
	s := Share{N: len(scores), Rate: math.NaN(), CI: noSpan()}
	if s.N == 0 {
		return s
	}
	sum := 0.0
	for _, x := range scores {
		sum += x
	}
	s.Rate = sum / float64(s.N)
	s.CI.Lo, s.CI.Hi = wilson(s.Rate, float64(s.N))
	return s
}
