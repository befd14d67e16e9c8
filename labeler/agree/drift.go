package agree

import (
	"math"
	"math/rand/v2"
)

// Drift says whether somebody's scores changed on the way: the split of the sequence that parts it
// best, and how often a sequence without order would look as parted.
type Drift struct {
	N             int
	At            int   // scores before the split; 0 where the sequence is too short to be tested
	Before, After Share // of the two parts
	P             float64
	Q             float64 // after Benjamini–Hochberg; set by Drifts
	Rolling       []Window
}

// Window is the mean of a run of scores.
type Window struct {
	From, To int // scores From … To−1
	Share
}

// What a test of drift needs.
const (
	driftPart   = 8             // scores on each side of a split
	driftLeast  = 3 * driftPart // scores in all
	driftShifts = 4000          // random orders at most
)

// Drifts tests several people's scores, each in the order they were given. Q controls the false alarms
// over all of them.
func Drifts(sequences [][]float64, seed uint64) []Drift {
	out := make([]Drift, len(sequences))
	ps := make([]float64, len(sequences))
	for i, scores := range sequences {
		out[i] = DriftOf(scores, seed)
		ps[i] = out[i].P
	}
	for i, q := range BenjaminiHochberg(ps) {
		out[i].Q = q
	}
	return out
}

// DriftOf looks for one change of level in a sequence. The statistic is the largest standardised
// difference between what lies before a split and after it (the CUSUM of Page 1954, in the form of
// Csörgő and Horváth 1997, section 2.1); its p-value comes from shuffling the scores, which is exact
// where their order means nothing, however many splits are tried and whatever values they have.
//
// A slow slope is found too, as a change somewhere in its middle.
func DriftOf(scores []float64, seed uint64) Drift {
	d := Drift{N: len(scores), P: math.NaN(), Q: math.NaN(), Rolling: rolling(scores)}
	d.Before, d.After = ShareOf(nil), ShareOf(scores)
	if len(scores) < driftLeast {
		return d
	}
	observed, at := widestSplit(scores)
	d.At, d.Before, d.After = at, ShareOf(scores[:at]), ShareOf(scores[at:])
	rng := rand.New(rand.NewPCG(seed, uint64(len(scores))))
	shuffled := append([]float64(nil), scores...)
	d.P = sequentialP(driftShifts, func() bool {
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		s, _ := widestSplit(shuffled)
		return s >= observed-1e-12
	})
	return d
}

// widestSplit is the largest |mean before − mean after|·√(k(n−k)/n) over the splits k.
func widestSplit(scores []float64) (widest float64, at int) {
	n, total := float64(len(scores)), 0.0
	for _, x := range scores {
		total += x
	}
	sum := 0.0
	widest = -1
	for i, x := range scores {
		sum += x
		k := float64(i + 1)
		if i+1 < driftPart || len(scores)-i-1 < driftPart {
			continue
		}
		s := math.Abs(sum-k*total/n) * math.Sqrt(n/(k*(n-k)))
		if s > widest+1e-12 {
			widest, at = s, i+1
		}
	}
	return widest, at
}

// rolling is the means of overlapping windows, a fifth of the sequence each but 15 to 50 scores.
func rolling(scores []float64) []Window {
	width := min(50, max(15, len(scores)/5))
	if len(scores) < width {
		return nil
	}
	step := max(1, (len(scores)-width)/24)
	var out []Window
	for from := 0; from+width <= len(scores); from += step {
		out = append(out, Window{from, from + width, ShareOf(scores[from : from+width])})
	}
	return out
}

// enoughHits ends a random test: by then p is known to about a fifth of itself.
const enoughHits = 25

// sequentialP is the p-value of a test by random draws, each of which says whether it is as extreme as
// what was observed: it stops early where that happens often (Besag and Clifford 1991), and otherwise
// counts the observed one among most draws (Phipson and Smyth 2010).
func sequentialP(most int, extreme func() bool) float64 {
	hits := 0
	for drawn := 1; drawn <= most; drawn++ {
		if extreme() {
			hits++
		}
		if hits == enoughHits {
			return float64(hits) / float64(drawn)
		}
	}
	return float64(hits+1) / float64(most+1)
}
