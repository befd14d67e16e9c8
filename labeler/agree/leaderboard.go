package agree

import (
	"cmp"
	"math"
	"slices"
)

// Duel is one labeler's comparison of two policies' texts.
type Duel struct {
	Answer  int    // which answer it is part of: an answer with K texts holds several duels
	Item    string // prompt
	Labeler string // "" where the source does not say
	A, B    string // policies
	Score   float64
	Groups  map[string]string // the labeler's, such as gender → woman
	Weight  float64           // how much it counts; 0 stands for 1
}

// BoardOptions are the choices of a leaderboard.
type BoardOptions struct {
	Ties      Ties
	Baseline  string // whom win rates are against; "" is all others
	Resamples int
	Seed      uint64
}

// Standing is one policy on a leaderboard.
type Standing struct {
	Policy   string
	Strength float64 // Bradley–Terry log-strength, mean 0 over the policies
	CI       Span
	RankUB   int // 1 + how many policies are surely stronger: their lower end is above this one's upper end
	WinRate  Estimate
	Duels    int
	Labelers int
}

// Board is a leaderboard, strongest first.
type Board struct {
	Standings []Standing
	By        Clusters // what the strengths' intervals were resampled by
	Nu        float64  // Davidson's tie parameter
	Bounded   bool     // see Strengths
}

// Elo puts a log-strength on the scale of chess ratings: 400 points are odds of 10 to 1, the
// average policy has 1000.
func Elo(strength float64) float64 { return 1000 + 400/math.Ln10*strength }

// Leaderboard ranks policies by Bradley–Terry strength. Rank(UB) and the percentile bootstrap are
// Chatbot Arena's (FastChat, elo_analysis.py), but whole labelers are drawn, or whole items where
// fewer than MinLabelers people are known, since single votes are not independent.
func Leaderboard(duels []Duel, o BoardOptions) (Board, error) {
	var policies []string
	numbers := index{}
	for _, d := range duels {
		numbers.of(d.A, &policies)
		numbers.of(d.B, &policies)
	}
	by, clusters := clusterDuels(duels, numbers)
	whole := sum(clusters, nil, len(policies))
	s, err := BradleyTerry(whole, o.Ties)
	if err != nil {
		return Board{}, err
	}
	board := Board{By: by, Nu: s.Nu, Bounded: s.Bounded}
	spans, err := resampleStrengths(clusters, len(policies), by, o)
	if err != nil {
		return Board{}, err
	}
	for i, p := range policies {
		st := Standing{Policy: p, Strength: s.Theta[i], CI: spans[i]}
		st.WinRate, st.Duels, st.Labelers = winRateOf(duels, p, by, o)
		board.Standings = append(board.Standings, st)
	}
	rankUB(board.Standings)
	slices.SortFunc(board.Standings, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(b.Strength, a.Strength), cmp.Compare(a.Policy, b.Policy))
	})
	return board, nil
}

// rankUB fills the ranks; a policy without interval is compared by its strength alone.
func rankUB(standings []Standing) {
	ends := func(s Standing) Span {
		if math.IsNaN(s.CI.Lo) {
			return Span{s.Strength, s.Strength}
		}
		return s.CI
	}
	for i := range standings {
		standings[i].RankUB = 1
		for _, other := range standings {
			if ends(other).Lo > ends(standings[i]).Hi {
				standings[i].RankUB++
			}
		}
	}
}

// tallied is the comparisons of one pair of policies within one cluster.
type tallied struct {
	a, b              int
	winsA, winsB, tie float64
}

// clusterDuels gathers the duels by labeler, or by item where too few labelers are known.
func clusterDuels(duels []Duel, policies index) (Clusters, [][]tallied) {
	by, who := ByLabeler, func(d Duel) string { return d.Labeler }
	people, unnamed := map[string]bool{}, false
	for _, d := range duels {
		people[d.Labeler] = true
		unnamed = unnamed || d.Labeler == ""
	}
	if len(people) < MinLabelers || unnamed {
		by, who = ByItem, func(d Duel) string { return d.Item }
	}
	var names []string
	numbers := index{}
	var clusters []map[[2]int]*tallied
	for _, d := range duels {
		c := numbers.of(who(d), &names)
		if c == len(clusters) {
			clusters = append(clusters, map[[2]int]*tallied{})
		}
		a, b, score := policies[d.A], policies[d.B], d.Score
		if a > b {
			a, b, score = b, a, 1-score
		}
		t := clusters[c][[2]int{a, b}]
		if t == nil {
			t = &tallied{a: a, b: b}
			clusters[c][[2]int{a, b}] = t
		}
		w := cmp.Or(d.Weight, 1)
		switch {
		case score > .5:
			t.winsA += w
		case score < .5:
			t.winsB += w
		default:
			t.tie += w
		}
	}
	if len(clusters) < MinLabelers {
		by = NoCluster
	}
	out := make([][]tallied, len(clusters))
	for i, c := range clusters {
		for _, t := range c {
			out[i] = append(out[i], *t)
		}
	}
	return by, out
}

