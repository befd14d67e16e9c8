package cpu

import (
	"math"
	"slices"
	"testing"

	"agora/policy/graph"
)

// closeTo compares with a float64 reference. The limit is relative to the largest element: sums of
// float32 products lose about √n ulps of the largest term, and cancellation hits small elements.
func closeTo(t *testing.T, what string, got, want []float32, limit float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	top := 1e-6
	for _, x := range want {
		top = math.Max(top, math.Abs(float64(x)))
	}
	for i := range want {
		if diff := math.Abs(float64(got[i]) - float64(want[i])); !(diff <= limit*top) {
			t.Errorf("%s[%d] = %g, want %g (largest %g)", what, i, got[i], want[i], top)
			return
		}
	}
}

func grads(ps *graph.Params) map[string][]float32 {
	m := map[string][]float32{}
	for _, p := range ps.List() {
		m[p.Name] = slices.Clone(p.Grad)
	}
	return m
}

func TestModelsAgainstReference(t *testing.T) {
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for name := range toys {
			t.Run(name, func(t *testing.T) {
				lens := []int32{1, 9, 0, 16, 5}
				if name == "llama wide" {
					lens = []int32{3, 299}
				}
				tr := newTrainer(newToy(name), 310, 6, 9, .25)
				f := tr.feeds(2, lens...)
				ref, err := graph.NewReference(tr.g)
				if err != nil {
					t.Fatal(err)
				}
				mustRun(t, ref, f)
				want := grads(tr.params)
				p := mustCompile(t, OpenWith(2, k), tr.g, tr.outputs()...)
				mustRun(t, p, f)
				for i, v := range tr.outputs() {
					closeTo(t, []string{"hidden", "ce", "logp", "pickLog", "entropy", "ppo", "loss"}[i], p.Floats(v), ref.Floats(v), 2e-5)
				}
				for _, q := range tr.params.List() {
					if want[q.Name] != nil {
						closeTo(t, "gradient of "+q.Name, q.Grad, want[q.Name], 1e-4)
					}
				}
			})
		}
	})
}

// bits runs a batch and returns everything it computed.
func bits(t *testing.T, d *Device, tr *trainer, f *graph.Feeds) map[string][]float32 {
	t.Helper()
	p := mustCompile(t, d, tr.g, tr.outputs()...)
	mustRun(t, p, f)
	m := grads(tr.params)
	for _, v := range tr.outputs() {
		m[v.String()] = slices.Clone(p.Floats(v))
	}
	return m
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s[%d] = %g, want %g bit for bit", what, i, got[i], want[i])
		}
	}
}

func TestBitsDoNotDependOnWorkers(t *testing.T) {
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for name := range toys {
			tr := newTrainer(newToy(name), 600, 30, 9, .1)
			f := tr.feeds(3, 1, 30, 0, 16, 5, 37, 2, 2, 20)
			want := bits(t, OpenWith(1, k), tr, f)
			for _, workers := range []int{2, 3} {
				for what, got := range bits(t, OpenWith(workers, k), tr, f) {
					sameBits(t, what, got, want[what])
				}
			}
		}
	})
}

// A sequence gives the same bits alone, in any batch, and in programs of other capacity.
func TestBitsDoNotDependOnTheBatch(t *testing.T) {
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for name := range toys {
			toy := newToy(name)
			alone, batch := newTrainer(toy, 40, 2, 9, 0), newTrainer(toy, 1300, 90, 9, 0)
			d := OpenWith(2, k)
			p, q := mustCompile(t, d, alone.g, alone.hidden, alone.logp), mustCompile(t, d, batch.g, batch.hidden, batch.logp)
			fb := batch.feeds(4, 11, 37, 1, 0, 23, 37, 30, 30)
			mustRun(t, q, fb)
			first := 0
			for _, n := range fb.IntData(batch.layout.Lens) {
				fa := alone.feeds(1, n)
				fa.Ints(alone.ids, fb.IntData(batch.ids)[first:first+int(n)])
				fa.Ints(alone.targets, fb.IntData(batch.targets)[first:first+int(n)])
				if n == 0 {
					continue
				}
				mustRun(t, p, fa)
				sameBits(t, name+" hidden", p.Floats(alone.hidden), q.Floats(batch.hidden)[first*toy.d:(first+int(n))*toy.d])
				sameBits(t, name+" logp", p.Floats(alone.logp), q.Floats(batch.logp)[first:first+int(n)])
				first += int(n)
			}
		}
	})
}

