package cpu

import (
	"fmt"
	"math"

	"agora/policy/graph"
)

// ropeKey names a table; layers with equal settings share one.
type ropeKey string

// ropeTable holds cos and sin of position·frequency, [positions, half] each.
type ropeTable struct {
	half     int
	cos, sin []float32
}

func (b *binder) rope(a *graph.Attn, positions int) *ropeTable {
	if !a.Rope() {
		return nil
	}
	freqs := a.Freqs()
	key := ropeKey(fmt.Sprint(positions, freqs))
	if t := b.ropes[key]; t != nil {
		return t
	}
	h := len(freqs)
	t := &ropeTable{half: h, cos: make([]float32, positions*h), sin: make([]float32, positions*h)}
	for pos := range positions {
		for i, f := range freqs {
			s, c := math.Sincos(f * float64(pos))
			t.cos[pos*h+i], t.sin[pos*h+i] = float32(c), float32(s)
		}
	}
	b.ropes[key] = t
	return t
}

// rotate turns one head at a position; sign -1 turns back.
func (t *ropeTable) rotate(w *Worker, x []float32, pos int, sign float32) {
	w.Rope(x, t.cos[pos*t.half:(pos+1)*t.half], t.sin[pos*t.half:(pos+1)*t.half], sign)
}
