package ppo

import (
	"slices"
	"testing"
)

func TestPick(t *testing.T) {
	all := pick(7, 5, 0, 20)
	for pass := range 4 {
		got := slices.Clone(all[5*pass : 5*pass+5])
		slices.Sort(got)
		if !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
			t.Errorf("pass %d draws %v: not every prompt once", pass, got)
		}
	}
	if slices.Equal(all[:5], all[5:10]) && slices.Equal(all[5:10], all[10:15]) {
		t.Error("the passes are not shuffled anew")
	}
	if got := append(pick(7, 5, 0, 3), pick(7, 5, 3, 17)...); !slices.Equal(got, all) {
		t.Errorf("in two draws %v, in one %v", got, all)
	}
	if slices.Equal(pick(8, 5, 0, 20), all) {
		t.Error("the seed changes nothing")
	}
}
