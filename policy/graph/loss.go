package graph

// LogProb returns, for each row of h [picks, d], the log-probability in nats of targets[i] under
// softmax(logits / temperature), and the entropy of that distribution; both [picks, 1]. Logits exist for
// one block of rows at a time only. The entropy has no gradient.
func (g *Graph) LogProb(h *Value, head Head, targets *Value, temperature float64) (logp, entropy *Value) {
	if !g.okTargets(OpLogProb, h, head, targets, temperature) {
		b := g.bad(OpLogProb, "")
		return b, b
	}
	n := g.withHead(&Node{Op: OpLogProb, In: []*Value{h, targets}, Attr: Attr{A: temperature}}, head)
	logp = g.add(n, h.Rows, 1)
	entropy = g.output(n, h.Rows, 1, Float)
	g.output(n, h.Rows, 1, Float) // log-sum-exp, for the gradient
	return logp, entropy
}

// CrossEntropy returns the scalar -Σ weights[i]·log p(targets[i]) and the log-probabilities
// themselves, [picks, 1] (no gradient goes through those). It is what a language-modelling loss
// should use: as the weights are known before, one pass over the logits gives value and gradient,
// where LogProb needs two.
func (g *Graph) CrossEntropy(h *Value, head Head, targets, weights *Value) (loss, logp *Value) {
	if !g.okTargets(OpCrossEntropy, h, head, targets, 1) || !g.ok(OpCrossEntropy, Float, weights) {
		b := g.bad(OpCrossEntropy, "")
		return b, b
	}
	if weights.Rows != h.Rows || weights.Cols != 1 {
		b := g.bad(OpCrossEntropy, "weights %s do not fit %s", weights, h)
		return b, b
	}
	n := g.withHead(&Node{Op: OpCrossEntropy, In: []*Value{h, targets, weights}, Attr: Attr{A: 1}}, head)
	loss = g.add(n, g.One, 1)
	logp = g.output(n, h.Rows, 1, Float)
	return loss, logp
}

func (g *Graph) okTargets(op Op, h *Value, head Head, targets *Value, temperature float64) bool {
	if !g.okHead(op, h, head) || !g.ok(op, Int, targets) {
		return false
	}
	if targets.Rows != h.Rows {
		g.fail("%s: targets %s do not fit %s", op, targets, h)
	}
	if !(temperature > 0) {
		g.fail("%s: temperature %g is not positive", op, temperature)
	}
	return g.err == nil
}

// Sample draws one token per row from softmax(logits / temperature[i]) over the full vocabulary and
// returns it, [rows] int, with its log-probability under that distribution, [rows, 1]; the same bits
// as LogProb gives. temperature 0 takes the most likely token (the first of equals), log-probability
// at temperature 1. The random number depends on the seed of the run, on stream[i] (say, the number
// of the sample) and on pos[i] (the token's position) only: not on the batch.
func (g *Graph) Sample(h *Value, head Head, temperature, stream, pos *Value) (token, logp *Value) {
	if !g.okHead(OpSample, h, head) || !g.ok(OpSample, Float, temperature) || !g.ok(OpSample, Int, stream, pos) {
		b := g.bad(OpSample, "")
		return b, b
	}
	for _, v := range []*Value{temperature, stream, pos} {
		if v.Rows != h.Rows || v.Cols != 1 {
			b := g.bad(OpSample, "%s does not fit %s", v, h)
			return b, b
		}
	}
	n := g.append(g.withHead(&Node{Op: OpSample, In: []*Value{h, temperature, stream, pos}}, head))
	return g.output(n, h.Rows, 1, Int), g.output(n, h.Rows, 1, Float)
}