// sampler is a toy with a cache that reads out the last token of each segment.
type sampler struct {
	*toy
	g                        *graph.Graph
	ids, last, temp, id, pos *graph.Value
	layout                   *graph.Layout
	hidden, token, logp      *graph.Value
}

func newSampler(t *toy, tokens, seqs int, cache *graph.KVCache) *sampler {
	g := graph.New(t.params)
	n, s := g.Dim("tokens", tokens), g.Dim("seqs", seqs)
	sm := &sampler{toy: t, g: g, ids: g.Ints("ids", n), layout: g.CachedLayout("l", n, s, cache)}
	sm.last, sm.temp, sm.id, sm.pos = g.Ints("last", s), g.Floats("temp", s, 1), g.Ints("id", s), g.Ints("pos", s)
	sm.hidden = t.hidden(g, sm.ids, sm.layout, 0)
	h := g.GatherRows(sm.hidden, sm.last)
	sm.token, sm.logp = g.Sample(h, graph.Head{W: t.params.Get("emb")}, sm.temp, sm.id, sm.pos)
	return sm
}

// cachedSeq is a sequence that is being sampled.
type cachedSeq struct {
	tokens       []int32
	fed          int // tokens in the cache
	slot, stream int32
	hidden       []float32 // of all fed tokens
	logp         []float32 // of the sampled ones
}

const testTemperature = .9

// feed runs one step that takes up to limit new tokens of each sequence, and appends a sampled token
// to those that have no more.
func (sm *sampler) feed(t *testing.T, p *Program, seqs []*cachedSeq, limit int) {
	t.Helper()
	f := &graph.Feeds{Seed: 42}
	var ids, lens, start, slot, last, stream, pos []int32
	var temp []float32
	for _, s := range seqs {
		n := min(limit, len(s.tokens)-s.fed)
		ids = append(ids, s.tokens[s.fed:s.fed+n]...)
		lens, start, slot = append(lens, int32(n)), append(start, int32(s.fed)), append(slot, s.slot)
		s.fed += n
		last, stream, pos = append(last, int32(len(ids)-1)), append(stream, s.stream), append(pos, int32(s.fed))
		temp = append(temp, testTemperature)
	}
	f.Ints(sm.ids, ids)
	f.Layout(sm.layout, lens, start, slot)
	f.Ints(sm.last, last)
	f.Floats(sm.temp, temp)
	f.Ints(sm.id, stream)
	f.Ints(sm.pos, pos)
	mustRun(t, p, f)
	hidden := p.Floats(sm.hidden)
	for i, s := range seqs {
		n := int(lens[i]) * sm.d
		s.hidden, hidden = append(s.hidden, hidden[:n]...), hidden[n:]
		if s.fed == len(s.tokens) {
			s.tokens = append(s.tokens, p.Ints(sm.token)[i])
			s.logp = append(s.logp, p.Floats(sm.logp)[i])
		}
	}
}

// Decoding, prefill in pieces and the training forward agree bit for bit, whatever slots and
// batches are used, and a sample does not depend on its batch.
func TestDecodeEqualsPrefillEqualsTraining(t *testing.T) {
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for name := range toys {
			toy, d := newToy(name), OpenWith(2, k)
			tr := newTrainer(toy, 400, 4, 9, 0)
			train := mustCompile(t, d, tr.g, tr.hidden, tr.pickLog)
			sm := newSampler(toy, 80, 4, &graph.KVCache{Slots: 5, MaxLen: toy.maxLen})
			decode := mustCompile(t, d, sm.g, sm.hidden, sm.token, sm.logp)
			prompt := tr.feeds(8, 20).IntData(tr.ids)
			a := &cachedSeq{tokens: slices.Clone(prompt), slot: 3, stream: 100}
			b := &cachedSeq{tokens: tr.feeds(9, 9).IntData(tr.ids), slot: 1, stream: 101}
			alone := &cachedSeq{tokens: slices.Clone(prompt), slot: 4, stream: 100}
			for len(a.tokens) < 32 {
				sm.feed(t, decode, []*cachedSeq{a, b}, 13) // a's prompt in two pieces
			}
			for len(alone.tokens) < 32 {
				sm.feed(t, decode, []*cachedSeq{alone}, 20)
			}
			if !slices.Equal(a.tokens, alone.tokens) {
				t.Errorf("%s: sampled %v in a batch, %v alone", name, a.tokens, alone.tokens)
			}
			for _, s := range []*cachedSeq{a, b, alone} {
				tr.compareWith(t, train, s)
			}
		}
	})
}

