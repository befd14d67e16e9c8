package graph

// Reference runs a graph in plain Go with float64 arithmetic: slow, simple, the twin that devices
// are tested against. It keeps every value of the graph, so all of them can be read.
type Reference struct {
	g      *Graph
	rows   []int       // by dim
	floats [][]float64 // by value
	ints   [][]int32   // by value
	out    [][]float32 // by value, made on demand
	grads  map[*Param][]float64
	caches map[cacheKey]*refCache
	feeds  *Feeds
}

// NewReference prepares g; it fails if building g did.
func NewReference(g *Graph) (*Reference, error) {
	if g.err != nil {
		return nil, g.err
	}
	return &Reference{
		g: g, rows: make([]int, len(g.Dims)), floats: make([][]float64, len(g.Values)),
		ints: make([][]int32, len(g.Values)), out: make([][]float32, len(g.Values)),
		caches: map[cacheKey]*refCache{},
	}, nil
}

// Run implements Program.
func (r *Reference) Run(f *Feeds) error {
	if err := f.Check(r.g, r.rows); err != nil {
		return err
	}
	r.feeds = f
	clear(r.out)
	for _, v := range r.g.Values {
		r.floats[v.ID], r.ints[v.ID] = nil, nil
		switch {
		case v.From == nil && v.Kind == Int:
			r.ints[v.ID] = append([]int32{}, f.ints[v]...)
		case v.From == nil:
			r.floats[v.ID] = widen(f.floats[v])
		case v.Kind == Int:
			r.ints[v.ID] = make([]int32, r.n(v))
		default:
			r.floats[v.ID] = make([]float64, r.n(v)*v.Cols)
		}
	}
	r.startGrads(f.Accumulate)
	for _, n := range r.g.Nodes {
		r.node(n)
	}
	for p, d := range r.grads {
		p.AllocGrad()
		for i, x := range d {
			p.Grad[i] = float32(x)
		}
	}
	return nil
}

func (r *Reference) startGrads(accumulate bool) {
	if !accumulate || r.grads == nil {
		r.grads = map[*Param][]float64{}
	}
	for _, n := range r.g.Nodes {
		if !n.HasGradEffect() {
			continue
		}
		for _, p := range []*Param{n.W, n.Bias, n.Low} {
			if trains(p) && r.grads[p] == nil {
				r.grads[p] = make([]float64, len(p.Data))
			}
		}
	}
}

// HasGradEffect reports whether running n adds to the gradients of its parameters.
func (n *Node) HasGradEffect() bool {
	switch n.Op {
	case OpCrossEntropy:
		return n.Attr.Loss
	case OpEmbeddingGrad, OpPosEmbeddingGrad, OpLinearGradW, OpRMSNormGrad, OpLayerNormGrad, OpLogProbGrad:
		return true
	}
	return false
}

// Floats implements Program.
func (r *Reference) Floats(v *Value) []float32 {
	if r.out[v.ID] == nil {
		r.out[v.ID] = make([]float32, len(r.floats[v.ID]))
		for i, x := range r.floats[v.ID] {
			r.out[v.ID][i] = float32(x)
		}
	}
	return r.out[v.ID]
}

// Ints implements Program.
func (r *Reference) Ints(v *Value) []int32 { return r.ints[v.ID] }

// Exact returns a value in full precision.
func (r *Reference) Exact(v *Value) []float64 { return r.floats[v.ID] }

// ExactGrad returns a parameter's gradient in full precision, nil if there is none.
func (r *Reference) ExactGrad(p *Param) []float64 { return r.grads[p] }

func (r *Reference) n(v *Value) int { return r.rows[v.Rows.Index] }

// row returns row i of a value.
func (r *Reference) row(v *Value, i int) []float64 { return r.floats[v.ID][i*v.Cols : (i+1)*v.Cols] }

// grad returns the gradient of row i of p; a throw-away row if p does not train.
func (r *Reference) grad(p *Param, i int) []float64 {
	if g := r.grads[p]; g != nil {
		return g[i*p.Cols : (i+1)*p.Cols]
	}
	return make([]float64, p.Cols)
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = float64(x[i])
	}
	return y
}

func (r *Reference) node(n *Node) {
	if n.Op.Elementwise() || n.Op == OpGELU || n.Op == OpGELUGrad {
		r.elementwise(n)
		return
	}
	switch n.Op {
	case OpFull:
		for i := range r.floats[n.Out[0].ID] {
			r.floats[n.Out[0].ID][i] = n.Attr.A
		}
	case OpEmbedding, OpEmbeddingGrad, OpPosEmbedding, OpPosEmbeddingGrad, OpGatherRows, OpGatherRowsGrad:
		r.lookup(n)
	case OpLinear, OpLinearGradX, OpLinearGradW:
		r.linear(n)
	case OpRMSNorm, OpLayerNorm:
		r.norm(n)
	case OpRMSNormGrad, OpLayerNormGrad:
		r.normGrad(n)
	case OpAttention, OpAttentionCached:
		r.attention(n)
	case OpAttentionGrad:
		r.attentionGrad(n)
	case OpSwiGLU, OpSwiGLUGrad:
		r.swiglu(n)
	case OpDropout:
		r.dropout(n)
	case OpLogProb, OpLogProbGrad, OpCrossEntropy:
		r.logProb(n)
	case OpSample:
		r.sample(n)
	case OpWeightedSum:
		sum := 0.0
		for i, x := range r.floats[n.In[0].ID] {
			sum += x * r.floats[n.In[1].ID][i]
		}
		r.floats[n.Out[0].ID][0] = sum
	}
}
