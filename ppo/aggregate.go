package ppo

// Aggregation says how the token losses of a minibatch become one number. The
// four modes carry verl's names. All are linear, so a mode is a weight for each
// token, and the loss is Σ weight·loss. Weights belong to the minibatch: when it
// is split into micro-batches their sums simply add up, and the split changes
// nothing.
type Aggregation string

const (
	TokenMean        Aggregation = "token-mean"              // Σ_t / all tokens
	SeqMeanTokenSum  Aggregation = "seq-mean-token-sum"      // mean over responses of Σ_t
	SeqMeanTokenMean Aggregation = "seq-mean-token-mean"     // mean over responses of mean_t
	SeqMeanTokenNorm Aggregation = "seq-mean-token-sum-norm" // mean over responses of Σ_t / limit
)

// Weights fills w, one entry per token of responses with these lengths that lie
// one after another. limit is the longest response allowed; only
// seq-mean-token-sum-norm reads it.
func (a Aggregation) Weights(w []float32, lengths []int, limit int) {
	tokens := 0
	for _, n := range lengths {
		tokens += n
	}
	seqs, at := float64(len(lengths)), 0
	for _, n := range lengths {
		var each float64
		switch a {
		case SeqMeanTokenSum:
			each = 1 / seqs
		case SeqMeanTokenMean:
			each = 1 / (seqs * float64(n))
		case SeqMeanTokenNorm:
			each = 1 / (seqs * float64(limit))
		default:
			each = 1 / float64(tokens)
		}
		for range n {
			w[at] = float32(each)
			at++
		}
	}
}
