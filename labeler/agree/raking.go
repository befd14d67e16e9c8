package agree

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Margins are the shares that a population has, by characteristic and value, such as gender →
// woman → 0.5. The shares of one characteristic sum to 1.
type Margins map[string]map[string]float64

// Weights are the raked weights of a pool.
type Weights struct {
	W         []float64 // by person, mean 1 over those who have a weight; 1 where nothing is known
	Effective float64   // Kish's effective number of people (Σw)²/Σw²
	Design    float64   // design effect n/Effective: how much wider weighting makes a variance
	Max       float64   // largest weight
	Trimmed   int       // people whose weight was cut at the cap
	Miss      float64   // largest difference left between a share and its target
	Rounds    int
}

// Rake weights people so that the pool has the shares of a population (iterative proportional
// fitting, Deming and Stephan 1940), and cuts weights at cap times the mean, 0 for no cap. A person
// without a value for a characteristic ("" or absent) keeps their share of it. It fails on margins
// that do not sum to 1 and on a value that no one in the pool has: no weight can make up for people
// who are not there.
//
// Kish's numbers hold for one answer per person. Several answers of one person resemble each other:
// take intervals from labelers, not rows.
func Rake(people []map[string]string, targets Margins, limit float64) (Weights, error) {
	if err := checkMargins(people, targets); err != nil {
		return Weights{}, err
	}
	w := Weights{W: make([]float64, len(people))}
	for i := range w.W {
		w.W[i] = 1
	}
	names := slices.Sorted(maps.Keys(targets))
	const rounds = 500
	for w.Rounds = 1; w.Rounds <= rounds; w.Rounds++ {
		for _, name := range names {
			adjust(w.W, people, name, targets[name])
		}
		w.Trimmed = trim(w.W, limit)
		if w.Miss = miss(w.W, people, targets); w.Miss < 1e-9 {
			break
		}
	}
	w.Rounds = min(w.Rounds, rounds)
	w.Effective, w.Design = Kish(w.W)
	if len(w.W) > 0 {
		w.Max = slices.Max(w.W)
	}
	return w, nil
}

func checkMargins(people []map[string]string, targets Margins) error {
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		sum := 0.0
		for _, value := range slices.Sorted(maps.Keys(targets[name])) {
			share := targets[name][value]
			if !(share >= 0) {
				return fmt.Errorf("target %s=%s is %g; shares are from 0 to 1", name, value, share)
			}
			sum += share
			has := func(p map[string]string) bool { return p[name] == value }
			if share > 0 && !slices.ContainsFunc(people, has) {
				return fmt.Errorf("target %s=%s is %g, but nobody in the pool is in it", name, value, share)
			}
		}
		if math.Abs(sum-1) > 1e-6 {
			return fmt.Errorf("the targets of %s sum to %g, not to 1", name, sum)
		}
	}
	return nil
}

// shares sums weights by value, among people who have a value with a target.
func shares(w []float64, people []map[string]string, name string, targets map[string]float64) (by map[string]float64, total float64) {
	by = map[string]float64{}
	for i, p := range people {
		if _, ok := targets[p[name]]; ok {
			by[p[name]] += w[i]
			total += w[i]
		}
	}
	return by, total
}

// adjust multiplies the weights so that one characteristic has its shares.
func adjust(w []float64, people []map[string]string, name string, targets map[string]float64) {
	by, total := shares(w, people, name, targets)
	for i, p := range people {
		if target, ok := targets[p[name]]; ok {
			w[i] *= target * total / by[p[name]]
		}
	}
}

// trim cuts weights at limit times their mean and scales the mean to 1.
func trim(w []float64, limit float64) (trimmed int) {
	mean := 0.0
	for _, x := range w {
		mean += x / float64(len(w))
	}
	for i := range w {
		w[i] /= mean
		if limit > 0 && w[i] > limit {
			w[i] = limit
			trimmed++
		}
	}
	return trimmed
}

// miss is the largest difference between a weighted share and its target.
func miss(w []float64, people []map[string]string, targets Margins) float64 {
	most := 0.0
	for name, want := range targets {
		by, total := shares(w, people, name, want)
		for value, share := range want {
			most = max(most, math.Abs(by[value]/total-share))
		}
	}
	return most
}

// Kish is the effective number (Σw)²/Σw² and the design effect n·Σw²/(Σw)² (Kish 1965, section 11.7).
func Kish(w []float64) (effective, design float64) {
	sum, square := 0.0, 0.0
	for _, x := range w {
		sum += x
		square += x * x
	}
	effective = sum * sum / square
	return effective, float64(len(w)) / effective
}

// Count is a group of people with its size.
type Count struct {
	Value string // "" for the small groups together
	N     int
}

// Composition counts people by the value of a characteristic, most first. Values that fewer than
// least people share are counted together, last, so that none can be singled out; if that sum is
// itself below least and there is another group, the smallest one joins it, else subtraction from the
// total would tell.
func Composition(people []map[string]string, name string, least int) (groups []Count, unknown int) {
	by := map[string]int{}
	for _, p := range people {
		if v := p[name]; v != "" {
			by[v]++
		} else {
			unknown++
		}
	}
	for _, v := range slices.Sorted(maps.Keys(by)) {
		groups = append(groups, Count{v, by[v]})
	}
	slices.SortStableFunc(groups, func(a, b Count) int { return cmp.Compare(b.N, a.N) })
	small := 0
	for len(groups) > 0 {
		last := groups[len(groups)-1]
		if last.N >= least && (small == 0 || small >= least) {
			break
		}
		small += last.N
		groups = groups[:len(groups)-1]
	}
	if small > 0 {
		groups = append(groups, Count{"", small})
	}
	return groups, unknown
}
