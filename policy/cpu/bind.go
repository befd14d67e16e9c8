package cpu

import "agora/policy/graph"

// binder turns jobs into steps: it resolves values to slices of the arena.
type binder struct {
	p       *Program
	plan    *plan
	written map[*graph.Param]bool // has a step before written this parameter's gradient?
	ropes   map[ropeKey]*ropeTable
	prepack bool
}

// tensor is a value bound to memory.
type tensor struct {
	data []float32 // capacity × cols
	cols int
	rows *int // of this run
}

func (t *tensor) n() int              { return *t.rows }
func (t *tensor) row(i int) []float32 { return t.data[i*t.cols : (i+1)*t.cols] }
func (t *tensor) all() []float32      { return t.data[:*t.rows*t.cols] }

func (b *binder) tensor(v *graph.Value) *tensor {
	return &tensor{data: b.p.floats[v], cols: v.Cols, rows: &b.p.rows[v.Rows.Index]}
}

func (b *binder) tensors(vs []*graph.Value) []*tensor {
	var ts []*tensor
	for _, v := range vs {
		if v.Kind == graph.Float {
			ts = append(ts, b.tensor(v))
		}
	}
	return ts
}

// paramGrad is a parameter gradient that a step writes.
type paramGrad struct {
	data  []float32 // nil: the parameter does not train
	first bool      // the first writer of a run overwrites, unless the run accumulates
}

func (b *binder) grad(p *graph.Param) paramGrad {
	if !trains(p) {
		return paramGrad{}
	}
	p.AllocGrad()
	g := paramGrad{data: p.Grad, first: !b.written[p]}
	b.written[p] = true
	return g
}

// adds reports whether the step adds to what is there.
func (g *paramGrad) adds(p *Program) bool { return !g.first || p.accumulate }

// clear is what a step does that has no rows to add up.
func (g *paramGrad) clear(w *Worker, p *Program) {
	if g.data != nil && !g.adds(p) {
		lo, hi := w.Part(len(g.data))
		clear(g.data[lo:hi])
	}
}

func (b *binder) segments(l *graph.Layout) *segments {
	for _, s := range b.p.layouts {
		if s.layout == l {
			return s
		}
	}
	s := &segments{layout: l, lens: b.p.ints[l.Lens], first: make([]int, l.Seqs.Cap), pos: make([]int32, l.Tokens.Cap)}
	if l.Cache != nil {
		s.start, s.slot = b.p.ints[l.Start], b.p.ints[l.Slot]
	}
	b.p.layouts = append(b.p.layouts, s)
	return s
}

func (b *binder) scratch(j *job) []float32 {
	if j.scratch == nil {
		return nil
	}
	return b.p.slice(j.scratch)
}

// used reports whether anything reads v.
func (b *binder) used(v *graph.Value) bool { return b.plan.outputs[v] || len(b.plan.readers[v]) > 0 }

// bind returns the step for a job, nil if there is nothing to run.
func (b *binder) bind(j *job) step {
	n := j.node
	switch n.Op {
	case graph.OpFull:
		for i := range b.p.floats[j.out] {
			b.p.floats[j.out][i] = float32(n.Attr.A)
		}
		return nil
	case graph.OpEmbedding, graph.OpPosEmbedding:
		return b.lookup(j)
	case graph.OpEmbeddingGrad, graph.OpPosEmbeddingGrad:
		return b.lookupGrad(j)
	case graph.OpGatherRows:
		return &gather{x: b.tensor(n.In[0]), idx: b.p.ints[n.In[1]], out: b.tensor(j.out)}
	case graph.OpGatherRowsGrad:
		return &gatherGrad{dy: b.tensor(n.In[0]), idx: b.p.ints[n.In[1]], dx: b.tensor(j.out), base: b.base(j)}
	case graph.OpLinear:
		return b.linear(j)
	case graph.OpLinearGradX:
		return &linearGradX{dy: b.tensor(n.In[0]), dx: b.tensor(j.out), base: b.base(j), w: n.W, col: n.Attr.Col}
	case graph.OpLinearGradW:
		return &linearGradW{dy: b.tensor(n.In[0]), x: b.tensor(n.In[1]), w: n.W, dw: b.grad(n.W), dbias: b.grad(n.Bias), col: n.Attr.Col}
	case graph.OpRMSNorm, graph.OpLayerNorm:
		return b.norm(j)
	case graph.OpRMSNormGrad, graph.OpLayerNormGrad:
		return b.normGrad(j)
	case graph.OpAttention, graph.OpAttentionCached:
		return b.attention(j)
	case graph.OpAttentionGrad:
		return b.attentionGrad(j)
	case graph.OpSwiGLU:
		return &swiglu{x: b.tensor(n.In[0]), out: b.tensor(j.out)}
	case graph.OpSwiGLUGrad:
		return &swigluGrad{dy: b.tensor(n.In[0]), x: b.tensor(n.In[1]), dx: b.tensor(j.out)}
	case graph.OpDropout:
		return b.dropout(j)
	case graph.OpLogProb, graph.OpLogProbGrad, graph.OpCrossEntropy:
		return b.head(j)
	case graph.OpSample:
		return b.sample(j)
	case graph.OpWeightedSum:
		return &weightedSum{x: b.tensor(n.In[0]), w: b.tensor(n.In[1]), out: b.tensor(j.out)}
	}
	return b.elementwise(j)
}

// base is the value that the job's gradient is added to; nil if there is none.
func (b *binder) base(j *job) *tensor {
	if j.base == nil {
		return nil
	}
	return b.tensor(j.base)
}

// scratchFloats is the temporary memory that a node needs while it runs.
func scratchFloats(n *graph.Node, workers int) int {
	switch n.Op {
	case graph.OpRMSNormGrad, graph.OpLayerNormGrad:
		return normScratch(n)
	case graph.OpAttention, graph.OpAttentionCached, graph.OpAttentionGrad:
		return workers * attentionScratch(n)
	case graph.OpLogProb, graph.OpLogProbGrad, graph.OpCrossEntropy:
		return headScratch(n, workers)
	case graph.OpSample:
		return sampleScratch(n, workers)
	}
	return 0
}
