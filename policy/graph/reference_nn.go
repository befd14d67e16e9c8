package graph

import "math"

// elementwise also covers GELU and its gradient.
func (r *Reference) elementwise(n *Node) {
	y := r.floats[n.Out[0].ID]
	a := r.floats[n.In[0].ID]
	b := a
	if len(n.In) > 1 {
		b = r.floats[n.In[1].ID]
	}
	for i := range y {
		if n.Op == OpScaleBy {
			y[i] = a[i] * b[0]
			continue
		}
		y[i] = Apply(n.Op, &n.Attr, a[i], b[i])
	}
}

// Apply is the scalar function of an elementwise operation (or GELU); b is ignored by unary ones.
func Apply(op Op, at *Attr, a, b float64) float64 {
	switch op {
	case OpAdd:
		return a + b
	case OpSub:
		return a - b
	case OpMul, OpScaleBy:
		return a * b
	case OpMax:
		return math.Max(a, b)
	case OpMin:
		return math.Min(a, b)
	case OpScale:
		return at.A * a
	case OpAddScalar:
		return a + at.A
	case OpExp:
		return math.Exp(a)
	case OpLog:
		return math.Log(a)
	case OpSquare:
		return a * a
	case OpSigmoid:
		return sigmoid(a)
	case OpLogSigmoid:
		return logSigmoid(a)
	case OpTanh:
		return math.Tanh(a)
	case OpClamp:
		return clamp(a, at.A, at.B)
	case OpStopGradient:
		return a
	case OpStep:
		return step(a, b)
	case OpInside:
		return inside(a, at.A, at.B)
	case OpRecip:
		return 1 / a
	case OpGELU:
		return gelu(a)
	case OpGELUGrad: // a is the gradient of the output, b the input
		return a * geluSlope(b)
	}
	return math.NaN()
}

func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

func logSigmoid(x float64) float64 {
	if x >= 0 {
		return -math.Log1p(math.Exp(-x))
	}
	return x - math.Log1p(math.Exp(x))
}

// clamp, step and inside keep NaN.
func clamp(x, lo, hi float64) float64 {
	if x < lo {
		return lo
	}
	if x > hi {
		return hi
	}
	return x
}

func step(a, b float64) float64 {
	switch {
	case a > b:
		return 1
	case a < b:
		return 0
	case a == b:
		return .5
	}
	return math.NaN()
}

func inside(x, lo, hi float64) float64 {
	switch {
	case lo <= x && x <= hi:
		return 1
	case x != x:
		return x
	}
	return 0
}

const gelu1, gelu3 = 0.7978845608028654, 0.044715 // √(2/π)

func gelu(x float64) float64 { return x / 2 * (1 + math.Tanh(gelu1*(x+gelu3*x*x*x))) }

func geluSlope(x float64) float64 {
	t := math.Tanh(gelu1 * (x + gelu3*x*x*x))
	return (1+t)/2 + x/2*(1-t*t)*gelu1*(1+3*gelu3*x*x)
}

func (r *Reference) lookup(n *Node) {
	switch n.Op {
	case OpEmbedding:
		for i, id := range r.ints[n.In[0].ID] {
			copy(r.row(n.Out[0], i), widen(n.W.Row(int(id))))
		}
	case OpEmbeddingGrad:
		for i, id := range r.ints[n.In[1].ID] {
			addTo(r.grad(n.W, int(id)), r.row(n.In[0], i))
		}
	case OpPosEmbedding:
		for i, p := range r.positions(n.Attr.Layout) {
			copy(r.row(n.Out[0], i), r.row(n.In[0], i))
			addTo(r.row(n.Out[0], i), widen(n.W.Row(p)))
		}
	case OpPosEmbeddingGrad:
		for i, p := range r.positions(n.Attr.Layout) {
			addTo(r.grad(n.W, p), r.row(n.In[0], i))
		}
	case OpGatherRows:
		for i, j := range r.ints[n.In[1].ID] {
			copy(r.row(n.Out[0], i), r.row(n.In[0], int(j)))
		}
	case OpGatherRowsGrad:
		for i, j := range r.ints[n.In[1].ID] {
			addTo(r.row(n.Out[0], int(j)), r.row(n.In[0], i))
		}
	}
}

func addTo(dst, x []float64) {
	for i := range x {
		dst[i] += x[i]
	}
}

// positions returns each token's position in its segment.
func (r *Reference) positions(l *Layout) []int {
	var pos []int
	for s, n := range r.ints[l.Lens.ID] {
		start := 0
		if l.Cache != nil {
			start = int(r.ints[l.Start.ID][s])
		}
		for i := range int(n) {
			pos = append(pos, start+i)
		}
	}
	return pos
}

