package views

import (
	"context"
	"math"
)

// Interval is a 95 % interval; NaN ends mean that there is none.
type Interval struct{ Lo, Hi float64 }

// NoInterval stands where too few people or items are known for one.
var NoInterval = Interval{math.NaN(), math.NaN()}

func (i Interval) known() bool { return finite(i.Lo) && finite(i.Hi) }

// words is the interval as "lo to hi" with each end written by format, a dash where there is none.
func (i Interval) words(ctx context.Context, format func(float64) string) string {
	if !i.known() {
		return "–"
	}
	return T(ctx, "win.to", format(i.Lo), format(i.Hi))
}
