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
// one sample for each prompt, in the same order. The interval resamples prompts (percentile
// bootstrap, 2000 resamples, fixed seed).
func WinRate(a, b []float64) Rate {
	wins := make([]float64, len(a))
	for i := range a {
		switch {
		case a[i] > b[i]:
			wins[i] = 1
		case a[i] == b[i]:
			wins[i] = .5
		}
	}
	const resamples = 2000
	rng := rand.New(rand.NewPCG(1, uint64(len(a))))
	means := make([]float64, resamples)
	for r := range means {
		var sum float64
		for range wins {
			sum += wins[rng.IntN(len(wins))]
		}
		means[r] = sum / float64(len(wins))
	}
	slices.Sort(means)
	return Rate{Mean(wins), means[resamples*25/1000], means[resamples*975/1000-1]}
}

// Mean is the average, 0 of nothing.
func Mean(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v
	}
	return sum / float64(max(len(x), 1))
}
