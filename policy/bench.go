package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"time"

	"agora/policy/checkpoint"
	"agora/policy/cpu"
	"agora/policy/graph"
)

// BenchCmd is `agora bench`.
type BenchCmd struct {
	Gemm   BenchGemmCmd   `cmd:"" help:"Matrix products against the peak of the machine."`
	Train  BenchTrainCmd  `cmd:"" help:"Training steps: forward, backward and AdamW."`
	Sample BenchSampleCmd `cmd:"" help:"Sampling with the key-value cache."`
}

// benchSize is one of the sizes that the comparison with other systems uses.
type benchSize struct {
	config Config
	batch  int // sequences of a training step
	decode int // sequences decoded together
	tokens int // of a training sequence
	steps  int // timed
}

// sizeOf gives the sizes S, M and L: Llama style with a tied head.
func sizeOf(name string) (benchSize, error) {
	var p PretrainConfig
	if name == "tiny" || p.ApplyPreset(name) != nil {
		return benchSize{}, fmt.Errorf("--size %q: must be S, M or L", name)
	}
	p.Family, p.Tied = Llama, true
	s := benchSize{config: p.model(p.Vocab), batch: p.BatchSequences, tokens: p.Context, decode: 16}
	s.config.Context = 512
	s.steps = map[string]int{"S": 30, "M": 9, "L": 6}[name]
	if name == "L" {
		s.decode = 4
	}
	return s, nil
}

type benchFlags struct {
	common
	Size   string `name:"size" default:"S" help:"S (0.5M parameters), M (14M) or L (135M)."`
	DType  string `name:"dtype" default:"fp32" enum:"fp32" help:"Number format of the arithmetic: fp32."`
	Device string `name:"device" default:"cpu" enum:"cpu" help:"Device: cpu."`
}

// open makes the model with random weights.
func (f benchFlags) open() (benchSize, *Model, *cpu.Device, error) {
	size, err := sizeOf(f.Size)
	if err != nil {
		return size, nil, nil, err
	}
	dev, err := cpu.Open(f.Workers)
	if err != nil {
		return size, nil, nil, err
	}
	m, err := NewModel(size.config)
	if err != nil {
		return size, nil, nil, err
	}
	m.Init(0)
	return size, m, dev, nil
}

// BenchTrainCmd is `agora bench train`.
type BenchTrainCmd struct {
	benchFlags
	Steps int `name:"steps" default:"0" help:"Timed steps; 0 means 30, 9 or 6 for S, M, L."`
}

// Help is shown by --help.
func (*BenchTrainCmd) Help() string {
	return `Times training steps on random tokens and reports the median.

  agora bench train --size M --json`
}

// trainResult is what bench train prints.
type trainResult struct {
	Size            string  `json:"size"`
	DType           string  `json:"dtype"`
	Device          string  `json:"device"`
	Kernels         string  `json:"kernels"`
	Workers         int     `json:"workers"`
	Params          int     `json:"params"`
	TokensPerSecond float64 `json:"tokens_per_second"`
	StepMS          float64 `json:"step_ms"`
	MinStepMS       float64 `json:"min_step_ms"`
	GFLOPS          float64 `json:"gflops"`
	PeakRSSMB       float64 `json:"peak_rss_mb"`
	FirstLoss       float64 `json:"first_loss"`
	LastLoss        float64 `json:"last_loss"`
}

// Run measures.
func (c *BenchTrainCmd) Run(ctx context.Context) error {
	size, m, dev, err := c.open()
	if err != nil {
		return err
	}
	if c.Steps > 0 {
		size.steps = c.Steps
	}
	n := size.batch * size.tokens
	t, err := newTokenLoss(dev, m, n, size.batch, 0)
	if err != nil {
		return err
	}
	opt := NewOptimizer(dev, m.Params, OptimizerConfig{
		Schedule: Schedule{Peak: 1e-4, Shape: "constant"}, Beta1: .9, Beta2: .999, Eps: 1e-8, WeightDecay: .01,
	})
	ids, targets, lens, weights := benchBatch(m.Config.Vocab, size.batch, size.tokens)
	r := trainResult{Size: c.Size, DType: c.DType, Device: c.Device, Kernels: dev.Kernels(), Workers: dev.Workers(), Params: m.Params.Count()}
	step := func() error {
		loss, err := t.run(ids, targets, lens, weights)
		if r.FirstLoss == 0 {
			r.FirstLoss = loss
		}
		r.LastLoss = loss
		if err == nil {
			_, _, err = opt.Step()
		}
		return err
	}
	times, err := timeSteps(ctx, 1+max(2, size.steps/6), size.steps, step)
	if err != nil {
		return err
	}
	median := times[len(times)/2]
	r.StepMS, r.MinStepMS = median*1e3, times[0]*1e3
	r.TokensPerSecond = float64(n) / median
	r.GFLOPS = r.TokensPerSecond * size.flops() / 1e9
	r.PeakRSSMB = peakRSS()
	return r.print(os.Stdout, c.JSON)
}

func (r trainResult) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	_, err := fmt.Fprintf(w, "train %s %s on %s (%s, %d workers): %.0f tokens/s, %.1f ms a step (best %.1f), %.0f GFLOP/s, %.0f MB, loss %.3f to %.3f\n",
		r.Size, r.DType, r.Device, r.Kernels, r.Workers, r.TokensPerSecond, r.StepMS, r.MinStepMS, r.GFLOPS, r.PeakRSSMB, r.FirstLoss, r.LastLoss)
	return err
}

