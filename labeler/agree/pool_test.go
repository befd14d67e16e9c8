package agree

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func pool(counts map[[2]string]int) []map[string]string {
	var people []map[string]string
	for _, g := range []string{"woman", "man", ""} {
		for _, r := range []string{"north", "south", ""} {
			for range counts[[2]string{g, r}] {
				people = append(people, map[string]string{"gender": g, "region": r})
			}
		}
	}
	return people
}

func TestRakeByHand(t *testing.T) {
	w, err := Rake(pool(map[[2]string]int{{"woman", ""}: 8, {"man", ""}: 2}), Margins{"gender": {"woman": .5, "man": .5}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "woman", w.W[0], .625, 1e-12)
	near(t, "man", w.W[9], 2.5, 1e-12)
	near(t, "effective", w.Effective, 6.4, 1e-12) // 100/(8·.625² + 2·2.5²)
	near(t, "design effect", w.Design, 1.5625, 1e-12)
	near(t, "max", w.Max, 2.5, 1e-12)
}

func TestRakeTwoMargins(t *testing.T) {
	people := pool(map[[2]string]int{{"woman", "north"}: 30, {"woman", "south"}: 10, {"man", "north"}: 20, {"man", "south"}: 5, {"woman", ""}: 3, {"", ""}: 2})
	targets := Margins{"gender": {"woman": .51, "man": .49}, "region": {"north": .4, "south": .6}}
	w, err := Rake(people, targets, 0)
	if err != nil || w.Miss > 1e-9 || w.Rounds > 100 {
		t.Fatal(w, err)
	}
	near(t, "odds ratio of the weights is 1", w.W[0]*w.W[63]/(w.W[30]*w.W[43]), 1, 1e-6) // raking keeps interactions
	capped, err := Rake(people, targets, 2)
	if err != nil || capped.Max > 2+1e-9 || capped.Trimmed == 0 || capped.Effective < w.Effective {
		t.Errorf("capped: %+v %v", capped, err)
	}
	for want, bad := range map[string]Margins{
		"sum to": {"gender": {"woman": .6, "man": .6}},
		"nobody": {"gender": {"woman": .5, "nonbinary": .5}},
		"from 0": {"gender": {"woman": 1.5, "man": -.5}},
	} {
		if _, err := Rake(people, bad, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", bad, err, want)
		}
	}
}

func TestCompositionHidesSmallGroups(t *testing.T) {
	var people []map[string]string
	for value, n := range map[string]int{"a": 20, "b": 7, "c": 3, "d": 4, "": 2} {
		for range n {
			people = append(people, map[string]string{"x": value})
		}
	}
	groups, unknown := Composition(people, "x", 5)
	if fmt.Sprint(groups, unknown) != "[{a 20} {b 7} { 7}] 2" {
		t.Error(groups, unknown)
	}
	// one small group alone would follow from the total: the next one joins it
	groups, _ = Composition(people[:0:0], "x", 5)
	if len(groups) != 0 {
		t.Error(groups)
	}
	few := append(people[:0:0], pool(map[[2]string]int{{"woman", ""}: 9, {"man", ""}: 2})...)
	if groups, _ = Composition(few, "gender", 5); fmt.Sprint(groups) != "[{ 11}]" {
		t.Error(groups)
	}
}

// grouped makes one unit that two groups of people judged with the given chances of a 1.
func grouped(rng *rand.Rand, n int, pa, pb float64) ([]Label, map[string]string) {
	var labels []Label
	of := map[string]string{}
	for i := range 2 * n {
		who, p := fmt.Sprint(i), pa
		of[who] = "a"
		if i >= n {
			p, of[who] = pb, "b"
		}
		v := 0.0
		if rng.Float64() < p {
			v = 1
		}
		labels = append(labels, Label{Unit: "u", Labeler: who, Value: v})
	}
	// a unit with both values, so that the scale is 0 to 1
	return append(labels, Label{Unit: "other", Labeler: "x", Value: 0}, Label{Unit: "other", Labeler: "y", Value: 1}), of
}

func TestGroupDifferenceIsFishersExactTest(t *testing.T) {
	labels, of := grouped(rand.New(rand.NewPCG(1, 1)), 5, 1, 0)
	ds := table(t, labels).GroupDifferences(of, GroupOptions{Least: 5, Permutations: 1000})
	if len(ds) != 1 {
		t.Fatalf("%+v", ds)
	}
	near(t, "p of 5 against 5", ds[0].P, 2./252, 1e-12)
	near(t, "difference", ds[0].Diff, 1, 1e-12)
	if ds[0].CI.Lo < .2 || ds[0].CI.Lo > .9 || ds[0].CI.Hi != 1 {
		t.Errorf("interval %+v", ds[0].CI)
	}
	if few := table(t, labels).GroupDifferences(of, GroupOptions{Least: 6, Permutations: 1000}); len(few) != 0 {
		t.Errorf("groups of five shown: %+v", few)
	}
}

func TestGroupDifferenceCoversAndControls(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	covered, false5 := 0, 0
	const trials = 400
	for range trials {
		labels, of := grouped(rng, 12, .8, .4)
		if ci := table(t, labels).GroupDifferences(of, GroupOptions{Least: 5, Permutations: 50})[0].CI; ci.Lo <= .4 && .4 <= ci.Hi {
			covered++
		}
		labels, of = grouped(rng, 12, .5, .5)
		if table(t, labels).GroupDifferences(of, GroupOptions{Least: 5, Permutations: 200})[0].P <= .05 {
			false5++
		}
	}
	if share := float64(covered) / trials; share < .92 {
		t.Errorf("covered %.3f of the time, want about .95", share)
	}
	if share := float64(false5) / trials; share > .08 {
		t.Errorf("%.3f of equal groups differ at .05", share)
	}
}

func TestByGroup(t *testing.T) {
	var labels []Label
	of := map[string]string{"a1": "a", "a2": "a", "b1": "b", "b2": "b"}
	for u := range 20 {
		for who, g := range of {
			v := float64(u % 2)
			if g == "b" {
				v = 1 - v
			}
			labels = append(labels, Label{Unit: fmt.Sprint(u), Labeler: who, Value: v})
		}
	}
	got, err := table(t, labels).ByGroup(of, 100, 1)
	if err != nil || len(got) != 3 || got[0].Equal != 1 || got[1].Equal != 0 || got[1].Pairs != 80 || got[2].Equal != 1 {
		t.Errorf("%+v %v", got, err)
	}
}

// Means of many judgments: the interval of the difference covers it, and is far narrower than that of a single
// judgment of each person.
func TestGroupDifferenceOfMeans(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 1))
	covered, width := 0, 0.0
	const trials = 200
	for range trials {
		var labels []Label
		of := map[string]string{}
		for i := range 30 {
			who, level := fmt.Sprint(i), .6
			of[who] = "a"
			if i >= 15 {
				of[who], level = "b", .5
			}
			labels = append(labels, Label{Unit: "u", Labeler: who, Value: level + .1*rng.NormFloat64()})
		}
		d := table(t, labels).GroupDifferences(of, GroupOptions{Least: 5, Permutations: 100, Means: true})[0]
		if d.CI.Lo <= .1 && .1 <= d.CI.Hi {
			covered++
		}
		width += (d.CI.Hi - d.CI.Lo) / trials
		if d.CIA.Lo > d.MeanA || d.CIA.Hi < d.MeanA {
			t.Errorf("mean %.3f outside its interval %+v", d.MeanA, d.CIA)
		}
	}
	if share := float64(covered) / trials; share < .89 || width > .2 {
		t.Errorf("covered %.3f of the time with a mean width of %.3f", share, width)
	}
}
