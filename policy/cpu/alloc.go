package cpu

import "agora/policy/graph"

// Alloc returns n zero floats that start on a cache line, in huge pages if there are many
// (see graph.Alloc).
func Alloc(n int) []float32 { return graph.Alloc(n) }
