package cpu

import "agora/policy/graph"

// sample draws a token per row by inverting the distribution function at a counter-based random number.
type sample struct {
	projection
	temperature *tensor
	stream, pos []int32
	token       []int32
	logp        *tensor

	logits []float32
	work   []float32 // per worker: one chunk of exponentials, then each chunk's sum
	chunks int       // of the vocabulary
}

func sampleScratch(n *graph.Node, workers int) int {
	return min(headRows, n.In[0].Rows.Cap)*n.W.Rows + workers*(vocabChunk+chunksOf(n.W.Rows))
}

func chunksOf(vocab int) int { return (vocab + vocabChunk - 1) / vocabChunk }

func (b *binder) sample(j *job) step {
	n := j.node
	s := &sample{
		projection: b.projection(n, n.In[0], true), temperature: b.tensor(n.In[1]), stream: b.p.ints[n.In[2]], pos: b.p.ints[n.In[3]],
		token: b.p.ints[n.Out[0]], logp: b.tensor(n.Out[1]), chunks: chunksOf(n.W.Rows),
	}
	scratch := b.scratch(j)
	split := len(scratch) - b.plan.workers*(vocabChunk+s.chunks)
	s.logits, s.work = scratch[:split], scratch[split:]
	return s
}

func (s *sample) run(w *Worker, p *Program) {
	rows, v := s.h.n(), s.w.Rows
	for from := 0; from < rows; from += headRows {
		n := min(headRows, rows-from)
		s.projection.run(w, s.logits, from, n)
		for i := w.Next(); i < n; i = w.Next() {
			s.row(w, p, from+i, s.logits[i*v:(i+1)*v])
		}
		w.Barrier()
	}
	if rows == 0 {
		w.Barrier()
	}
}

func (s *sample) row(w *Worker, p *Program, i int, z []float32) {
	work := s.work[w.ID()*(vocabChunk+s.chunks):]
	chunk, sums := work[:vocabChunk], work[vocabChunk:vocabChunk+s.chunks]
	greedy, scale := s.temperature.data[i] == 0, float32(1)
	if !greedy {
		scale = inverse(s.temperature.data[i])
	}
	top, total := w.Max(z)*scale, 0.0
	for c := range sums {
		part := z[c*vocabChunk : min((c+1)*vocabChunk, len(z))]
		sums[c] = w.ExpSum(chunk[:len(part)], part, scale, -top)
		total += float64(sums[c]) // as expSums
	}
	pick := 0
	if greedy {
		for z[pick] != top && pick < len(z)-1 {
			pick++
		}
	} else {
		u := graph.SampleUniform(p.seed, s.stream[i], s.pos[i])
		pick = invert(w, z, chunk, sums, scale, top, u*total)
	}
	s.token[i] = int32(pick)
	s.logp.data[i] = logProb(z[pick], scale, logSum(top, total))
}

// invert returns the first token at which the running sum of exp(z·scale - top) exceeds u.
func invert(w *Worker, z, chunk, sums []float32, scale, top float32, u float64) int {
	c := 0
	for c < len(sums)-1 && u >= float64(sums[c]) {
		u -= float64(sums[c])
		c++
	}
	part := z[c*vocabChunk : min((c+1)*vocabChunk, len(z))]
	w.ExpSum(chunk[:len(part)], part, scale, -top)
	for k := range part {
		if u -= float64(chunk[k]); u < 0 {
			return c*vocabChunk + k
		}
	}
	return c*vocabChunk + len(part) - 1
}
