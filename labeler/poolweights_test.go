package labeler

import (
	"math"
	"slices"
	"testing"

	"agora/db"
)

func TestRakePool(t *testing.T) {
	var people []db.PoolPerson
	for i, g := range []string{"woman", "woman", "woman", "man", ""} {
		people = append(people, db.PoolPerson{Worker: string(rune('a' + i)), Groups: map[string]string{"gender": g}})
	}
	settings := db.PoolSettings{Targets: map[string]map[string]float64{"gender": {"woman": .45, "man": .45, "other": .1}}, WeightCap: 5}
	w, err := rakePool(people, settings)
	if err != nil {
		t.Fatal(err)
	}
	// Nobody is "other": women and men come to half each of the four who said, the fifth keeps 1.
	for worker, want := range map[string]float64{"a": 2. / 3, "d": 2, "e": 1} {
		if math.Abs(w.Of[worker]-want) > 1e-9 {
			t.Errorf("weight of %s is %g, want %g", worker, w.Of[worker], want)
		}
	}
	if !slices.Equal(w.Missing, []string{"gender=other"}) {
		t.Errorf("missing %v", w.Missing)
	}
	// (3·⅔ + 2 + 1)² / (3·(⅔)² + 4 + 1)
	if want := 25 / (4./3 + 5); math.Abs(w.Effective-want) > 1e-9 {
		t.Errorf("effective %g, want %g", w.Effective, want)
	}
	if none, err := rakePool(people, db.PoolSettings{}); none != nil || err != nil {
		t.Errorf("weights without targets: %v %v", none, err)
	}
}
