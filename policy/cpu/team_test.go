package cpu

import (
	"sync/atomic"
	"testing"
)

func TestTeamSharesTicketsAndMeetsAtBarriers(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 7} {
		team := NewTeam(workers, Portable())
		const regions, tasks = 50, 20
		var done [regions][tasks]atomic.Int32
		var passed atomic.Int32
		for range 3 {
			passed.Store(0)
			team.Run(func(w *Worker) {
				for r := range regions {
					for n := w.Next(); n < tasks; n = w.Next() {
						done[r][n].Add(1)
					}
					passed.Add(1)
					w.Barrier()
					if int(passed.Load()) < (r+1)*workers {
						t.Errorf("a worker left barrier %d before all had come", r)
					}
				}
			})
		}
		for r := range done {
			for n := range done[r] {
				if c := done[r][n].Load(); c != 3 {
					t.Fatalf("%d workers: task %d of region %d ran %d times in 3 runs", workers, n, r, c)
				}
			}
		}
	}
}

func TestPartCoversEverythingOnce(t *testing.T) {
	team := NewTeam(3, Portable())
	for _, n := range []int{0, 1, 2, 3, 10, 31} {
		var seen [31]atomic.Int32
		team.Run(func(w *Worker) {
			lo, hi := w.Part(n)
			for i := lo; i < hi; i++ {
				seen[i].Add(1)
			}
		})
		for i := range n {
			if seen[i].Load() != 1 {
				t.Errorf("item %d of %d was given out %d times", i, n, seen[i].Load())
			}
		}
	}
}

func TestChooseKernels(t *testing.T) {
	for _, k := range Available() {
		if got, err := choose(k.Name()); err != nil || got.Name() != k.Name() {
			t.Errorf("choose(%q) = %v, %v", k.Name(), got, err)
		}
	}
	if k, err := choose(""); err != nil || k.Name() != Available()[0].Name() {
		t.Errorf("the default is %v, %v", k, err)
	}
	if _, err := choose("sse9"); err == nil || err.Error() != "AGORA_CPU=sse9: unknown; use avx512, avx2 or portable" {
		t.Errorf("unknown kernel set: %v", err)
	}
}

func BenchmarkBarrier(b *testing.B) {
	team := NewTeam(0, Portable())
	team.Run(func(w *Worker) {
		for range b.N {
			w.Barrier()
		}
	})
}
