package graph

import "slices"

// Gradients appends the reverse pass of loss, a scalar [1, 1]. Gradients of all parameters that loss
// depends on and that are not Frozen go to Param.Grad when the program runs; the gradients of the
// values wrt are returned, nil for one that loss does not depend on. Call it once per graph.
func (g *Graph) Gradients(loss *Value, wrt ...*Value) []*Value {
	if !g.ok(OpScale, Float, append([]*Value{loss}, wrt...)...) {
		return make([]*Value, len(wrt))
	}
	if loss.Rows != g.One || loss.Cols != 1 {
		g.fail("Gradients: %s is not a scalar", loss)
		return make([]*Value, len(wrt))
	}
	b := &backward{g: g, needs: make([]bool, len(g.Values)), grad: make([]*Value, len(g.Values)), copies: map[*Value]*Value{}}
	b.mark(wrt)
	b.grad[loss.ID] = g.Full(g.One, 1, 1)
	b.run()
	out := make([]*Value, len(wrt))
	for i, v := range wrt {
		out[i] = b.grad[b.now(v).ID]
	}
	return out
}

// run goes through the nodes from the last to the first. Blocks of Recompute are computed again when
// their turn comes, but for the last one, whose values are needed at once.
func (b *backward) run() {
	blocks := b.g.blocks
	if len(blocks) > 0 {
		blocks = blocks[:len(blocks)-1]
	}
	for i := b.nodes - 1; i >= 0; i-- {
		if n := len(blocks); n > 0 && i == blocks[n-1].to-1 {
			k := blocks[n-1]
			for _, node := range slices.Backward(b.again(k)) {
				b.node(node)
			}
			blocks, i = blocks[:n-1], k.from
			continue
		}
		b.node(b.g.Nodes[i])
	}
}

type backward struct {
	g     *Graph
	nodes int      // nodes of the forward pass
	needs []bool   // by value: does it depend on something to differentiate by?
	grad  []*Value // by value: the gradient gathered so far

	copies map[*Value]*Value // values of blocks that were computed again, see Recompute
}

// mark finds the values whose gradient is needed.
func (b *backward) mark(wrt []*Value) {
	b.nodes = len(b.g.Nodes)
	for _, v := range wrt {
		b.needs[v.ID] = true
	}
	for _, n := range b.g.Nodes {
		if !differentiable[n.Op] {
			continue
		}
		need := n.Trains()
		for _, v := range n.In {
			need = need || v.Kind == Float && b.needs[v.ID]
		}
		if need {
			b.needs[n.Out[0].ID] = true // further outputs carry no gradient
		}
	}
}

// node sends the gradient of n's first output on to its inputs and parameters.
func (b *backward) node(n *Node) {
	dy := b.grad[n.Out[0].ID]
	if dy == nil || !b.needs[n.Out[0].ID] {
		return
	}
	if b.elementwise(n, dy) {
		return
	}
	b.layer(n, dy)
}

// to adds d to the gradient of v. It is lazy: d is only built if v needs a gradient.
func (b *backward) to(v *Value, d func() *Value) {
	if !b.needs[v.ID] {
		return
	}
	dv := d()
	if b.grad[v.ID] != nil {
		dv = b.g.Add(b.grad[v.ID], dv)
	}
	b.grad[v.ID] = dv
}

var differentiable = [NumOps]bool{
	OpEmbedding: true, OpPosEmbedding: true, OpLinear: true, OpRMSNorm: true, OpLayerNorm: true,
	OpAttention: true, OpSwiGLU: true, OpGELU: true, OpDropout: true, OpGatherRows: true, OpGatherRowsGrad: true,
	OpLogProb: true, OpCrossEntropy: true, OpWeightedSum: true,
	OpAdd: true, OpSub: true, OpMul: true, OpMax: true, OpMin: true, OpScale: true, OpAddScalar: true,
	OpExp: true, OpLog: true, OpSquare: true, OpSigmoid: true, OpLogSigmoid: true, OpTanh: true,
	OpClamp: true, OpScaleBy: true, OpRecip: true,
}

// elementwise handles the operations whose gradients are made of the same operations.
func (b *backward) elementwise(n *Node, dy *Value) bool {
	g, y := b.g, n.Out[0]
	x := n.In
	switch n.Op {
	case OpAdd:
		b.to(x[0], func() *Value { return dy })
		b.to(x[1], func() *Value { return dy })
	case OpSub:
		b.to(x[0], func() *Value { return dy })
		b.to(x[1], func() *Value { return g.Neg(dy) })
	case OpMul:
		b.to(x[0], func() *Value { return g.Mul(dy, x[1]) })
		b.to(x[1], func() *Value { return g.Mul(dy, x[0]) })
	case OpMax:
		b.to(x[0], func() *Value { return g.Mul(dy, g.Step(x[0], x[1])) })
		b.to(x[1], func() *Value { return g.Mul(dy, g.Step(x[1], x[0])) })
	case OpMin:
		b.to(x[0], func() *Value { return g.Mul(dy, g.Step(x[1], x[0])) })
		b.to(x[1], func() *Value { return g.Mul(dy, g.Step(x[0], x[1])) })
	case OpScale:
		b.to(x[0], func() *Value { return g.Scale(dy, n.Attr.A) })
	case OpAddScalar:
		b.to(x[0], func() *Value { return dy })
	case OpExp: // y' = y
		b.to(x[0], func() *Value { return g.Mul(dy, y) })
	case OpLog: // y' = 1/x
		b.to(x[0], func() *Value { return g.Div(dy, x[0]) })
	case OpRecip: // y' = -y²
		b.to(x[0], func() *Value { return g.Neg(g.Mul(dy, g.Square(y))) })
	case OpSquare: // y' = 2x
		b.to(x[0], func() *Value { return g.Scale(g.Mul(dy, x[0]), 2) })
	case OpSigmoid: // y' = y - y²
		b.to(x[0], func() *Value { return g.Mul(dy, g.Sub(y, g.Square(y))) })
	case OpLogSigmoid: // y' = σ(-x)
		b.to(x[0], func() *Value { return g.Mul(dy, g.Sigmoid(g.Neg(x[0]))) })
	case OpTanh: // y' = 1 - y²
		b.to(x[0], func() *Value { return g.Sub(dy, g.Mul(dy, g.Square(y))) })
	case OpClamp:
		b.to(x[0], func() *Value { return g.Mul(dy, g.Inside(x[0], n.Attr.A, n.Attr.B)) })
	case OpScaleBy: // y = s·x
		b.to(x[0], func() *Value { return g.ScaleBy(dy, x[1]) })
		b.to(x[1], func() *Value { return g.WeightedSum(dy, x[0]) })
	case OpWeightedSum: // dy is a scalar
		b.to(x[0], func() *Value { return g.ScaleBy(x[1], dy) })
		b.to(x[1], func() *Value { return g.ScaleBy(x[0], dy) })
	default:
		return false
	}
	return true
}

