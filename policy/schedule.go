package policy

import (
	"fmt"
	"math"
)

// Schedule is a learning rate over a run: linear warm-up to Peak, then a shape down to Floor·Peak.
type Schedule struct {
	Peak   float64
	Floor  float64 // share of Peak at the end
	Warmup int     // steps
	Steps  int     // of the whole run
	Shape  string  // cosine, linear or constant
}

// Validate names the first wrong setting.
func (s Schedule) Validate() error {
	switch {
	case !(s.Peak > 0):
		return fmt.Errorf("learning_rate %g must be positive", s.Peak)
	case s.Floor < 0 || s.Floor > 1:
		return fmt.Errorf("learning_rate_floor %g is outside [0, 1]", s.Floor)
	case s.Shape != "cosine" && s.Shape != "linear" && s.Shape != "constant":
		return fmt.Errorf("schedule %q must be cosine, linear or constant", s.Shape)
	}
	return nil
}

// At is the learning rate of a step, counted from 0.
func (s Schedule) At(step int) float64 {
	if step < s.Warmup {
		return s.Peak * float64(step+1) / float64(s.Warmup)
	}
	done := 1.0
	if s.Steps > s.Warmup {
		done = min(float64(step-s.Warmup)/float64(s.Steps-s.Warmup), 1)
	}
	switch s.Shape {
	case "cosine": // Loshchilov and Hutter 2017, one half period
		return s.Peak * (s.Floor + (1-s.Floor)*(1+math.Cos(math.Pi*done))/2)
	case "linear":
		return s.Peak * (1 - (1-s.Floor)*done)
	}
	return s.Peak
}
