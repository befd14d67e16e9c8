package ppo

import "agora/policy/graph"

// The losses of loss.go, traced for the device. Values are [picks, 1], one row
// per response token of a micro-batch; weight comes from Aggregation.Weights.
// Each returns a scalar, and the graph differentiates it.

// policyLoss is Σ weight·PolicyLoss(logp, old, adv, clip).
func policyLoss(g *graph.Graph, logp, old, adv, weight *graph.Value, clip float64) *graph.Value {
	ratio := g.Exp(g.Clamp(g.Sub(logp, old), -maxLogRatio, maxLogRatio))
	free := g.Neg(g.Mul(adv, ratio))
	bound := g.Neg(g.Mul(adv, g.Clamp(ratio, 1-clip, 1+clip)))
	return g.WeightedSum(g.Max(free, bound), weight)
}

// valueLoss is Σ weight·ValueLoss(value, old, ret, clip).
func valueLoss(g *graph.Graph, value, old, ret, weight *graph.Value, clip float64) *graph.Value {
	worst := g.Square(g.Sub(value, ret))
	if clip > 0 {
		near := g.Add(old, g.Clamp(g.Sub(value, old), -clip, clip))
		worst = g.Max(worst, g.Square(g.Sub(near, ret)))
	}
	return g.Scale(g.WeightedSum(worst, weight), .5)
}
