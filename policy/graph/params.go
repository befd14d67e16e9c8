package graph

import (
	"fmt"
	"slices"
	"sync"
)

// Param is one trainable tensor. A linear layer's weight is [out, in] as in PyTorch and Hugging
// Face; vectors (norm gains, biases) are [1, n].
type Param struct {
	Name       string
	Rows, Cols int
	Data       []float32 // row-major; fill it, never replace it (kernels rely on its alignment)
	Grad       []float32 // nil until a graph with Gradients is compiled, or AllocGrad

	Frozen  bool    // no gradient, no update
	LRScale float32 // multiplies the learning rate; 1 by default
	NoDecay bool    // exempt from weight decay (norm gains, biases)

	DecayScale float32 // multiplies the weight decay; 1 by default

	Attached sync.Map // what devices keep beside the data, by device; lives as long as the parameter

	Backing any // what owns the memory of Data where that is not Go's; nil else

	version uint64 // counts the changes of Data
}

// Changed must be called after Data was written by hand while a compiled program exists, so that
// copies of the weights in another layout are renewed. The optimizer calls it itself.
func (p *Param) Changed() { p.version++ }

// Version counts the calls of Changed.
func (p *Param) Version() uint64 { return p.version }

// Row returns row i of the parameter, a part of Data.
func (p *Param) Row(i int) []float32 { return p.Data[i*p.Cols : (i+1)*p.Cols] }

// AllocGrad makes sure that Grad exists.
func (p *Param) AllocGrad() {
	if p.Grad == nil && !p.Frozen {
		p.Grad = Alloc(len(p.Data))
	}
}

// Params is an ordered store of named parameters that several graphs share: one graph trains
// them, another scores, a third decodes.
type Params struct {
	list   []*Param
	byName map[string]*Param
}

// NewParams returns an empty store.
func NewParams() *Params { return &Params{byName: map[string]*Param{}} }

// NewParam makes a zero parameter that belongs to no store yet.
func NewParam(name string, rows, cols int) *Param {
	return &Param{Name: name, Rows: rows, Cols: cols, Data: Alloc(rows * cols), LRScale: 1, DecayScale: 1, version: 1}
}

// Add creates a zero parameter of shape [rows, cols]. Names are unique.
func (ps *Params) Add(name string, rows, cols int) (*Param, error) {
	if rows < 1 || cols < 1 {
		return nil, fmt.Errorf("parameter %s: shape [%d, %d] is empty", name, rows, cols)
	}
	if ps.byName[name] != nil {
		return nil, fmt.Errorf("parameter %s exists already", name)
	}
	p := NewParam(name, rows, cols)
	ps.Share(p)
	return p, nil
}

// Share adds a parameter that may belong to other stores, too, so that several models have it in
// common. One of that name is replaced.
func (ps *Params) Share(p *Param) {
	if old := ps.byName[p.Name]; old != nil {
		ps.list[slices.Index(ps.list, old)] = p
	} else {
		ps.list = append(ps.list, p)
	}
	ps.byName[p.Name] = p
}

// Remove takes a parameter out of the store.
func (ps *Params) Remove(p *Param) {
	if ps.byName[p.Name] == p {
		delete(ps.byName, p.Name)
		ps.list = slices.DeleteFunc(ps.list, func(q *Param) bool { return q == p })
	}
}

// MustAdd is Add for shapes that have been validated before; it panics on a mistake.
func (ps *Params) MustAdd(name string, rows, cols int) *Param {
	p, err := ps.Add(name, rows, cols)
	if err != nil {
		panic(err)
	}
	return p
}

// Get returns the parameter of that name, or nil.
func (ps *Params) Get(name string) *Param { return ps.byName[name] }

// List returns the parameters in the order in which they were added.
func (ps *Params) List() []*Param { return ps.list }

// Count returns the number of scalars.
func (ps *Params) Count() int {
	n := 0
	for _, p := range ps.list {
		n += len(p.Data)
	}
	return n
}

// Changed is Param.Changed for all parameters.
func (ps *Params) Changed() {
	for _, p := range ps.list {
		p.Changed()
	}
}

// CopyFrom copies all data from a store of the same names and shapes.
func (ps *Params) CopyFrom(src *Params) error {
	if len(ps.list) != len(src.list) {
		return fmt.Errorf("copy parameters: %d tensors into %d", len(src.list), len(ps.list))
	}
	for _, p := range ps.list {
		q := src.Get(p.Name)
		if q == nil || q.Rows != p.Rows || q.Cols != p.Cols {
			return fmt.Errorf("copy parameters: no %s [%d, %d] in the source", p.Name, p.Rows, p.Cols)
		}
		copy(p.Data, q.Data)
	}
	ps.Changed()
	return nil
}
