package policy

import "agora/policy/graph"

// Streams of random numbers that decide about data.
const (
	orderStream = 0x6f726472
	splitStream = 0x73706c74
)

// Dealer deals n items out epoch after epoch, each epoch in another order. The order depends on the
// seed only, so a position in training is a single number and resuming needs no other state.
type Dealer struct {
	n     int
	seed  uint64
	epoch int
	key   uint64 // of this epoch
	order []int32
}

// NewDealer starts before the first epoch.
func NewDealer(n int, seed uint64) *Dealer { return &Dealer{n: n, seed: seed, epoch: -1} }

// At is the i-th item of the whole training, counted over the epochs.
func (d *Dealer) At(i int) int {
	if epoch := i / d.n; epoch != d.epoch {
		d.epoch, d.key = epoch, graph.Key(d.seed, uint64(epoch), orderStream)
		d.order = shuffled(d.n, d.key)
	}
	return int(d.order[i%d.n])
}

// shuffled is a permutation of 0 … n-1 (Fisher and Yates) that depends on the key only.
func shuffled(n int, key uint64) []int32 {
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	for i := n - 1; i > 0; i-- {
		j := graph.Bits(key, uint64(i)) % uint64(i+1)
		order[i], order[j] = order[j], order[i]
	}
	return order
}
