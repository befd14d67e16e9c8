package graph

import "sync"

// Layout says how a token stream is cut into segments (sequences). Segments lie one after another
// without padding, and no operation looks from one segment into another, so packing is free and a
// sequence gives the same bits wherever it lies.
type Layout struct {
	Tokens, Seqs *Dim
	MaxLen       int    // longest segment, cached prefix included
	Lens         *Value // [seqs] int: tokens of each segment in this run; their sum is the number of tokens
	Start        *Value // [seqs] int: tokens already in the cache; nil without a cache
	Slot         *Value // [seqs] int: the cache slot of the segment; nil without a cache
	Cache        *KVCache
}

// KVCache describes room for the keys and values of Slots sequences of up to MaxLen tokens each.
// Graphs that name the same cache and are compiled on the same device share its contents.
type KVCache struct {
	Slots, MaxLen int

	Attached sync.Map // the contents, by device and layer; live as long as the cache
}

// Layout declares segments of at most maxLen tokens; its input is <name>.lens.
func (g *Graph) Layout(name string, tokens, seqs *Dim, maxLen int) *Layout {
	if maxLen < 1 {
		g.fail("layout %s: segments of at most %d tokens", name, maxLen)
	}
	l := &Layout{Tokens: tokens, Seqs: seqs, MaxLen: maxLen, Lens: g.Ints(name+".lens", seqs)}
	g.layouts = append(g.layouts, l)
	return l
}

// CachedLayout declares segments that continue what the cache holds: segment s adds lens[s] tokens
// behind the start[s] tokens that slot[s] already has. lens of 1 is a decode step, lens of a whole
// prompt with start 0 is a prefill; both may stand in one run. Inputs <name>.lens, .start, .slot.
func (g *Graph) CachedLayout(name string, tokens, seqs *Dim, cache *KVCache) *Layout {
	l := g.Layout(name, tokens, seqs, cache.MaxLen)
	l.Cache = cache
	l.Start = g.Ints(name+".start", seqs)
	l.Slot = g.Ints(name+".slot", seqs)
	if cache.Slots < 1 {
		g.fail("layout %s: a cache of %d slots", name, cache.Slots)
	}
	return l
}

// inputs returns lens, or lens, start, slot.
func (l *Layout) inputs() []*Value {
	if l.Cache == nil {
		return []*Value{l.Lens}
	}
	return []*Value{l.Lens, l.Start, l.Slot}
}

// Attn describes causal grouped-query attention over a fused projection
// [q heads | k heads | v heads], each head HeadDim wide.
type Attn struct {
	Heads, KVHeads, HeadDim int
	Scale                   float64 // of the scores; 0 means 1/sqrt(HeadDim)

	// RopeTheta > 0 rotates q and k by position (RoFormer, arXiv:2104.09864, in the half-split form
	// of Llama in transformers). RopeFreqs, if given, replaces theta^(-2i/HeadDim), radians per token.
	RopeTheta float64
	RopeFreqs []float64
}

// Width is the number of columns of the fused projection.
func (a *Attn) Width() int { return (a.Heads + 2*a.KVHeads) * a.HeadDim }

// Rope reports whether q and k are rotated.
func (a *Attn) Rope() bool { return a.RopeTheta > 0 || a.RopeFreqs != nil }
