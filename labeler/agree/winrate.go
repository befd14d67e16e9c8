// Package agree holds the statistics of people's judgments: pure mathematics, no storage.
package agree

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Judgment is one answer that compares two policies on one prompt.
type Judgment struct {
	Labeler string
	Score   float64 // 1: the first won, 0.5: tie, 0: the second won; between them where an answer holds several pairs
	Weight  float64 // how much it counts; 0 stands for 1
}

// Method is how an interval was made.
type Method int

// Wilson's interval treats judgments as independent; Clustered resamples whole labelers,
// ClusteredByItem whole items.
const (
	Wilson Method = iota
	Clustered
	ClusteredByItem
)

// Estimate is a win rate with its 95 % interval.
type Estimate struct {
	Rate, Lo, Hi       float64
	N, Labelers        int
	Wins, Ties, Losses int
	Method             Method
}

// MinLabelers is how many people a clustered interval needs: the bootstrap over fewer clusters
// is far too narrow (Cameron, Gelbach and Miller 2008).
const MinLabelers = 5

// z is the 97.5 % point of the normal distribution.
const z = 1.959963984540054

// WinRate is the mean score, ties as half. With at least MinLabelers people the interval is the
// percentile bootstrap over labelers, since one person's answers resemble each other; with fewer,
// or when every resample agrees, it is Wilson's (1927). The same judgments always give the same interval.
func WinRate(js []Judgment, resamples int) Estimate {
	e := Estimate{N: len(js), Rate: math.NaN(), Lo: 0, Hi: 1}
	var sums, counts []float64 // by labeler, in order of appearance
	index := map[string]int{}
	total, weights, squares := 0.0, 0.0, 0.0
	for _, j := range js {
		w := cmp.Or(j.Weight, 1)
		i, ok := index[j.Labeler]
		if !ok {
			i = len(sums)
			index[j.Labeler] = i
			sums, counts = append(sums, 0), append(counts, 0)
		}
		sums[i] += w * j.Score
		counts[i] += w
		total += w * j.Score
		weights += w
		squares += w * w
		switch {
		case j.Score > .5:
			e.Wins++
		case j.Score < .5:
			e.Losses++
		default:
			e.Ties++
		}
	}
	e.Labelers = len(sums)
	if e.N == 0 {
		return e
	}
	e.Rate = total / weights
	if e.Labelers >= MinLabelers {
		e.Lo, e.Hi = clustered(sums, counts, resamples)
		e.Method = Clustered
	}
	if e.Method == Wilson || e.Lo == e.Hi {
		e.Lo, e.Hi = wilson(e.Rate, weights*weights/squares) // Kish's number of judgments
		e.Method = Wilson
	}
	return e
}

// wilson is the score interval of a share p of n (Wilson 1927, without continuity correction).
func wilson(p, n float64) (lo, hi float64) {
	centre := p + z*z/(2*n)
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, (centre-half)/(1+z*z/n)), min(1, (centre+half)/(1+z*z/n))
}

// clustered draws as many labelers as there are, with replacement, and takes the 2.5 and 97.5
// percentiles of the resampled rates.
func clustered(sums, counts []float64, resamples int) (lo, hi float64) {
	rng := rand.New(rand.NewPCG(1927, 1979))
	rates := make([]float64, resamples)
	for b := range rates {
		var sum, n float64
		for range sums {
			i := rng.IntN(len(sums))
			sum += sums[i]
			n += counts[i]
		}
		rates[b] = sum / n
	}
	slices.Sort(rates)
	return quantile(rates, .025), quantile(rates, .975)
}

// quantile interpolates between the order statistics of sorted values.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
