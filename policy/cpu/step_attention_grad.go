package cpu

// attentionGrad is the gradient of attention. Probabilities are recomputed from the scores and the
// log-sum-exp; with p = softmax(s·scale) and D = dout·out per row:
//
//	dv = pᵀ dout,  ds = p(dout vᵀ - D)·scale,  dq = ds k,  dk = dsᵀ q
type attentionGrad struct {
	attnShape
	dout, out, lse, dqkv *tensor
	rotated              []float32
	seg                  *segments
	rope                 *ropeTable
	scratch              []float32
	perWorker            int
}

// gradRows is how many query rows have their probabilities in memory at a time; a multiple of 14,
// so that blocks of rows and of keys line up. 280 rows of 256 keys, twice, fit into a 1 MB cache.
const gradRows = 20 * MaxTileRows

// gradScratch: keys and values transposed, keys by columns, q and dout by columns, two score
// blocks, and dq, dk, dv of a head where its width is not whole panels.
func (s *attnShape) gradScratch(t int) int {
	floats := 2*roundUp(t, TileCols)*s.hd + 3*t*s.padded + 2*gradRows*scoreStride(t)
	if s.padded != s.hd {
		floats += 3 * t * s.padded
	}
	return roundUp(floats, 16)
}

func (b *binder) attentionGrad(j *job) step {
	n := j.node
	l := n.Attr.Layout
	return &attentionGrad{
		attnShape: shapeOf(n.Attr.Attn),
		dout:      b.tensor(n.In[0]), out: b.tensor(n.In[2]), lse: b.tensor(n.In[3]), dqkv: b.tensor(j.out),
		rotated: b.p.slice(b.plan.rotated[n.In[2]]), seg: b.segments(l), rope: b.rope(n.Attr.Attn, l.MaxLen),
		scratch: b.scratch(j), perWorker: attentionScratch(n),
	}
}

func (s *attentionGrad) run(w *Worker, p *Program) {
	for t := w.Next(); t < s.seg.count*s.kv; t = w.Next() {
		if seg := t / s.kv; s.seg.lens[seg] > 0 {
			s.task(w, s.seg.first[seg], int(s.seg.lens[seg]), t%s.kv)
		}
	}
	w.Barrier()
}

// gradTask is the memory of one segment and key-value head.
type gradTask struct {
	first, n, stride int // first token, tokens, row stride of score blocks
	kT, vT           []float32
	k, q, do         []float32 // panels by columns, [⌈hd/32⌉][n][32]
	p, ds            []float32 // [gradRows][stride]
	dq, dk, dv       target
}

// target is where the gradient of one head goes: into dqkv itself, or to a copy with whole panels.
type target struct {
	data []float32
	ld   int
}

func (s *attentionGrad) task(w *Worker, first, n, kv int) {
	t := gradTask{first: first, n: n, stride: scoreStride(n)}
	m := s.scratch[w.ID()*s.perWorker:][:s.perWorker]
	t.kT, m = take(m, roundUp(n, TileCols)*s.hd)
	t.vT, m = take(m, roundUp(n, TileCols)*s.hd)
	t.k, m = take(m, n*s.padded)
	t.q, m = take(m, n*s.padded)
	t.do, m = take(m, n*s.padded)
	t.p, m = take(m, gradRows*t.stride)
	t.ds, m = take(m, gradRows*t.stride)
	key, value := (s.heads+kv)*s.hd, (s.heads+s.kv+kv)*s.hd
	rows := s.rotated[first*s.width:]
	w.PackTransposed(t.kT, rows[key:], s.width, s.hd, n)
	w.PackTransposed(t.vT, rows[value:], s.width, s.hd, n)
	w.PackCols(t.k, rows[key:], s.width, n, s.hd)
	t.dk, m = s.target(&t, m, key)
	t.dv, m = s.target(&t, m, value)
	for h := kv * s.group; h < (kv+1)*s.group; h++ {
		w.PackCols(t.q, rows[h*s.hd:], s.width, n, s.hd)
		w.PackCols(t.do, s.dout.data[first*s.dout.cols+h*s.hd:], s.dout.cols, n, s.hd)
		t.dq, _ = s.target(&t, m, h*s.hd)
		for from := 0; from < n; from += gradRows {
			to := min(n, from+gradRows)
			s.queries(w, &t, h, from, to)
			s.keys(w, &t, from, to, h > kv*s.group)
		}
		s.finish(w, &t, t.dq, h*s.hd, s.rope)
	}
	s.finish(w, &t, t.dk, key, s.rope)
	s.finish(w, &t, t.dv, value, nil)
}

