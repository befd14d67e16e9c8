package cpu

import "agora/policy/graph"

// layerCache keeps rotated keys and values in the panels that attention multiplies with:
//
//	k  [slot][kv head][⌈MaxLen/32⌉][hd][32]    v  [slot][kv head][⌈hd/32⌉][MaxLen][32]
type layerCache struct {
	kv, hd, padded, maxLen int
	k, v                   []float32
}

// cacheKey finds a layerCache among what is attached to a graph.KVCache.
type cacheKey struct {
	device *Device
	layer  int
}

// layerCache returns the memory of one layer; programs compiled with the same cache share it.
func (d *Device) layerCache(c *graph.KVCache, layer int, s *attnShape) *layerCache {
	key := cacheKey{d, layer}
	if l, ok := c.Attached.Load(key); ok {
		return l.(*layerCache)
	}
	l := &layerCache{kv: s.kv, hd: s.hd, padded: s.padded, maxLen: c.MaxLen}
	l.k, l.v = Alloc(c.Slots*s.kv*l.keyFloats()), Alloc(c.Slots*s.kv*l.valueFloats())
	shared, _ := c.Attached.LoadOrStore(key, l)
	return shared.(*layerCache)
}

func (l *layerCache) keyFloats() int   { return roundUp(l.maxLen, TileCols) * l.hd }
func (l *layerCache) valueFloats() int { return l.maxLen * l.padded }

// panels returns the keys and values of a slot and head, and the keys per panel of v.
func (l *layerCache) panels(slot, head int) (k, v []float32, vStride int) {
	i := slot*l.kv + head
	return l.k[i*l.keyFloats():][:l.keyFloats()], l.v[i*l.valueFloats():][:l.valueFloats()], l.maxLen
}

// put stores n keys and values, found at columns key and value of rows, at positions from start.
func (l *layerCache) put(k, v, rows []float32, key, value, width, start, n int) {
	for i := range n {
		pos, row := start+i, rows[i*width:]
		dst := k[pos/TileCols*TileCols*l.hd+pos%TileCols:]
		for c, x := range row[key : key+l.hd] {
			dst[c*TileCols] = x
		}
		for c := 0; c < l.hd; c += TileCols {
			copy(v[c*l.maxLen+pos*TileCols:][:TileCols], row[value+c:value+min(c+TileCols, l.hd)])
		}
	}
}

// prefetch sends for the first n keys and values of a slot and head. A decoding step reads each of
// them once, from all over the memory, and would otherwise wait at the start of every page.
func (l *layerCache) prefetch(slot, head, n int) {
	if n == 0 {
		return
	}
	k, v, vStride := l.panels(slot, head)
	prefetchLines(&k[0], roundUp(n, TileCols)*l.hd)
	for c := 0; c < l.padded; c += TileCols {
		prefetchLines(&v[c*vStride], n*TileCols)
	}
}
