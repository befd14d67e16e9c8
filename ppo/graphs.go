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

// klLoss is Σ weight·est(logp − ref), the KL to the reference as a part of the loss. Its
// value is KLEstimator's; k2 and k3 also have the gradient of a KL.
func klLoss(g *graph.Graph, logp, ref, weight *graph.Value, est KLEstimator) *graph.Value {
	x := g.Clamp(g.Sub(logp, ref), -maxLogRatio, maxLogRatio)
	kl := g.Scale(g.Square(x), .5) // k2
	if est == K3 {
		kl = g.Add(g.AddScalar(g.Exp(g.Neg(x)), -1), x)
	}
	return g.WeightedSum(kl, weight)
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
