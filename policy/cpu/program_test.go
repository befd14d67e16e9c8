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
	sm.token, sm.logp = g.Sample(h, t.params.Get("emb"), sm.temp, sm.id, sm.pos)
	return sm
}

// Decoding, prefill in pieces and the training forward agree bit for bit, whatever slots and
// batches are used, and a sample does not depend on its batch.
func TestDecodeEqualsPrefillEqualsTraining(t *testing.T) {
	forEachKernels(t, func(t *testing.T, k *Kernels) {
		for name := range toys {
			toy := newToy(name)
			tr := newTrainer(toy, 400, 4, 9, 0)
			d := OpenWith(2, k)
			train := mustCompile(t, d, tr.g, tr.hidden, tr.logp)
			cache := &graph.KVCache{Slots: 5, MaxLen: toy.maxLen}
			sm := newSampler(toy, 80, 4, cache)
			dec := mustCompile(t, d, sm.g, sm.hidden, sm.token, sm.logp)

			// Two sequences: sample 12 tokens each after prompts of 20 and 9, together.
			seqs := [][]int32{tr.feeds(8, 20).IntData(tr.ids), tr.feeds(9, 9).IntData(tr.ids)}
			logps, hiddens := make([][]float32, 2), make([][]float32, 2)
			from := []int{0, 0}
			for range 12 {
				f := &graph.Feeds{Seed: 42}
				var ids, lens, start, last, pos []int32
				for i, s := range seqs {
					ids = append(ids, s[from[i]:]...)
					lens, start = append(lens, int32(len(s)-from[i])), append(start, int32(from[i]))
					last, pos = append(last, int32(len(ids)-1)), append(pos, int32(len(s)))
					from[i] = len(s)
				}
				f.Ints(sm.ids, ids)
				f.Layout(sm.layout, lens, start, []int32{3, 1})
				f.Ints(sm.last, last)
				f.Floats(sm.temp, []float32{.9, .9})
				f.Ints(sm.id, []int32{100, 101})
				f.Ints(sm.pos, pos)
				mustRun(t, dec, f)
				row := 0
				for i := range seqs {
					hiddens[i] = append(hiddens[i], dec.Floats(sm.hidden)[row*toy.d:(row+int(lens[i]))*toy.d]...)
					row += int(lens[i])
					logps[i] = append(logps[i], dec.Floats(sm.logp)[i])
					seqs[i] = append(seqs[i], dec.Ints(sm.token)[i])
				}
			}
			for i, s := range seqs {
				n := len(s) - 1 // the last token was not fed
				f := tr.feeds(1, int32(n))
				f.Ints(tr.ids, s[:n])
				picks, targets := []int32{}, []int32{}
				for k := range logps[i] {
					picks, targets = append(picks, int32(n-len(logps[i])+k)), append(targets, s[n-len(logps[i])+k+1])
				}
				f.Ints(tr.picks, picks[:9])
				f.Ints(tr.ptargets, targets[:9])
				f.Floats(tr.old, make([]float32, 9))
				full := mustCompile(t, d, tr.g, tr.hidden, tr.pickLog)
				mustRun(t, full, f)
				sameBits(t, name+" hidden", hiddens[i], full.Floats(tr.hidden))
				sameBits(t, name+" log-probability", logps[i][:9], full.Floats(tr.pickLog))
			}
			_ = train
		}
	})
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
