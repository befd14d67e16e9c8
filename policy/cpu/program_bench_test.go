package cpu

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"testing"
	"time"

	"agora/policy/graph"
)

// benchSize is a model and batch of the PyTorch scripts that this engine is compared with.
type benchSize struct {
	toy
	batch, decode int // sequences when training and when sampling
}

var benchSizes = map[string]benchSize{
	"S": {toy{d: 128, heads: 4, kv: 4, hd: 32, ffn: 344, vocab: 1024, layers: 2, maxLen: 128}, 16, 16},
	"M": {toy{d: 384, heads: 6, kv: 6, hd: 64, ffn: 1024, vocab: 8192, layers: 6, maxLen: 256}, 8, 16},
	"L": {toy{d: 576, heads: 9, kv: 3, hd: 64, ffn: 1536, vocab: 49152, layers: 30, maxLen: 256}, 2, 4},
}

func (s benchSize) model() *toy {
	toys["bench"] = s.toy
	t := newToy("bench")
	delete(toys, "bench")
	for _, p := range t.params.List() {
		for i := range p.Data {
			if p.Rows > 1 {
				p.Data[i] *= .02 / .3
			} else {
				p.Data[i] = 1
			}
		}
	}
	return t
}

// BenchmarkTrain is a training step: forward, backward, AdamW. AGORA_PROFILE=1 prints the time per operation.
func BenchmarkTrain(b *testing.B) {
	for _, name := range []string{"S", "M", "L"} {
		b.Run(name, func(b *testing.B) {
			size := benchSizes[name]
			m := size.model()
			n := size.batch * size.maxLen
			g := graph.New(m.params)
			tokens, seqs := g.Dim("tokens", n), g.Dim("seqs", size.batch)
			ids, targets, w := g.Ints("ids", tokens), g.Ints("targets", tokens), g.Floats("w", tokens, 1)
			l := g.Layout("l", tokens, seqs, m.maxLen)
			loss, _ := g.CrossEntropy(m.hidden(g, ids, l, 0), graph.Head{W: m.params.Get("emb")}, targets, w)
			g.Gradients(loss)
			d, err := Open(0)
			if err != nil {
				b.Fatal(err)
			}
			p, err := d.Compile(g, loss)
			if err != nil {
				b.Fatal(err)
			}
			opt := d.NewAdamW(m.params)
			f := &graph.Feeds{}
			x, y, wt, lens := make([]int32, n), make([]int32, n), make([]float32, n), make([]int32, size.batch)
			for i := range x {
				x[i], y[i], wt[i] = rand.Int32N(int32(m.vocab)), rand.Int32N(int32(m.vocab)), 1/float32(n)
			}
			for i := range lens {
				lens[i] = int32(m.maxLen)
			}
			f.Ints(ids, x)
			f.Ints(targets, y)
			f.Floats(w, wt)
			f.Layout(l, lens, nil, nil)
			var update time.Duration
			step := func() {
				if err := p.Run(f); err != nil {
					b.Fatal(err)
				}
				defer func(t time.Time) { update += time.Since(t) }(time.Now())
				if _, err := opt.Step(AdamWConfig{LearningRate: 1e-4, Beta1: .9, Beta2: .999, Eps: 1e-8, WeightDecay: .01}); err != nil {
					b.Fatal(err)
				}
			}
			step()
			step()
			profile := os.Getenv("AGORA_PROFILE") != ""
			if profile {
				p.Profile()
			}
			update = 0
			var times []float64
			for b.Loop() {
				t := time.Now()
				step()
				times = append(times, time.Since(t).Seconds())
			}
			sort.Float64s(times)
			b.ReportMetric(float64(n)/times[len(times)/2], "tok/s")
			b.ReportMetric(float64(p.ArenaBytes())/1e6, "arena-MB")
			if profile {
				report(b, p, len(times))
				b.Logf("%-16s %8.3f ms", "AdamW", update.Seconds()*1e3/float64(len(times)))
			}
		})
	}
}

func report(b *testing.B, p *Program, runs int) {
	for op, d := range p.Spent() {
		b.Logf("%-16s %8.3f ms", op, d.Seconds()*1e3/float64(runs))
	}
}

// BenchmarkSample samples 64 tokens after prompts of 64, prefill included.
func BenchmarkSample(b *testing.B) {
	for _, name := range []string{"S", "M", "L"} {
		b.Run(name, func(b *testing.B) {
			size := benchSizes[name]
			size.maxLen = 128
			m, rows := size.model(), size.decode
			d, err := Open(0)
			if err != nil {
				b.Fatal(err)
			}
			sm := newSampler(m, rows*64, rows, &graph.KVCache{Slots: rows, MaxLen: 128})
			p, err := d.Compile(sm.g, sm.token, sm.logp)
			if err != nil {
				b.Fatal(err)
			}
			prompt, f := make([]int32, 64*rows), &graph.Feeds{}
			lens, start, slot := make([]int32, rows), make([]int32, rows), make([]int32, rows)
			last, pos, temp := make([]int32, rows), make([]int32, rows), make([]float32, rows)
			for i := range prompt {
				prompt[i] = rand.Int32N(int32(m.vocab))
			}
			generate := func() {
				for t := range 64 {
					n := int32(1)
					if t == 0 {
						n = 64
						f.Ints(sm.ids, prompt)
					} else {
						f.Ints(sm.ids, p.Ints(sm.token))
					}
					for i := range int32(rows) {
						lens[i], start[i], slot[i], last[i], temp[i] = n, pos[i]*min(1, int32(t)), i, (i+1)*n-1, 1
						pos[i] = start[i] + n
					}
					f.Layout(sm.layout, lens, start, slot)
					f.Ints(sm.last, last)
					f.Floats(sm.temp, temp)
					f.Ints(sm.id, slot)
					f.Ints(sm.pos, pos)
					if err := p.Run(f); err != nil {
						b.Fatal(err)
					}
				}
			}
			generate()
			if os.Getenv("AGORA_PROFILE") != "" {
				p.Profile()
				defer func() { report(b, p, 1) }()
			}
			var times []float64
			for b.Loop() {
				t := time.Now()
				generate()
				times = append(times, time.Since(t).Seconds())
			}
			sort.Float64s(times)
			b.ReportMetric(float64(64*rows)/times[len(times)/2], "tok/s")
			if s := p.Spent(); len(s) > 0 {
				b.Log(fmt.Sprint("generations ", len(times)))
			}
		})
	}
}
