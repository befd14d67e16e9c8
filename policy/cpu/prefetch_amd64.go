package cpu

// prefetchLines asks for n > 0 floats from p on to be brought into the second-level cache.
//
//go:noescape
func prefetchLines(p *float32, n int)
