package reward

import (
	"agora/policy/graph"
)

// pairFeed are the inputs of a loss over comparisons of scores.
type pairFeed struct {
	better, worse, weight *graph.Value // [pairs]: rows of scores, and what each comparison weighs
	tieA, tieB, tieWeight *graph.Value // [ties], Davidson's model only
	zeroPairs, zeroTies   *graph.Value // [pairs], [ties] zeros: they spread the tie parameter over rows
	margin                *graph.Value // [pairs]; nil without margins
	head                  *graph.Value // [pairs] whose head reads the comparison; nil with one head for all
	smoothing             float64      // share of the labels taken to be wrong
}

// newPairFeed declares the inputs.
func newPairFeed(g *graph.Graph, pairs, ties *graph.Dim) pairFeed {
	f := pairFeed{better: g.Ints("better", pairs), worse: g.Ints("worse", pairs), weight: g.Floats("pair_weight", pairs, 1)}
	if ties != nil {
		f.tieA, f.tieB, f.tieWeight = g.Ints("tie_a", ties), g.Ints("tie_b", ties), g.Floats("tie_weight", ties, 1)
		f.zeroPairs, f.zeroTies = g.Ints("pair_zero", pairs), g.Ints("tie_zero", ties)
	}
	return f
}

// sides are the scores of the better and the other text of every comparison, [pairs, 1] each.
func (f pairFeed) sides(g *graph.Graph, scores *graph.Value) (better, worse *graph.Value) {
	return g.GatherRows(scores, f.better), g.GatherRows(scores, f.worse)
}

// kwiseLoss is eq. 1 of Ouyang et al. 2022 (arXiv:2203.02155) over
// comparisons whose scores are apart, [pairs, 1], taken from a stream of scores [texts, 1]:
//
//	loss = −Σ weight · log σ(score[better] − score[worse])
//
// Every text is in scores once, however many comparisons it takes part in. A
// ranking of K texts gives each of its C(K,2) comparisons the weight 1/C(K,2);
// the weights of a batch sum to 1. A tie counted as half is two comparisons, one
// in each direction, and so is a vote of 2 to 1, with weights 2/3 and 1/3; and so is
// a smoothed label. With margins (Touvron et al. 2023, arXiv:2307.09288, eq. 2) the
// better score must be that far ahead: log σ(score[better] − score[worse] − margin).
func kwiseLoss(g *graph.Graph, apart *graph.Value, f pairFeed) *graph.Value {
	margin := apart
	if f.margin != nil {
		margin = g.Sub(apart, f.margin)
	}
	return g.WeightedSum(g.Neg(g.LogSigmoid(margin)), f.weight)
}

// davidsonLoss also predicts ties (Davidson 1970): with h half the difference of
// the two scores and ν = e^logNu the readiness to call a tie,
//
//	P(a beats b) = e^h / (e^h + e^−h + ν)    P(tie) = ν / (e^h + e^−h + ν)
//
// With ν = 0 it is the loss above.
// apart, [pairs, 1], are the differences of the untied pairs, scores, [texts, 1], what ties are between.
func davidsonLoss(g *graph.Graph, apart, scores *graph.Value, logNu *graph.Param, f pairFeed) *graph.Value {
	h, nu := g.Scale(apart, .5), g.Embedding(f.zeroPairs, logNu)
	wins := g.WeightedSum(g.Sub(logSum3(g, h, nu), h), f.weight)
	h = g.Scale(g.Sub(g.GatherRows(scores, f.tieA), g.GatherRows(scores, f.tieB)), .5)
	nu = g.Embedding(f.zeroTies, logNu)
	ties := g.WeightedSum(g.Sub(logSum3(g, h, nu), nu), f.tieWeight)
	return g.Add(wins, ties)
}

// logSum3 is log(e^h + e^−h + e^nu) without overflow.
func logSum3(g *graph.Graph, h, nu *graph.Value) *graph.Value {
	top := g.StopGradient(g.Max(g.Max(h, g.Neg(h)), nu))
	sum := g.Add(g.Exp(g.Sub(h, top)), g.Add(g.Exp(g.Sub(g.Neg(h), top)), g.Exp(g.Sub(nu, top))))
	return g.Add(g.Log(sum), top)
}

// PairwiseLoss is the K-wise loss of one ranking in plain Go: the mean of
// −log σ(score_better − score_worse) over its untied pairs. rank 1 is best.
func PairwiseLoss(scores []float64, ranks []int) float64 {
	sum, n := 0.0, 0.0
	for i := range scores {
		for j := range scores {
			if ranks[i] < ranks[j] {
				sum -= logSigmoid(scores[i] - scores[j])
				n++
			}
		}
	}
	if n == 0 {
		return 0
	}
	return sum / n
}
