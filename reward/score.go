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

// scoreTokens is how many tokens a scoring pass has room for unless it is told otherwise.
const scoreTokens = 2048

// Scorer computes rewards. It reads the model's current weights.
type Scorer struct {
	dev    *cpu.Device
	m      *Model
	in     policy.Input
	last   *graph.Value // [seqs] row of each sequence's last token
	scores *graph.Value
	prog   graph.Program
	feeds  graph.Feeds
}

// NewScorer compiles a scoring pass for up to tokens rows at a time; 0 stands for 2048. For a longer
// sequence it is compiled anew.
func NewScorer(dev *cpu.Device, m *Model, tokens int) (*Scorer, error) {
	if tokens == 0 {
		tokens = min(8*m.Trunk.Config.Context, scoreTokens)
	}
	s := &Scorer{dev: dev, m: m}
	return s, s.compile(tokens)
}

func (s *Scorer) compile(tokens int) error {
	s.prog = nil // its memory may go before the next one's comes
	g := graph.New(s.m.Trunk.Params)
	seqs := g.Dim("seqs", scoreSeqs)
	s.in, s.last = s.m.Trunk.NewInput(g, "score", g.Dim("tokens", tokens), seqs), g.Ints("last", seqs)
	s.scores = s.m.Scores(g, g.GatherRows(s.m.Trunk.Hidden(g, s.in), s.last))
	var err error
	s.prog, err = s.dev.Compile(g, s.scores)
	s.feeds = graph.Feeds{}
	return err
}

// room makes sure that the longest sequence fits.
func (s *Scorer) room(seqs [][]int32) error {
	longest, context := 0, s.m.Trunk.Config.Context
	for i, seq := range seqs {
		if len(seq) > context {
			return fmt.Errorf("score: sequence %d has %d tokens, the context is %d", i, len(seq), context)
		}
		longest = max(longest, len(seq))
	}
	if longest <= s.in.IDs.Rows.Cap {
		return nil
	}
	return s.compile(min(2*longest, context))
}

// Score returns one reward per sequence of tokens, prompt and response together,
// read at the last token. The reward of a sequence has the same bits whatever
// else is scored along with it.
func (s *Scorer) Score(ctx context.Context, seqs [][]int32) ([]float32, error) {
	if err := s.room(seqs); err != nil {
		return nil, err
	}
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
