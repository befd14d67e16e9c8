package cpu

import (
	"runtime"
	"time"
)

// MeasurePeak runs multiply-adds on registers alone, on every worker at once, for about
// the given time and returns the rate in GFLOP/s: the roof for any product of matrices.
func (t *Team) MeasurePeak(d time.Duration) float64 {
	const rounds = 100_000
	count := make([]int64, len(t.workers))
	start := time.Now()
	t.Run(func(w *Worker) {
		for time.Since(start) < d {
			w.peak(rounds)
			count[w.id]++
		}
	})
	elapsed := time.Since(start).Seconds()
	total := int64(0)
	for _, n := range count {
		total += n
	}
	return float64(total) * rounds * t.kernels.peakFlops / elapsed / 1e9
}

// portablePeak runs n rounds of eight independent multiply-adds.
func portablePeak(n int) {
	var a, b, c, d, e, f, g, h float32
	x, y := float32(0.5), float32(0.25)
	for range n {
		a, b, c, d = a*x+y, b*x+y, c*x+y, d*x+y
		e, f, g, h = e*x+y, f*x+y, g*x+y, h*x+y
	}
	runtime.KeepAlive(a + b + c + d + e + f + g + h)
}
