package cpu

import "runtime"

// assembly lists the assembly kernel sets that this machine can run, fastest first.
func assembly() []*Kernels { return nil }

func pause() { runtime.Gosched() }
