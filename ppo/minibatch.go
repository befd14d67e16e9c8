package ppo

// minibatches deals the b responses of a rollout at random into n parts of
// equal size. step numbers the epoch within the run.
func minibatches(seed, step uint64, b, n int) [][]int {
	order := random(seed, streamShuffle, step).Perm(b)
	out := make([][]int, n)
	for i := range out {
		out[i] = order[i*b/n : (i+1)*b/n]
	}
	return out
}

// split cuts a minibatch into runs whose token counts add up to at most limit
// each; a single longer sequence stands alone.
func split(batch []int, tokens func(i int) int, limit int) [][]int {
	var out [][]int
	from, sum := 0, 0
	for at, i := range batch {
		n := tokens(i)
		if at > from && sum+n > limit {
			out = append(out, batch[from:at])
			from, sum = at, 0
		}
		sum += n
	}
	if from < len(batch) {
		out = append(out, batch[from:])
	}
	return out
}
