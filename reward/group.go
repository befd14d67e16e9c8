package reward

import (
	"fmt"
	"sort"
	"strings"

	"agora/policy/graph"
	"agora/reward/prefs"
)

// TiePolicy says what a tied pair teaches.
type TiePolicy string

const (
	TiesDrop     TiePolicy = "drop"     // nothing (InstructGPT)
	TiesHalf     TiePolicy = "half"     // half a win for either side: equal scores
	TiesDavidson TiePolicy = "davidson" // a third outcome with a parameter of its own
)

// link is one comparison inside a group or batch: text a before (or tied with) text b.
type link struct {
	a, b   int32
	weight float32
	margin float32 // how far score a should be above score b, in the scores' unit
	of     int32   // the labeler's group, an index into grouping.names; 0 without groups
	plain  float32 // weight before its group was reweighed, set in a step
}

// rule says what lines teach.
type rule struct {
	ties   TiePolicy
	margin float64 // factor on marginOf
	stages bool    // for the Plackett–Luce loss
	groups grouping
}

// group is the K-wise unit: texts of one prompt that lines compare with each
// other. All lines of a prompt are one group, so they share one forward pass and
// one batch; a prompt with very many texts (one question asked about thousands
// of them) is one group per set of texts compared.
type group struct {
	texts  []text
	pairs  []link  // indices into texts
	ties   []link  // Davidson only
	stages []stage // Plackett–Luce only
	weight float32 // Σ of the lines' weights
}

// text is one completion of a prompt, ready for the model.
type text struct {
	name   string // prompt id and completion id
	tokens []int32
}

// maxGroupTexts bounds the texts of a prompt that share one forward pass. 16 holds
// every K-wise set known (InstructGPT K ≤ 9, Open Assistant ≤ 10).
const maxGroupTexts = 16

// GroupStats counts what became of the lines.
type GroupStats struct {
	Lines     int // all
	Used      int // lines that teach something
	Pairs     int // untied pairs used
	Ties      int // tied pairs met
	Identical int // pairs of one text twice, left out
	Groups    int
	Texts     int // texts to forward
	Truncated int // texts cut to fit max_tokens
}

// makeGroups gathers lines into groups, in the order of their first line. Within
// a line each of its P pairs weighs weight/P; equal lines of several labelers add
// up, so vote counts become soft labels.
func makeGroups(lines []*prefs.Ranked, enc *encoder, how rule) ([]group, GroupStats, error) {
	stats := GroupStats{Lines: len(lines)}
	perPrompt := textsPerPrompt(lines)
	index := map[string]int{}
	var out []group
	var places []map[string]int32 // text name → place in its group
	for _, r := range lines {
		pairs, tied := linksOf(r, how)
		_, nTies := r.Pairs()
		_, same := r.DistinctPairs()
		stats.Ties += nTies
		stats.Identical += same
		if len(pairs)+len(tied) == 0 || r.WeightOr1() == 0 {
			continue
		}
		stats.Used++
		key := groupKey(r, perPrompt[r.PromptID])
		i, ok := index[key]
		if !ok {
			i = len(out)
			index[key] = i
			out, places = append(out, group{}), append(places, map[string]int32{})
		}
		at, err := placeTexts(&out[i], places[i], r, enc)
		if err != nil {
			return nil, stats, err
		}
		out[i].weight += float32(r.WeightOr1())
		of := how.groups.index(r)
		out[i].pairs = addLinks(out[i].pairs, pairs, at, of)
		out[i].ties = addLinks(out[i].ties, tied, at, of)
		if how.stages {
			out[i].stages = append(out[i].stages, moved(stagesOf(r), at)...)
		}
		stats.Pairs += len(pairs)
	}
	stats.Groups, stats.Truncated = len(out), enc.truncated
	for _, g := range out {
		stats.Texts += len(g.texts)
	}
	return out, stats, nil
}

// linksOf are a line's comparisons, indices into its completions. P counts the
// pairs that take part, so with ties as halves it counts them too.
func linksOf(r *prefs.Ranked, how rule) (pairs, ties []link) {
	untied, _ := r.DistinctPairs()
	margin := float32(how.margin * marginOf(r))
	for _, p := range untied {
		pairs = append(pairs, link{a: int32(p.Better), b: int32(p.Worse), weight: 1, margin: margin})
	}
	n := len(pairs)
	for i := range r.Ranks {
		for j := i + 1; j < len(r.Ranks); j++ {
			if how.ties == TiesDrop || r.Ranks[i] == nil || r.Ranks[j] == nil || *r.Ranks[i] != *r.Ranks[j] {
				continue
			}
			n++
			a, b := int32(i), int32(j)
			if how.ties == TiesHalf {
				pairs = append(pairs, link{a: a, b: b, weight: .5}, link{a: b, b: a, weight: .5})
			} else {
				ties = append(ties, link{a: a, b: b, weight: 1})
			}
		}
	}
	for _, list := range [][]link{pairs, ties} {
		for i := range list {
			list[i].weight *= float32(r.WeightOr1() / float64(n))
		}
	}
	return pairs, ties
}

