package policy

import (
	"slices"

	"agora/policy/cpu"
	"agora/policy/graph"
)

// prefillTokens is how many prompt tokens a decoding step takes besides the running sequences, if
// the prompts are shorter than that.
const prefillTokens = 512

// decodeStep is what one run of the decoder computes: one segment for each sequence, a single token
// for those that run and the whole prompt for those that begin.
type decodeStep struct {
	ids               []int32 // [tokens]
	lens, start, slot []int32 // [segments]
	rows              []int32 // [segments] row of the segment's last token
	stream, pos       []int32 // [segments] key of the draw
	temps             []float32
	token             []int32 // result
	logp              []float32
}

func (s *decodeStep) reset() {
	s.ids, s.lens, s.start, s.slot = s.ids[:0], s.lens[:0], s.start[:0], s.slot[:0]
	s.rows, s.stream, s.pos, s.temps = s.rows[:0], s.stream[:0], s.pos[:0], s.temps[:0]
}

// add appends a segment of ids behind start cached tokens of slot.
func (s *decodeStep) add(ids []int32, start, slot, stream int32) {
	s.ids = append(s.ids, ids...)
	s.lens = append(s.lens, int32(len(ids)))
	s.start = append(s.start, start)
	s.slot = append(s.slot, slot)
	s.rows = append(s.rows, int32(len(s.ids)-1))
	s.stream = append(s.stream, stream)
	s.pos = append(s.pos, start+int32(len(ids)))
}

// decoder is a compiled decoding step.
type decoder struct {
	prog        graph.Program
	in          Input
	rows        *graph.Value
	temp        *graph.Value // nil in the form that returns logits
	stream, pos *graph.Value
	token, logp *graph.Value
	logits      *graph.Value // [segments, vocab], nil in the form that draws
}

// newDecoder traces prefill and decoding, which are the same graph, and then either draws on the
// device or returns the logits.
func newDecoder(dev *cpu.Device, m *Model, cache *graph.KVCache, withLogits bool) (*decoder, error) {
	g := graph.New(m.Params)
	tokens := g.Dim("tokens", cache.Slots+max(prefillTokens, cache.MaxLen))
	segments := g.Dim("segments", cache.Slots)
	d := &decoder{in: m.NewCachedInput(g, "decode", tokens, segments, cache), rows: g.Ints("rows", segments)}
	h := g.GatherRows(m.Hidden(g, d.in), d.rows)
	var err error
	if withLogits {
		d.logits = g.Logits(h, m.Output(d.in))
		d.prog, err = dev.Compile(g, d.logits)
		return d, err
	}
	d.temp = g.Floats("temperature", segments, 1)
	d.stream, d.pos = g.Ints("stream", segments), g.Ints("pos", segments)
	d.token, d.logp = g.Sample(h, m.Output(d.in), d.temp, d.stream, d.pos)
	d.prog, err = dev.Compile(g, d.token, d.logp)
	return d, err
}

// tokens is the most that one step can take.
func (d *decoder) tokens() int { return d.in.IDs.Rows.Cap }

// run computes the step's tokens and log-probabilities.
func (d *decoder) run(f *graph.Feeds, s *decodeStep, how Sampling) error {
	f.Seed = how.Seed
	f.Ints(d.in.IDs, s.ids)
	f.Layout(d.in.Layout, s.lens, s.start, s.slot)
	f.Ints(d.rows, s.rows)
	if d.logits != nil {
		if err := d.prog.Run(f); err != nil {
			return err
		}
		s.draw(d.prog.Floats(d.logits), how)
		return nil
	}
	for range s.lens {
		s.temps = append(s.temps, float32(how.Temperature))
	}
	f.Floats(d.temp, s.temps)
	f.Ints(d.stream, s.stream)
	f.Ints(d.pos, s.pos)
	if err := d.prog.Run(f); err != nil {
		return err
	}
	s.token, s.logp = d.prog.Ints(d.token), d.prog.Floats(d.logp)
	return nil
}

// queue hands requests to slots and gathers their completions.
type queue struct {
	reqs   []Request
	out    []Sampled
	next   int       // first request that has not begun
	done   int       // completions that ended
	active []running // in the order of their segments in the step
	free   []int32   // slots
	maxLen int       // tokens of a sequence
}

type running struct {
	req  int
	slot int32
	len  int32 // tokens in the cache after the coming step
}

func newQueue(reqs []Request, slots, maxLen int) *queue {
	q := &queue{reqs: reqs, out: make([]Sampled, len(reqs)), maxLen: maxLen}
	for slot := slots - 1; slot >= 0; slot-- {
		q.free = append(q.free, int32(slot))
	}
	return q
}

func (q *queue) finished() bool { return q.done == len(q.reqs) }

// fill puts the last token of every running sequence into the step, then as many new prompts as
// there are slots and room for.
func (q *queue) fill(s *decodeStep, capacity int) {
	for i := range q.active {
		r := &q.active[i]
		tokens := q.out[r.req].Tokens
		s.add(tokens[len(tokens)-1:], r.len, r.slot, q.reqs[r.req].Stream)
		r.len++
	}
	for q.next < len(q.reqs) && len(q.free) > 0 {
		req := q.reqs[q.next]
		if len(s.ids)+len(req.Prompt) > capacity {
			return
		}
		slot := q.free[len(q.free)-1]
		q.free = q.free[:len(q.free)-1]
		s.add(req.Prompt, 0, slot, req.Stream)
		q.active = append(q.active, running{req: q.next, slot: slot, len: int32(len(req.Prompt))})
		q.next++
	}
}

// take appends the step's tokens and frees the slots of sequences that ended.
func (q *queue) take(s *decodeStep, ends []int32, how Sampling) {
	kept := q.active[:0]
	for i, r := range q.active {
		c := &q.out[r.req]
		c.Tokens = append(c.Tokens, s.token[i])
		c.LogProbs = append(c.LogProbs, s.logp[i])
		switch {
		case !how.IgnoreEnd && slices.Contains(ends, s.token[i]):
			c.Finish = FinishEOS
		case len(c.Tokens) == how.MaxNew || int(r.len) == q.maxLen:
			c.Finish = FinishLength
		default:
			kept = append(kept, r)
			continue
		}
		q.free = append(q.free, r.slot)
		q.done++
	}
	q.active = kept
}
