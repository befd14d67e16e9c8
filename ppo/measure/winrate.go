package measure

import (
	"math/rand/v2"
	"slices"
)

// A Rate is an estimate with its 95 % interval.
type Rate struct {
	Value float64 `json:"value"`
	Lo    float64 `json:"lo"`
	Hi    float64 `json:"hi"`
}

// WinRate is the share of prompts on which a's sample scores above b's, ties counting half. Both have
// one sample for each prompt, in the same order. The interval resamples prompts.
func WinRate(a, b []float64) Rate {
	wins := make([]float64, len(a))
	for i := range a {
		wins[i] = Won(a[i], b[i])
	}
	return Bootstrap(wins)
}

// Won is 1 where a is above b, one half where they are equal, else 0.
func Won(a, b float64) float64 {
	switch {
	case a > b:
		return 1
	case a == b:
		return .5
	}
	return 0
}

// Bootstrap is the mean of independent values with its percentile interval (2000 resamples, fixed seed).
func Bootstrap(values []float64) Rate {
	if len(values) == 0 {
		return Rate{}
	}
	const resamples = 2000
	rng := rand.New(rand.NewPCG(1, uint64(len(values))))
	means := make([]float64, resamples)
	for r := range means {
		var sum float64
		for range values {
			sum += values[rng.IntN(len(values))]
		}
		means[r] = sum / float64(len(values))
	}
	slices.Sort(means)
	return Rate{Mean(values), means[resamples*25/1000], means[resamples*975/1000-1]}
}

// Mean is the average, 0 of nothing.
func Mean(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v
	}
	return sum / float64(max(len(x), 1))
}
