package dpo

import (
	"context"
	"maps"

	"agora/policy"
	"agora/policy/cpu"
	"agora/policy/graph"
)

// learner computes the loss of pairs and its gradient.
type learner struct {
	cfg   Config
	model *policy.Model
	prog  graph.Program
	feeds graph.Feeds

	in                         policy.Input
	rows, targets, owner       *graph.Value // [picks] completion tokens, and the text that each belongs to
	ref, share                 *graph.Value // [picks] the reference's log-probability; 1, or 1/tokens of the text
	chosen, rejected, weight   *graph.Value // [pairs] texts, and the pair's part of the loss
	logp, loss                 *graph.Value
	stream                     policy.Batch
	owners, chosens, rejecteds []int32
	refs, shares, weights      []float32
}

// newLearner compiles a training step for so many tokens at a time, at least the longest pair.
func newLearner(dev *cpu.Device, m *policy.Model, c Config, longest int) (*learner, error) {
	l := &learner{cfg: c, model: m}
	g := graph.New(m.Params)
	size := max(m.Config.MicroTokens(c.MicroTokens, 8192, c.Recompute), longest)
	picks, seqs, pairs := g.Dim("picks", size), g.Dim("seqs", 2*c.BatchPairs), g.Dim("pairs", c.BatchPairs)
	l.in = m.NewInput(g, "train", g.Dim("tokens", size), seqs)
	l.in.Recompute = c.Recompute
	l.rows, l.targets, l.owner = g.Ints("rows", picks), g.Ints("targets", picks), g.Ints("owner", picks)
	l.ref, l.share = g.Floats("ref", picks, 1), g.Floats("share", picks, 1)
	l.chosen, l.rejected, l.weight = g.Ints("chosen", pairs), g.Ints("rejected", pairs), g.Floats("weight", pairs, 1)

	l.logp, _ = g.LogProb(g.GatherRows(m.Hidden(g, l.in), l.rows), m.Output(l.in), l.targets, 1)
	ratio := g.SumRows(g.Mul(g.Sub(l.logp, l.ref), l.share), l.owner, seqs) // log π/π₀ of each text
	h := g.Sub(g.GatherRows(ratio, l.chosen), g.GatherRows(ratio, l.rejected))
	l.loss = g.WeightedSum(c.Loss.trace(g, h, c.Beta, c.LabelSmoothing), l.weight)
	g.Gradients(l.loss)
	var err error
	l.prog, err = dev.Compile(g, l.loss, l.logp)
	return l, err
}

// learn runs one step's pairs forward and backward, in as many micro-batches as
// they need.
func (l *learner) learn(pairs []pair) (policy.Learned, error) {
	total := float32(0)
	for _, p := range pairs {
		total += p.weight
	}
	sums := tally{cfg: l.cfg}
	l.feeds.Accumulate = false
	for at := 0; at < len(pairs); {
		n := l.fill(pairs[at:], total)
		if err := l.run(); err != nil {
			return policy.Learned{}, err
		}
		logp := l.prog.Floats(l.logp)
		for _, p := range pairs[at : at+n] {
			var chosen, rejected []float32
			chosen, logp = cut(logp, p.chosen)
			rejected, logp = cut(logp, p.rejected)
			sums.add(p, chosen, rejected)
		}
		at += n
		l.feeds.Accumulate = true
	}
	return sums.learned(""), nil
}

func cut(logp []float32, t text) (own, rest []float32) {
	return logp[:t.seq.Counted()], logp[t.seq.Counted():]
}

// fill lays out as many of the pairs as fit and says how many; one always does.
func (l *learner) fill(pairs []pair, total float32) int {
	l.stream.Reset()
	l.owners, l.chosens, l.rejecteds = l.owners[:0], l.chosens[:0], l.rejecteds[:0]
	l.refs, l.shares, l.weights = l.refs[:0], l.shares[:0], l.weights[:0]
	for n, p := range pairs {
		if len(l.stream.IDs)+p.tokens() > l.in.IDs.Rows.Cap {
			return n
		}
		l.chosens = append(l.chosens, l.add(p.chosen))
		l.rejecteds = append(l.rejecteds, l.add(p.rejected))
		l.weights = append(l.weights, p.weight/total)
	}
	return len(pairs)
}

// add appends a text and returns its number in the stream.
func (l *learner) add(t text) int32 {
	id := int32(len(l.stream.Lens))
	l.stream.Add(t.seq)
	l.refs = append(l.refs, t.ref...)
	share := float32(1)
	if l.cfg.Loss.perToken() {
		share /= float32(len(t.ref))
	}
	for range t.ref {
		l.owners, l.shares = append(l.owners, id), append(l.shares, share)
	}
	return id
}

func (l *learner) run() error {
	f := &l.feeds
	f.Ints(l.in.IDs, l.stream.IDs)
	f.Layout(l.in.Layout, l.stream.Lens, nil, nil)
	f.Ints(l.rows, l.stream.Rows)
	f.Ints(l.targets, l.stream.Targets)
	f.Ints(l.owner, l.owners)
	f.Floats(l.ref, l.refs)
	f.Floats(l.share, l.shares)
	f.Ints(l.chosen, l.chosens)
	f.Ints(l.rejected, l.rejecteds)
	f.Floats(l.weight, l.weights)
	return l.prog.Run(f)
}

// evaluator measures the held-out pairs without learning from them, and says how far people agree on them.
func evaluator(dev *cpu.Device, m *policy.Model, c Config, d data) (func(context.Context) (policy.Learned, error), error) {
	pairs := d.val
	if len(pairs) == 0 {
		return nil, nil
	}
	scorer, err := policy.NewScorer(dev, m, 0, 1)
	if err != nil {
		return nil, err
	}
	seqs := sequences(pairs)
	return func(ctx context.Context) (policy.Learned, error) {
		scores, err := scorer.Score(ctx, seqs)
		if err != nil {
			return policy.Learned{}, err
		}
		sums := tally{cfg: c}
		for i, p := range pairs {
			sums.add(p, scores[2*i].LogProbs, scores[2*i+1].LogProbs)
		}
		out := sums.learned("eval_")
		maps.Copy(out.Values, d.people.Metrics("eval_"))
		return out, nil
	}, nil
}
