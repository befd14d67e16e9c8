package graph

import "slices"

// Full returns [rows, cols] filled with c.
func (g *Graph) Full(rows *Dim, cols int, c float64) *Value {
	return g.add(&Node{Op: OpFull, Attr: Attr{A: c}}, rows, cols)
}

// Embedding looks up rows of w [vocab, d]: out[i] = w[ids[i]], [rows, d].
func (g *Graph) Embedding(ids *Value, w *Param) *Value {
	if !g.ok(OpEmbedding, Int, ids) || !g.okParam(OpEmbedding, w, -1, -1) {
		return g.bad(OpEmbedding, "")
	}
	return g.add(&Node{Op: OpEmbedding, In: []*Value{ids}, W: w}, ids.Rows, w.Cols)
}

// PosEmbedding adds learned positions (GPT-2): out[i] = x[i] + w[position of token i in its segment].
// w is [positions, d] with at least l.MaxLen rows.
func (g *Graph) PosEmbedding(x *Value, l *Layout, w *Param) *Value {
	if !g.ok(OpPosEmbedding, Float, x) || !g.okParam(OpPosEmbedding, w, -1, x.Cols) {
		return g.bad(OpPosEmbedding, "")
	}
	if w.Rows < l.MaxLen {
		return g.bad(OpPosEmbedding, "%s has %d positions, segments may have %d", w.Name, w.Rows, l.MaxLen)
	}
	if x.Rows != l.Tokens {
		return g.bad(OpPosEmbedding, "%s does not have the rows of the layout, %s", x, l.Tokens.Name)
	}
	in := append([]*Value{x}, l.inputs()...)
	return g.add(&Node{Op: OpPosEmbedding, In: in, W: w, Attr: Attr{Layout: l}}, x.Rows, x.Cols)
}

// Linear returns x wᵀ + bias, [rows, out], for w [out, in] and bias [1, out] or nil.
func (g *Graph) Linear(x *Value, w, bias *Param) *Value { return g.linear(x, w, bias, nil) }

// LinearAdd returns residual + x wᵀ + bias. It is not only faster than Add after Linear: a program
// that trains, one that scores and one that decodes round alike only if all use the same of the two.
func (g *Graph) LinearAdd(residual, x *Value, w, bias *Param) *Value {
	if !g.ok(OpLinear, Float, residual) {
		return g.bad(OpLinear, "")
	}
	return g.linear(x, w, bias, residual)
}

// LinearAddAt returns residual with x wᵀ added to the columns from col on, as many as w has rows. It is
// for products that change a part of a fused projection, see LowRank.
func (g *Graph) LinearAddAt(residual, x *Value, w *Param, col int) *Value {
	switch {
	case !g.ok(OpLinear, Float, residual, x) || !g.okParam(OpLinear, w, -1, x.Cols):
		return g.bad(OpLinear, "")
	case residual.Rows != x.Rows || col < 0 || col+w.Rows > residual.Cols:
		return g.bad(OpLinear, "columns %d to %d of %s do not hold [%s, %d]", col, col+w.Rows, residual, x.Rows.Name, w.Rows)
	}
	return g.add(&Node{Op: OpLinear, In: []*Value{x, residual}, W: w, Attr: Attr{Col: col}}, x.Rows, residual.Cols)
}

// LowRank returns base + scale·(x aᵀ) bᵀ, the product of two small matrices a [r, in] and b [out, r]
// added to the columns of base from col on: a linear layer's low-rank change (LoRA, Hu et al. 2021,
// arXiv:2106.09685).
func (g *Graph) LowRank(base, x *Value, a, b *Param, scale float64, col int) *Value {
	return g.LinearAddAt(base, g.Scale(g.Linear(x, a, nil), scale), b, col)
}

func (g *Graph) linear(x *Value, w, bias *Param, residual *Value) *Value {
	if !g.ok(OpLinear, Float, x) || !g.okParam(OpLinear, w, -1, x.Cols) ||
		bias != nil && !g.okParam(OpLinear, bias, 1, w.Rows) {
		return g.bad(OpLinear, "")
	}
	in := []*Value{x}
	if residual != nil {
		if residual.Rows != x.Rows || residual.Cols != w.Rows {
			return g.bad(OpLinear, "residual %s does not fit [%s, %d]", residual, x.Rows.Name, w.Rows)
		}
		in = append(in, residual)
	}
	return g.add(&Node{Op: OpLinear, In: in, W: w, Bias: bias}, x.Rows, w.Rows)
}

// RMSNorm returns x / sqrt(mean(x²) + eps) · gain, per row (arXiv:1910.07467); gain is [1, d].
func (g *Graph) RMSNorm(x *Value, gain *Param, eps float64) *Value {
	if !g.ok(OpRMSNorm, Float, x) || !g.okParam(OpRMSNorm, gain, 1, x.Cols) {
		return g.bad(OpRMSNorm, "")
	}
	n := &Node{Op: OpRMSNorm, In: []*Value{x}, W: gain, Attr: Attr{A: eps}}
	out := g.add(n, x.Rows, x.Cols)
	g.output(n, x.Rows, 1, Float) // 1/rms, for the gradient
	return out
}

