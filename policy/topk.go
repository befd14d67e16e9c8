package policy

import (
	"cmp"
	"math"
	"slices"

	"agora/policy/graph"
)

// draw picks a token for every segment from its logits, leaving out the unlikely part of the
// vocabulary. The log-probability is that of the full distribution at the same temperature.
func (s *decodeStep) draw(logits []float32, how Sampling) {
	s.token, s.logp = s.token[:0:0], s.logp[:0:0]
	vocab := len(logits) / max(len(s.lens), 1)
	for i := range s.lens {
		u := graph.SampleUniform(how.Seed, s.stream[i], s.pos[i])
		id, logp := drawTop(logits[i*vocab:(i+1)*vocab], how, u)
		s.token = append(s.token, id)
		s.logp = append(s.logp, logp)
	}
}

// drawTop is top-k (Fan et al. 2018), then top-p (Holtzman et al. 2020) on what top-k left, by
// inverse distribution function with the number u in [0, 1).
func drawTop(logits []float32, how Sampling, u float64) (int32, float32) {
	top := float64(slices.Max(logits))
	p := make([]float64, len(logits)) // not divided by their sum
	var total float64
	for id, x := range logits {
		p[id] = math.Exp((float64(x) - top) / how.Temperature)
		total += p[id]
	}
	order := likely(p, total, how)
	var mass float64
	for _, id := range order {
		mass += p[id]
	}
	at := 0
	for run := p[order[0]]; at < len(order)-1 && run <= u*mass; {
		at++
		run += p[order[at]]
	}
	id := order[at]
	return id, float32(math.Log(p[id] / total))
}

// likely lists the ids that stay, the most likely first and equals by id.
func likely(p []float64, total float64, how Sampling) []int32 {
	nucleus := how.TopP > 0 && how.TopP < 1
	floor := 0.0
	if nucleus && how.TopK == 0 {
		// All ids below this together have less than 1 - top_p: none of them can stay.
		floor = (1 - how.TopP) / float64(len(p)) * total
	}
	var order []int32
	for id, x := range p {
		if x >= floor {
			order = append(order, int32(id))
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(p[b], p[a]) })
	if how.TopK > 0 {
		order = order[:min(how.TopK, len(order))]
		total = 0
		for _, id := range order {
			total += p[id]
		}
	}
	if !nucleus {
		return order
	}
	var run float64
	for i, id := range order {
		if run += p[id]; run >= how.TopP*total {
			return order[:i+1]
		}
	}
	return order
}
