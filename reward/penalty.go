package reward

import "agora/policy/graph"

// sizePenalty holds the scores near 0 while they are learned; the loss itself sees their differences only.
// Over the sides of comparisons, with the weights of the loss, which sum to 1,
//
//	center_coef · Σ weight · (better + worse)²         Eisenstein et al. 2023, arXiv:2312.09244; TRL's
//	                                                   center_rewards_coefficient, recommended .01
//	score_l2 · Σ weight · ½(better² + worse²)          Open-Assistant's RMLoss, β = .001
//
// The first leaves two scores of opposite sign alone, the second shrinks every score. Of several heads they
// are the group's own. It is nil if neither is set.
func sizePenalty(g *graph.Graph, better, worse *graph.Value, f pairFeed, c TrainConfig) *graph.Value {
	var total *graph.Value
	add := func(coef float64, rows *graph.Value) {
		part := g.Scale(g.WeightedSum(rows, f.weight), coef)
		if total == nil {
			total = part
		} else {
			total = g.Add(total, part)
		}
	}
	if c.CenterCoef > 0 {
		add(c.CenterCoef, g.Square(g.Add(better, worse)))
	}
	if c.ScoreL2 > 0 {
		add(c.ScoreL2/2, g.Add(g.Square(better), g.Square(worse)))
	}
	return total
}
