package reward

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"agora/reward/prefs"
)

// judged is a line about one pair: who says, with what weight, that the text named first is better.
func judged(worker string, weight float64, ids string) *prefs.Ranked {
	r := line("p", weight, ids, 1, 2)
	r.Worker = worker
	return r
}

func TestAgreementByHand(t *testing.T) {
	for _, tt := range []struct {
		name            string
		all             []Comparison
		raters, others  float64
		ratersN, pairsN float64 // weight of pairs of judgments; pairs of texts
	}{
		// 2:1 agrees in 1 of 3 pairs of judgments, 2:0 in 1 of 1, 1:0 has none. Of 2:1 each of the two meets
		// a divided rest, and the one a majority against it.
		{"counts", []Comparison{{A: "a", B: "b", WinsA: 2, WinsB: 1}, {A: "a", B: "c", WinsB: 2}, {A: "b", B: "c", WinsA: 1}}, .5, 3. / 5, 8, 2},
		{"in any order", []Comparison{{A: "x", B: "y", WinsA: 1}, {A: "a", B: "b", WinsB: 3}}, 1, 1, 6, 1},
		{"lines without a labeler are people of their own", Comparisons([]*prefs.Ranked{judged("", 1, "ab"), judged("", 1, "ab"), judged("", 1, "ba")}), 1. / 3, 1. / 3, 6, 1},
		{"whoever judges twice is one person", Comparisons([]*prefs.Ranked{judged("w", 1, "ab"), judged("w", 1, "ab")}), 0, 0, 0, 0},
		{"and agrees by halves if in two minds", Comparisons([]*prefs.Ranked{judged("w", 1, "ab"), judged("w", 1, "ba"), judged("v", 1, "ab")}), .5, .5, 2, 1},
		{"votes of 3 to 1", Comparisons([]*prefs.Ranked{judged("", 3, "ab"), judged("", 1, "ba")}), .5, 3. / 4, 12, 1},
		{"a weight of 3 makes one labeler no three", Comparisons([]*prefs.Ranked{judged("w", 3, "ab"), judged("v", 1, "ba")}), 0, 0, 6, 1},
		// Of pairs that weigh 2, 2 and 1 the first agrees. The heavy one meets 1 to 1, the second 2 to 1 for
		// them, the third all against them.
		{"heavier labelers count more", Comparisons([]*prefs.Ranked{judged("u", 2, "ab"), judged("v", 1, "ab"), judged("w", 1, "ba")}), 2. / 5, 2. / 4, 10, 1},
		{"nobody is left out of no one", nil, 0, 0, 0, 0},
	} {
		raters, others := RaterAgreement(tt.all), OthersMajority(tt.all)
		if math.Abs(raters.Value-tt.raters) > 1e-12 || math.Abs(raters.N-tt.ratersN) > 1e-12 || float64(raters.Units) != tt.pairsN {
			t.Errorf("%s: raters %+v, want %g of %g on %g pairs", tt.name, raters, tt.raters, tt.ratersN, tt.pairsN)
		}
		if math.Abs(others.Value-tt.others) > 1e-12 || float64(others.Units) != tt.pairsN {
			t.Errorf("%s: others' majority %+v, want %g", tt.name, others, tt.others)
		}
	}
}

// Among many raters, of whom a share p prefers one text, two agree with p² + (1−p)², and the majority of
// the others is right for p of them: the reward model's ceiling is the second, not the first.
func TestTheCeilingIsTheMajority(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var all []Comparison
	for i := range 400 {
		c := Comparison{A: string(rune('a' + i)), B: "~"}
		for range 60 {
			if rng.Float64() < .75 {
				c.WinsA++
			} else {
				c.WinsB++
			}
		}
		all = append(all, c)
	}
	if r := RaterAgreement(all); math.Abs(r.Value-.625) > .01 {
		t.Errorf("raters agree on %.3f, want 0.625", r.Value)
	}
	if m := OthersMajority(all); math.Abs(m.Value-.75) > .01 || m.N != 400*60 || m.Lo > .75 || m.Hi < .75 {
		t.Errorf("the others' majority is right on %+v, want 0.75", m)
	}
}

// Judgments of one part are compared with those of everybody, the judge's own left out.
func TestAgreementWithOthers(t *testing.T) {
	everybody := []*prefs.Ranked{judged("u", 1, "ab"), judged("v", 1, "ab"), judged("w", 1, "ba")}
	mine := Comparisons(everybody[:1])
	if r := agreement(mine, Comparisons(everybody)); r.Value != .5 || r.N != 2 {
		t.Errorf("u agrees with %+v, want one of two", r)
	}
	if m := othersMajority(Comparisons(everybody[2:]), Comparisons(everybody)); m.Value != 0 || m.N != 1 {
		t.Errorf("w against the others: %+v", m)
	}
}

func TestIntervalJSON(t *testing.T) {
	want := Interval{Value: .6, Lo: .5, Hi: .7, N: 12, Units: 4}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Interval
	if err := json.Unmarshal(text, &got); err != nil || got != want {
		t.Errorf("%s came back as %+v, %v", text, got, err)
	}
}
