package reward

import "math"

// stepSums gathers a step's metrics over its passes.
type stepSums struct {
	loss            float64 // of the comparisons, without the penalty
	penalty         float64 // of sizePenalty
	right, compared float64 // weights
	margin          float64
	min, max, total float64
	texts, tokens   int
	groups          groupSums
}

// add takes one pass: its share of the loss, the scores of its texts, and how far those of each
// comparison are apart, by the head of its group.
func (s *stepSums) add(m micro, loss float64, scores, apart []float32) {
	s.loss += loss
	for i, p := range m.pairs {
		w, d := float64(p.weight), float64(apart[i])
		s.compared += w
		s.margin += w * d
		s.groups.add(p, d)
		switch {
		case d > 0:
			s.right += w
		case d == 0:
			s.right += w / 2
		}
	}
	for _, x := range scores {
		x := float64(x)
		if s.texts == 0 {
			s.min, s.max = x, x
		}
		s.min, s.max = math.Min(s.min, x), math.Max(s.max, x)
		s.total += x
		s.texts++
	}
	s.tokens += len(m.ids)
}

// metrics are named as TRL's RewardTrainer does: accuracy is the share of
// comparisons (by weight) that the scores order as people did, margin the mean
// difference of the scores, in nats of log-odds. Rewards are of texts, so of several
// heads they are the mean.
func (s *stepSums) metrics() map[string]float64 {
	out := map[string]float64{"loss": s.loss, "min_reward": s.min, "max_reward": s.max,
		"mean_reward": s.total / float64(max(s.texts, 1)), "num_tokens": float64(s.tokens)}
	if s.compared > 0 {
		out["accuracy"], out["margin"] = s.right/s.compared, s.margin/s.compared
	}
	return out
}
