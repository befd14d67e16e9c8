package cpu

import (
	"cmp"
	"slices"

	"agora/policy/graph"
)

// buffer is a piece of a program's arena that holds one value, or several in turn.
type buffer struct {
	floats   int
	from, to int  // the jobs during which its contents matter, inclusive
	keep     bool // must not be handed on in place: an output or a constant
	offset   int  // in the arena, set by place
}

// alignFloats keeps buffers on cache lines and, as it is no power of two, rows of different
// buffers out of the same cache set.
const alignFloats = 16 * 9

// place gives every buffer an offset such that no two overlap in both time and memory, largest
// first at the lowest place that is free, and returns the size of the arena.
func place(buffers []*buffer) int {
	order := slices.Clone(buffers)
	slices.SortStableFunc(order, func(a, b *buffer) int { return cmp.Compare(b.floats, a.floats) })
	size := 0
	var placed []*buffer // by offset
	for _, b := range order {
		at, end := 0, (b.floats+alignFloats-1)/alignFloats*alignFloats
		for _, o := range placed {
			if o.to < b.from || b.to < o.from {
				continue
			}
			if at+end <= o.offset {
				break
			}
			at = max(at, (o.offset+o.floats+alignFloats-1)/alignFloats*alignFloats)
		}
		b.offset = at
		size = max(size, at+end)
		i, _ := slices.BinarySearchFunc(placed, b, func(x, y *buffer) int { return cmp.Compare(x.offset, y.offset) })
		placed = slices.Insert(placed, i, b)
	}
	return size
}

// job is one node, or several fused ones, on its way to becoming a step.
type job struct {
	node    *graph.Node
	base    *graph.Value // Add fused into a gradient: out = base + gradient
	out     *graph.Value // the first output after fusion, nil for pure effects
	scratch *buffer
}

// plan decides which nodes run, what is fused, and where values live.
type plan struct {
	g       *graph.Graph
	jobs    []*job
	outputs map[*graph.Value]bool
	readers map[*graph.Value][]*graph.Node // among the nodes that run
	where   map[*graph.Value]*buffer
	buffers []*buffer
	rotated map[*graph.Value]*buffer // Attention: projection with rotated q and k
	kept    map[*graph.Node]*buffer  // LogProb: logits that its gradient finds again
	workers int
}

func newPlan(g *graph.Graph, outputs []*graph.Value, workers int) *plan {
	p := &plan{
		g: g, workers: workers, outputs: map[*graph.Value]bool{},
		readers: map[*graph.Value][]*graph.Node{},
		where:   map[*graph.Value]*buffer{}, rotated: map[*graph.Value]*buffer{},
		kept: map[*graph.Node]*buffer{},
	}
	for _, v := range outputs {
		p.outputs[v] = true
	}
	live := p.live()
	for _, n := range live {
		for _, v := range n.In {
			p.readers[v] = append(p.readers[v], n)
		}
	}
	p.fuse(live)
	p.assign()
	return p
}

// live returns the nodes that an output, a parameter gradient or a cache depends on.
func (p *plan) live() []*graph.Node {
	need := map[*graph.Value]bool{}
	for v := range p.outputs {
		need[v] = true
	}
	var live []*graph.Node
	for _, n := range slices.Backward(p.g.Nodes) {
		wanted := n.HasGradEffect() && n.Trains() || n.Op == graph.OpAttentionCached
		for _, v := range n.Out {
			wanted = wanted || need[v]
		}
		if !wanted {
			continue
		}
		live = append(live, n)
		for _, v := range n.In {
			need[v] = true
		}
	}
	slices.Reverse(live)
	return live
}

func trains(p *graph.Param) bool { return p != nil && !p.Frozen }

// addsToBase are the gradients that can be computed as base + gradient at no cost.
var addsToBase = map[graph.Op]bool{
	graph.OpRMSNormGrad: true, graph.OpLayerNormGrad: true, graph.OpLinearGradX: true, graph.OpGatherRowsGrad: true,
}

// fuse turns nodes into jobs; an Add whose one operand is a gradient that nothing else reads
// becomes part of that gradient.
func (p *plan) fuse(live []*graph.Node) {
	skip := map[*graph.Node]bool{}
	into := map[*graph.Node]*job{} // Add → fused job
	for _, n := range live {
		if n.Op != graph.OpAdd {
			continue
		}
		for i, v := range n.In {
			if v.From != nil && addsToBase[v.From.Op] && len(p.readers[v]) == 1 && !p.outputs[v] && n.In[0] != n.In[1] && !skip[v.From] {
				skip[v.From] = true
				into[n] = &job{node: v.From, base: n.In[1-i], out: n.Out[0]}
				break
			}
		}
	}
	for _, n := range live {
		switch j := into[n]; {
		case j != nil:
			p.jobs = append(p.jobs, j)
		case !skip[n]:
			j = &job{node: n}
			if len(n.Out) > 0 {
				j.out = n.Out[0]
			}
			p.jobs = append(p.jobs, j)
		}
	}
}

