package cpu

// Available lists the kernel sets this machine can run, fastest first; the last is
// always the portable one.
func Available() []*Kernels {
	return append(assembly(), Portable())
}
