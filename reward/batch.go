package reward

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"agora/policy"
	"agora/policy/graph"
)

// saltOrder keeps the random order apart from other uses of the seed.
const saltOrder = 0x6f72646572

// order is the sequence of groups that training goes through: a new permutation
// every epoch, a function of seed and epoch only.
type order struct {
	n     int
	seed  uint64
	epoch int // whose permutation perm is; -1 before the first
	perm  []int
}

func newOrder(n int, seed uint64) *order { return &order{n: n, seed: seed, epoch: -1} }

// at is the k-th group of the run.
func (o *order) at(k int) int {
	if epoch := k / o.n; epoch != o.epoch {
		o.epoch = epoch
		o.perm = make([]int, o.n)
		for i := range o.perm {
			o.perm[i] = i
		}
		key := graph.Key(o.seed, uint64(epoch), saltOrder)
		slices.SortFunc(o.perm, func(a, b int) int {
			return cmp.Compare(graph.Bits(key, uint64(a)), graph.Bits(key, uint64(b)))
		})
	}
	return o.perm[k%o.n]
}

// micro is the part of a step that is forwarded at once: groups, packed
// one text after another without padding.
type micro struct {
	ids, lens, last []int32
	pairs, ties     []link // rows of the scores; weights sum to 1 over the step
	stages          []stage
	groups          int
}

// limits are the rows that the compiled program has room for.
type limits struct{ tokens, seqs, pairs, ties, stages, entries int }

// limitsFor leaves room for the largest group, up to four times microTokens, and
// for the longest pair in any case. A group that needs more is cut.
func limitsFor(groups []group, microTokens int) limits {
	l := limits{seqs: 512, pairs: 4096, ties: 1024, stages: 1024, entries: 4096}
	largest, pair, whole := 0, 0, 0
	for _, g := range groups {
		largest = max(largest, g.tokenCount())
		for _, p := range slices.Concat(g.pairs, g.ties) {
			pair = max(pair, len(g.texts[p.a].tokens)+len(g.texts[p.b].tokens))
		}
		if len(g.stages) > 0 {
			whole = max(whole, g.tokenCount())
		}
		l.stages, l.entries = max(l.stages, len(g.stages)), max(l.entries, entries(g.stages))
		l.seqs = max(l.seqs, len(g.texts))
		l.pairs = max(l.pairs, len(g.pairs))
		l.ties = max(l.ties, len(g.ties))
	}
	l.tokens = max(microTokens, min(largest, 4*microTokens), pair, whole)
	return l
}

func (g *group) tokenCount() int {
	n := 0
	for _, t := range g.texts {
		n += len(t.tokens)
	}
	return n
}

// split packs the groups of one step into as few passes as fit.
func split(groups []*group, l limits) []micro {
	total := float32(0)
	for _, g := range groups {
		total += g.weight
	}
	var out []micro
	var m micro
	for _, whole := range groups {
		for _, g := range whole.cut(l.tokens) {
			if m.groups > 0 && !m.fits(g, l) {
				out, m = append(out, m), micro{}
			}
			m.add(g, total)
		}
	}
	return append(out, m)
}

func (m *micro) fits(g *group, l limits) bool {
	return len(m.ids)+g.tokenCount() <= l.tokens && len(m.lens)+len(g.texts) <= l.seqs &&
		len(m.pairs)+len(g.pairs) <= l.pairs && len(m.ties)+len(g.ties) <= l.ties &&
		len(m.stages)+len(g.stages) <= l.stages && entries(m.stages)+entries(g.stages) <= l.entries
}

func (m *micro) add(g *group, total float32) {
	base := int32(len(m.lens))
	for _, t := range g.texts {
		m.ids = append(m.ids, t.tokens...)
		m.lens = append(m.lens, int32(len(t.tokens)))
		m.last = append(m.last, int32(len(m.ids)-1))
	}
	for _, p := range g.pairs {
		m.pairs = append(m.pairs, link{a: base + p.a, b: base + p.b, weight: p.weight / total, margin: p.margin, of: p.of})
	}
	for _, p := range g.ties {
		m.ties = append(m.ties, link{a: base + p.a, b: base + p.b, weight: p.weight / total, of: p.of})
	}
	for _, s := range g.stages {
		s = stage{base + s.first, slices.Clone(s.others), s.weight / total}
		for i := range s.others {
			s.others[i] += base
		}
		m.stages = append(m.stages, s)
	}
	m.groups++
}

// stepsOf is the number of optimizer steps of a run.
func stepsOf(groups int, c TrainConfig) (int, error) {
	steps := math.Round(c.Epochs * float64(groups) / float64(c.batch(groups)))
	if err := policy.CheckSteps(c.Epochs, steps); err != nil {
		return 0, fmt.Errorf("reward: %w", err)
	}
	return max(int(steps), 1), nil
}