// flops are the operations of a trained token: the weights, and attention at half of the context on
// average, forward once and backward twice.
func (s benchSize) flops() float64 {
	c := s.config
	attention := 3 * 2 * 2 * float64(c.Layers) * float64(c.qWidth()) * float64(s.tokens) / 2
	return c.FlopsPerToken() + attention
}

// benchBatch is a batch of random tokens, weighed equally.
func benchBatch(vocab, batch, tokens int) (ids, targets, lens []int32, weights []float32) {
	key := graph.Key(0, 0, 0)
	for b := range batch {
		for t := range tokens {
			at := uint64(b*(tokens+1) + t)
			ids = append(ids, int32(graph.Bits(key, at)%uint64(vocab)))
			targets = append(targets, int32(graph.Bits(key, at+1)%uint64(vocab)))
		}
		lens = append(lens, int32(tokens))
	}
	weights = make([]float32, len(ids))
	fill(weights, 1/float32(len(ids)))
	return ids, targets, lens, weights
}

// timeSteps warms up, then returns the sorted seconds of the timed steps.
func timeSteps(ctx context.Context, warm, timed int, step func() error) ([]float64, error) {
	var times []float64
	for i := range warm + timed {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := step(); err != nil {
			return nil, err
		}
		if i >= warm {
			times = append(times, time.Since(start).Seconds())
		}
	}
	sort.Float64s(times)
	return times, nil
}

// BenchSampleCmd is `agora bench sample`.
type BenchSampleCmd struct {
	benchFlags
}

// Help is shown by --help.
func (*BenchSampleCmd) Help() string {
	return `Times sampling at temperature 1: prompts of 64 tokens, 64 new tokens, 16 sequences together (4 at
size L), the reading of the prompts included.

  agora bench sample --size M --json`
}

type sampleResult struct {
	Size               string  `json:"size"`
	DType              string  `json:"dtype"`
	Device             string  `json:"device"`
	Kernels            string  `json:"kernels"`
	Workers            int     `json:"workers"`
	Params             int     `json:"params"`
	Sequences          int     `json:"sequences"`
	NewTokensPerSecond float64 `json:"new_tokens_per_second"`
	Seconds            float64 `json:"seconds"`
	PeakRSSMB          float64 `json:"peak_rss_mb"`
}

// Run measures.
func (c *BenchSampleCmd) Run(ctx context.Context) error {
	const prompt, fresh, rounds = 64, 64, 7
	size, m, dev, err := c.open()
	if err != nil {
		return err
	}
	m.DType = checkpoint.F32
	s, err := NewSampler(dev, m, size.decode, prompt+fresh)
	if err != nil {
		return err
	}
	ids, _, _, _ := benchBatch(m.Config.Vocab, size.decode, prompt)
	reqs := make([]Request, size.decode)
	for i := range reqs {
		reqs[i] = Request{Prompt: ids[i*prompt : (i+1)*prompt], Stream: int32(i)}
	}
	how := Sampling{MaxNew: fresh, Temperature: 1, IgnoreEnd: true}
	times, err := timeSteps(ctx, 1, rounds, func() error {
		_, err := s.Sample(ctx, reqs, how, nil)
		return err
	})
	if err != nil {
		return err
	}
	median := times[len(times)/2]
	r := sampleResult{
		Size: c.Size, DType: c.DType, Device: c.Device, Kernels: dev.Kernels(), Workers: dev.Workers(), Params: m.Params.Count(),
		Sequences: size.decode, NewTokensPerSecond: float64(size.decode*fresh) / median, Seconds: median, PeakRSSMB: peakRSS(),
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	_, err = fmt.Printf("sample %s %s on %s (%s, %d workers): %.0f new tokens/s with %d sequences, %.3f s, %.0f MB\n",
		r.Size, r.DType, r.Device, r.Kernels, r.Workers, r.NewTokensPerSecond, r.Sequences, r.Seconds, r.PeakRSSMB)
	return err
}

// BenchGemmCmd is `agora bench gemm`.
type BenchGemmCmd struct {
	common
	Shapes string `name:"shapes" default:"512,1024,2048" help:"Comma-separated: 512 for a square, 2048x384x1024 for M×K×N."`
}

// Help is shown by --help.
func (*BenchGemmCmd) Help() string {
	return `Measures every shape in the layouts of forward (NN, NT) and weight gradient (TN), and the peak of
the machine in the same minute.

  agora bench gemm --shapes 512,1024,2048x384x1024 --json`
}

// Run measures.
func (c *BenchGemmCmd) Run(ctx context.Context) error {
	shapes, err := cpu.ParseGEMMShapes(c.Shapes)
	if err != nil {
		return fmt.Errorf("--shapes: %w", err)
	}
	enc := json.NewEncoder(os.Stdout)
	return cpu.BenchGEMM(ctx, c.Workers, shapes, func(r cpu.GEMMResult) error {
		if c.JSON {
			return enc.Encode(r)
		}
		_, err := fmt.Printf("%5d × %5d × %5d %s %s  %6.1f GFLOP/s, %3.0f %% of %.1f\n", r.M, r.K, r.N, r.Layout, r.DType, r.GFLOPS, 100*r.Fraction, r.PeakGFLOPS)
		return err
	})
}
