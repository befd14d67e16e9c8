package agree

import "math"

// Placed is one answer seen by position: Score is the share of its untied pairs in which the text
// shown earlier was preferred, NaN where all were tied.
type Placed struct {
	Labeler string
	Score   float64
}

// Side is one labeler's leaning to what is shown first.
type Side struct {
	Labeler               string
	Earlier, Later, Equal int     // answers that lean to the earlier shown, the later, neither
	Share                 float64 // Earlier of Earlier + Later; 0.5 is no bias where orders are random
	CI                    Span    // Wilson
	P, Q                  float64 // exact sign test; the same after Benjamini–Hochberg over the labelers
}

// SideBias tests every labeler. Each answer counts once, however many pairs it holds.
func SideBias(answers []Placed) []Side {
	var names []string
	numbers := index{}
	var sides []Side
	for _, a := range answers {
		i := numbers.of(a.Labeler, &names)
		if i == len(sides) {
			sides = append(sides, Side{Labeler: a.Labeler})
		}
		switch {
		case a.Score > .5:
			sides[i].Earlier++
		case a.Score < .5:
			sides[i].Later++
		default:
			sides[i].Equal++
		}
	}
	ps := make([]float64, len(sides))
	for i := range sides {
		s := &sides[i]
		n := s.Earlier + s.Later
		s.Share, s.P, s.CI = math.NaN(), math.NaN(), noSpan()
		if n > 0 {
			s.Share, s.P = float64(s.Earlier)/float64(n), signTest(s.Earlier, n)
			s.CI.Lo, s.CI.Hi = wilson(s.Share, float64(n))
		}
		ps[i] = s.P
	}
	for i, q := range BenjaminiHochberg(ps) {
		sides[i].Q = q
	}
	return sides
}
