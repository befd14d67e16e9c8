//go:build linux || darwin

package policy

import (
	"runtime"
	"syscall"
)

// peakRSS is the most memory that the process has held, in MB of 2²⁰ bytes.
func peakRSS() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	unit := 1024.0 // Linux counts kilobytes, Darwin bytes
	if runtime.GOOS == "darwin" {
		unit = 1
	}
	return float64(u.Maxrss) * unit / (1 << 20)
}
