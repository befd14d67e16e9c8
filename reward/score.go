package reward

import (
	"context"
	"fmt"

	"agora/policy"
	"agora/policy/cpu"
	"agora/policy/graph"
)

// scoreSeqs is how many sequences a scoring pass takes at most; with long ones, tokens are the limit.
const scoreSeqs = 128

// Scorer computes rewards. It reads the model's current weights.
type Scorer struct {
	m      *Model
	in     policy.Input
	last   *graph.Value // [seqs] row of each sequence's last token
	scores *graph.Value
	prog   graph.Program
	feeds  graph.Feeds
}

// NewScorer compiles a scoring pass for up to tokens rows at a time (0: two full
// contexts, at most 8192, but always one).
func NewScorer(dev *cpu.Device, m *Model, tokens int) (*Scorer, error) {
	if tokens == 0 {
		tokens = min(2*m.Trunk.Config.Context, 8192)
	}
	tokens = max(tokens, m.Trunk.Config.Context)
	g := graph.New(m.Trunk.Params)
	seqs := g.Dim("seqs", scoreSeqs)
	s := &Scorer{m: m, in: m.Trunk.NewInput(g, "score", g.Dim("tokens", tokens), seqs), last: g.Ints("last", seqs)}
	s.scores = m.Scores(g, g.GatherRows(m.Trunk.Hidden(g, s.in), s.last))
	var err error
	s.prog, err = dev.Compile(g, s.scores)
	return s, err
}

// Score returns one reward per sequence of tokens, prompt and response together,
// read at the last token. The reward of a sequence has the same bits whatever
// else is scored along with it.
func (s *Scorer) Score(ctx context.Context, seqs [][]int32) ([]float32, error) {
	out := make([]float32, 0, len(seqs))
	for len(out) < len(seqs) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var ids, lens, last []int32
		for i := len(out); i < len(seqs) && len(lens) < scoreSeqs && len(ids)+len(seqs[i]) <= s.in.IDs.Rows.Cap; i++ {
			if len(seqs[i]) == 0 {
				return nil, fmt.Errorf("score: sequence %d is empty", i)
			}
			ids = append(ids, seqs[i]...)
			lens = append(lens, int32(len(seqs[i])))
			last = append(last, int32(len(ids)-1))
		}
		if len(lens) == 0 {
			return nil, fmt.Errorf("score: sequence %d has %d tokens, the context is %d", len(out), len(seqs[len(out)]), s.m.Trunk.Config.Context)
		}
		s.feeds.Ints(s.in.IDs, ids)
		s.feeds.Layout(s.in.Layout, lens, nil, nil)
		s.feeds.Ints(s.last, last)
		if err := s.prog.Run(&s.feeds); err != nil {
			return nil, err
		}
		out = append(out, s.prog.Floats(s.scores)...)
	}
	return out, nil
}
