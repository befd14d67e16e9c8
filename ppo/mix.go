package ppo

import "agora/policy"

// mix is the pretraining text that every optimizer step also learns from
// (PPO-ptx, Ouyang et al. 2022, eq. 2).
type mix struct {
	corpus policy.Corpus
}

// rows cuts the pretraining rows of an optimizer step out of the text, at places
// that depend on seed and step only: ptx_ratio windows of ptx_tokens predicted
// tokens for each of n episodes. A window is parted where a document begins, so
// that none sees another.
func (m mix) rows(c Config, n, step int) [][]int32 {
	if c.PtxCoef == 0 {
		return nil
	}
	size := min(c.PtxTokens+1, len(m.corpus.Tokens))
	rng := random(c.Seed, streamPtx, uint64(step))
	var out [][]int32
	for range int(float64(n)*c.PtxRatio + .5) {
		at := rng.IntN(len(m.corpus.Tokens) - size + 1)
		out = m.part(out, at, at+size)
	}
	return out
}

// part appends the window [from, to), one row for each document it touches. A
// row ends with the first token of the next: the end of its document.
func (m mix) part(out [][]int32, from, to int) [][]int32 {
	begin := from
	for i := from + 1; i < to; i++ {
		if m.corpus.Starts[i] || i == to-1 {
			out = append(out, m.corpus.Tokens[begin:i+1])
			begin = i
		}
	}
	return out
}
