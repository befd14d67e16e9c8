package graph

func (g *Graph) unary(op Op, x *Value, a Attr) *Value {
	if !g.ok(op, Float, x) {
		return g.bad(op, "")
	}
	return g.add(&Node{Op: op, In: []*Value{x}, Attr: a}, x.Rows, x.Cols)
}

func (g *Graph) binary(op Op, a, b *Value) *Value {
	if !g.ok(op, Float, a, b) {
		return g.bad(op, "")
	}
	if a.Rows != b.Rows || a.Cols != b.Cols {
		return g.bad(op, "%s and %s differ in shape", a, b)
	}
	return g.add(&Node{Op: op, In: []*Value{a, b}}, a.Rows, a.Cols)
}

// Elementwise operations on values of equal shape. NaN goes through all of them.

// Add returns a + b.
func (g *Graph) Add(a, b *Value) *Value { return g.binary(OpAdd, a, b) }

// Sub returns a - b.
func (g *Graph) Sub(a, b *Value) *Value { return g.binary(OpSub, a, b) }

// Mul returns a · b.
func (g *Graph) Mul(a, b *Value) *Value { return g.binary(OpMul, a, b) }

// Div returns a / b.
func (g *Graph) Div(a, b *Value) *Value { return g.Mul(a, g.unary(OpRecip, b, Attr{})) }

// Max returns the larger of a and b; where they are equal each gets half of the gradient, as in PyTorch.
func (g *Graph) Max(a, b *Value) *Value { return g.binary(OpMax, a, b) }

// Min returns the smaller of a and b, see Max.
func (g *Graph) Min(a, b *Value) *Value { return g.binary(OpMin, a, b) }

// Scale returns c · x.
func (g *Graph) Scale(x *Value, c float64) *Value { return g.unary(OpScale, x, Attr{A: c}) }

// Neg returns -x.
func (g *Graph) Neg(x *Value) *Value { return g.Scale(x, -1) }

// AddScalar returns x + c.
func (g *Graph) AddScalar(x *Value, c float64) *Value { return g.unary(OpAddScalar, x, Attr{A: c}) }

// Exp returns eˣ.
func (g *Graph) Exp(x *Value) *Value { return g.unary(OpExp, x, Attr{}) }

// Log returns the natural logarithm.
func (g *Graph) Log(x *Value) *Value { return g.unary(OpLog, x, Attr{}) }

// Square returns x².
func (g *Graph) Square(x *Value) *Value { return g.unary(OpSquare, x, Attr{}) }

// Sigmoid returns 1/(1+e⁻ˣ).
func (g *Graph) Sigmoid(x *Value) *Value { return g.unary(OpSigmoid, x, Attr{}) }

// LogSigmoid returns -log(1+e⁻ˣ) without overflow.
func (g *Graph) LogSigmoid(x *Value) *Value { return g.unary(OpLogSigmoid, x, Attr{}) }

// Tanh returns the hyperbolic tangent.
func (g *Graph) Tanh(x *Value) *Value { return g.unary(OpTanh, x, Attr{}) }

// Clamp limits x to [lo, hi]; the gradient passes where lo <= x <= hi, as in PyTorch.
func (g *Graph) Clamp(x *Value, lo, hi float64) *Value {
	if !(lo <= hi) {
		return g.bad(OpClamp, "bounds %g > %g", lo, hi)
	}
	return g.unary(OpClamp, x, Attr{A: lo, B: hi})
}

// StopGradient returns x, and Gradients treats it as a constant.
func (g *Graph) StopGradient(x *Value) *Value { return g.unary(OpStopGradient, x, Attr{}) }

// Step returns 1 where a > b, ½ where they are equal and 0 where a < b. It has no gradient.
func (g *Graph) Step(a, b *Value) *Value { return g.binary(OpStep, a, b) }

// Inside returns 1 where lo <= x <= hi, else 0. It has no gradient.
func (g *Graph) Inside(x *Value, lo, hi float64) *Value {
	return g.unary(OpInside, x, Attr{A: lo, B: hi})
}

// ScaleBy returns s · x for a scalar value s [1, 1].
func (g *Graph) ScaleBy(x, s *Value) *Value {
	if !g.ok(OpScaleBy, Float, x, s) {
		return g.bad(OpScaleBy, "")
	}
	if s.Rows != g.One || s.Cols != 1 {
		return g.bad(OpScaleBy, "%s is not a scalar", s)
	}
	return g.add(&Node{Op: OpScaleBy, In: []*Value{x, s}}, x.Rows, x.Cols)
}

// WeightedSum returns the scalar Σ x·w over all elements, [1, 1], added in order in float64. With
// w = 1/n on the elements that count it is a masked mean.
func (g *Graph) WeightedSum(x, w *Value) *Value {
	if !g.ok(OpWeightedSum, Float, x, w) {
		return g.bad(OpWeightedSum, "")
	}
	if x.Rows != w.Rows || x.Cols != w.Cols {
		return g.bad(OpWeightedSum, "%s and %s differ in shape", x, w)
	}
	return g.add(&Node{Op: OpWeightedSum, In: []*Value{x, w}}, g.One, 1)
}

// Sum returns the scalar Σ x.
func (g *Graph) Sum(x *Value) *Value {
	if !g.ok(OpWeightedSum, Float, x) {
		return g.bad(OpWeightedSum, "")
	}
	return g.WeightedSum(x, g.Full(x.Rows, x.Cols, 1))
}
