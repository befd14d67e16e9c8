package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Team is a fixed set of workers that run one program together (SPMD): every
// worker executes the same function, takes its share of the work, and meets the
// others at barriers. Nothing is queued and no closure is made per operation, so
// a barrier costs about 100 ns.
//
// A Team runs one program at a time; further calls of Run wait.
type Team struct {
	kernels *Kernels
	workers []*Worker
	running sync.Mutex

	// Barrier: arrived counts the workers that wait, round counts the barriers passed.
	_       [64]byte
	arrived atomic.Int32
	_       [60]byte
	round   atomic.Uint32
	_       [60]byte
	asleep  atomic.Int32 // workers parked in wake
	park    sync.Mutex
	wake    *sync.Cond

	tickets [4]ticketCounter // tickets[r%4] belongs to region r
	panels  []float32        // packed B of the current Gemm, shared by all workers
}

type ticketCounter struct {
	n atomic.Int64
	_ [56]byte // one cache line each
}

// Worker is one member of a Team. Its methods may only be called inside Team.Run,
// on the worker that Run handed in. Kernels are embedded: w.Exp(dst, x).
type Worker struct {
	*Kernels
	team   *Team
	id     int
	region uint32                          // regions passed, equal on all workers after a barrier
	packA  []float32                       // packed A panels of the current Gemm
	tile   [MaxTileRows * TileCols]float32 // edge tiles; lives here because a stack array would escape
}

// A waiting worker polls the barrier, then gives up its time slice between polls, then
// parks. Yielding matters on a busy machine: two workers may share a core, and the one
// that spins holds back the one it waits for. Long spinning there costs a factor of 100.
const (
	spins  = 50   // about 2 µs
	yields = 5000 // at least 2 ms
)

// NewTeam returns a team of n workers that compute with kernels k.
// n ≤ 0 means DefaultWorkers.
func NewTeam(n int, k *Kernels) *Team {
	if n <= 0 {
		n = DefaultWorkers()
	}
	t := &Team{kernels: k, panels: Alloc(packedFloats)}
	t.wake = sync.NewCond(&t.park)
	for id := range n {
		t.workers = append(t.workers, &Worker{Kernels: k, team: t, id: id, packA: Alloc(packedAFloats)})
	}
	return t
}

// DefaultWorkers is GOMAXPROCS, or the number of physical cores if that is smaller:
// two hyper-threads of one core share its multipliers.
func DefaultWorkers() int {
	return max(1, min(runtime.GOMAXPROCS(0), physicalCores()))
}

// Workers is the number of workers.
func (t *Team) Workers() int { return len(t.workers) }

// Kernels is the kernel set that the workers use.
func (t *Team) Kernels() *Kernels { return t.kernels }

// Run executes f on every worker at once and returns when all are done.
// The caller's goroutine is worker 0. All workers must pass the same barriers.
func (t *Team) Run(f func(w *Worker)) {
	t.running.Lock()
	defer t.running.Unlock()
	var done sync.WaitGroup
	for _, w := range t.workers[1:] {
		done.Go(func() { f(w) })
	}
	f(t.workers[0])
	done.Wait()
	t.reset()
}

// reset clears what a program left behind, so that a Run starts with fresh tickets.
func (t *Team) reset() {
	for i := range t.tickets {
		t.tickets[i].n.Store(0)
	}
	for _, w := range t.workers {
		w.region = 0
	}
}

// ID is the worker's number, from 0.
func (w *Worker) ID() int { return w.id }

// Team is the team the worker belongs to.
func (w *Worker) Team() *Team { return w.team }

// Part is the worker's share of n items: [lo, hi).
func (w *Worker) Part(n int) (lo, hi int) {
	p := len(w.team.workers)
	return n * w.id / p, n * (w.id + 1) / p
}

// Next hands out 0, 1, 2, … to whichever worker asks; each number once per region.
// A region is what lies between two barriers.
func (w *Worker) Next() int {
	return int(w.team.tickets[w.region%4].n.Add(1)) - 1
}

// Barrier waits until every worker has called it. Writes made before it are
// visible to all workers after it, and Next starts again at 0.
func (w *Worker) Barrier() {
	t := w.team
	w.region++
	round := t.round.Load()
	if int(t.arrived.Add(1)) < len(t.workers) {
		t.await(round)
		return
	}
	t.tickets[(w.region+1)%4].n.Store(0) // last used three regions ago
	t.arrived.Store(0)
	t.round.Add(1)
	if t.asleep.Load() > 0 {
		t.park.Lock()
		t.wake.Broadcast()
		t.park.Unlock()
	}
}

// await returns when the barrier numbered round is passed.
func (t *Team) await(round uint32) {
	for i := range spins + yields {
		if t.round.Load() != round {
			return
		}
		switch {
		case i < spins:
			pause()
		case i%8 == 0: // a team may have more workers than there are Ps
			runtime.Gosched()
		default:
			yield()
		}
	}
	t.park.Lock()
	t.asleep.Add(1)
	for t.round.Load() == round {
		t.wake.Wait()
	}
	t.asleep.Add(-1)
	t.park.Unlock()
}
