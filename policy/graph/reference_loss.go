package graph

import "math"

// logits returns those of row i of a node whose hidden states are h.
func (r *Reference) logits(n *Node, h *Value, i int) []float64 {
	z := make([]float64, n.W.Rows)
	for j := range z {
		z[j] = dot(r.row(h, i), n.W.Row(j))
		for _, u := range n.low() {
			z[j] += dot(r.row(u, i), n.Low.Row(j))
		}
	}
	return z
}

// logSumExp of z/temperature.
func logSumExp(z []float64, temperature float64) float64 {
	top, sum := math.Inf(-1), 0.0
	for _, x := range z {
		top = math.Max(top, x/temperature)
	}
	for _, x := range z {
		sum += math.Exp(x/temperature - top)
	}
	return top + math.Log(sum)
}

// logProb runs LogProb, its gradient, and CrossEntropy with or without gradient.
func (r *Reference) logProb(n *Node) {
	h, targets := n.In[0], r.ints[n.In[1].ID]
	if n.Op == OpLogProbGrad {
		h, targets = n.In[1], r.ints[n.In[2].ID]
	}
	temp := n.Attr.A
	for i := range r.n(h) {
		z := r.logits(n, h, i)
		lse := logSumExp(z, temp)
		logp := z[targets[i]]/temp - lse
		switch n.Op {
		case OpLogProb:
			entropy := 0.0
			for _, x := range z {
				entropy -= math.Exp(x/temp-lse) * (x/temp - lse)
			}
			r.row(n.Out[0], i)[0], r.row(n.Out[1], i)[0], r.row(n.Out[2], i)[0] = logp, entropy, lse
		case OpCrossEntropy:
			w := r.row(n.In[2], i)[0]
			r.row(n.Out[0], 0)[0] -= w * logp
			r.row(n.Out[1], i)[0] = logp
			if n.Attr.Loss {
				r.headGrad(n, h, n.Out[2:], i, z, lse, -w*n.Attr.B, targets[i])
			}
		case OpLogProbGrad:
			r.headGrad(n, h, n.Out, i, z, lse, r.row(n.In[0], i)[0], targets[i])
		}
	}
}

// headGrad: d log p(t) / d z_j = (1[j=t] - p_j)/temperature.
func (r *Reference) headGrad(n *Node, h *Value, out []*Value, i int, z []float64, lse, dlogp float64, target int32) {
	temp := n.Attr.A
	for j := range z {
		dz := -math.Exp(z[j]/temp - lse)
		if j == int(target) {
			dz++
		}
		dz *= dlogp / temp
		r.productGrad(n.W, j, dz, r.row(h, i), r.row(out[0], i))
		for _, u := range n.low() {
			r.productGrad(n.Low, j, dz, r.row(u, i), r.row(out[1], i))
		}
	}
}

// productGrad adds the gradient of z = x·w[j]: by x to dx, by w to the parameter's.
func (r *Reference) productGrad(w *Param, j int, dz float64, x, dx []float64) {
	dw := r.grad(w, j)
	for c, y := range w.Row(j) {
		dx[c] += dz * float64(y)
		dw[c] += dz * x[c]
	}
}

func (r *Reference) sample(n *Node) {
	for i := range r.n(n.In[0]) {
		z, temp := r.logits(n, n.In[0], i), r.row(n.In[1], i)[0]
		pick := 0
		if temp == 0 {
			temp = 1
			for j := range z {
				if z[j] > z[pick] {
					pick = j
				}
			}
		} else {
			lse := logSumExp(z, temp)
			u := SampleUniform(r.feeds.Seed, r.ints[n.In[2].ID][i], r.ints[n.In[3].ID][i])
			for pick < len(z)-1 {
				u -= math.Exp(z[pick]/temp - lse)
				if u < 0 {
					break
				}
				pick++
			}
		}
		r.ints[n.Out[0].ID][i] = int32(pick)
		r.row(n.Out[1], i)[0] = z[pick]/temp - logSumExp(z, temp)
	}
}
