package policy

import (
	"errors"
	"fmt"
	"math"

	"agora/policy/graph"
)

// ptxStream decides about the order of pretraining text.
const ptxStream = 0x70747820

// sftMix is the pretraining text that the steps of SFT also learn from, as the models did that
// InstructGPT's PPO began with: 10 % of their data (Ouyang et al. 2022, appendix C). A nil mix is none.
//
// Of the batch_examples sequences of a step a share are rows of this text. The step's loss is
//
//	(1 - rows/batch) · mean over the tokens of completions + rows/batch · mean over the tokens of text
//
// so that the share holds whatever the lengths are. The place in the text is a function of the step.
type sftMix struct {
	text    *windows
	perStep float64 // rows, on average
}

// newSFTMix reads the job's text.
func newSFTMix(c SFTConfig, m *Model, job Job) (*sftMix, error) {
	switch {
	case len(job.Ptx) == 0 && c.PtxShare > 0:
		return nil, fmt.Errorf("ptx_share is %g, but no pretraining text is given (--ptx)", c.PtxShare)
	case len(job.Ptx) == 0:
		return nil, nil
	case c.PtxShare == 0:
		return nil, errors.New("pretraining text is given (--ptx), but ptx_share is 0")
	}
	docs, err := ReadDocuments(job.Ptx, c.PtxDocuments)
	if err != nil {
		return nil, err
	}
	text, size := NewCorpus(m.Tokenizer, docs), min(c.PtxTokens, m.Config.Context)
	if text.Windows(size) < 1 {
		return nil, fmt.Errorf("the pretraining text has %d tokens, too few for rows of %d (ptx_tokens)", len(text.Tokens), size)
	}
	return &sftMix{newWindows(text, size, graph.Key(uint64(c.Seed), 0, ptxStream)), c.PtxShare * float64(c.BatchExamples)}, nil
}

// before is how many rows the steps before this one took.
func (m *sftMix) before(step int) int {
	if m == nil {
		return 0
	}
	return int(m.perStep * float64(step))
}

// rows appends the rows from ≤ i < to of the whole training: each a window of the text, parted where a
// document begins, so that none sees another. A part ends with the first token of the next document,
// the end of its own.
func (m *sftMix) rows(out []Sequence, from, to int) []Sequence {
	for i := from; i < to; i++ {
		at := m.text.at(i)
		begin, end := at, at+m.text.size
		for j := at + 1; j <= end; j++ {
			if j == end || m.text.corpus.Starts[j] {
				out = append(out, Sequence{Tokens: m.text.corpus.Tokens[begin : j+1], From: 1})
				begin = j
			}
		}
	}
	return out
}

// rowTokens is what the longest row puts into a token stream.
func (m *sftMix) rowTokens() int {
	if m == nil {
		return 0
	}
	return m.text.size
}

// mostRows bounds the parts that the rows of a step make.
func (m *sftMix) mostRows() int {
	if m == nil {
		return 0
	}
	return int(math.Ceil(m.perStep)) * m.text.size
}

// sftText is what SFT learns from.
type sftText struct {
	examples []Sequence
	mix      *sftMix // nil without one
}

// batches deals the text out to steps.
func (x sftText) batches(c SFTConfig) *sftBatches {
	return &sftBatches{text: x, size: c.BatchExamples, deal: NewDealer(len(x.examples), uint64(c.Seed))}
}

// sftBatches are the batches of a training; each is a function of its step.
type sftBatches struct {
	text       sftText
	size       int // rows of pretraining text included
	deal       *Dealer
	batch, ptx []Sequence
}

// at returns the examples and the pretraining text of a step, valid until the next call.
func (b *sftBatches) at(step int) (batch, ptx []Sequence) {
	first, next := b.text.mix.before(step), b.text.mix.before(step+1)
	b.batch, b.ptx = b.batch[:0], b.text.mix.rows(b.ptx[:0], first, next)
	for i := step*b.size - first; i < (step+1)*b.size-next; i++ {
		b.batch = append(b.batch, b.text.examples[b.deal.At(i)])
	}
	return b.batch, b.ptx
}

func tokensOf(batch []Sequence) int {
	n := 0
	for _, s := range batch {
		n += len(s.Tokens)
	}
	return n
}
