package experiment

import (
	"math"

	"agora/ppo/measure"
)

// winRate is how often the judge prefers the runs' samples to a baseline's on the same prompts, ties
// counting half. Each prompt counts once, with the mean of its wins over the runs (seeds); the interval
// resamples prompts. Between is the standard deviation of the runs' own win rates.
func winRate(runs []measured, baseline measured) (all measure.Rate, between float64, each []float64) {
	wins := make([]float64, len(baseline.Judge))
	for _, r := range runs {
		one := make([]float64, len(wins))
		for i := range wins {
			one[i] = measure.Won(r.Judge[i], baseline.Judge[i])
			wins[i] += one[i] / float64(len(runs))
		}
		each = append(each, measure.Mean(one))
	}
	return measure.Bootstrap(wins), deviation(each), each
}

// deviation is the sample standard deviation, 0 of fewer than two values.
func deviation(x []float64) float64 {
	if len(x) < 2 {
		return 0
	}
	m, sum := measure.Mean(x), 0.0
	for _, v := range x {
		sum += (v - m) * (v - m)
	}
	return math.Sqrt(sum / float64(len(x)-1))
}

// over is a number of every run, averaged.
func over(runs []measured, of func(measured) float64) float64 {
	sum := 0.0
	for _, r := range runs {
		sum += of(r)
	}
	return sum / float64(max(len(runs), 1))
}
