package reward

import "math"

// BradleyTerry gives every text one strength: P(a beats b) = σ(s_a − s_b)
// (Bradley and Terry 1952).
type BradleyTerry struct {
	Strength map[string]float64
	Prior    float64
}

// FitBradleyTerry maximises the likelihood of the judgments with a normal prior
// of precision prior on each strength (prior 0.5 means a standard deviation of
// 1.4). With few judgments a text the prior matters: without it, a text that won
// all of its comparisons would be infinitely strong.
//
// The objective is concave; one Newton step per strength in turn, until no
// strength moves by more than 1e-6.
func FitBradleyTerry(all []Comparison, prior float64) BradleyTerry {
	type rival struct {
		text       int
		wins, lost float64
	}
	names := map[string]int{}
	var rivals [][]rival
	index := func(name string) int {
		i, ok := names[name]
		if !ok {
			i = len(rivals)
			names[name] = i
			rivals = append(rivals, nil)
		}
		return i
	}
	for _, c := range all {
		a, b := index(c.A), index(c.B)
		rivals[a] = append(rivals[a], rival{b, c.WinsA, c.WinsB})
		rivals[b] = append(rivals[b], rival{a, c.WinsB, c.WinsA})
	}

	s := make([]float64, len(rivals))
	for sweep, moved := 0, 1.0; sweep < 1000 && moved > 1e-6; sweep++ {
		moved = 0
		for i := range s {
			slope, curve := -prior*s[i], prior
			for _, r := range rivals[i] {
				p := sigmoid(s[i] - s[r.text])
				n := r.wins + r.lost
				slope += r.wins - n*p
				curve += n * p * (1 - p)
			}
			step := clamp(slope/math.Max(curve, 1e-9), -1, 1)
			s[i] += step
			moved = math.Max(moved, math.Abs(step))
		}
	}
	bt := BradleyTerry{Strength: make(map[string]float64, len(s)), Prior: prior}
	for name, i := range names {
		bt.Strength[name] = s[i]
	}
	return bt
}

// Accuracy is the share of judgments in which the stronger text won; equal
// strengths (texts not seen in the fit have strength 0) count half. The interval
// resamples pairs.
func (bt BradleyTerry) Accuracy(all []Comparison) Interval {
	hits, counts := make([]float64, len(all)), make([]float64, len(all))
	for i, c := range all {
		counts[i] = c.WinsA + c.WinsB
		switch a, b := bt.Strength[c.A], bt.Strength[c.B]; {
		case a > b:
			hits[i] = c.WinsA
		case a < b:
			hits[i] = c.WinsB
		default:
			hits[i] = counts[i] / 2
		}
	}
	return bootstrapRatio(hits, counts)
}

func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

func logSigmoid(x float64) float64 { return math.Min(x, 0) - math.Log1p(math.Exp(-math.Abs(x))) }

func clamp(x, lo, hi float64) float64 { return math.Min(math.Max(x, lo), hi) }
