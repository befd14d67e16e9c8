package graph

// block is a part of the forward pass, nodes [from, to), whose inner values are not kept.
type block struct{ from, to int }

// Recompute traces f as a block whose inner values need no memory between the forward and the
// reverse pass: Gradients computes them again from what the block reads (Chen et al. 2016,
// arXiv:1604.06174, "gradient checkpointing"). Equal operations on equal values give equal bits, so the
// gradients do not change. With one block per layer, memory grows with the layers' outputs only, for
// the time of one more forward pass. Blocks do not nest.
func (g *Graph) Recompute(f func() *Value) *Value {
	from := len(g.Nodes)
	out := f()
	g.blocks = append(g.blocks, block{from, len(g.Nodes)})
	return out
}

// again appends the nodes of a block once more and lets their values stand in for the first ones in
// what follows of the reverse pass. Nodes that nothing turns out to read are not run.
func (b *backward) again(k block) []*Node {
	nodes := make([]*Node, 0, k.to-k.from)
	for _, n := range b.g.Nodes[k.from:k.to] {
		c := &Node{Op: n.Op, W: n.W, Bias: n.Bias, Low: n.Low, Attr: n.Attr}
		for _, v := range n.In {
			c.In = append(c.In, b.now(v))
		}
		b.g.append(c)
		for _, v := range n.Out {
			b.replace(v, b.g.output(c, v.Rows, v.Cols, v.Kind))
		}
		nodes = append(nodes, c)
	}
	return nodes
}

// now is the value that stands in for v.
func (b *backward) now(v *Value) *Value {
	if c := b.copies[v]; c != nil {
		return c
	}
	return v
}

// replace lets c stand in for v, with the gradient that v has so far.
func (b *backward) replace(v, c *Value) {
	b.copies[v] = c
	for len(b.needs) <= c.ID {
		b.needs, b.grad = append(b.needs, false), append(b.grad, nil)
	}
	b.needs[c.ID], b.grad[c.ID] = b.needs[v.ID], b.grad[v.ID]
}
