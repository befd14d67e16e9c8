package tokenizer

import "container/heap"

// encodePiece appends the ids of one piece: start from single bytes and apply, again and again, the
// merge of lowest rank, leftmost first.
func (t *Tokenizer) encodePiece(dst []int32, piece string) []int32 {
	if id, ok := t.ids[piece]; ok && len(piece) == 1 {
		return append(dst, id)
	}
	start := len(dst)
	for i := range len(piece) {
		if id := t.byteIDs[piece[i]]; id >= 0 {
			dst = append(dst, id)
		}
	}
	if len(dst)-start > 32 {
		return append(dst[:start], t.mergeLong(dst[start:])...)
	}
	return dst[:start+t.mergeShort(dst[start:])]
}

// mergeShort merges in place by scanning for the lowest rank; quadratic, fastest on words.
func (t *Tokenizer) mergeShort(ids []int32) int {
	n := len(ids)
	for n > 1 {
		best, at := merge{rank: -1}, 0
		for i := range n - 1 {
			m, ok := t.merges[pair{ids[i], ids[i+1]}]
			if ok && (best.rank < 0 || m.rank < best.rank) {
				best, at = m, i
			}
		}
		if best.rank < 0 {
			break
		}
		ids[at] = best.id
		copy(ids[at+1:], ids[at+2:n])
		n--
	}
	return n
}

// mergeLong does the same with a linked list and a heap, n log n: a run of a million letters is
// one piece.
func (t *Tokenizer) mergeLong(ids []int32) []int32 {
	n := len(ids)
	next, prev := make([]int32, n), make([]int32, n)
	for i := range n {
		next[i], prev[i] = int32(i+1), int32(i-1)
	}
	var queue candidates
	push := func(i int32) {
		if i < 0 || next[i] >= int32(n) {
			return
		}
		p := pair{ids[i], ids[next[i]]}
		if m, ok := t.merges[p]; ok {
			heap.Push(&queue, candidate{m, i, p})
		}
	}
	for i := range int32(n) {
		push(i)
	}
	for queue.Len() > 0 {
		c := heap.Pop(&queue).(candidate)
		r := int32(n)
		if ids[c.at] == c.pair.left {
			r = next[c.at]
		}
		if r >= int32(n) || ids[r] != c.pair.right {
			continue // one side was merged away in the meantime
		}
		ids[c.at], ids[r] = c.merge.id, -1
		next[c.at] = next[r]
		if next[r] < int32(n) {
			prev[next[r]] = c.at
		}
		push(prev[c.at])
		push(c.at)
	}
	out := make([]int32, 0, n)
	for i := int32(0); i < int32(n); i = next[i] {
		out = append(out, ids[i])
	}
	return out
}

type candidate struct {
	merge merge
	at    int32
	pair  pair
}

// candidates is a heap: lowest rank first, then leftmost.
type candidates []candidate

func (c candidates) Len() int { return len(c) }
func (c candidates) Less(i, j int) bool {
	if c[i].merge.rank != c[j].merge.rank {
		return c[i].merge.rank < c[j].merge.rank
	}
	return c[i].at < c[j].at
}
func (c candidates) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *candidates) Push(x any)   { *c = append(*c, x.(candidate)) }
func (c *candidates) Pop() any {
	old := *c
	last := old[len(old)-1]
	*c = old[:len(old)-1]
	return last
}
