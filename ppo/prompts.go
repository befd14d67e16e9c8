package ppo

import "math/rand/v2"

// Streams of random numbers that a run draws from its seed.
const (
	streamPrompts = iota + 1
	streamShuffle
	streamPtx
	streamSample
	streamScale
)

// random is a generator that depends on nothing but its three numbers, so that
// a resumed run draws what the uninterrupted one would have drawn.
func random(seed uint64, stream, step uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, stream<<48^step))
}

// pick returns the n prompt indices that follow the first drawn ones. Each pass
// over the prompts is shuffled anew (Huang et al. 2024, detail 21), and the
// order is a function of seed and position only: the cursor is one number.
func pick(seed uint64, prompts, drawn, n int) []int {
	out := make([]int, 0, n)
	for len(out) < n {
		pass, from := drawn/prompts, drawn%prompts
		order := random(seed, streamPrompts, uint64(pass)).Perm(prompts)
		take := min(n-len(out), prompts-from)
		out = append(out, order[from:from+take]...)
		drawn += take
	}
	return out
}
