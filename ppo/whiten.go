package ppo

import "math"

// Whitening says which variance normalises advantages or rewards.
type Whitening string

const (
	WhitenOff        Whitening = "off"
	WhitenPopulation Whitening = "population" // Σ(x−m)²/n, as OpenAI's lm-human-preferences
	WhitenBessel     Whitening = "bessel"     // Σ(x−m)²/(n−1), as TRL
)

const whitenEpsilon = 1e-8 // keeps a constant batch finite, value of both sources

// Whiten scales x in place to variance 1:
//
//	x ← (x − mean) / √(var + 1e-8)            shiftMean
//	x ← (x − mean) / √(var + 1e-8) + mean     otherwise: the mean is kept
//
// Advantages lose their mean, rewards keep it (Ziegler et al. 2019,
// lm-human-preferences: whiten(values, shift_mean)). Sums are in float64, in
// slice order, so that the result depends on nothing else.
func Whiten(x []float32, kind Whitening, shiftMean bool) {
	if kind == WhitenOff || len(x) == 0 {
		return
	}
	m := Mean(x)
	scale := 1 / math.Sqrt(Variance(x, kind)+whitenEpsilon)
	keep := m
	if shiftMean {
		keep = 0
	}
	for i, v := range x {
		x[i] = float32((float64(v)-m)*scale + keep)
	}
}

// Mean is Σx/n in float64; 0 for an empty slice.
func Mean(x []float32) float64 {
	if len(x) == 0 {
		return 0
	}
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	return sum / float64(len(x))
}

// Variance is Σ(x−m)²/n, or /(n−1) for Bessel; 0 where that is undefined.
func Variance(x []float32, kind Whitening) float64 {
	n := float64(len(x))
	if kind == WhitenBessel {
		n--
	}
	if n <= 0 {
		return 0
	}
	m, sum := Mean(x), 0.0
	for _, v := range x {
		d := float64(v) - m
		sum += d * d
	}
	return sum / n
}
