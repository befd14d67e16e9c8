package policy

import (
	"math"
	"sort"

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
	order := make([]int32, len(logits))
	for i := range order {
		order[i] = int32(i)
	}
	sort.SliceStable(order, func(i, j int) bool { return logits[order[i]] > logits[order[j]] })
	p := make([]float64, len(order))
	top := float64(logits[order[0]])
	var total float64
	for i, id := range order {
		p[i] = math.Exp((float64(logits[id]) - top) / how.Temperature)
		total += p[i]
	}
	kept := keepTop(p, how)
	var mass float64
	for _, x := range p[:kept] {
		mass += x
	}
	at := 0
	for run := p[0]; at < kept-1 && run <= u*mass; {
		at++
		run += p[at]
	}
	return order[at], float32(math.Log(p[at] / total))
}

// keepTop is how many of the sorted weights p stay.
func keepTop(p []float64, how Sampling) int {
	kept := len(p)
	if how.TopK > 0 {
		kept = min(kept, how.TopK)
	}
	if how.TopP <= 0 || how.TopP >= 1 {
		return kept
	}
	var mass, run float64
	for _, x := range p[:kept] {
		mass += x
	}
	for i, x := range p[:kept] {
		if run += x; run >= how.TopP*mass {
			return i + 1
		}
	}
	return kept
}