// reads lists what the job reads.
func (j *job) reads() []*graph.Value {
	if j.base == nil {
		return j.node.In
	}
	return append([]*graph.Value{j.base}, j.node.In...)
}

// writes lists what the job writes.
func (j *job) writes() []*graph.Value {
	if j.out == nil {
		return nil
	}
	return append([]*graph.Value{j.out}, j.node.Out[1:]...)
}

// assign creates the buffers: lifetimes first, then sharing in place.
func (p *plan) assign() {
	last := map[*graph.Value]int{}
	for i, j := range p.jobs {
		for _, v := range j.reads() {
			last[v] = i
		}
	}
	for v := range p.outputs {
		last[v] = len(p.jobs)
	}
	for _, v := range p.g.Inputs() {
		if v.Kind == graph.Float {
			p.create(v, -1, max(-1, last[v]))
		}
	}
	for i, j := range p.jobs {
		for k, v := range j.writes() {
			if v.Kind != graph.Float {
				continue
			}
			end := max(i, last[v])
			if j.node.Op == graph.OpFull { // written once, when compiling
				b := p.create(v, -1, len(p.jobs))
				b.keep = true
				continue
			}
			if src := p.inPlace(i, j, last); k == 0 && src != nil {
				b := p.where[src]
				b.to, b.keep = end, b.keep || p.outputs[v]
				p.where[v] = b
				continue
			}
			p.create(v, i, end)
		}
		p.rotate(i, j, last)
		p.keepLogits(i, j, last)
		if n := scratchFloats(j.node, p.workers); n > 0 {
			j.scratch = &buffer{floats: n, from: i, to: i}
			p.buffers = append(p.buffers, j.scratch)
		}
	}
}

func (p *plan) create(v *graph.Value, from, to int) *buffer {
	b := &buffer{floats: v.Rows.Cap * v.Cols, from: from, to: to, keep: p.outputs[v]}
	p.buffers = append(p.buffers, b)
	p.where[v] = b
	return b
}

// inPlace returns the operand whose buffer the job's output may take over, nil if there is none: one
// of the same shape that nothing needs afterwards and that no other operand shares a buffer with,
// unless the job reads all of them only at the element that it writes.
func (p *plan) inPlace(i int, j *job, last map[*graph.Value]int) *graph.Value {
	candidates, pointwise := overwritable(j)
	for _, v := range candidates {
		b := p.where[v]
		if b == nil || b.keep || b.to != i || last[v] != i || v.Rows != j.out.Rows || v.Cols != j.out.Cols {
			continue
		}
		sharers := 0
		for _, o := range j.reads() {
			if p.where[o] == b {
				sharers++
			}
		}
		if pointwise || sharers == 1 {
			return v
		}
	}
	return nil
}

// overwritable lists the operands that a job reads at an element no later than it writes that
// element. pointwise says that this holds for all its operands.
func overwritable(j *job) (operands []*graph.Value, pointwise bool) {
	n := j.node
	switch {
	case j.base != nil:
		return []*graph.Value{j.base}, false
	case n.Op == graph.OpLinear:
		return n.In[1:], false // the residual, if any
	case n.Op == graph.OpScaleBy, n.Op == graph.OpPosEmbedding:
		return n.In[:1], false
	case n.Op == graph.OpSwiGLUGrad:
		return n.In[1:], true
	case n.Op.Elementwise(), n.Op == graph.OpGELU, n.Op == graph.OpGELUGrad, n.Op == graph.OpDropout:
		return n.In, true
	}
	return nil, false
}

// rotate finds a home for the projection with rotated q and k: in place if only this attention and
// its gradient read it, else a buffer of its own.
func (p *plan) rotate(i int, j *job, last map[*graph.Value]int) {
	n := j.node
	if n.Op != graph.OpAttention && n.Op != graph.OpAttentionCached {
		return
	}
	qkv := n.In[0]
	own := !p.outputs[qkv]
	for _, r := range p.readers[qkv] {
		own = own && (r == n || r.Op == graph.OpAttentionGrad && r.In[2] == n.Out[0])
	}
	if own {
		p.rotated[n.Out[0]] = p.where[qkv]
		return
	}
	b := &buffer{floats: qkv.Rows.Cap * qkv.Cols, from: i, to: max(i, last[qkv])}
	p.buffers = append(p.buffers, b)
	p.rotated[n.Out[0]] = b
}

// maxKeptLogits bounds the memory for logits that are kept, in floats; 64 MB.
const maxKeptLogits = 16 << 20

// keepLogits reserves room for all logits of a LogProb, if they are not many, so that its gradient
// does not have to compute them again.
func (p *plan) keepLogits(i int, j *job, last map[*graph.Value]int) {
	n := j.node
	if n.Op != graph.OpLogProb || len(p.readers[n.Out[2]]) == 0 {
		return
	}
	if floats := n.In[0].Rows.Cap * n.W.Rows; floats <= maxKeptLogits {
		p.kept[n] = &buffer{floats: floats, from: i, to: last[n.Out[2]]}
		p.buffers = append(p.buffers, p.kept[n])
	}
}
