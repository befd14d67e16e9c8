package agree

import "math"

// Bin counts times from Lo to below Hi, in seconds; the last one has no end.
type Bin struct {
	Lo, Hi float64
	N      int
}

// timeEdges are the bins of Times: finer where answers are quick, the same for everybody so that
// people's pictures compare.
var timeEdges = []float64{0, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, math.Inf(1)}

// Times counts times in bins. All bins are there, also the empty ones.
func Times(seconds []float64) []Bin {
	bins := make([]Bin, len(timeEdges)-1)
	for i := range bins {
		bins[i].Lo, bins[i].Hi = timeEdges[i], timeEdges[i+1]
	}
	for _, s := range seconds {
		for i := range bins {
			if s >= bins[i].Lo && s < bins[i].Hi {
				bins[i].N++
			}
		}
	}
	return bins
}
