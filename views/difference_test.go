package views

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// plainMarks writes a difference with [-…-] for what only the first text has and {+…+} for the second.
func plainMarks(d Difference) string {
	var b strings.Builder
	for _, p := range d.Pieces {
		b.WriteString([]string{"", "[-", "{+"}[p.Kind] + p.Text + []string{"", "-]", "+}"}[p.Kind])
	}
	return b.String()
}

func TestDifference(t *testing.T) {
	cases := []struct {
		name, a, b, want string
		alike            float64
	}{
		{"the same", "one two", "one two", "one two", 1},
		{"one word", "The sky is blue.", "The sky is green.", "The sky is [-blue-]{+green+}.", .75},
		{"nothing in common", "yes", "no", "[-yes-]{+no+}", 0},
		{"added at the end", "Yes.", "Yes. Of course.", "Yes.{+ Of course.+}", 2. / 4},
		{"changes side by side become one", "a big red dog", "a small blue dog", "a [-big red-]{+small blue+} dog", .5},
		{"Chinese, by character", "我喜欢红茶", "我喜欢绿茶", "我喜欢[-红-]{+绿+}茶", .8},
		{"Arabic", "السماء زرقاء اليوم", "السماء صافية اليوم", "السماء [-زرقاء-]{+صافية+} اليوم", 2. / 3},
		{"Markdown as written", "**bold**", "*bold*", "[-*-]*bold*[-*-]", 1},
		{"an apostrophe stays in its word", "don't go", "do go", "[-don't-]{+do+} go", .5},
		{"empty", "", "new", "{+new+}", 0},
		{"both empty", "", "", "", 1},
		{"lines", "a\nb\n", "a\nc\n", "a\n[-b-]{+c+}\n", .5},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := DifferenceOf(c.a, c.b)
			if got := plainMarks(d); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if math.Abs(d.Alike-c.alike) > 1e-9 {
				t.Errorf("alike %v, want %v", d.Alike, c.alike)
			}
		})
	}
}

// Whatever the texts, each can be read off the difference again.
func TestDifferenceLosesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("a b c the sky, is. blue? 天 空 سماء 👍🏽 \xff")
	random := func() string {
		var b strings.Builder
		for range rng.IntN(30) {
			b.WriteString(words[rng.IntN(len(words))] + []string{" ", "\n", ""}[rng.IntN(3)])
		}
		return b.String()
	}
	for range 500 {
		a, b := random(), random()
		var first, second strings.Builder
		for _, p := range DifferenceOf(a, b).Pieces {
			if p.Kind != OnlySecond {
				first.WriteString(p.Text)
			}
			if p.Kind != OnlyFirst {
				second.WriteString(p.Text)
			}
		}
		if first.String() != a || second.String() != b {
			t.Fatalf("%q and %q come back as %q and %q", a, b, first.String(), second.String())
		}
	}
}

// Two long texts without a common thread are the worst case; the search gives up in time.
func TestDifferenceIsBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	long := func() string {
		var b strings.Builder
		for range 40_000 {
			b.WriteString([]string{"a", "b", "c", "d"}[rng.IntN(4)] + " ")
		}
		return b.String()
	}
	start := time.Now()
	DifferenceOf(long(), long())
	if took := time.Since(start); took > 10*diffTime { // of which most on a busy machine
		t.Errorf("took %v", took)
	}
}
