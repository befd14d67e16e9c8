package cpu

import (
	"fmt"
	"time"

	"agora/policy/graph"
)

// Program is a compiled graph. It implements graph.Program. All memory is reserved when compiling;
// a run allocates next to nothing.
type Program struct {
	device *Device
	g      *graph.Graph
	steps  []step
	ops    []graph.Op // of each step, for Profile

	arena   []float32
	rows    []int // by dim: rows of this run
	floats  map[*graph.Value][]float32
	ints    map[*graph.Value][]int32
	inputs  []*graph.Value
	layouts []*segments
	packs   []*packedParam

	seed, step uint64
	accumulate bool
	work       func(w *Worker)
	spent      []time.Duration // by op, nil unless profiling
}

// step is one operation bound to its memory. Every worker of the team calls run, right after a
// barrier; run ends right after another one.
type step interface {
	run(w *Worker, p *Program)
}

// Compile prepares g. Only outputs can be read after a run; whatever they and the parameter
// gradients do not need is left out.
func (d *Device) Compile(g *graph.Graph, outputs ...*graph.Value) (*Program, error) {
	if err := g.Err(); err != nil {
		return nil, err
	}
	for i, v := range outputs {
		if v == nil || v.ID >= len(g.Values) || g.Values[v.ID] != v {
			return nil, fmt.Errorf("compile: output %d is not a value of this graph", i)
		}
	}
	pl := newPlan(g, outputs, d.Workers())
	p := &Program{
		device: d, g: g, rows: make([]int, len(g.Dims)), inputs: g.Inputs(),
		floats: map[*graph.Value][]float32{}, ints: map[*graph.Value][]int32{},
	}
	floats := place(pl.buffers) + alignFloats
	if has := machineBytes(); has > 0 && float64(floats)*4 > has {
		return nil, fmt.Errorf("a pass of this size needs %.0f GB of memory, the machine has %.0f GB: lower micro_tokens or what is computed at a time", float64(floats)*4/1e9, has/1e9)
	}
	p.arena = Alloc(floats)
	for v, b := range pl.where {
		p.floats[v] = p.slice(b)[:v.Rows.Cap*v.Cols]
	}
	for _, v := range g.Values {
		if v.Kind == graph.Int {
			p.ints[v] = make([]int32, v.Rows.Cap)
		}
	}
	b := &binder{p: p, plan: pl, written: map[*graph.Param]bool{}, ropes: map[ropeKey]*ropeTable{}, prepack: decodes(pl)}
	for _, j := range pl.jobs {
		if s := b.bind(j); s != nil {
			p.steps = append(p.steps, s)
			p.ops = append(p.ops, j.node.Op)
		}
	}
	p.work = p.runSteps
	return p, nil
}

// decodes reports whether the program is for sampling or cached scoring, where weights are kept
// packed because each is used for few rows.
func decodes(pl *plan) bool {
	for _, j := range pl.jobs {
		if j.node.Op == graph.OpAttentionCached || j.node.Op == graph.OpSample {
			return true
		}
	}
	return false
}

func (p *Program) slice(b *buffer) []float32 { return p.arena[b.offset : b.offset+b.floats] }

// ArenaBytes is the size of the memory for activations.
func (p *Program) ArenaBytes() int { return 4 * len(p.arena) }

// Run implements graph.Program.
func (p *Program) Run(f *graph.Feeds) error {
	if err := f.Check(p.g, p.rows); err != nil {
		return err
	}
	p.seed, p.step, p.accumulate = f.Seed, f.Step, f.Accumulate
	for _, v := range p.inputs {
		if v.Kind == graph.Int {
			copy(p.ints[v], f.IntData(v))
		} else {
			copy(p.floats[v], f.FloatData(v))
		}
	}
	for _, l := range p.layouts {
		l.cut(p)
	}
	p.device.team.Run(p.work)
	return nil
}

func (p *Program) runSteps(w *Worker) {
	for _, k := range p.packs {
		k.renew(w)
	}
	if p.spent != nil {
		p.runProfiled(w)
		return
	}
	for _, s := range p.steps {
		s.run(w, p)
	}
}

func (p *Program) runProfiled(w *Worker) {
	t := time.Now()
	for i, s := range p.steps {
		s.run(w, p)
		if w.ID() == 0 {
			now := time.Now()
			p.spent[p.ops[i]] += now.Sub(t)
			t = now
		}
	}
}

// Profile starts (or restarts) the measurement of time per operation.
func (p *Program) Profile() { p.spent = make([]time.Duration, graph.NumOps) }

// Spent returns the wall time per operation since Profile.
func (p *Program) Spent() map[string]time.Duration {
	m := map[string]time.Duration{}
	for op, d := range p.spent {
		if d > 0 {
			m[graph.Op(op).String()] = d
		}
	}
	return m
}

// n is the number of rows of v in this run.
func (p *Program) n(v *graph.Value) int { return p.rows[v.Rows.Index] }

// Floats implements graph.Program.
func (p *Program) Floats(v *graph.Value) []float32 { return p.floats[v][:p.n(v)*v.Cols] }

// Ints implements graph.Program.
func (p *Program) Ints(v *graph.Value) []int32 { return p.ints[v][:p.n(v)] }

// segments is a layout in this run.
type segments struct {
	layout *graph.Layout
	lens   []int32
	start  []int32 // nil without cache
	slot   []int32
	first  []int // by segment: its first token in the stream
	pos    []int32
	count  int
}

func (s *segments) cut(p *Program) {
	s.count = p.rows[s.layout.Seqs.Index]
	token := 0
	for i := range s.count {
		s.first[i] = token
		pos := int32(0)
		if s.start != nil {
			pos = s.start[i]
		}
		for range s.lens[i] {
			s.pos[token] = pos
			pos++
			token++
		}
	}
}
