package cpu

import (
	"math"

	"agora/policy/graph"
)

// attention is causal grouped-query attention, with or without a cache. A task is one segment and
// one key-value head: rotate q and k, bring keys and values into panels, then for up to 14 rows
// at a time scores, softmax and weighted values. A row's arithmetic depends on its position only,
// so training, prefill and decoding agree bit for bit.
type attention struct {
	attnShape
	qkv, out, lse *tensor // lse nil with a cache
	rotated       []float32
	seg           *segments
	rope          *ropeTable
	cache         *layerCache
	scratch       []float32 // per worker, attentionScratch floats
	perWorker     int
}

// attnShape is what forward and backward derive from graph.Attn.
type attnShape struct {
	heads, kv, group int // query heads, key-value heads, query heads per key-value head
	hd, padded       int // head width, and that in whole panels
	width            int // of the fused projection
	scale            float32
}

func shapeOf(a *graph.Attn) attnShape {
	return attnShape{
		heads: a.Heads, kv: a.KVHeads, group: a.Heads / a.KVHeads, hd: a.HeadDim,
		padded: roundUp(a.HeadDim, TileCols), width: a.Width(), scale: float32(a.ScoreScale()),
	}
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// scoreStride is the row stride of a score block for up to n keys, off powers of two.
func scoreStride(n int) int { return roundUp(n, TileCols) + 16 }

func attentionScratch(n *graph.Node) int {
	t, s := n.Attr.Layout.MaxLen, shapeOf(n.Attr.Attn)
	if n.Op == graph.OpAttentionGrad {
		return s.gradScratch(t)
	}
	floats := MaxTileRows * (scoreStride(t) + s.padded)
	if n.Op == graph.OpAttention {
		floats += roundUp(t, TileCols)*s.hd + t*s.padded
	}
	return roundUp(floats, 16)
}

func (b *binder) attention(j *job) step {
	n := j.node
	l := n.Attr.Layout
	s := &attention{
		attnShape: shapeOf(n.Attr.Attn), qkv: b.tensor(n.In[0]), out: b.tensor(j.out),
		rotated: b.p.slice(b.plan.rotated[j.out]), seg: b.segments(l), rope: b.rope(n.Attr.Attn, l.MaxLen),
		scratch: b.scratch(j), perWorker: attentionScratch(n),
	}
	if l.Cache != nil {
		s.cache = b.p.device.layerCache(l.Cache, n.Attr.Layer, &s.attnShape)
	} else {
		s.lse = b.tensor(n.Out[1])
	}
	return s
}

func (s *attention) run(w *Worker, p *Program) {
	if &s.rotated[0] != &s.qkv.data[0] {
		lo, hi := w.Part(len(s.qkv.all()))
		copy(s.rotated[lo:hi], s.qkv.data[lo:hi])
		w.Barrier()
	}
	tasks := s.seg.count * s.kv
	chunk := 1
	if s.cache != nil { // neighbours in one hand, so that the next one's keys can be sent for
		chunk = max(1, min(maxAttnChunk, tasks/(8*w.Team().Workers())))
	}
	for c := w.Next(); c*chunk < tasks; c = w.Next() {
		end := min(tasks, (c+1)*chunk)
		for t := c * chunk; t < end; t++ {
			if s.cache != nil && t+1 < end {
				s.cache.prefetch(int(s.seg.slot[(t+1)/s.kv]), (t+1)%s.kv, int(s.seg.start[(t+1)/s.kv]))
			}
			s.task(w, t/s.kv, t%s.kv)
		}
	}
	w.Barrier()
}

// maxAttnChunk is how many tasks a worker takes at a time from a cache.
const maxAttnChunk = 16

// task computes one segment and key-value head.
func (s *attention) task(w *Worker, seg, kv int) {
	first, n := s.seg.first[seg], int(s.seg.lens[seg])
	if n == 0 {
		return
	}
	start := 0
	if s.cache != nil {
		start = int(s.seg.start[seg])
	}
	if s.rope != nil {
		s.rotateRows(w, first, n, start, kv)
	}
	scratch := s.scratch[w.ID()*s.perWorker:][:s.perWorker]
	rows := s.rotated[first*s.width:]
	key, value := (s.heads+kv)*s.hd, (s.heads+s.kv+kv)*s.hd // columns
	var k, v []float32
	var vStride int // keys per panel of v
	if s.cache != nil {
		k, v, vStride = s.cache.panels(int(s.seg.slot[seg]), kv)
		s.cache.put(k, v, rows, key, value, s.width, start, n)
	} else {
		k, scratch = take(scratch, roundUp(n, TileCols)*s.hd)
		v, scratch = take(scratch, n*s.padded)
		vStride = n
		w.PackTransposed(k, rows[key:], s.width, s.hd, n)
		w.PackCols(v, rows[value:], s.width, n, s.hd)
	}
	score, tile := take(scratch, MaxTileRows*scoreStride(start+n))
	for h := kv * s.group; h < (kv+1)*s.group; h++ {
		for i := 0; i < n; i += MaxTileRows {
			s.rows(w, first+i, start+i, min(MaxTileRows, n-i), h, k, v, vStride, score, scoreStride(start+n), tile)
		}
	}
}

func take(x []float32, n int) (head, rest []float32) { return x[:n], x[n:] }

func (s *attention) rotateRows(w *Worker, first, n, start, kv int) {
	for i := range n {
		row := s.rotated[(first+i)*s.width:]
		s.rope.rotate(w, row[(s.heads+kv)*s.hd:][:s.hd], start+i, 1)
		for h := kv * s.group; h < (kv+1)*s.group; h++ {
			s.rope.rotate(w, row[h*s.hd:][:s.hd], start+i, 1)
		}
	}
}

// rows computes n ≤ 14 consecutive rows of one head: tokens from token at positions from pos.
//
//	k  keys in panels [⌈keys/32⌉][hd][32], v values in panels [⌈hd/32⌉][vStride][32]
func (s *attention) rows(w *Worker, token, pos, n, h int, k, v []float32, vStride int, score []float32, stride int, tile []float32) {
	q := s.rotated[token*s.width+h*s.hd:]
	for panel := 0; panel*TileCols < pos+n; panel++ {
		w.Tile(n, s.hd, q, s.width, k[panel*TileCols*s.hd:], score[panel*TileCols:], stride, false)
	}
	var inverse [MaxTileRows]float32
	for i := range n {
		row, keys := score[i*stride:], pos+i+1
		top := w.Max(row[:keys]) * s.scale
		sum := w.ExpSum(row[:keys], row[:keys], s.scale, -top)
		clear(row[keys : pos+n])
		inverse[i] = 1 / sum
		if s.lse != nil {
			s.lse.data[(token+i)*s.heads+h] = top + float32(math.Log(float64(sum)))
		}
	}
	out, ldo := s.out.data[token*s.out.cols+h*s.hd:], s.out.cols
	if s.padded != s.hd {
		out, ldo = tile, s.padded
	}
	for panel := 0; panel*TileCols < s.hd; panel++ {
		w.Tile(n, pos+n, score, stride, v[panel*TileCols*vStride:], out[panel*TileCols:], ldo, false)
	}
	for i := range n {
		w.Scale(s.out.row(token + i)[h*s.hd:][:s.hd], out[i*ldo:], inverse[i])
	}
}
