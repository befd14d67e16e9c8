package ppo

import (
	"math"

	"agora/policy"
)

// minibatch is what one optimizer step learns from: some responses of a rollout
// and some rows of pretraining text.
type minibatch struct {
	roll      *Rollout
	responses []int     // indices into the rollout
	weight    []float32 // of each token of these responses in the loss, one response after another
	start     []int     // where each response begins in weight
	values    []float32 // as weight, for the critic's loss: with score_at = after one more behind each response
	ptx       [][]int32 // rows of tokens
	ptxWeight float32   // of each pretraining token: their mean
}

// deal shuffles the responses of a rollout into n minibatches of equal size.
// pass numbers the epoch within the run.
func deal(r *Rollout, c Config, pass uint64) []*minibatch {
	b := len(r.Responses)
	order := random(c.Seed, streamShuffle, pass).Perm(b)
	out := make([]*minibatch, c.Minibatches)
	for i := range out {
		out[i] = newMinibatch(r, c, order[i*b/c.Minibatches:(i+1)*b/c.Minibatches])
	}
	return out
}

func newMinibatch(r *Rollout, c Config, responses []int) *minibatch {
	m := &minibatch{roll: r, responses: responses, start: make([]int, len(responses)+1)}
	lengths := make([]int, len(responses))
	for k, i := range responses {
		lengths[k] = len(r.Responses[i])
		m.start[k+1] = m.start[k] + lengths[k]
	}
	m.weight = make([]float32, m.start[len(responses)])
	c.Aggregation.Weights(m.weight, lengths, c.MaxNewTokens)
	m.values = m.weight
	if r.EndValue != nil {
		for k := range lengths {
			lengths[k]++
		}
		m.values = make([]float32, len(m.weight)+len(lengths))
		c.Aggregation.Weights(m.values, lengths, c.MaxNewTokens+1)
	}
	return m
}

// addPtx adds rows of pretraining text.
func (m *minibatch) addPtx(rows [][]int32) {
	tokens := 0
	for _, row := range rows {
		tokens += len(row) - 1 // nothing predicts the first
	}
	m.ptx, m.ptxWeight = rows, float32(1/math.Max(1, float64(tokens)))
}

// micro cuts the minibatch into runs [from, to) of sequences that a training
// program has room for; responses come first, then pretraining rows. A sequence
// longer than that stands alone.
func (m *minibatch) micro(size room) [][2]int {
	var out [][2]int
	n, from, sum := len(m.responses)+len(m.ptx), 0, 0
	for k := range n {
		tokens := m.tokens(k)
		if k > from && (sum+tokens > size.tokens || k-from == size.seqs) {
			out = append(out, [2]int{from, k})
			from, sum = k, 0
		}
		sum += tokens
	}
	return append(out, [2]int{from, n})
}

// tokens is the number of stream tokens of sequence k: the last is not fed.
func (m *minibatch) tokens(k int) int {
	if k >= len(m.responses) {
		return len(m.ptx[k-len(m.responses)]) - 1
	}
	i := m.responses[k]
	return len(m.roll.Prompts[i].Tokens) + len(m.roll.Responses[i]) - 1
}

// batch is one micro-batch as the programs read it: whole responses with their
// prompts first, then rows of the pretraining mix, all in one token stream.
type batch struct {
	stream policy.Batch
	seqs   int // sequences of the stream that are responses
	tokens int // rows of the stream that belong to them
	picks  int // response tokens; later picks belong to the pretraining mix

	old, ref        []float32 // [picks] from the rollout
	adv, value, ret []float32 // [picks] from the rollout
	klWeight        []float32 // [picks] weight times β; the actor's
	weight          []float32 // [picks] share of each token in the minibatch's loss
	ptxWeight       []float32 // the same for each pretraining token

	critic criticBatch
}

// criticBatch is the micro-batch as the critic reads it: the responses only, and with
// score_at = after whole, so that there is a row for the finished text.
type criticBatch struct {
	ids, lens, rows  []int32   // [tokens], [seqs], [picks]
	old, ret, weight []float32 // [picks]
}

// fill takes sequences [from, to) of a minibatch.
func (b *batch) fill(m *minibatch, span [2]int) {
	b.stream.Reset()
	b.seqs, b.tokens, b.picks = 0, 0, 0
	for _, x := range []*[]float32{&b.old, &b.ref, &b.adv, &b.value, &b.ret, &b.weight, &b.ptxWeight} {
		*x = (*x)[:0]
	}
	for k := span[0]; k < span[1]; k++ {
		if k < len(m.responses) {
			b.addResponse(m.roll, m.responses[k], m.weight[m.start[k]:m.start[k+1]])
		} else {
			b.addPtx(m.ptx[k-len(m.responses)], m.ptxWeight)
		}
	}
	if m.roll.EndValue != nil {
		b.critic.fillWhole(m, span)
		return
	}
	b.critic = criticBatch{b.stream.IDs[:b.tokens], b.stream.Lens[:b.seqs], b.stream.Rows[:b.picks], b.value, b.ret, b.weight}
}

func (b *batch) addResponse(r *Rollout, i int, weight []float32) {
	b.stream.Add(policy.Join(r.Prompts[i].Tokens, r.Responses[i]))
	b.seqs, b.tokens, b.picks = len(b.stream.Lens), len(b.stream.IDs), len(b.stream.Rows)
	b.old = append(b.old, r.of(r.LogP, i)...)
	b.ref = append(b.ref, r.of(r.Ref, i)...)
	b.adv = append(b.adv, r.of(r.Adv, i)...)
	b.value = append(b.value, r.of(r.Value, i)...)
	b.ret = append(b.ret, r.of(r.Ret, i)...)
	b.weight = append(b.weight, weight...)
}

func (b *batch) addPtx(row []int32, weight float32) {
	b.stream.Add(policy.Sequence{Tokens: row, From: 1})
	for range len(row) - 1 {
		b.ptxWeight = append(b.ptxWeight, weight)
	}
}
