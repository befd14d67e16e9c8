//go:build !amd64

package cpu

// prefetchLines is a hint; without assembly it is not given.
func prefetchLines(p *float32, n int) {}
