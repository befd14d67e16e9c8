package graph

import "fmt"

// Program is a graph made ready to run by some device.
type Program interface {
	// Run computes the graph. Rows are counted from the lengths of what is fed. Gradients of
	// parameters are written to Param.Grad, or added to it if the feeds say Accumulate.
	Run(f *Feeds) error
	// Floats and Ints return an output's elements as of the last run, rows × Cols of them; valid
	// until the next run.
	Floats(v *Value) []float32
	Ints(v *Value) []int32
}

// Feeds is the data of one run. Slices are read during Run and not kept; a Feeds can be reused.
type Feeds struct {
	Seed, Step uint64 // key of all random numbers of the run
	Accumulate bool   // add parameter gradients to those of the run before

	floats map[*Value][]float32
	ints   map[*Value][]int32
	inUse  []bool // by cache slot, for Check
}

// Floats feeds a float input, rows × Cols elements.
func (f *Feeds) Floats(v *Value, data []float32) {
	if f.floats == nil {
		f.floats = map[*Value][]float32{}
	}
	f.floats[v] = data
}

// Ints feeds an int input.
func (f *Feeds) Ints(v *Value, data []int32) {
	if f.ints == nil {
		f.ints = map[*Value][]int32{}
	}
	f.ints[v] = data
}

// Layout feeds the segments of l: their lengths and, with a cache, start and slot of each.
func (f *Feeds) Layout(l *Layout, lens, start, slot []int32) {
	f.Ints(l.Lens, lens)
	if l.Cache != nil {
		f.Ints(l.Start, start)
		f.Ints(l.Slot, slot)
	}
}

// FloatData and IntData return what was fed.
func (f *Feeds) FloatData(v *Value) []float32 { return f.floats[v] }
func (f *Feeds) IntData(v *Value) []int32     { return f.ints[v] }

// Check tests the feeds against the graph and fills rows (one entry per dim) with the number of
// rows of this run: every input is fed, counts agree and fit the capacities, and every index is in
// range. Devices call it before they touch memory.
func (f *Feeds) Check(g *Graph, rows []int) error {
	for i := range rows {
		rows[i] = -1
	}
	rows[g.One.Index] = 1
	for _, v := range g.Values {
		if v.From != nil {
			continue
		}
		if err := f.count(v, rows); err != nil {
			return err
		}
	}
	for _, l := range g.layouts {
		if err := f.checkLayout(l, rows); err != nil {
			return err
		}
	}
	for _, n := range g.Nodes {
		for _, v := range n.Out { // dims that no input has
			if rows[v.Rows.Index] < 0 {
				return fmt.Errorf("feed: nothing tells the number of rows %s", v.Rows.Name)
			}
		}
		if err := f.checkNode(n, rows); err != nil {
			return err
		}
	}
	return nil
}

func (f *Feeds) count(v *Value, rows []int) error {
	n, fed := 0, false
	if v.Kind == Int {
		var d []int32
		d, fed = f.ints[v]
		n = len(d)
	} else {
		var d []float32
		d, fed = f.floats[v]
		n = len(d)
	}
	i := v.Rows.Index
	switch {
	case !fed:
		return fmt.Errorf("feed: input %s is missing", v.Name)
	case n%v.Cols != 0:
		return fmt.Errorf("feed: input %s has %d elements, not a multiple of %d", v.Name, n, v.Cols)
	case n/v.Cols > v.Rows.Cap:
		return fmt.Errorf("feed: input %s has %d rows, capacity of %s is %d", v.Name, n/v.Cols, v.Rows.Name, v.Rows.Cap)
	case rows[i] >= 0 && rows[i] != n/v.Cols:
		return fmt.Errorf("feed: input %s has %d rows, other inputs of %s have %d", v.Name, n/v.Cols, v.Rows.Name, rows[i])
	}
	rows[i] = n / v.Cols
	return nil
}

// checkNode tests the indices that n reads, as far as they are inputs.
func (f *Feeds) checkNode(n *Node, rows []int) error {
	switch n.Op {
	case OpEmbedding:
		return f.inRange(n.Op, n.In[0], n.W.Rows)
	case OpLogProb, OpCrossEntropy:
		return f.inRange(n.Op, n.In[1], n.W.Rows)
	case OpGatherRows:
		return f.inRange(n.Op, n.In[1], rows[n.In[0].Rows.Index])
	case OpGatherRowsGrad:
		return f.inRange(n.Op, n.In[1], rows[n.Out[0].Rows.Index])
	}
	return nil
}

func (f *Feeds) inRange(op Op, idx *Value, n int) error {
	for i, x := range f.ints[idx] {
		if x < 0 || int(x) >= n {
			return fmt.Errorf("feed: %s: %s[%d] = %d is outside [0, %d)", op, idx.Name, i, x, n)
		}
	}
	return nil
}

func (f *Feeds) checkLayout(l *Layout, rows []int) error {
	sum := 0
	for i, n := range f.ints[l.Lens] {
		start := 0
		if l.Cache != nil {
			start = int(f.ints[l.Start][i])
		}
		if n < 0 || start < 0 || start+int(n) > l.MaxLen {
			return fmt.Errorf("feed: segment %d of %s has %d tokens after %d, at most %d fit", i, l.Lens.Name, n, start, l.MaxLen)
		}
		sum += int(n)
	}
	if tokens := rows[l.Tokens.Index]; tokens >= 0 && sum != tokens {
		return fmt.Errorf("feed: segments of %s have %d tokens in all, the stream has %d", l.Lens.Name, sum, tokens)
	}
	if l.Cache == nil {
		return nil
	}
	return f.checkSlots(l)
}

// checkSlots makes sure that no two segments write to the same slot.
func (f *Feeds) checkSlots(l *Layout) error {
	if len(f.inUse) < l.Cache.Slots {
		f.inUse = make([]bool, l.Cache.Slots)
	}
	clear(f.inUse)
	for i, slot := range f.ints[l.Slot] {
		switch {
		case slot < 0 || int(slot) >= l.Cache.Slots:
			return fmt.Errorf("feed: %s[%d] = %d, the cache has %d slots", l.Slot.Name, i, slot, l.Cache.Slots)
		case f.inUse[slot]:
			return fmt.Errorf("feed: %s[%d] = %d, which an earlier segment has", l.Slot.Name, i, slot)
		}
		f.inUse[slot] = true
	}
	return nil
}
