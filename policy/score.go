package policy

import (
	"context"
	"fmt"

	"agora/policy/cpu"
	"agora/policy/graph"
)

// scoreSeqs is how many sequences a scoring pass takes at most; with long ones, tokens are the limit.
const scoreSeqs = 64

// Scorer computes log-probabilities of given tokens by the training forward.
type Scorer struct {
	dev     *cpu.Device
	m       *Model
	temp    float64
	prog    graph.Program
	feeds   graph.Feeds
	in      Input
	rows    *graph.Value
	targets *graph.Value
	logp    *graph.Value
	entropy *graph.Value
	batch   Batch
}

// scoreTokens is how many tokens a scoring pass has room for unless it is told otherwise.
const scoreTokens = 2048

// NewScorer compiles a scoring pass for up to tokens rows at a time; 0 stands for 2048. For a longer sequence
// it is compiled anew. temperature divides the logits.
func NewScorer(dev *cpu.Device, m *Model, tokens int, temperature float64) (*Scorer, error) {
	if tokens == 0 {
		tokens = min(8*m.Config.Context, scoreTokens)
	}
	s := &Scorer{dev: dev, m: m, temp: temperature}
	return s, s.compile(tokens)
}

func (s *Scorer) compile(tokens int) error {
	s.prog = nil // its memory may go before the next one's comes
	g := graph.New(s.m.Params)
	stream, picks := g.Dim("tokens", tokens), g.Dim("picks", tokens)
	s.in = s.m.NewInput(g, "score", stream, g.Dim("seqs", scoreSeqs))
	s.rows, s.targets = g.Ints("rows", picks), g.Ints("targets", picks)
	h := g.GatherRows(s.m.Hidden(g, s.in), s.rows)
	s.logp, s.entropy = g.LogProb(h, s.m.Output(s.in), s.targets, s.temp)
	var err error
	s.prog, err = s.dev.Compile(g, s.logp, s.entropy)
	s.feeds = graph.Feeds{}
	return err
}

// Score is the result for one sequence: an entry for each of its tokens that count.
type Score struct {
	LogProbs []float32 // nats
	Entropy  []float32 // nats, of the distribution the token was drawn from
}

// Sum adds the log-probabilities.
func (s Score) Sum() float64 {
	var sum float64
	for _, x := range s.LogProbs {
		sum += float64(x)
	}
	return sum
}

// Score computes all sequences, as many at a time as fit. The result of one does not depend on the
// others.
func (s *Scorer) Score(ctx context.Context, seqs []Sequence) ([]Score, error) {
	c := s.m.Config
	for i, seq := range seqs {
		if err := seq.check(fmt.Sprintf("sequence %d", i), c.Vocab, c.Context); err != nil {
			return nil, err
		}
	}
	if n := longest(seqs); n > s.in.IDs.Rows.Cap {
		if err := s.compile(min(2*n, c.Context)); err != nil {
			return nil, err
		}
	}
	out := make([]Score, 0, len(seqs))
	for len(out) < len(seqs) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.batch.Reset()
		first := len(out)
		last := first
		for last < len(seqs) && s.batch.Fits(seqs[last], s.in.IDs.Rows.Cap, s.in.Layout.Seqs.Cap) {
			s.batch.Add(seqs[last])
			last++
		}
		if err := s.run(); err != nil {
			return nil, err
		}
		out = s.collect(out, seqs[first:last])
	}
	return out, nil
}

func (s *Scorer) run() error {
	s.feeds.Ints(s.in.IDs, s.batch.IDs)
	s.feeds.Layout(s.in.Layout, s.batch.Lens, nil, nil)
	s.feeds.Ints(s.rows, s.batch.Rows)
	s.feeds.Ints(s.targets, s.batch.Targets)
	return s.prog.Run(&s.feeds)
}

// collect copies the picks of each sequence out of the program's memory.
func (s *Scorer) collect(out []Score, seqs []Sequence) []Score {
	logp, entropy := s.prog.Floats(s.logp), s.prog.Floats(s.entropy)
	for _, seq := range seqs {
		n := seq.Counted()
		out = append(out, Score{
			LogProbs: append([]float32(nil), logp[:n]...),
			Entropy:  append([]float32(nil), entropy[:n]...),
		})
		logp, entropy = logp[n:], entropy[n:]
	}
	return out
}
