package cpu

import (
	"math/rand/v2"
	"testing"

	"agora/policy/graph"
)

// Buffers that matter at the same time never share memory, and sharing saves much of it.
func TestPlaceSeparatesWhatLivesTogether(t *testing.T) {
	for name := range toys {
		tr := newTrainer(newToy(name), 310, 6, 9, .1)
		pl := newPlan(tr.g, tr.outputs(), 2)
		arena, sum := place(pl.buffers), 0
		for i, a := range pl.buffers {
			sum += a.floats
			if a.offset+a.floats > arena || a.offset%16 != 0 {
				t.Errorf("%s: buffer of %d floats at %d, arena of %d", name, a.floats, a.offset, arena)
			}
			for _, b := range pl.buffers[:i] {
				inTime := a.from <= b.to && b.from <= a.to
				inSpace := a.offset < b.offset+b.floats && b.offset < a.offset+a.floats
				if inTime && inSpace {
					t.Errorf("%s: [%d, %d] at %d and [%d, %d] at %d overlap", name, a.from, a.to, a.offset, b.from, b.to, b.offset)
				}
			}
		}
		if arena > sum*3/4 {
			t.Errorf("%s: an arena of %d floats for buffers of %d", name, arena, sum)
		}
	}
}

func TestPlaceAtRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	for range 50 {
		var all []*buffer
		for range 60 {
			from := rng.IntN(100)
			all = append(all, &buffer{floats: 1 + rng.IntN(5000), from: from, to: from + rng.IntN(20)})
		}
		arena := place(all)
		for i, a := range all {
			for _, b := range all[:i] {
				if a.from <= b.to && b.from <= a.to && a.offset < b.offset+b.floats && b.offset < a.offset+a.floats {
					t.Fatal("buffers overlap")
				}
			}
			if a.offset+a.floats > arena {
				t.Fatal("buffer outside the arena")
			}
		}
	}
}

// A sampler sees weights that the optimizer, or anyone who calls Changed, has written.
func TestPackedWeightsAreRenewed(t *testing.T) {
	toy := newToy("llama")
	d := OpenWith(2, Portable())
	sm := newSampler(toy, 40, 2, &graph.KVCache{Slots: 2, MaxLen: toy.maxLen})
	p := mustCompile(t, d, sm.g, sm.hidden)
	f := &graph.Feeds{}
	f.Ints(sm.ids, []int32{5, 6, 7})
	f.Layout(sm.layout, []int32{3}, []int32{0}, []int32{1})
	for _, v := range []*graph.Value{sm.last, sm.id, sm.pos} {
		f.Ints(v, []int32{0})
	}
	f.Floats(sm.temp, []float32{1})
	mustRun(t, p, f)
	before := append([]float32{}, p.Floats(sm.hidden)...)
	for _, q := range toy.params.List() {
		for i := range q.Data {
			q.Data[i] *= 1.25
		}
	}
	toy.params.Changed()
	mustRun(t, p, f)
	fresh := mustCompile(t, OpenWith(1, Portable()), sm.g, sm.hidden)
	mustRun(t, fresh, f)
	sameBits(t, "renewed", p.Floats(sm.hidden), fresh.Floats(sm.hidden))
	if before[0] == p.Floats(sm.hidden)[0] {
		t.Error("control: other weights should give other states")
	}
}
