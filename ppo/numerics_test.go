package ppo

import (
	"math"
	"testing"

	"agora/policy/graph"
	"agora/reward"
)

// The remaining closed-form values that RLHF systems are compared by.

// LogProb's entropy of four equal logits is ln 4 (NeMo-Aligner's test, in nats).
func TestUniformEntropy(t *testing.T) {
	params := graph.NewParams()
	head := params.MustAdd("head", 4, 3)
	g := graph.New(params)
	rows := g.Dim("rows", 1)
	h, target := g.Floats("h", rows, 3), g.Ints("target", rows)
	logp, entropy := g.LogProb(h, graph.Head{W: head}, target, 1)
	prog, err := graph.NewReference(g)
	if err != nil {
		t.Fatal(err)
	}
	var f graph.Feeds
	f.Floats(h, []float32{1, 2, 3})
	f.Ints(target, []int32{2})
	if err := prog.Run(&f); err != nil {
		t.Fatal(err)
	}
	near(t, "entropy", prog.Exact(entropy)[0], 1.386294, 1e-6)
	near(t, "log-probability", prog.Exact(logp)[0], -1.386294, 1e-6)
}

func TestRankingLosses(t *testing.T) {
	scores, equal := []float64{2, 1, 0, -1}, []float64{3, 3, 3, 3}
	ranks := []int{1, 2, 3, 4}
	near(t, "Bradley-Terry", reward.PairwiseLoss(scores, ranks), .2070380727, 1e-9)
	near(t, "Bradley-Terry, equal scores", reward.PairwiseLoss(equal, ranks), math.Ln2, 1e-9)
	near(t, "Open-Assistant's RMLoss", reward.PairwiseLoss(scores, ranks)+squares(scores, .001), .2085380727, 1e-9)
	near(t, "Plackett-Luce", plackettLuce(scores), 1.1610573505, 1e-9)
	near(t, "Plackett-Luce, equal scores", plackettLuce(equal), math.Log(24), 1e-9)
}

// squares is Open-Assistant's addition to the pairwise loss, β·½(pos² + neg²),
// mean over pairs: score_l2 of reward train.
func squares(s []float64, beta float64) float64 {
	sum, n := 0.0, 0.0
	for i := range s {
		for j := i + 1; j < len(s); j++ {
			sum += beta / 2 * (s[i]*s[i] + s[j]*s[j])
			n++
		}
	}
	return sum / n
}

// plackettLuce is −log P(ranking) for scores in order, best first: the product of
// the softmax over what is left: loss plackett-luce of reward train.
func plackettLuce(s []float64) float64 {
	nll := 0.0
	for i := range s {
		rest := 0.0
		for _, x := range s[i:] {
			rest += math.Exp(x)
		}
		nll += math.Log(rest) - s[i]
	}
	return nll
}

// Hoffmann et al. 2022 (arXiv:2203.15556), eq. 10: the loss of n parameters after
// d tokens.
func TestChinchillaLoss(t *testing.T) {
	loss := func(n, d float64) float64 { return 1.69 + 406.4/math.Pow(n, .34) + 410.7/math.Pow(d, .28) }
	near(t, "Chinchilla", loss(70e9, 1.4e12), 1.93665, 5e-6)
	near(t, "Gopher", loss(280e9, 300e9), 1.99326, 5e-6)
}
