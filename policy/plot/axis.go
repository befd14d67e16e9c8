package plot

import "math"

// axis maps values to pixels.
type axis struct {
	names    []string // of a category axis: the values 0, 1, 2 … have names, and nothing is between them
	log      bool
	lo, hi   float64 // in the axis's own scale: values, or their decimal logarithms
	step     float64 // between ticks, in the same scale
	from, to float64 // pixels
}

func newAxis(log bool) axis { return axis{log: log, lo: math.Inf(1), hi: math.Inf(-1)} }

func (a axis) shows(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && (!a.log || v > 0)
}

func (a axis) scale(v float64) float64 {
	if a.log {
		return math.Log10(v)
	}
	return v
}

func (a *axis) include(v float64) {
	if a.shows(v) {
		a.lo, a.hi = math.Min(a.lo, a.scale(v)), math.Max(a.hi, a.scale(v))
	}
}

// round widens the range to whole steps of 1, 2 or 5 times a power of ten, some five of them. A category
// axis has room for half a step on either side.
func (a *axis) round() {
	if a.names != nil {
		a.lo, a.hi, a.step = -.5, float64(len(a.names))-.5, 1
		return
	}
	if a.lo > a.hi {
		a.lo, a.hi = 0, 1
	}
	if a.lo == a.hi {
		a.lo, a.hi = a.lo-.5, a.hi+.5
	}
	a.step = niceStep((a.hi - a.lo) / 5)
	if a.log {
		a.step = math.Max(1, math.Round(a.step)) // whole decades
		pad := .05 * (a.hi - a.lo)
		a.lo, a.hi = a.lo-pad, a.hi+pad
		return
	}
	a.lo, a.hi = math.Floor(a.lo/a.step)*a.step, math.Ceil(a.hi/a.step)*a.step
}

func niceStep(raw float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if raw <= m*power*1.0001 {
			return m * power
		}
	}
	return 10 * power
}

// label is what a tick says.
func (a axis) label(tick float64) string {
	if a.names != nil {
		return esc(cut(a.names[int(tick)]))
	}
	return number(tick)
}

// ticks are the values to mark. A logarithmic axis of less than two decades marks 1, 2 and 5 of each.
func (a axis) ticks() []float64 {
	var out []float64
	if a.names != nil {
		for k := range a.names {
			out = append(out, float64(k))
		}
		return out
	}
	if !a.log {
		for k := 0; ; k++ {
			v := a.lo + float64(k)*a.step
			if v > a.hi+a.step/1e6 {
				return out
			}
			if math.Abs(v) < a.step/1e6 {
				v = 0
			}
			out = append(out, v)
		}
	}
	marks := []float64{1}
	if a.hi-a.lo < 2 {
		marks = []float64{1, 2, 5}
	}
	for d := math.Floor(a.lo); d <= a.hi; d++ {
		for _, m := range marks {
			if v := m * math.Pow(10, d); math.Log10(v) >= a.lo && math.Log10(v) <= a.hi {
				out = append(out, v)
			}
		}
	}
	return out
}

func (a axis) at(v float64) float64 {
	return a.from + (a.scale(v)-a.lo)/(a.hi-a.lo)*(a.to-a.from)
}
