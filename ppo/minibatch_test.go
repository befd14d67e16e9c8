package ppo

import (
	"reflect"
	"slices"
	"testing"
)

// sixResponses have lengths 1 … 6 and prompts of 2 tokens.
func sixResponses() *Rollout {
	var prompts []Prompt
	var responses [][]int32
	for n := range 6 {
		prompts = append(prompts, Prompt{Tokens: []int32{9, 8}})
		responses = append(responses, slices.Repeat([]int32{int32(n)}, n+1))
	}
	return newRollout(prompts, responses, make([]bool, 6), make([]float32, 21))
}

func TestDeal(t *testing.T) {
	c := DefaultConfig()
	c.Minibatches = 3
	order := func(pass uint64) (all []int) {
		for _, m := range deal(sixResponses(), c, pass) {
			if len(m.responses) != 2 {
				t.Errorf("a minibatch of %d, want 2", len(m.responses))
			}
			all = append(all, m.responses...)
		}
		return all
	}
	if reflect.DeepEqual(order(1), order(2)) && reflect.DeepEqual(order(2), order(3)) {
		t.Error("every epoch in the same order")
	}
	all := order(1)
	slices.Sort(all)
	if !slices.Equal(all, []int{0, 1, 2, 3, 4, 5}) {
		t.Errorf("responses %v: not each exactly once", all)
	}
}

func TestMicro(t *testing.T) {
	m := newMinibatch(sixResponses(), DefaultConfig(), []int{5, 0, 1}) // 7, 2, 3 stream tokens
	m.addPtx([][]int32{{1, 2, 3}, {1, 2, 3}})                          // 2, 2
	for _, tt := range []struct {
		limit, seqs int
		want        [][2]int
	}{
		{100, 9, [][2]int{{0, 5}}}, {9, 9, [][2]int{{0, 2}, {2, 5}}}, {100, 3, [][2]int{{0, 3}, {3, 5}}},
		{1, 9, [][2]int{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}}},
	} {
		if got := m.micro(room{tt.limit, tt.seqs}); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("limit %d: %v, want %v", tt.limit, got, tt.want)
		}
	}
}

// Whatever the split, the micro-batches hold the same tokens with the same
// weights, and these add up to 1.
func TestFill(t *testing.T) {
	r := sixResponses()
	for i := range r.LogP {
		r.LogP[i], r.Adv[i], r.Value[i], r.Ret[i] = float32(i), float32(i)+.25, float32(i)+.5, float32(i)+.75
	}
	m := newMinibatch(r, DefaultConfig(), []int{2, 0})
	m.addPtx([][]int32{{1, 2, 3}})
	var b batch
	b.fill(m, [2]int{0, 3})
	if want := []int32{9, 8, 2, 2, 9, 8, 1, 2}; !slices.Equal(b.stream.IDs, want) {
		t.Errorf("stream %v, want %v", b.stream.IDs, want)
	}
	if b.seqs != 2 || b.tokens != 6 || b.picks != 4 {
		t.Errorf("%d responses of %d rows and %d picks", b.seqs, b.tokens, b.picks)
	}
	if want := []int32{2, 2, 2, 0, 2, 3}; !slices.Equal(b.stream.Targets, want) {
		t.Errorf("targets %v, want %v", b.stream.Targets, want)
	}
	nearAll(t, "old", b.old, []float64{3, 4, 5, 0}, 0)
	nearAll(t, "ret", b.ret, []float64{3.75, 4.75, 5.75, .75}, 0)
	nearAll(t, "weight", b.weight, []float64{.25, .25, .25, .25}, 0)
	nearAll(t, "ptx weight", b.ptxWeight, []float64{.5, .5}, 0)

	var weights []float32
	for _, span := range m.micro(room{2, 9}) {
		b.fill(m, span)
		weights = append(append(weights, b.weight...), b.ptxWeight...)
	}
	near(t, "sum of weights", 6*Mean(weights), 2, 1e-6)
}
