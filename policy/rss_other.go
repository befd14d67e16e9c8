//go:build !linux && !darwin

package policy

// peakRSS is not measured here.
func peakRSS() float64 { return 0 }