func (s *attentionGrad) target(t *gradTask, m []float32, col int) (target, []float32) {
	if s.padded == s.hd {
		return target{s.dqkv.data[t.first*s.width+col:], s.width}, m
	}
	data, m := take(m, t.n*s.padded)
	return target{data, s.padded}, m
}

// finish turns a head's gradient back and moves it to its place if it is not there.
func (s *attentionGrad) finish(w *Worker, t *gradTask, g target, col int, rope *ropeTable) {
	for i := range t.n {
		row := s.dqkv.row(t.first + i)[col : col+s.hd]
		if s.padded != s.hd {
			copy(row, g.data[i*g.ld:])
		}
		if rope != nil {
			rope.rotate(w, row, i, -1)
		}
	}
}

// queries computes p and ds for query rows [from, to) of head h, and their dq.
func (s *attentionGrad) queries(w *Worker, t *gradTask, h, from, to int) {
	q := s.rotated[t.first*s.width+h*s.hd:]
	do := s.dout.data[t.first*s.dout.cols+h*s.hd:]
	for i := from; i < to; i += MaxTileRows {
		n := min(MaxTileRows, to-i)
		p, ds := t.p[(i-from)*t.stride:], t.ds[(i-from)*t.stride:]
		for panel := 0; panel*TileCols < i+n; panel++ {
			at := panel * TileCols
			w.Tile(n, s.hd, q[i*s.width:], s.width, t.kT[at*s.hd:], p[at:], t.stride, false)
			w.Tile(n, s.hd, do[i*s.dout.cols:], s.dout.cols, t.vT[at*s.hd:], ds[at:], t.stride, false)
		}
		for r := range n {
			s.softmax(w, t, h, i+r, i+n, p[r*t.stride:], ds[r*t.stride:])
		}
		for panel := 0; panel*TileCols < s.hd; panel++ {
			at := panel * TileCols
			w.Tile(n, i+n, ds, t.stride, t.k[at*t.n:], t.dq.data[i*t.dq.ld+at:], t.dq.ld, false)
		}
	}
}

// softmax turns query row i: scores into p and d p into ds, zero behind the diagonal up to key end.
func (s *attentionGrad) softmax(w *Worker, t *gradTask, h, i, end int, p, ds []float32) {
	token, keys := t.first+i, i+1
	w.ExpSum(p[:keys], p[:keys], s.scale, -s.lse.data[token*s.heads+h])
	d := w.Dot(s.dout.row(token)[h*s.hd:][:s.hd], s.out.row(token)[h*s.hd:])
	w.SoftmaxBackward(ds[:keys], p[:keys], d, s.scale)
	clear(p[keys:end])
	clear(ds[keys:end])
}

// keys adds what query rows [from, to) give to dk and dv. more says that another head of the group
// was there before.
func (s *attentionGrad) keys(w *Worker, t *gradTask, from, to int, more bool) {
	for j := 0; j < to; j += MaxTileRows {
		n := min(MaxTileRows, t.n-j)
		i := max(j, from) // keys from j on are seen by queries from j on
		p, ds := t.p[(i-from)*t.stride+j:], t.ds[(i-from)*t.stride+j:]
		add := more || j < from
		for panel := 0; panel*TileCols < s.hd; panel++ {
			at := panel * TileCols
			w.TileT(n, to-i, p, t.stride, t.do[at*t.n+i*TileCols:], t.dv.data[j*t.dv.ld+at:], t.dv.ld, add)
			w.TileT(n, to-i, ds, t.stride, t.q[at*t.n+i*TileCols:], t.dk.data[j*t.dk.ld+at:], t.dk.ld, add)
		}
	}
}