func dot(a []float64, w []float32) float64 {
	s := 0.0
	for i := range a {
		s += a[i] * float64(w[i])
	}
	return s
}

func (r *Reference) linear(n *Node) {
	for i := range r.n(n.In[0]) {
		switch n.Op {
		case OpLinear: // y = x wᵀ + bias + residual
			x, y := r.row(n.In[0], i), r.row(n.Out[0], i)
			for j := range n.W.Rows {
				y[n.Attr.Col+j] = dot(x, n.W.Row(j))
				if n.Bias != nil {
					y[j] += float64(n.Bias.Data[j])
				}
			}
			if len(n.In) > 1 {
				addTo(y, r.row(n.In[1], i))
			}
		case OpLinearGradX: // dx = dy w
			dy, dx := r.row(n.In[0], i)[n.Attr.Col:][:n.W.Rows], r.row(n.Out[0], i)
			for j := range dy {
				for c, w := range n.W.Row(j) {
					dx[c] += dy[j] * float64(w)
				}
			}
		case OpLinearGradW: // dw = dyᵀ x
			dy, x := r.row(n.In[0], i)[n.Attr.Col:][:n.W.Rows], r.row(n.In[1], i)
			for j := range dy {
				dw := r.grad(n.W, j)
				for c := range x {
					dw[c] += dy[j] * x[c]
				}
			}
			if n.Bias != nil {
				addTo(r.grad(n.Bias, 0), dy)
			}
		}
	}
}

func (r *Reference) norm(n *Node) {
	d := float64(n.In[0].Cols)
	for i := range r.n(n.In[0]) {
		x, y, stat := r.row(n.In[0], i), r.row(n.Out[0], i), r.row(n.Out[1], i)
		mean, sq := 0.0, 0.0
		if n.Op == OpLayerNorm {
			for _, v := range x {
				mean += v / d
			}
		}
		for _, v := range x {
			sq += (v - mean) * (v - mean) / d
		}
		rstd := 1 / math.Sqrt(sq+n.Attr.A)
		for c := range x {
			y[c] = (x[c] - mean) * rstd * float64(n.W.Data[c])
			if n.Bias != nil {
				y[c] += float64(n.Bias.Data[c])
			}
		}
		if n.Op == OpLayerNorm {
			stat[0], stat[1] = mean, rstd
		} else {
			stat[0] = rstd
		}
	}
}

// normGrad: with xh = (x-mean)·rstd and e = dy·gain,
// dx = rstd·(e - mean(e) - xh·mean(e·xh)), where RMSNorm lacks the term mean(e).
func (r *Reference) normGrad(n *Node) {
	d := float64(n.In[0].Cols)
	for i := range r.n(n.In[0]) {
		dy, x, stat, dx := r.row(n.In[0], i), r.row(n.In[1], i), r.row(n.In[2], i), r.row(n.Out[0], i)
		mean, rstd := 0.0, stat[0]
		if n.Op == OpLayerNormGrad {
			mean, rstd = stat[0], stat[1]
		}
		dgain, m1, m2 := r.grad(n.W, 0), 0.0, 0.0
		for c := range x {
			xh, e := (x[c]-mean)*rstd, dy[c]*float64(n.W.Data[c])
			dgain[c] += dy[c] * xh
			m1 += e / d
			m2 += e * xh / d
		}
		if n.Op == OpRMSNormGrad {
			m1 = 0
		} else {
			addTo(r.grad(n.Bias, 0), dy)
		}
		for c := range x {
			xh, e := (x[c]-mean)*rstd, dy[c]*float64(n.W.Data[c])
			dx[c] = rstd * (e - m1 - xh*m2)
		}
	}
}

func (r *Reference) swiglu(n *Node) {
	for i := range r.n(n.Out[0]) {
		x := r.row(n.In[len(n.In)-1], i) // [gate | up]
		f := len(x) / 2
		for j := range f {
			gate, up := x[j], x[f+j]
			s := sigmoid(gate)
			if n.Op == OpSwiGLU {
				r.row(n.Out[0], i)[j] = gate * s * up
				continue
			}
			dy, dx := r.row(n.In[0], i), r.row(n.Out[0], i)
			dx[j] = dy[j] * up * s * (1 + gate*(1-s)) // silu' = σ(1 + x(1-σ))
			dx[f+j] = dy[j] * gate * s
		}
	}
}

func (r *Reference) dropout(n *Node) {
	key, thr := DropKey(r.feeds.Seed, r.feeds.Step, n.Attr.Site), DropThreshold(n.Attr.A)
	scale := 1 / (1 - float64(thr)/65536)
	y := r.floats[n.Out[0].ID]
	for i, x := range r.floats[n.In[0].ID] {
		if Kept(key, i, thr) {
			y[i] = x * scale
		}
	}
}
