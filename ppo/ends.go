package ppo

import "agora/policy"

// With score_at = after, an episode has one state more than its response has tokens:
// the finished text. The critic values it too, and the score is earned there, so that
// the last token's advantage is what finishing changed in the critic's eyes (TRL). With
// γ = λ = 1 the advantages of all tokens are those of score_at = last.

// addEnds makes room for the further states.
func (r *Rollout) addEnds() {
	r.EndValue, r.EndRet = make([]float32, len(r.Responses)), make([]float32, len(r.Responses))
}

// extended lays a flat slice out anew, with response i's entry of end behind its tokens.
func (r *Rollout) extended(x, end []float32) []float32 {
	out := make([]float32, 0, len(x)+len(end))
	for i := range r.Responses {
		out = append(append(out, r.of(x, i)...), end[i])
	}
	return out
}

// advantagesWithEnds is Advantage's part before the last whitening.
func (r *Rollout) advantagesWithEnds(c Config) {
	rewards, values := r.extended(r.Reward, r.Score), r.extended(r.Value, r.EndValue)
	Whiten(rewards, c.WhitenRewards, false)
	adv, ret := make([]float32, len(rewards)), make([]float32, len(rewards))
	for i := range r.Responses {
		from, to := r.start[i]+i, r.start[i+1]+i+1
		Advantages(adv[from:to], ret[from:to], rewards[from:to], values[from:to], float32(c.Gamma), float32(c.Lambda))
		copy(r.of(r.Adv, i), adv[from:to])
		copy(r.of(r.Ret, i), ret[from:to])
		r.EndRet[i] = ret[to-1]
	}
}

// fillWhole lays the responses of a span out with their last tokens.
func (c *criticBatch) fillWhole(m *minibatch, span [2]int) {
	var stream policy.Batch
	r := m.roll
	*c = criticBatch{}
	for k := span[0]; k < min(span[1], len(m.responses)); k++ {
		i := m.responses[k]
		whole := policy.Join(r.Prompts[i].Tokens, r.Responses[i])
		whole.Tokens = append(whole.Tokens, 0) // a batch leaves out the last token: this one
		stream.Add(whole)
		c.old = append(append(c.old, r.of(r.Value, i)...), r.EndValue[i])
		c.ret = append(append(c.ret, r.of(r.Ret, i)...), r.EndRet[i])
		c.weight = append(c.weight, m.values[m.start[k]+k:m.start[k+1]+k+1]...)
	}
	c.ids, c.lens, c.rows = stream.IDs, stream.Lens, stream.Rows
}
