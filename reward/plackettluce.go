package reward

import (
	"agora/policy/graph"
	"agora/reward/prefs"
)

// stage is one choice of the Plackett–Luce model: of the first text and the others,
// all of them still to be ranked, people took the first.
type stage struct {
	first  int32 // index into the group's texts
	others []int32
	weight float32
}

// stagesOf takes a ranking apart into its choices, each with the line's weight.
// Among tied texts nobody chose, so each of them is compared with the texts ranked
// below only; without ties the choices multiply to the probability of the ranking.
func stagesOf(r *prefs.Ranked) []stage {
	var out []stage
	for i, rank := range r.Ranks {
		if rank == nil {
			continue
		}
		s := stage{first: int32(i), weight: float32(r.WeightOr1())}
		for j, other := range r.Ranks {
			if other != nil && *other > *rank && r.Completions[j].Text != r.Completions[i].Text {
				s.others = append(s.others, int32(j))
			}
		}
		if len(s.others) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// moved renumbers the texts of stages by the places that at gives them.
func moved(stages []stage, at []int32) []stage {
	out := make([]stage, len(stages))
	for k, s := range stages {
		out[k] = stage{first: at[s.first], weight: s.weight}
		for _, j := range s.others {
			out[k].others = append(out[k].others, at[j])
		}
	}
	return out
}

// entries counts the others of stages.
func entries(stages []stage) int {
	n := 0
	for _, s := range stages {
		n += len(s.others)
	}
	return n
}

// stageFeed are the inputs of the Plackett–Luce loss.
type stageFeed struct {
	first, weight    *graph.Value // [stages]: row of scores, and what the choice weighs
	other, otherFrom *graph.Value // [entries]: row of scores, and the stage it belongs to
}

func newStageFeed(g *graph.Graph, stages, entries *graph.Dim) stageFeed {
	return stageFeed{first: g.Ints("stage_first", stages), weight: g.Floats("stage_weight", stages, 1),
		other: g.Ints("stage_other", entries), otherFrom: g.Ints("stage_of", entries)}
}

// maxScoreGap bounds the exponents below; scores further apart than this say no more.
const maxScoreGap = 80

// plackettLuceLoss is the negative log-likelihood of rankings (Plackett 1975; as a
// loss for reward models Zhu et al. 2023, arXiv:2301.11270) over scores [texts, 1]:
//
//	loss = Σ weight · log(1 + Σ_others e^(score[other] − score[first]))
//
// A ranking of K texts is K−1 choices, worth log K! in all if the scores are equal.
// With two texts it is the pairwise loss.
func plackettLuceLoss(g *graph.Graph, scores *graph.Value, f stageFeed) *graph.Value {
	first := g.GatherRows(g.GatherRows(scores, f.first), f.otherFrom)
	gap := g.Clamp(g.Sub(g.GatherRows(scores, f.other), first), -maxScoreGap, maxScoreGap)
	sums := g.SumRows(g.Exp(gap), f.otherFrom, f.first.Rows)
	return g.WeightedSum(g.Log(g.AddScalar(sums, 1)), f.weight)
}

// feed hands choices to a run of the loss graph.
func (f stageFeed) feed(feeds *graph.Feeds, stages []stage) {
	first, weight := make([]int32, len(stages)), make([]float32, len(stages))
	var other, from []int32
	for k, s := range stages {
		first[k], weight[k] = s.first, s.weight
		for _, j := range s.others {
			other, from = append(other, j), append(from, int32(k))
		}
	}
	feeds.Ints(f.first, first)
	feeds.Floats(f.weight, weight)
	feeds.Ints(f.other, other)
	feeds.Ints(f.otherFrom, from)
}
