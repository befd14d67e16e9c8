package agree

import (
	"math"
	"math/rand/v2"
)

// MACE settings of Hovy et al. and of its reference implementation.
const (
	maceRestarts   = 10
	maceIterations = 50
	maceKnowing    = .5 // Beta prior of guessing and of knowing
	maceStrategy   = 10 // Dirichlet prior of each guessed value
)

// MACE estimates the true values, how often each labeler knows rather than guesses, and so who is
// careless (Hovy, Berg-Kirkpatrick, Vaswani and Hovy 2013, "Learning Whom to Trust with MACE"):
// EM with the variational M-step, the best of ten random starts.
func (t *Table) MACE(seed uint64) Truth {
	best := Truth{LogLik: math.Inf(-1)}
	for restart := range maceRestarts {
		m := newMace(t, rand.New(rand.NewPCG(seed, uint64(restart))))
		m.expect()
		for range maceIterations {
			m.maximise()
			m.expect()
		}
		if m.logLik > best.LogLik || best.Posterior == nil {
			best = Truth{Posterior: m.posterior, Competence: m.competence(), LogLik: m.logLik, Iterations: maceIterations}
		}
	}
	return best
}

type mace struct {
	t         *Table
	guesses   [][2]float64 // by labeler: weight of guessing, of knowing
	strategy  [][]float64  // by labeler: weight of each value when guessing
	posterior [][]float64
	logLik    float64

	guessed   [][2]float64 // expected counts, by labeler
	strategyN [][]float64
}

// newMace starts near "half guessed, all values alike".
func newMace(t *Table, rng *rand.Rand) *mace {
	m := &mace{t: t, posterior: t.voteShares()}
	k := len(t.Values)
	for range t.Labelers {
		g := [2]float64{1 + rng.Float64()/2, 1 + rng.Float64()/2}
		sum := g[0] + g[1]
		m.guesses = append(m.guesses, [2]float64{g[0] / sum, g[1] / sum})
		s, total := make([]float64, k), 0.0
		for v := range s {
			s[v] = 1 + rng.Float64()/2
			total += s[v]
		}
		for v := range s {
			s[v] /= total
		}
		m.strategy = append(m.strategy, s)
	}
	return m
}

// expect sets the posteriors, the likelihood and the expected counts of guessing and knowing.
func (m *mace) expect() {
	k := len(m.t.Values)
	m.logLik = 0
	m.guessed, m.strategyN = make([][2]float64, len(m.guesses)), make([][]float64, len(m.guesses))
	for l := range m.strategyN {
		m.strategyN[l] = make([]float64, k)
	}
	for u, row := range m.posterior {
		if row == nil {
			continue
		}
		for v := range row {
			row[v] = -math.Log(float64(k)) // the truth is any value, alike
			for _, c := range m.t.unit(u) {
				if c.Labeler >= 0 {
					row[v] += math.Log(m.chance(c, v))
				}
			}
		}
		m.logLik += normaliseLogs(row)
		for _, c := range m.t.unit(u) {
			if c.Labeler < 0 {
				continue
			}
			knew := row[c.Value] * m.guesses[c.Labeler][1] / m.chance(c, c.Value)
			guessed := 1 - knew // of this label
			m.guessed[c.Labeler][0] += guessed
			m.guessed[c.Labeler][1] += knew
			m.strategyN[c.Labeler][c.Value] += guessed
		}
	}
}

// chance is the weight of a label when the truth is v: guessed, or known and right.
func (m *mace) chance(c Cell, v int) float64 {
	p := m.guesses[c.Labeler][0] * m.strategy[c.Labeler][c.Value]
	if c.Value == v {
		p += m.guesses[c.Labeler][1]
	}
	return max(p, tiny)
}

// maximise is the variational step: exp ψ(count + prior) over exp ψ of the sum.
func (m *mace) maximise() {
	for l := range m.guesses {
		g := m.guessed[l]
		total := digamma(g[0] + g[1] + 2*maceKnowing)
		m.guesses[l] = [2]float64{math.Exp(digamma(g[0]+maceKnowing) - total), math.Exp(digamma(g[1]+maceKnowing) - total)}
		sum := 0.0
		for _, n := range m.strategyN[l] {
			sum += n + maceStrategy
		}
		for v, n := range m.strategyN[l] {
			m.strategy[l][v] = math.Exp(digamma(n+maceStrategy) - digamma(sum))
		}
	}
}

// competence is the weight of knowing, by labeler.
func (m *mace) competence() []float64 {
	out := make([]float64, len(m.guesses))
	for l, g := range m.guesses {
		out[l] = g[1]
	}
	return out
}

// digamma is the derivative of ln Γ for x > 0: upward recurrence, then the asymptotic series
// (Abramowitz and Stegun 6.3.5 and 6.3.18).
func digamma(x float64) float64 {
	sum := 0.0
	for ; x < 12; x++ {
		sum -= 1 / x
	}
	r := 1 / (x * x)
	return sum + math.Log(x) - 1/(2*x) - r*(1./12-r*(1./120-r*(1./252-r/240)))
}
