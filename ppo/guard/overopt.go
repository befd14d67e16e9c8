package guard

import (
	"errors"
	"math"
)

// A Gain is how much better than the start a judge finds a policy at a distance from it.
type Gain struct{ D, Gain float64 } // D = √KL, √nats

// An OverFit is the curve of Gao et al. 2022 (arXiv:2210.10760, section 3): the judge's gain as a function
// of d = √KL, for reinforcement learning
//
//	R(d) = d·(α − β·ln d)
//
// and for best-of-n R(d) = d·(α − β·d). β is how much the reward model is exploited.
type OverFit struct {
	Alpha float64 `json:"alpha"`
	Beta  float64 `json:"beta"`
	R2    float64 `json:"r2"` // share of the variance that the curve explains
	N     int     `json:"n"`
	BestN bool    `json:"best_of_n"` // the second form
}

// At is the curve.
func (f OverFit) At(d float64) float64 { return d * (f.Alpha - f.Beta*f.bend(d)) }

func (f OverFit) bend(d float64) float64 {
	if f.BestN {
		return d
	}
	return math.Log(d)
}

// Peak is where the curve is highest: beyond it, more optimisation makes the policy worse. It is at
// infinity where the fit does not bend down.
func (f OverFit) Peak() float64 {
	switch {
	case f.Beta <= 0:
		return math.Inf(1)
	case f.BestN:
		return f.Alpha / (2 * f.Beta)
	}
	return math.Exp(f.Alpha/f.Beta - 1)
}

// Near says whether the peak lies within twice the distance that was reached; beyond, nothing is known of it.
func (f OverFit) Near(reached float64) bool { return f.Peak() <= 2*reached }

// Nearest is the smallest distance that a fit looks at: closer to the start the judge's noise is all there is.
const Nearest = .3

// FitOver is the least-squares fit, linear in α and β.
func FitOver(points []Gain, bestN bool) (OverFit, error) {
	f := OverFit{BestN: bestN}
	var aa, ab, bb, ay, by, yy, sum float64
	for _, p := range points {
		if p.D < Nearest {
			continue
		}
		a, b := p.D, -p.D*f.bend(p.D)
		aa, ab, bb = aa+a*a, ab+a*b, bb+b*b
		ay, by = ay+a*p.Gain, by+b*p.Gain
		sum, yy = sum+p.Gain, yy+p.Gain*p.Gain
		f.N++
	}
	det := aa*bb - ab*ab
	if f.N < 3 || math.Abs(det) < 1e-12*aa*bb {
		return f, errors.New("over-optimisation: fewer than three distances to fit")
	}
	f.Alpha, f.Beta = (ay*bb-by*ab)/det, (by*aa-ay*ab)/det
	left := yy - f.Alpha*ay - f.Beta*by
	f.R2 = 1 - left/(yy-sum*sum/float64(f.N))
	return f, nil
}

// Curve is the fit at so many distances from Nearest to the furthest, for drawing.
func (f OverFit) Curve(furthest float64, points int) []Gain {
	out := make([]Gain, points)
	for i := range out {
		d := Nearest + (furthest-Nearest)*float64(i)/float64(points-1)
		out[i] = Gain{d, f.At(d)}
	}
	return out
}