// layer handles the operations that have a gradient operation of their own.
func (b *backward) layer(n *Node, dy *Value) {
	g, x := b.g, n.In
	grad := func(op Op, rows *Dim, cols int, in ...*Value) func() *Value {
		return func() *Value {
			return g.add(&Node{Op: op, In: in, W: n.W, Bias: n.Bias, Attr: n.Attr}, rows, cols)
		}
	}
	effect := func(op Op, in ...*Value) { // writes parameter gradients only
		if n.Trains() {
			g.append(&Node{Op: op, In: in, W: n.W, Bias: n.Bias, Attr: n.Attr})
		}
	}
	switch n.Op {
	case OpEmbedding:
		effect(OpEmbeddingGrad, dy, x[0])
	case OpPosEmbedding:
		b.to(x[0], func() *Value { return dy })
		effect(OpPosEmbeddingGrad, append([]*Value{dy}, x[1:]...)...)
	case OpLinear:
		b.to(x[0], grad(OpLinearGradX, x[0].Rows, x[0].Cols, dy))
		if len(x) > 1 {
			b.to(x[1], func() *Value { return dy })
		}
		effect(OpLinearGradW, dy, x[0])
	case OpRMSNorm:
		b.always(x[0], grad(OpRMSNormGrad, x[0].Rows, x[0].Cols, dy, x[0], n.Out[1]), n)
	case OpLayerNorm:
		b.always(x[0], grad(OpLayerNormGrad, x[0].Rows, x[0].Cols, dy, x[0], n.Out[1]), n)
	case OpAttention:
		in := append([]*Value{dy, x[0], n.Out[0], n.Out[1]}, x[1:]...)
		b.to(x[0], grad(OpAttentionGrad, x[0].Rows, x[0].Cols, in...))
	case OpSwiGLU:
		b.to(x[0], grad(OpSwiGLUGrad, x[0].Rows, x[0].Cols, dy, x[0]))
	case OpGELU:
		b.to(x[0], grad(OpGELUGrad, x[0].Rows, x[0].Cols, dy, x[0]))
	case OpDropout:
		b.to(x[0], grad(OpDropout, x[0].Rows, x[0].Cols, dy))
	case OpGatherRows:
		b.to(x[0], grad(OpGatherRowsGrad, x[0].Rows, x[0].Cols, dy, x[1]))
	case OpGatherRowsGrad: // SumRows
		b.to(x[0], func() *Value { return g.GatherRows(dy, x[1]) })
	case OpLogProb:
		b.logProb(n, dy)
	case OpCrossEntropy:
		b.crossEntropy(n, dy)
	}
}

// always builds a gradient node that has effects on parameters even if v itself needs no gradient.
func (b *backward) always(v *Value, d func() *Value, n *Node) {
	if b.needs[v.ID] {
		b.to(v, d)
	} else if n.Trains() {
		d()
	}
}

// logProb places the gradient that goes to h, to what the head's low-rank change reads, and to the
// parameters.
func (b *backward) logProb(n *Node, dy *Value) {
	in := append([]*Value{dy, n.In[0], n.In[1], n.Out[2]}, n.low()...)
	b.headGrads(b.g.append(&Node{Op: OpLogProbGrad, In: in, W: n.W, Low: n.Low, Attr: n.Attr}), n)
}

// headGrads adds the outputs for the gradients by h and u, see Node.low.
func (b *backward) headGrads(d, n *Node) {
	for _, v := range append([]*Value{n.In[0]}, n.low()...) {
		dv := b.g.output(d, v.Rows, v.Cols, Float)
		b.to(v, func() *Value { return dv })
	}
}

// crossEntropy: if the loss enters the total by a constant factor, as it nearly always does, the
// forward node is told that factor and computes the gradient along with the value. Otherwise the
// gradient goes through the log-probabilities.
func (b *backward) crossEntropy(n *Node, dy *Value) {
	c, constant := constantOf(dy)
	if !constant {
		b.g.fail("Gradients: CrossEntropy must enter the loss by constant factors; use LogProb")
		return
	}
	n.Attr.Loss, n.Attr.B = true, c
	b.headGrads(n, n)
}

// constantOf follows Full and Scale.
func constantOf(v *Value) (float64, bool) {
	c := 1.0
	for v.From != nil {
		switch v.From.Op {
		case OpFull:
			return c * v.From.Attr.A, true
		case OpScale:
			c *= v.From.Attr.A
			v = v.From.In[0]
		default:
			return 0, false
		}
	}
	return 0, false
}
