package reward

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"agora/policy/graph"
	"agora/reward/prefs"
)

// Names of what a model with a head for each group has beside the head itself, never saved.
const (
	selectName = "score.select" // [1, heads]: the score is this mixture of the heads' scores
	onesName   = "score.ones"   // [1, width]: sums a row
)

// NoGroup is the group of rankings that do not say which one they belong to.
const NoGroup = "(unknown)"

// grouping sorts rankings by a group attribute of their labelers, such as gender.
type grouping struct {
	by    string
	names []string // sorted; NoGroup is among them only if rankings are without a value
}

// groupingOf finds the groups of the training rankings.
func groupingOf(lines []*prefs.Ranked, by string) grouping {
	g := grouping{by: by}
	if by == "" {
		return g
	}
	seen := map[string]bool{}
	for _, r := range lines {
		if name := g.name(r); !seen[name] {
			seen[name] = true
			g.names = append(g.names, name)
		}
	}
	slices.Sort(g.names)
	return g
}

func (g grouping) name(r *prefs.Ranked) string {
	if v := r.Groups[g.by]; v != nil {
		return *v
	}
	return NoGroup
}

// index is the group of a ranking, 0 where rankings are not sorted.
func (g grouping) index(r *prefs.Ranked) int32 {
	if g.by == "" {
		return 0
	}
	return int32(max(0, slices.Index(g.names, g.name(r))))
}

// check says what is wrong with the groups of a run.
func (g grouping) check() error {
	switch {
	case g.by == "":
		return nil
	case len(g.names) == 1 && g.names[0] == NoGroup:
		return fmt.Errorf("reward: group_by %q: no ranking has that group", g.by)
	case len(g.names) < 2:
		return fmt.Errorf("reward: group_by %q: all rankings are of one group, %s", g.by, g.names[0])
	case len(g.names) > 64:
		return fmt.Errorf("reward: group_by %q has %d values; group by something with fewer", g.by, len(g.names))
	}
	return nil
}

// addHeads gives the model a head for every name instead of one for all. They start equal: what they
// differ in is learned.
func (m *Model) addHeads(names []string) error {
	one := slices.Clone(m.Head().Data)
	m.Heads = names
	m.dropHead()
	if err := m.addHead(); err != nil {
		return err
	}
	for h := range names {
		copy(m.headRow(h), one)
	}
	m.Trunk.Params.Changed()
	return nil
}

// addMixture adds the parameters that make one score of several heads.
func (m *Model) addMixture() error {
	for _, mix := range []struct {
		name string
		cols int
	}{{selectName, len(m.Heads)}, {onesName, m.Trunk.Config.Width}} {
		p, err := m.Trunk.Params.Add(mix.name, 1, mix.cols)
		if err != nil {
			return err
		}
		p.Frozen, p.NoDecay = true, true
		for i := range p.Data {
			p.Data[i] = 1
		}
	}
	m.Select("")
	return nil
}

// dropHead removes all that addHead and addMixture added.
func (m *Model) dropHead() {
	for _, name := range []string{headName, biasName, selectName, onesName} {
		if p := m.Trunk.Params.Get(name); p != nil {
			m.Trunk.Params.Remove(p)
		}
	}
}

// Select makes the scores those of one head; "" stands for the mean of all.
func (m *Model) Select(head string) {
	p := m.Trunk.Params.Get(selectName)
	if p == nil {
		return
	}
	for h, name := range m.Heads {
		switch {
		case head == "":
			p.Data[h] = 1 / float32(len(m.Heads))
		case head == name:
			p.Data[h] = 1
		default:
			p.Data[h] = 0
		}
	}
	p.Changed()
}

// headRow is the weight of head h, [width].
func (m *Model) headRow(h int) []float32 {
	w := m.Trunk.Config.Width
	return m.Head().Data[h*w : (h+1)*w]
}

// collapse keeps one head of several, or the mean of all for "": the heads are linear, so the mean of
// their scores is the score of their mean.
func (m *Model) collapse(head string) error {
	if len(m.Heads) == 0 {
		if head != "" {
			return fmt.Errorf("the reward model has one head for all, and none for %q", head)
		}
		return nil
	}
	at := slices.Index(m.Heads, head)
	if head != "" && at < 0 {
		return fmt.Errorf("the reward model has heads for %s, and none for %q", strings.Join(m.Heads, ", "), head)
	}
	weight, bias := make([]float32, m.Trunk.Config.Width), float32(0)
	for h := range m.Heads {
		share := 1 / float32(len(m.Heads))
		if head != "" {
			share = 0
			if h == at {
				share = 1
			}
		}
		for i, w := range m.headRow(h) {
			weight[i] += share * w
		}
		bias += share * m.Bias().Data[h]
	}
	m.dropHead()
	m.Heads = nil
	if err := m.addHead(); err != nil {
		return err
	}
	copy(m.Head().Data, weight)
	m.Bias().Data[0] = bias
	m.Trunk.Params.Changed()
	return nil
}

// headSides are the sides of comparisons where each is read by the head of its labeler's group: with h_t the
// hidden state at the end of text t, a row of ends [texts, width], and w_g the head of group g,
//
//	better = w_g · h_better    worse = w_g · h_worse
//
// [pairs, 1] each. So the trunk learns from all groups, a head from its own.
func headSides(g *graph.Graph, m *Model, ends *graph.Value, f pairFeed) (better, worse *graph.Value) {
	head, ones := g.Embedding(f.head, m.Head()), m.Trunk.Params.Get(onesName)
	score := func(text *graph.Value) *graph.Value {
		return g.Linear(g.Mul(g.GatherRows(ends, text), head), ones, nil)
	}
	return score(f.better), score(f.worse)
}

// headScores are the scores of texts by each head, by group and then by the text's name.
type headScores struct {
	by     string
	scores map[string]map[string]scored
}

// scoreByHead scores every text with every head; nothing of a model with one head for all.
func (s *Scorer) scoreByHead(ctx context.Context, lines []*prefs.Ranked) (headScores, error) {
	h := headScores{by: s.m.GroupBy, scores: map[string]map[string]scored{}}
	defer s.m.Select("")
	for _, name := range s.m.Heads {
		s.m.Select(name)
		var err error
		if h.scores[name], _, err = s.scoreTexts(ctx, lines); err != nil {
			return h, err
		}
	}
	return h, nil
}

// of is a text's score as the labeler of a ranking would have it: by the head of their group, or by the
// mean of all heads where the group is unknown to the model.
func (h headScores) of(r *prefs.Ranked, mean map[string]scored, text string) scored {
	if own := h.scores[grouping{by: h.by}.name(r)]; own != nil {
		return own[text]
	}
	return mean[text]
}

// centreHeads shifts every head's bias so that its mean score of the texts is 0.
func (m *Model) centreHeads(ctx context.Context, s *Scorer, texts [][]int32) error {
	defer m.Select("")
	for h, name := range m.Heads {
		m.Select(name)
		m.Bias().Data[h] = 0
		m.Trunk.Params.Changed()
		scores, err := s.Score(ctx, texts)
		if err != nil || len(scores) == 0 {
			return err
		}
		m.Bias().Data[h] = -mean32(scores)
		m.Trunk.Params.Changed()
	}
	return nil
}

func mean32(x []float32) float32 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v)
	}
	return float32(sum / float64(len(x)))
}
