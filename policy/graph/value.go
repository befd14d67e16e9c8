package graph

import "fmt"

// Dim is a symbolic number of rows (tokens, sequences, picked positions, pairs …).
// Programs reserve memory for Cap rows and run with any number from 0 to Cap.
type Dim struct {
	Name  string
	Cap   int
	Index int // position in Graph.Dims
}

// Kind is the element type of a value.
type Kind uint8

const (
	Float Kind = iota // float32
	Int               // int32
)

func (k Kind) String() string { return [...]string{"float", "int"}[k] }

// Value is one tensor of a graph: [Rows, Cols], row-major, of the given kind.
type Value struct {
	ID   int    // position in Graph.Values
	Name string // inputs only; used in messages
	Rows *Dim
	Cols int
	Kind Kind
	From *Node // the node that computes it, nil for an input
}

func (v *Value) String() string {
	if v == nil {
		return "no value"
	}
	name := v.Name
	if name == "" && v.From != nil {
		name = v.From.Op.String()
	}
	return fmt.Sprintf("%s [%s, %d] %s", name, v.Rows.Name, v.Cols, v.Kind)
}

// Node is one operation: it reads In and its parameters, and computes Out. The gradient operations
// also add to the gradients of the parameters.
type Node struct {
	Op      Op
	In, Out []*Value
	W, Bias *Param
	Low     *Param // of the operations that take a Head: its B
	Attr    Attr
}

// Trains says whether one of the node's parameters is to have a gradient.
func (n *Node) Trains() bool { return trains(n.W) || trains(n.Bias) || trains(n.Low) }

func trains(p *Param) bool { return p != nil && !p.Frozen }

// Attr holds the constants of a node; each operation documents those it reads.
type Attr struct {
	A, B   float64 // scalars: scale, bounds, epsilon, rate, temperature …
	Site   int     // Dropout: which stream of random numbers
	Attn   *Attn
	Layout *Layout
	Cache  *KVCache
	Layer  int
	Col    int  // Linear and its gradients: first column of the output that the product is added to
	Loss   bool // CrossEntropy: also compute the gradients, see crossEntropyGrad
}

// Graph is a sequence of operations in an order in which they can run.
//
// The first mistake made while building (a shape, a kind, a foreign value) is kept and
// returned by Err, and compiling fails with it; operations after it do nothing. So a model
// can be written down without an error check on every line.
type Graph struct {
	Params *Params
	Dims   []*Dim
	Values []*Value
	Nodes  []*Node
	One    *Dim // always one row: the dimension of losses

	err     error
	sites   int
	layouts []*Layout
	blocks  []block // of Recompute
}

// New starts a graph that reads (and, after Gradients, trains) the given parameters.
func New(params *Params) *Graph {
	g := &Graph{Params: params}
	g.One = g.Dim("one", 1)
	return g
}

// Err returns the first mistake made while building the graph.
func (g *Graph) Err() error { return g.err }

// Dim declares a number of rows with room for capacity rows.
func (g *Graph) Dim(name string, capacity int) *Dim {
	d := &Dim{Name: name, Cap: capacity, Index: len(g.Dims)}
	g.Dims = append(g.Dims, d)
	if capacity < 1 {
		g.fail("dim %s: capacity %d is less than 1", name, capacity)
	}
	return d
}

// Floats declares a float32 input of shape [rows, cols].
func (g *Graph) Floats(name string, rows *Dim, cols int) *Value {
	return g.input(name, rows, cols, Float)
}

// Ints declares an int32 input of shape [rows, 1].
func (g *Graph) Ints(name string, rows *Dim) *Value { return g.input(name, rows, 1, Int) }

func (g *Graph) input(name string, rows *Dim, cols int, kind Kind) *Value {
	if cols < 1 {
		g.fail("input %s: %d columns", name, cols)
	}
	v := g.value(rows, cols, kind)
	v.Name = name
	return v
}

// Inputs lists the values that have to be fed, in the order of their declaration.
func (g *Graph) Inputs() []*Value {
	var in []*Value
	for _, v := range g.Values {
		if v.From == nil {
			in = append(in, v)
		}
	}
	return in
}

func (g *Graph) fail(format string, args ...any) {
	if g.err == nil {
		g.err = fmt.Errorf("graph: "+format, args...)
	}
}

func (g *Graph) value(rows *Dim, cols int, kind Kind) *Value {
	v := &Value{ID: len(g.Values), Rows: rows, Cols: cols, Kind: kind}
	g.Values = append(g.Values, v)
	return v
}

// add appends n with one float output of the given shape and returns that output.
func (g *Graph) add(n *Node, rows *Dim, cols int) *Value {
	return g.output(g.append(n), rows, cols, Float)
}

func (g *Graph) append(n *Node) *Node {
	g.Nodes = append(g.Nodes, n)
	return n
}

// output adds one more output to n.
func (g *Graph) output(n *Node, rows *Dim, cols int, kind Kind) *Value {
	v := g.value(rows, cols, kind)
	v.From = n
	n.Out = append(n.Out, v)
	return v
}

// bad is what an operation returns after a mistake: a value that only keeps later lines from
// crashing.
func (g *Graph) bad(op Op, format string, args ...any) *Value {
	g.fail("%s: %s", op, fmt.Sprintf(format, args...))
	return g.value(g.One, 1, Float)
}

// ok reports whether building may go on with these values.
func (g *Graph) ok(op Op, kind Kind, vs ...*Value) bool {
	for _, v := range vs {
		switch {
		case g.err != nil:
			return false
		case v == nil:
			g.fail("%s: a value is missing", op)
		case v.ID >= len(g.Values) || g.Values[v.ID] != v:
			g.fail("%s: %s belongs to another graph", op, v)
		case v.Kind != kind:
			g.fail("%s: %s is not of kind %s", op, v, kind)
		}
	}
	return g.err == nil
}

// okParam checks that p belongs to the graph and has the given shape; rows or cols < 0 accept any.
func (g *Graph) okParam(op Op, p *Param, rows, cols int) bool {
	switch {
	case g.err != nil:
	case p == nil:
		g.fail("%s: a parameter is missing", op)
	case g.Params.Get(p.Name) != p:
		g.fail("%s: parameter %s belongs to another store", op, p.Name)
	case rows >= 0 && p.Rows != rows || cols >= 0 && p.Cols != cols:
		g.fail("%s: parameter %s is [%d, %d], want %s", op, p.Name, p.Rows, p.Cols, shape(rows, cols))
	}
	return g.err == nil
}

func shape(rows, cols int) string {
	name := func(n int) string {
		if n < 0 {
			return "any"
		}
		return fmt.Sprint(n)
	}
	return "[" + name(rows) + ", " + name(cols) + "]"
}
