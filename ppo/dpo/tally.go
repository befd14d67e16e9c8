package dpo

import "agora/policy"

// tally sums what pairs report, weighted, in float64.
type tally struct {
	cfg    Config
	weight float64
	loss   float64
	tokens int

	chosen, rejected, right  float64 // rewards, and pairs in the right order
	chosenLogP, rejectedLogP float64
}

// add takes one pair with the policy's log-probabilities of its completion tokens.
func (t *tally) add(p pair, chosen, rejected []float32) {
	w := float64(p.weight)
	better, worse := t.logRatio(p.chosen, chosen), t.logRatio(p.rejected, rejected)
	t.weight += w
	t.tokens += p.tokens()
	t.loss += w * t.cfg.Loss.Of(better-worse, t.cfg.Beta, t.cfg.LabelSmoothing)
	t.chosen += w * t.cfg.Beta * better
	t.rejected += w * t.cfg.Beta * worse
	if better > worse {
		t.right += w
	}
	t.chosenLogP += w * sum(chosen)
	t.rejectedLogP += w * sum(rejected)
}

// logRatio is log π − log π₀ of a text; its mean over tokens where the loss wants that.
func (t *tally) logRatio(x text, logp []float32) float64 {
	var s float64
	for i, now := range logp {
		s += float64(now) - float64(x.ref[i])
	}
	if t.cfg.Loss.perToken() {
		s /= float64(len(logp))
	}
	return s
}

func sum(x []float32) (s float64) {
	for _, v := range x {
		s += float64(v)
	}
	return s
}

// learned names the means as TRL's DPOTrainer does: the reward of a text is β·log π/π₀.
func (t *tally) learned(prefix string) policy.Learned {
	n := t.weight
	return policy.Learned{Loss: t.loss / n, Tokens: t.tokens, Values: map[string]float64{
		prefix + "rewards/chosen": t.chosen / n, prefix + "rewards/rejected": t.rejected / n,
		prefix + "rewards/accuracies": t.right / n, prefix + "rewards/margins": (t.chosen - t.rejected) / n,
		prefix + "logps/chosen": t.chosenLogP / n, prefix + "logps/rejected": t.rejectedLogP / n,
	}}
}