// textsPerPrompt counts the distinct completions of each prompt.
func textsPerPrompt(lines []*prefs.Ranked) map[string]int {
	seen := map[string]bool{}
	count := map[string]int{}
	for _, r := range lines {
		for i := range r.Completions {
			if name := textName(r, i); !seen[name] {
				seen[name] = true
				count[r.PromptID]++
			}
		}
	}
	return count
}

// groupKey is the prompt's id, and for prompts with too many texts also the set
// of texts that the line compares.
func groupKey(r *prefs.Ranked, texts int) string {
	if texts <= maxGroupTexts {
		return r.PromptID
	}
	return r.PromptID + "\x00" + setKey(r)
}

// setKey names the set of texts that a line compares.
func setKey(r *prefs.Ranked) string {
	ids := make([]string, len(r.Completions))
	for i, c := range r.Completions {
		ids[i] = c.ID
	}
	sort.Strings(ids)
	return strings.Join(ids, "\x00")
}

// placeTexts adds the line's texts to the group and returns where each one is.
func placeTexts(g *group, places map[string]int32, r *prefs.Ranked, enc *encoder) ([]int32, error) {
	at := make([]int32, len(r.Completions))
	for i, c := range r.Completions {
		name := textName(r, i)
		place, ok := places[name]
		if !ok {
			tokens, err := enc.tokens(r.Prompt, c.Text)
			if err != nil {
				return nil, fmt.Errorf("prompt %s, completion %s: %w", r.PromptID, c.ID, err)
			}
			place = int32(len(g.texts))
			places[name] = place
			g.texts = append(g.texts, text{name, tokens})
		}
		at[i] = place
	}
	return at, nil
}

// addLinks adds a line's comparisons, by a labeler of a group, to the prompt's; equal ones become one.
func addLinks(all, line []link, at []int32, of int32) []link {
next:
	for _, l := range line {
		a, b := at[l.a], at[l.b]
		for i := range all {
			if all[i].a == a && all[i].b == b && all[i].margin == l.margin && all[i].of == of {
				all[i].weight += l.weight
				continue next
			}
		}
		all = append(all, link{a: a, b: b, weight: l.weight, margin: l.margin, of: of})
	}
	return all
}

// feed hands comparisons to a run of the loss graph.
func (f pairFeed) feed(feeds *graph.Feeds, pairs, ties []link) {
	if f.smoothing > 0 {
		pairs = smoothed(pairs, f.smoothing)
	}
	split := func(list []link) (a, b []int32, w []float32) {
		a, b, w = make([]int32, len(list)), make([]int32, len(list)), make([]float32, len(list))
		for i, l := range list {
			a[i], b[i], w[i] = l.a, l.b, l.weight
		}
		return a, b, w
	}
	a, b, w := split(pairs)
	feeds.Ints(f.better, a)
	feeds.Ints(f.worse, b)
	feeds.Floats(f.weight, w)
	if f.head != nil {
		heads := make([]int32, len(pairs))
		for i, l := range pairs {
			heads[i] = l.of
		}
		feeds.Ints(f.head, heads)
	}
	if f.margin != nil {
		margins := make([]float32, len(pairs))
		for i, l := range pairs {
			margins[i] = l.margin
		}
		feeds.Floats(f.margin, margins)
	}
	if f.tieA == nil {
		return
	}
	feeds.Ints(f.zeroPairs, make([]int32, len(pairs)))
	a, b, w = split(ties)
	feeds.Ints(f.tieA, a)
	feeds.Ints(f.tieB, b)
	feeds.Floats(f.tieWeight, w)
	feeds.Ints(f.zeroTies, make([]int32, len(ties)))
}

// smoothed gives the share ε of each comparison's weight to its reverse, as if that
// share of the labels were wrong.
func smoothed(pairs []link, share float64) []link {
	out := make([]link, 0, 2*len(pairs))
	for _, l := range pairs {
		wrong := float32(share) * l.weight
		out = append(out, link{a: l.a, b: l.b, weight: l.weight - wrong, margin: l.margin, of: l.of}, link{a: l.b, b: l.a, weight: wrong, margin: -l.margin, of: l.of})
	}
	return out
}
