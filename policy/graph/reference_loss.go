package graph

import "math"

// logits returns h·headᵀ for one row.
func logits(h []float64, head *Param) []float64 {
	z := make([]float64, head.Rows)
	for j := range z {
		z[j] = dot(h, head.Row(j))
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
		z := logits(r.row(h, i), n.W)
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
				r.headGrad(n, h, n.Out[2], i, z, lse, -w*n.Attr.B, targets[i])
			}
		case OpLogProbGrad:
			r.headGrad(n, h, n.Out[0], i, z, lse, r.row(n.In[0], i)[0], targets[i])
		}
	}
}

// headGrad: d log p(t) / d z_j = (1[j=t] - p_j)/temperature.
func (r *Reference) headGrad(n *Node, h, dh *Value, i int, z []float64, lse, dlogp float64, target int32) {
	temp := n.Attr.A
	for j := range z {
		dz := -math.Exp(z[j]/temp - lse)
		if j == int(target) {
			dz++
		}
		dz *= dlogp / temp
		dw := r.grad(n.W, j)
		for c, w := range n.W.Row(j) {
			r.row(dh, i)[c] += dz * float64(w)
			dw[c] += dz * r.row(h, i)[c]
		}
	}
}

func (r *Reference) sample(n *Node) {
	for i := range r.n(n.In[0]) {
		z, temp := logits(r.row(n.In[0], i), n.W), r.row(n.In[1], i)[0]
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
