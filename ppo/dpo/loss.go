package dpo

import (
	"math"

	"agora/policy/graph"
)

// Loss names a loss of one pair. With h = (log π(y_w) − log π₀(y_w)) − (log π(y_l) −
// log π₀(y_l)), the difference of two log-ratios to the reference, and ε the share
// of labels taken to be wrong:
//
//	sigmoid  −(1−ε)·log σ(βh) − ε·log σ(−βh)               Rafailov et al. 2023, eq. 7; ε > 0: "conservative"
//	robust   (−(1−ε)·log σ(βh) + ε·log σ(−βh)) / (1−2ε)     Chowdhury et al. 2024, arXiv:2403.00409: unbiased under label noise ε
//	ipo      (h − 1/(2β))²                                 Azar et al. 2023, arXiv:2310.12036, eq. 17
//	hinge    max(0, 1 − βh)                                Zhao et al. 2023, arXiv:2305.10425
//
// ipo takes means over the tokens of a text for log π and log π₀, as TRL does; the
// others take sums. At the start h = 0, and the losses are ln 2, ln 2, 1/(4β²) and 1.
type Loss string

const (
	Sigmoid Loss = "sigmoid"
	Robust  Loss = "robust"
	IPO     Loss = "ipo"
	Hinge   Loss = "hinge"
)

// Of is the loss of one pair in float64.
func (l Loss) Of(h, beta, smoothing float64) float64 {
	right, wrong := logSigmoid(beta*h), logSigmoid(-beta*h)
	switch l {
	case Robust:
		return (-(1-smoothing)*right + smoothing*wrong) / (1 - 2*smoothing)
	case IPO:
		d := h - 1/(2*beta)
		return d * d
	case Hinge:
		return math.Max(0, 1-beta*h)
	}
	return -(1-smoothing)*right - smoothing*wrong
}

func logSigmoid(x float64) float64 { return math.Min(x, 0) - math.Log1p(math.Exp(-math.Abs(x))) }

// trace is Of for the device: h [pairs, 1] → losses [pairs, 1].
func (l Loss) trace(g *graph.Graph, h *graph.Value, beta, smoothing float64) *graph.Value {
	switch l {
	case IPO:
		return g.Square(g.AddScalar(h, -1/(2*beta)))
	case Hinge:
		return g.Max(g.AddScalar(g.Scale(h, -beta), 1), g.Full(h.Rows, 1, 0))
	}
	scaled := g.Scale(h, beta)
	right, wrong := g.LogSigmoid(scaled), -smoothing
	if l == Robust {
		right, wrong = g.Scale(right, 1/(1-2*smoothing)), smoothing/(1-2*smoothing)
	}
	loss := g.Scale(right, -(1 - smoothing))
	if smoothing > 0 {
		loss = g.Add(loss, g.Scale(g.LogSigmoid(g.Neg(scaled)), wrong))
	}
	return loss
}

// perToken says whether log-probabilities of a text are means rather than sums.
func (l Loss) perToken() bool { return l == IPO }
