package tokenizer

import (
	"container/heap"
	"fmt"
	"iter"
	"sort"
)

// minPairCount is the least number of times a pair must occur to become a merge.
const minPairCount = 2

// Train builds a tokenizer of vocab ids from texts: 256 bytes in GPT-2 order, merges, and
// EndOfText as the last id. The most frequent pair is merged first; equal counts go to the lower
// ids, so the result depends on the texts only. A small corpus may run out of pairs, then the
// vocabulary is smaller than asked. progress, if not nil, is called now and then.
func Train(texts iter.Seq[string], vocab int, progress func(done, total int)) (*Tokenizer, error) {
	if vocab < 257 || vocab > 1<<20 {
		return nil, fmt.Errorf("tokenizer: vocabulary size %d is not between 257 and %d", vocab, 1<<20)
	}
	tr := newTrainer(countPieces(texts))
	if len(tr.words) == 0 {
		return nil, fmt.Errorf("tokenizer: no text to train on")
	}
	for len(tr.tokens) < vocab-1 && tr.step() {
		if progress != nil && len(tr.tokens)%64 == 0 {
			progress(len(tr.tokens), vocab)
		}
	}
	special := map[string]int32{EndOfText: int32(len(tr.tokens))}
	return newTokenizer(append(tr.tokens, EndOfText), tr.merges, special)
}

func countPieces(texts iter.Seq[string]) map[string]int {
	counts := make(map[string]int)
	for text := range texts {
		pieces(text, false, func(piece string) { counts[piece]++ })
	}
	return counts
}

// trainer keeps, for every pair of neighbours, how often it occurs and in which words, and updates
// both only where a merge changes them.
type trainer struct {
	tokens []string
	merges [][2]string
	words  []word
	counts map[pair]int
	where  map[pair]map[int32]bool // may hold words that lost the pair since
	queue  pairQueue               // may hold outdated counts
}

type word struct {
	ids   []int32
	count int
}

func newTrainer(counts map[string]int) *trainer {
	tr := &trainer{counts: make(map[pair]int), where: make(map[pair]map[int32]bool)}
	var idOf [256]int32
	for id, b := range byteOrder {
		idOf[b] = int32(id)
		tr.tokens = append(tr.tokens, string([]byte{b}))
	}
	texts := make([]string, 0, len(counts))
	for text := range counts {
		texts = append(texts, text)
	}
	sort.Strings(texts)
	for _, text := range texts {
		ids := make([]int32, len(text))
		for i := range len(text) {
			ids[i] = idOf[text[i]]
		}
		tr.words = append(tr.words, word{ids, counts[text]})
	}
	changed := make(map[pair]bool)
	for w := range tr.words {
		tr.addPairs(int32(w), 1, changed)
	}
	for p := range changed {
		tr.queue = append(tr.queue, counted{p, tr.counts[p]})
	}
	heap.Init(&tr.queue)
	return tr
}

// addPairs adds (sign 1) or takes away (sign -1) the pairs of one word.
func (tr *trainer) addPairs(w int32, sign int, changed map[pair]bool) {
	word := tr.words[w]
	for i := range len(word.ids) - 1 {
		p := pair{word.ids[i], word.ids[i+1]}
		tr.counts[p] += sign * word.count
		changed[p] = true
		if sign > 0 {
			if tr.where[p] == nil {
				tr.where[p] = make(map[int32]bool)
			}
			tr.where[p][w] = true
		}
	}
}

// step makes one merge; false when no pair is frequent enough.
func (tr *trainer) step() bool {
	best, ok := tr.best()
	if !ok {
		return false
	}
	id := int32(len(tr.tokens))
	left, right := tr.tokens[best.left], tr.tokens[best.right]
	tr.tokens = append(tr.tokens, left+right)
	tr.merges = append(tr.merges, [2]string{left, right})

	changed := make(map[pair]bool)
	for w := range tr.where[best] {
		tr.addPairs(w, -1, changed)
		tr.words[w].ids = replacePair(tr.words[w].ids, best, id)
		tr.addPairs(w, 1, changed)
	}
	delete(tr.where, best)
	for p := range changed {
		if n := tr.counts[p]; n > 0 {
			heap.Push(&tr.queue, counted{p, n})
		} else {
			delete(tr.counts, p)
			delete(tr.where, p)
		}
	}
	return true
}

func (tr *trainer) best() (pair, bool) {
	for tr.queue.Len() > 0 {
		top := heap.Pop(&tr.queue).(counted)
		if top.n == tr.counts[top.pair] {
			return top.pair, top.n >= minPairCount
		}
	}
	return pair{}, false
}

func replacePair(ids []int32, p pair, id int32) []int32 {
	out := ids[:0]
	for i := 0; i < len(ids); i++ {
		if i+1 < len(ids) && ids[i] == p.left && ids[i+1] == p.right {
			out = append(out, id)
			i++
			continue
		}
		out = append(out, ids[i])
	}
	return out
}

type counted struct {
	pair pair
	n    int
}

// pairQueue is a heap: highest count first, then lowest ids.
type pairQueue []counted

func (q pairQueue) Len() int { return len(q) }
func (q pairQueue) Less(i, j int) bool {
	a, b := q[i], q[j]
	if a.n != b.n {
		return a.n > b.n
	}
	if a.pair.left != b.pair.left {
		return a.pair.left < b.pair.left
	}
	return a.pair.right < b.pair.right
}
func (q pairQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *pairQueue) Push(x any)   { *q = append(*q, x.(counted)) }
func (q *pairQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}
