package policy

import (
	"context"
	"fmt"

	"agora/policy/cpu"
	"agora/policy/graph"
)

// Sampling says how tokens are drawn.
type Sampling struct {
	MaxNew      int     // tokens a completion may have, the end token included
	Temperature float64 // divides the logits, MinTemperature … MaxTemperature; 0 takes the most likely token
	TopK        int     // keep the k most likely tokens; 0 keeps all
	TopP        float64 // keep the most likely tokens that together have probability p; 0 or 1 keeps all
	Seed        uint64
	IgnoreEnd   bool // go on to MaxNew whatever comes; for benchmarks
}

// Bounds of a temperature that is not 0. Below, logits divided by it leave float32; above, every token is
// as likely as any other.
const (
	MinTemperature = 1e-3
	MaxTemperature = 100.
)

// Validate names the first setting that makes no sense.
func (s Sampling) Validate() error {
	switch {
	case s.MaxNew < 1:
		return fmt.Errorf("sampling: max_new %d, must be at least 1", s.MaxNew)
	case s.Temperature != 0 && !(s.Temperature >= MinTemperature && s.Temperature <= MaxTemperature): // NaN too
		return fmt.Errorf("sampling: temperature %g is neither 0 nor between %g and %g", s.Temperature, MinTemperature, MaxTemperature)
	case s.TopK < 0:
		return fmt.Errorf("sampling: top_k %d is negative", s.TopK)
	case !(s.TopP >= 0 && s.TopP <= 1):
		return fmt.Errorf("sampling: top_p %g is outside [0, 1]", s.TopP)
	}
	return nil
}

// cut says whether part of the vocabulary is left out. PPO never does that: its probability ratios
// need the full support.
func (s Sampling) cut() bool {
	return s.Temperature > 0 && (s.TopK > 0 || s.TopP > 0 && s.TopP < 1)
}

// Request is one completion to sample.
type Request struct {
	Prompt []int32
	Stream int32 // tells equal prompts apart: seed, stream and position decide every draw
}

// Why a completion ended.
const (
	FinishEOS    = "eos"    // the model wrote an end token, which is the last of Tokens
	FinishLength = "length" // MaxNew tokens without one, or the context is full
)

// Sampled is a completion.
type Sampled struct {
	Tokens   []int32
	LogProbs []float32 // nats, at the sampling temperature over the full vocabulary (greedy: at 1)
	Finish   string
}

// Sum adds the log-probabilities.
func (s Sampled) Sum() float64 { return Score{LogProbs: s.LogProbs}.Sum() }

// Sampler decodes many sequences at once with a key-value cache of slots. When one ends, the next
// prompt takes its slot at once (continuous refill). In float32 the tokens and log-probabilities of
// a request do not depend on what else is in the batch, and equal those of Scorer bit for bit.
type Sampler struct {
	m      *Model
	slots  int
	maxLen int
	ends   []int32  // any of them ends a completion
	full   *decoder // draws on the device over the full vocabulary
	top    *decoder // returns logits, for top-k and top-p; compiled when first used
	dev    *cpu.Device
	cache  *graph.KVCache
	feeds  graph.Feeds
	step   decodeStep
}

// NewSampler compiles a decoder for slots sequences at a time of up to maxLen tokens each, prompt
// included; 0 slots means 16, and 0 for maxLen the model's context.
func NewSampler(dev *cpu.Device, m *Model, slots, maxLen int) (*Sampler, error) {
	if slots <= 0 {
		slots = 16
	}
	if maxLen <= 0 || maxLen > m.Config.Context {
		maxLen = m.Config.Context
	}
	s := &Sampler{m: m, dev: dev, slots: slots, maxLen: maxLen, ends: m.Ends()}
	s.cache = &graph.KVCache{Slots: slots, MaxLen: maxLen}
	var err error
	s.full, err = newDecoder(dev, m, s.cache, false)
	return s, err
}

// Sample completes every request, in any order inside and in the order of reqs outside. progress,
// if not nil, is told how many completions are done.
func (s *Sampler) Sample(ctx context.Context, reqs []Request, how Sampling, progress func(done int)) ([]Sampled, error) {
	if err := s.check(reqs, how); err != nil {
		return nil, err
	}
	d, err := s.decoder(how)
	if err != nil {
		return nil, err
	}
	q := newQueue(reqs, s.slots, s.maxLen)
	for !q.finished() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.step.reset()
		q.fill(&s.step, d.tokens())
		if err := d.run(&s.feeds, &s.step, how); err != nil {
			return nil, err
		}
		before := q.done
		q.take(&s.step, s.ends, how)
		if progress != nil && q.done > before {
			progress(q.done)
		}
	}
	return q.out, nil
}

func (s *Sampler) check(reqs []Request, how Sampling) error {
	if err := how.Validate(); err != nil {
		return err
	}
	for i, r := range reqs {
		if len(r.Prompt) == 0 {
			return fmt.Errorf("sample: prompt %d is empty and the tokenizer has no begin token", i)
		}
		if len(r.Prompt) >= s.maxLen {
			return fmt.Errorf("sample: prompt %d has %d tokens, which leaves no room to go on: the context is %d", i, len(r.Prompt), s.maxLen)
		}
		for _, id := range r.Prompt {
			if id < 0 || int(id) >= s.m.Config.Vocab {
				return fmt.Errorf("sample: prompt %d holds token %d, the vocabulary ends at %d", i, id, s.m.Config.Vocab-1)
			}
		}
	}
	return nil
}

func (s *Sampler) decoder(how Sampling) (*decoder, error) {
	if !how.cut() {
		return s.full, nil
	}
	if s.top == nil {
		var err error
		if s.top, err = newDecoder(s.dev, s.m, s.cache, true); err != nil {
			return nil, err
		}
	}
	return s.top, nil
}