// sum adds up clusters, each as often as its weight says; nil is once each. The entries of one cluster
// are of different pairs, so that their order does not matter.
func sum(clusters [][]tallied, weights []float64, k int) Record {
	r := NewRecord(k)
	for c, list := range clusters {
		w := 1.0
		if weights != nil {
			w = weights[c]
		}
		for _, t := range list {
			r.Wins[t.a][t.b] += w * t.winsA
			r.Wins[t.b][t.a] += w * t.winsB
			r.Tied[t.a][t.b] += w * t.tie
			r.Tied[t.b][t.a] += w * t.tie
		}
	}
	return r
}

// resampleStrengths is the interval of each policy's strength. A resample in which a policy was
// never compared says nothing about it.
func resampleStrengths(clusters [][]tallied, k int, by Clusters, o BoardOptions) ([]Span, error) {
	spans := make([]Span, k)
	thetas := make([][]float64, k)
	if by != NoCluster {
		draw := newDraw(len(clusters), o.Seed)
		for range o.Resamples {
			r := sum(clusters, draw.next(), k)
			s, err := BradleyTerry(r, o.Ties)
			if err != nil {
				return nil, err
			}
			for i, theta := range s.Theta {
				if !r.met(i) {
					theta = math.NaN()
				}
				thetas[i] = append(thetas[i], theta)
			}
		}
	}
	for i := range spans {
		spans[i] = percentile(thetas[i])
	}
	return spans, nil
}

// met says whether a player was compared at all.
func (r Record) met(i int) bool {
	for j := range r.Wins {
		if r.Wins[i][j]+r.Wins[j][i]+r.Tied[i][j] > 0 {
			return true
		}
	}
	return false
}

// winRateOf is how often a policy was preferred to the baseline (to any other one), each answer
// counted once with the mean of its duels. A baseline against itself has no rate.
func winRateOf(duels []Duel, policy string, by Clusters, o BoardOptions) (e Estimate, n, labelers int) {
	type answer struct {
		labeler, item string
		weight        float64
		sum, count    float64
	}
	answers := map[int]*answer{}
	var order []int
	people := map[string]bool{}
	for _, d := range duels {
		rival, score := d.B, d.Score
		if d.B == policy {
			rival, score = d.A, 1-score
		} else if d.A != policy {
			continue
		}
		n++
		if d.Labeler != "" {
			people[d.Labeler] = true
		}
		if o.Baseline != "" && rival != o.Baseline {
			continue
		}
		a := answers[d.Answer]
		if a == nil {
			a = &answer{labeler: d.Labeler, item: d.Item, weight: d.Weight}
			answers[d.Answer], order = a, append(order, d.Answer)
		}
		a.sum += score
		a.count++
	}
	var js []Judgment
	var items []string
	for _, k := range order {
		a := answers[k]
		js, items = append(js, Judgment{Labeler: a.labeler, Score: a.sum / a.count, Weight: a.weight}), append(items, a.item)
	}
	e = WinRate(js, o.Resamples)
	if by == ByItem && e.Method == Wilson {
		e.byItem(js, items, o)
	}
	return e, n, len(people)
}

// byItem replaces an interval that takes several people's answers to one item for independent.
func (e *Estimate) byItem(js []Judgment, items []string, o BoardOptions) {
	var names []string
	numbers := index{}
	var sums, counts []float64
	for k, j := range js {
		i := numbers.of(items[k], &names)
		if i == len(sums) {
			sums, counts = append(sums, 0), append(counts, 0)
		}
		w := cmp.Or(j.Weight, 1)
		sums[i] += w * j.Score
		counts[i] += w
	}
	if s := meanSpan(sums, counts, o.Resamples, o.Seed); s.Lo < s.Hi {
		e.Lo, e.Hi, e.Method = s.Lo, s.Hi, ClusteredByItem
	}
}
