//go:build !amd64

package cpu

import "runtime"

// assembly lists the assembly kernel sets that this machine can run: none here.
func assembly() []*Kernels { return nil }

// pause gives way to whoever the spinning worker waits for.
func pause() { runtime.Gosched() }
