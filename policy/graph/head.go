package graph

// Head maps hidden states h [rows, d] to logits [rows, vocab],
//
//	h wᵀ + scale·(h aᵀ) bᵀ
//
// the second term only where a and b are set: a low-rank change of the output layer, see LowRank.
type Head struct {
	W       *Param  // [vocab, d]
	A, B    *Param  // [r, d], [vocab, r]; nil for no change
	Scale   float64 // of the change
	Dropout float64 // on what A reads; 0 outside of training
}

// Logits returns all logits at once, [rows, vocab]. LogProb, CrossEntropy and Sample do with those of a
// block of rows at a time.
func (g *Graph) Logits(h *Value, head Head) *Value {
	z := g.Linear(h, head.W, nil)
	if head.A == nil {
		return z
	}
	return g.LinearAddAt(z, g.narrow(h, head), head.B, 0)
}

// narrow is what B reads, scale·(h aᵀ), [rows, r].
func (g *Graph) narrow(h *Value, head Head) *Value {
	return g.Scale(g.Linear(g.Dropout(h, head.Dropout), head.A, nil), head.Scale)
}

// withHead completes a node whose first input is h: its parameters and, with a low-rank change, its
// last input.
func (g *Graph) withHead(n *Node, head Head) *Node {
	n.W = head.W
	if head.A != nil {
		n.In, n.Low = append(n.In, g.narrow(n.In[0], head)), head.B
	}
	return n
}

// okHead checks that the parameters fit h and each other.
func (g *Graph) okHead(op Op, h *Value, head Head) bool {
	if !g.ok(op, Float, h) || !g.okParam(op, head.W, -1, h.Cols) {
		return false
	}
	if head.A == nil {
		return true
	}
	return g.okParam(op, head.A, -1, h.Cols) && g.okParam(op, head.B, head.W.Rows, head.A.Rows)
}

// low is the input of a low-rank change, u [rows, r], as a slice of none or one: the last of a node that
// takes a Head, and of LogProbGrad.
func (n *Node) low() []*Value {
	if n.Low == nil {
		return nil
	}
	return n.In[len(n.In)-1:]
}

// LowInput is what a head's low-rank change reads, nil if it has none.
func (n *Node) LowInput() *Value {
	for _, u := range n.low() {
		return u
	}
	return nil
}