// compareWith runs the training forward on a sampled sequence and expects the same bits.
func (tr *trainer) compareWith(t *testing.T, train *Program, s *cachedSeq) {
	t.Helper()
	f := tr.feeds(1, int32(s.fed))
	f.Ints(tr.ids, s.tokens[:s.fed])
	var picks, targets []int32
	for i := len(s.tokens) - min(9, len(s.logp)); i < len(s.tokens); i++ {
		picks, targets = append(picks, int32(i-1)), append(targets, s.tokens[i])
	}
	f.Ints(tr.picks, picks)
	f.Ints(tr.ptargets, targets)
	f.Floats(tr.old, make([]float32, len(picks)))
	mustRun(t, train, f)
	sameBits(t, "hidden", s.hidden, train.Floats(tr.hidden))
	sameBits(t, "log-probability", s.logp[len(s.logp)-len(picks):], train.Floats(tr.pickLog))
}

// A non-finite weight must show in the loss, whichever operation it passes.
func TestNaNReachesTheLoss(t *testing.T) {
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for name := range toys {
			toy := newToy(name)
			tr := newTrainer(toy, 40, 2, 9, 0)
			p := mustCompile(t, OpenWith(2, k), tr.g, tr.loss)
			f := tr.feeds(5, 30)
			mustRun(t, p, f)
			if !finite(float64(p.Floats(tr.loss)[0])) {
				t.Fatal("control: the loss should be finite")
			}
			for _, w := range toy.params.List() {
				if w.Grad == nil || w.Name == "emb" || w.Name == "pos" {
					continue
				}
				old := w.Data[1]
				for _, bad := range []float64{math.NaN(), math.Inf(1)} {
					w.Data[1] = float32(bad)
					mustRun(t, p, f)
					if x := p.Floats(tr.loss)[0]; finite(float64(x)) {
						t.Errorf("%s: %s[1] = %g gives loss %g", name, w.Name, bad, x)
					}
				}
				w.Data[1] = old
			}
		}
	})
}

// A steady training step allocates only what starting the workers takes.
func TestStepsDoNotAllocate(t *testing.T) {
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for name := range toys {
			tr := newTrainer(newToy(name), 100, 6, 9, .1)
			d := OpenWith(2, k)
			p, opt := mustCompile(t, d, tr.g, tr.loss), d.NewAdamW(tr.params)
			f := tr.feeds(5, 30, 20)
			per := testing.AllocsPerRun(5, func() {
				mustRun(t, p, f)
				if _, err := opt.Step(AdamWConfig{LearningRate: 1e-4, Beta1: .9, Beta2: .999, Eps: 1e-8}); err != nil {
					t.Fatal(err)
				}
			})
			if per > 10 {
				t.Errorf("%s: %.0f allocations per step", name, per)
			}
		}
	})
}

// Logits that are kept for the gradient and logits that are computed again give the same bits.
func TestKeptLogitsChangeNothing(t *testing.T) {
	toy := newToy("llama")
	kept, again := newTrainer(toy, 60, 3, 9, 0), newTrainer(toy, 60, 3, maxKeptLogits/toy.vocab+1, 0)
	d := OpenWith(2, Portable())
	want := bits(t, d, kept, kept.feeds(6, 30, 17))
	for what, got := range bits(t, d, again, again.feeds(6, 30, 17)) {
		sameBits(t, what, got, want[what])
	}
	if n, m := len(newPlan(kept.g, nil, 1).kept), len(newPlan(again.g, nil, 1).kept); n != 1 || m != 0 {
		t.Errorf("control: logits kept in %d and %d graphs, want 1 and 0", n, m)
	}
}
