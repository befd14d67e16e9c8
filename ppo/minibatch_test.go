package ppo

import (
	"reflect"
	"slices"
	"testing"
)

func TestMinibatches(t *testing.T) {
	parts := minibatches(1, 2, 12, 3)
	var all []int
	for _, p := range parts {
		if len(p) != 4 {
			t.Errorf("a part of %d, want 4", len(p))
		}
		all = append(all, p...)
	}
	if reflect.DeepEqual(all, slices.Concat(minibatches(1, 3, 12, 3)...)) {
		t.Error("two epochs in the same order")
	}
	slices.Sort(all)
	for i, v := range all {
		if i != v {
			t.Fatalf("responses %v: not each exactly once", all)
		}
	}
}

func TestSplit(t *testing.T) {
	size := []int{3, 3, 3, 9, 1}
	tokens := func(i int) int { return size[i] }
	for _, tt := range []struct {
		limit int
		want  [][]int
	}{
		{6, [][]int{{0, 1}, {2}, {3}, {4}}}, {100, [][]int{{0, 1, 2, 3, 4}}}, {1, [][]int{{0}, {1}, {2}, {3}, {4}}},
	} {
		if got := split([]int{0, 1, 2, 3, 4}, tokens, tt.limit); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("limit %d: %v, want %v", tt.limit, got, tt.want)
		}
	}
	if split(nil, tokens, 4) != nil {
		t.Error("no responses, but parts")
	}
}
