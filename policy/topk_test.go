package policy

import (
	"math"
	"testing"
)

// TestDrawTop: probabilities .5 .25 .125 .125 at temperature 1, by hand.
func TestDrawTop(t *testing.T) {
	logits := []float32{float32(math.Log(.125)), float32(math.Log(.5)), float32(math.Log(.25)), float32(math.Log(.125))}
	for _, c := range []struct {
		how  Sampling
		u    float64
		want int32
		p    float64
	}{
		{Sampling{TopK: 1}, .99, 1, .5},
		{Sampling{TopK: 2}, .66, 1, .5}, // 2/3 and 1/3 remain
		{Sampling{TopK: 2}, .67, 2, .25},
		{Sampling{TopP: .5}, .99, 1, .5},
		{Sampling{TopP: .51}, .99, 2, .25},
		{Sampling{TopP: .9}, .99, 3, .125},
		{Sampling{TopP: .9}, .8, 0, .125}, // equals in order of id
		{Sampling{TopK: 2, TopP: .6}, .99, 1, .5},
		{Sampling{TopK: 100}, 0, 1, .5},
	} {
		c.how.Temperature = 1
		id, logp := drawTop(logits, c.how, c.u)
		if id != c.want || math.Abs(float64(logp)-math.Log(c.p)) > 1e-6 {
			t.Errorf("top-k %d top-p %g u %g: token %d with %v, want %d with ln %g", c.how.TopK, c.how.TopP, c.u, id, logp, c.want, c.p)
		}
	}
}
