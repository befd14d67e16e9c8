package graph

import "math"

type cacheKey struct {
	cache *KVCache
	layer int
	slot  int32
}

// refCache holds the rotated keys and the values of one slot, one row of all heads per token.
type refCache struct{ k, v [][]float64 }

// Freqs returns the rotary frequencies in radians per token, HeadDim/2 of them.
func (a *Attn) Freqs() []float64 {
	if a.RopeFreqs != nil {
		return a.RopeFreqs
	}
	f := make([]float64, a.HeadDim/2)
	for i := range f {
		f[i] = math.Pow(a.RopeTheta, -2*float64(i)/float64(a.HeadDim))
	}
	return f
}

// ScoreScale is the factor of the scores.
func (a *Attn) ScoreScale() float64 {
	if a.Scale != 0 {
		return a.Scale
	}
	return 1 / math.Sqrt(float64(a.HeadDim))
}

// rotate turns one head in place; sign -1 turns back (and is the gradient).
func rotate(x, freqs []float64, pos int, sign float64) {
	h := len(freqs)
	for i, f := range freqs {
		s, c := math.Sincos(f * float64(pos))
		s *= sign
		x[i], x[h+i] = x[i]*c-x[h+i]*s, x[h+i]*c+x[i]*s
	}
}

// split copies a row of the fused projection into q, k, v heads, q and k rotated.
func (a *Attn) split(row []float64, pos int, freqs []float64) (q, k, v []float64) {
	row = append([]float64{}, row...)
	nq, nk := a.Heads*a.HeadDim, a.KVHeads*a.HeadDim
	q, k, v = row[:nq], row[nq:nq+nk], row[nq+nk:]
	if a.Rope() {
		for h := range a.Heads {
			rotate(q[h*a.HeadDim:(h+1)*a.HeadDim], freqs, pos, 1)
		}
		for h := range a.KVHeads {
			rotate(k[h*a.HeadDim:(h+1)*a.HeadDim], freqs, pos, 1)
		}
	}
	return q, k, v
}

func (r *Reference) attention(n *Node) {
	a, l := n.Attr.Attn, n.Attr.Layout
	freqs := make([]float64, 0)
	if a.Rope() {
		freqs = a.Freqs()
	}
	row := 0
	for s, length := range r.ints[l.Lens.ID] {
		c := &refCache{}
		if l.Cache != nil {
			key := cacheKey{l.Cache, n.Attr.Layer, r.ints[l.Slot.ID][s]}
			if r.caches[key] == nil {
				r.caches[key] = c
			}
			c = r.caches[key]
			start := min(int(r.ints[l.Start.ID][s]), len(c.k))
			c.k, c.v = c.k[:start], c.v[:start]
		}
		for range length {
			q, k, v := a.split(r.row(n.In[0], row), len(c.k), freqs)
			c.k, c.v = append(c.k, k), append(c.v, v)
			for h := range a.Heads {
				lse := a.head(r.row(n.Out[0], row), q, c.k, c.v, h)
				if n.Op == OpAttention {
					r.row(n.Out[1], row)[h] = lse
				}
			}
			row++
		}
	}
}

// head computes out = Σ_j softmax_j(scale·q·k_j) v_j for one head and returns the log-sum-exp.
func (a *Attn) head(out, q []float64, k, v [][]float64, h int) float64 {
	w := a.HeadDim
	o := h / (a.Heads / a.KVHeads) * w // of this head's key and value
	q, out = q[h*w:(h+1)*w], out[h*w:(h+1)*w]
	score := make([]float64, len(k))
	top := math.Inf(-1)
	for j := range k {
		for c := range q {
			score[j] += a.ScoreScale() * q[c] * k[j][o+c]
		}
		top = math.Max(top, score[j])
	}
	sum := 0.0
	for j := range score {
		score[j] = math.Exp(score[j] - top)
		sum += score[j]
	}
	for j := range score {
		for c := range out {
			out[c] += score[j] / sum * v[j][o+c]
		}
	}
	return top + math.Log(sum)
}

// attentionGrad: with p = softmax(s), dv_j += p_j do, dp_j = do·v_j, ds = p(dp - do·o),
// dq = scale Σ ds_j k_j, dk_j += scale ds_j q.
func (r *Reference) attentionGrad(n *Node) {
	a, l := n.Attr.Attn, n.Attr.Layout
	dout, qkv, out, lse, dqkv := n.In[0], n.In[1], n.In[2], n.In[3], n.Out[0]
	freqs := make([]float64, 0)
	if a.Rope() {
		freqs = a.Freqs()
	}
	w, scale := a.HeadDim, a.ScoreScale()
	first := 0
	for _, length := range r.ints[l.Lens.ID] {
		var q, k, v [][]float64
		for i := range int(length) {
			qi, ki, vi := a.split(r.row(qkv, first+i), i, freqs)
			q, k, v = append(q, qi), append(k, ki), append(v, vi)
		}
		for i := range int(length) {
			for h := range a.Heads {
				o := h / (a.Heads / a.KVHeads) * w
				do, y := r.row(dout, first+i)[h*w:(h+1)*w], r.row(out, first+i)[h*w:(h+1)*w]
				delta := 0.0
				for c := range do {
					delta += do[c] * y[c]
				}
				dq := r.row(dqkv, first+i)[h*w : (h+1)*w]
				for j := 0; j <= i; j++ {
					s, dp := 0.0, 0.0
					for c := range do {
						s += scale * q[i][h*w+c] * k[j][o+c]
						dp += do[c] * v[j][o+c]
					}
					p := math.Exp(s - r.row(lse, first+i)[h])
					ds := p * (dp - delta) * scale
					dk := r.row(dqkv, first+j)[a.Heads*w+o:]
					dv := r.row(dqkv, first+j)[(a.Heads+a.KVHeads)*w+o:]
					for c := range do {
						dq[c] += ds * k[j][o+c]
						dk[c] += ds * q[i][h*w+c]
						dv[c] += p * do[c]
					}
				}
			}
		}
		for i := range int(length) {
			for h := 0; h < a.Heads+a.KVHeads && a.Rope(); h++ {
				rotate(r.row(dqkv, first+i)[h*w:(h+1)*w], freqs, i, -1)
			}
		}
		first += int(length)
	}
}
