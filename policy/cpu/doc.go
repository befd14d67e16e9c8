// Package cpu is agora's native device: it runs graphs of policy/graph in Go and Go assembly, with
// no cgo and nothing to download.
//
//	dev, err := cpu.Open(0)                  // one worker per core, fastest kernels
//	prog, err := dev.Compile(g, loss)        // plans memory, fuses, binds
//	opt := dev.NewAdamW(params)
//	for … {
//		err = prog.Run(&feeds)               // values and gradients
//		norm, err := opt.Step(cpu.AdamWConfig{LearningRate: 1e-3, Beta1: .9, Beta2: .999, Eps: 1e-8})
//	}
//
// From the bottom up:
//
//	kern*.go, vec*.go   kernel sets avx512, avx2 (both written by internal/asmgen) and portable
//	tile.go, gemm.go    small products on packed panels, and the blocked matrix product
//	team.go             workers that run a whole program together and meet at barriers
//	plan.go             which nodes run, what is fused, where values live in the arena
//	bind.go, step_*.go  one step for each operation; forward and gradient are neighbours
//	program.go          Compile and Run
//	optimizer.go        AdamW in one pass
//
// # Equal bits
//
// Each number is a sum whose order depends on the dimension it runs over and on nothing else: a
// product over k on k; a softmax on the token's position; a probability on the vocabulary; the
// gradient of a weight on the number of tokens in the batch. It does not depend on the number of
// workers, on capacities, on what else is in the batch or where in it a sequence lies, or on whether
// keys and values come from a cache. So log-probabilities of sampled tokens are exactly those that
// training computes, as long as graphs are built from the same operations (LinearAdd and Add after
// Linear round differently) and run on the same kernel set.
package cpu