// LayerNorm returns (x - mean) / sqrt(var + eps) · gain + bias, per row (arXiv:1607.06450).
func (g *Graph) LayerNorm(x *Value, gain, bias *Param, eps float64) *Value {
	if !g.ok(OpLayerNorm, Float, x) || !g.okParam(OpLayerNorm, gain, 1, x.Cols) || !g.okParam(OpLayerNorm, bias, 1, x.Cols) {
		return g.bad(OpLayerNorm, "")
	}
	n := &Node{Op: OpLayerNorm, In: []*Value{x}, W: gain, Bias: bias, Attr: Attr{A: eps}}
	out := g.add(n, x.Rows, x.Cols)
	g.output(n, x.Rows, 2, Float) // mean and 1/standard deviation, for the gradient
	return out
}

// Attention is causal grouped-query attention within each segment: [tokens, a.Width()] →
// [tokens, Heads·HeadDim]. With a layout that has a cache, keys and values are first appended to
// the cache (layer says where), and each token attends to everything its slot holds up to itself;
// this form has no gradient. Both forms give the same bits.
func (g *Graph) Attention(qkv *Value, l *Layout, a Attn, layer int) *Value {
	op := OpAttention
	if l.Cache != nil {
		op = OpAttentionCached
	}
	if !g.ok(op, Float, qkv) || !g.ok(op, Int, l.inputs()...) {
		return g.bad(op, "")
	}
	switch {
	case qkv.Rows != l.Tokens:
		return g.bad(op, "%s does not have the rows of the layout, %s", qkv, l.Tokens.Name)
	case a.Heads < 1 || a.KVHeads < 1 || a.HeadDim < 1 || a.Heads%a.KVHeads != 0:
		return g.bad(op, "%d heads of %d with %d key-value heads", a.Heads, a.HeadDim, a.KVHeads)
	case qkv.Cols != a.Width():
		return g.bad(op, "%s has %d columns, heads need %d", qkv, qkv.Cols, a.Width())
	case a.Rope() && a.HeadDim%2 != 0:
		return g.bad(op, "rotary embedding needs an even head width, not %d", a.HeadDim)
	case a.RopeFreqs != nil && len(a.RopeFreqs) != a.HeadDim/2:
		return g.bad(op, "%d rotary frequencies, want %d", len(a.RopeFreqs), a.HeadDim/2)
	}
	a.RopeFreqs = slices.Clone(a.RopeFreqs)
	n := &Node{Op: op, In: append([]*Value{qkv}, l.inputs()...), Attr: Attr{Attn: &a, Layout: l, Cache: l.Cache, Layer: layer}}
	out := g.add(n, qkv.Rows, a.Heads*a.HeadDim)
	if op == OpAttention {
		g.output(n, qkv.Rows, a.Heads, Float) // log-sum-exp of each head's scores, for the gradient
	}
	return out
}

// SwiGLU returns silu(gate)·up for x = [gate | up] (arXiv:2002.05202): [rows, 2f] → [rows, f].
func (g *Graph) SwiGLU(x *Value) *Value {
	if !g.ok(OpSwiGLU, Float, x) {
		return g.bad(OpSwiGLU, "")
	}
	if x.Cols%2 != 0 {
		return g.bad(OpSwiGLU, "%s has an odd number of columns", x)
	}
	return g.add(&Node{Op: OpSwiGLU, In: []*Value{x}}, x.Rows, x.Cols/2)
}

// GELU is the tanh form that GPT-2 uses: ½x(1 + tanh(√(2/π)(x + 0.044715x³))) (arXiv:1606.08415).
func (g *Graph) GELU(x *Value) *Value { return g.unary(OpGELU, x, Attr{}) }

// Dropout sets elements to 0 with probability rate (rounded to 1/65536) and scales the others by
// 1/(1-rate). The choice depends on the seed and step of the run, on which Dropout of the graph it
// is, and on the element's place in the stream. A rate of 0 returns x itself.
func (g *Graph) Dropout(x *Value, rate float64) *Value {
	if rate < 0 || rate >= 1 {
		return g.bad(OpDropout, "rate %g is outside [0, 1)", rate)
	}
	if rate == 0 {
		return x
	}
	g.sites++
	return g.unary(OpDropout, x, Attr{A: rate, Site: g.sites})
}

// GatherRows returns out[i] = x[idx[i]]. A row may be picked several times.
func (g *Graph) GatherRows(x, idx *Value) *Value {
	if !g.ok(OpGatherRows, Float, x) || !g.ok(OpGatherRows, Int, idx) {
		return g.bad(OpGatherRows, "")
	}
	return g.add(&Node{Op: OpGatherRows, In: []*Value{x, idx}}, idx.Rows, x.Cols)
}

// SumRows returns [rows, cols] with out[j] = Σ x[i] over the i with idx[i] = j, added in order; rows that
// no index names are 0. It is what GatherRows does to gradients, and the other way round: sums of
// segments, say the log-probability of a text from those of its tokens.
func (g *Graph) SumRows(x, idx *Value, rows *Dim) *Value {
	if !g.ok(OpGatherRowsGrad, Float, x) || !g.ok(OpGatherRowsGrad, Int, idx) {
		return g.bad(OpGatherRowsGrad, "")
	}
	if idx.Rows != x.Rows {
		return g.bad(OpGatherRowsGrad, "indices %s do not fit %s", idx, x)
	}
	return g.add(&Node{Op: OpGatherRowsGrad, In: []*Value{x, idx}}, rows, x.Cols)
}
