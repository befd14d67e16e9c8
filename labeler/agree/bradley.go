package agree

import (
	"errors"
	"math"
)

// Ties says what a tied comparison tells Bradley and Terry.
type Ties string

const (
	Half     Ties = "half"     // half a win for each
	Davidson Ties = "davidson" // an outcome of its own, likeliest between equals (Davidson 1970)
)

// Record counts comparisons between K players: Wins[i][j] is how often i beat j, Tied[i][j] =
// Tied[j][i] how often neither did. Counts may be fractions (weights).
type Record struct{ Wins, Tied [][]float64 }

// NewRecord is an empty record of k players.
func NewRecord(k int) Record {
	r := Record{make([][]float64, k), make([][]float64, k)}
	for i := range k {
		r.Wins[i], r.Tied[i] = make([]float64, k), make([]float64, k)
	}
	return r
}

// Strengths are log-strengths, natural logarithm, mean 0: i beats j with probability
// 1/(1+exp(θ_j−θ_i)) where ties are half wins.
type Strengths struct {
	Theta []float64
	Nu    float64 // Davidson: P(tie) = ν√(π_i π_j)/(π_i + π_j + ν√(π_i π_j)); 0 with half ties
	// Bounded is false where the data set no limit to some strength: a group of players never
	// lost to the rest, or never met it. The figures are then held finite by a weak prior.
	Bounded bool
}

// The prior is −λ/2·θ²: without effect on the digits shown where the likelihood has a maximum,
// and otherwise what keeps a player without defeat on the scale.
const (
	ridgeBounded   = 1e-9
	ridgeUnbounded = 1e-2
)

var errNoMaximum = errors.New("Bradley–Terry did not converge")

// BradleyTerry finds the maximum-likelihood strengths (Bradley and Terry 1952) by Newton's
// method; the likelihood is concave.
func BradleyTerry(r Record, ties Ties) (Strengths, error) {
	k := len(r.Wins)
	s := Strengths{Theta: make([]float64, k), Bounded: r.connected()}
	if k == 0 {
		return s, nil
	}
	m := &bradley{r: r, x: make([]float64, k), ridge: ridgeBounded}
	if !s.Bounded {
		m.ridge = ridgeUnbounded
	}
	if ties == Davidson && r.anyTie() {
		m.tie, m.x = true, append(m.x, 0)
	}
	if err := m.climb(); err != nil {
		return s, err
	}
	mean := 0.0
	for _, x := range m.x[:k] {
		mean += x / float64(k)
	}
	for i := range s.Theta {
		s.Theta[i] = m.x[i] - mean
	}
	if m.tie {
		s.Nu = math.Exp(m.x[k])
	}
	return s, nil
}

// bradley climbs the log-likelihood over x = (θ_1 … θ_K[, η]), η = ln ν.
type bradley struct {
	r     Record
	x     []float64
	tie   bool
	ridge float64
}

// climb takes Newton steps, halved until the likelihood rises.
func (m *bradley) climb() error {
	at := m.value(m.x)
	for range 100 {
		gradient, hessian := m.slopes()
		step, err := solve(hessian, gradient)
		if err != nil {
			return err
		}
		gain := 0.0
		for i, g := range gradient {
			gain += g * step[i]
		}
		if gain < 1e-13 {
			return nil
		}
		scale := 1.0
		for ; scale > 1e-12; scale /= 2 {
			next := make([]float64, len(m.x))
			for i := range next {
				next[i] = m.x[i] + scale*step[i]
			}
			if v := m.value(next); v > at {
				m.x, at = next, v
				break
			}
		}
		if scale <= 1e-12 { // no float64 is higher
			return nil
		}
	}
	return errNoMaximum
}

// pairs calls fn for each pair that met with the wins of i, of j, and the ties.
func (m *bradley) pairs(fn func(i, j int, wi, wj, tied float64)) {
	for i := range m.r.Wins {
		for j := range i {
			wi, wj, tied := m.r.Wins[i][j], m.r.Wins[j][i], m.r.Tied[i][j]
			if !m.tie {
				wi, wj, tied = wi+tied/2, wj+tied/2, 0
			}
			if wi+wj+tied > 0 {
				fn(i, j, wi, wj, tied)
			}
		}
	}
}

// outcomes are the log-probabilities of i winning, j winning and a tie (−∞ with half ties).
func (m *bradley) outcomes(x []float64, i, j int) (wi, wj, tied float64) {
	tied = math.Inf(-1)
	if m.tie {
		tied = (x[i]+x[j])/2 + x[len(x)-1]
	}
	top := max(x[i], x[j], tied)
	sum := top + math.Log(math.Exp(x[i]-top)+math.Exp(x[j]-top)+math.Exp(tied-top))
	return x[i] - sum, x[j] - sum, tied - sum
}

// value is the log-likelihood with the prior.
func (m *bradley) value(x []float64) float64 {
	v := 0.0
	for _, t := range x {
		v -= m.ridge / 2 * t * t
	}
	m.pairs(func(i, j int, wi, wj, tied float64) {
		pi, pj, pt := m.outcomes(x, i, j)
		v += wi*pi + wj*pj
		if tied > 0 {
			v += tied * pt
		}
	})
	return v
}

// slopes are the gradient and the negative Hessian. Each outcome o of a pair has a probability
// ∝ exp(a_o·x), so the gradient is Σ n_o a_o − N E[a] and the negative Hessian N Cov[a].
func (m *bradley) slopes() (gradient []float64, hessian [][]float64) {
	n := len(m.x)
	gradient, hessian = make([]float64, n), make([][]float64, n)
	for i, t := range m.x {
		gradient[i] = -m.ridge * t
		hessian[i] = make([]float64, n)
		hessian[i][i] = m.ridge
	}
	m.pairs(func(i, j int, wi, wj, tied float64) {
		li, lj, lt := m.outcomes(m.x, i, j)
		p := [3]float64{math.Exp(li), math.Exp(lj), math.Exp(lt)}
		count := [3]float64{wi, wj, tied}
		at := [3]int{i, j, n - 1}
		a := [3][3]float64{{1, 0, 0}, {0, 1, 0}, {.5, .5, 1}} // outcome × (θ_i, θ_j, η)
		used := 2
		if m.tie {
			used = 3
		}
		total, mean := wi+wj+tied, [3]float64{}
		for o := range used {
			for c := range used {
				mean[c] += p[o] * a[o][c]
				gradient[at[c]] += count[o] * a[o][c]
			}
		}
		for c := range used {
			gradient[at[c]] -= total * mean[c]
			for d := range used {
				cov := -mean[c] * mean[d]
				for o := range used {
					cov += p[o] * a[o][c] * a[o][d]
				}
				hessian[at[c]][at[d]] += total * cov
			}
		}
	})
	return gradient, hessian
}

func (r Record) anyTie() bool {
	for _, row := range r.Tied {
		for _, t := range row {
			if t > 0 {
				return true
			}
		}
	}
	return false
}

// connected says whether from every player a chain of "did not always lose to" leads to every
// other one: exactly then the strengths are finite and unique (Ford 1957).
func (r Record) connected() bool {
	reach := func(beats func(i, j int) bool) int {
		seen, todo := make([]bool, len(r.Wins)), []int{0}
		seen[0] = true
		count := 1
		for len(todo) > 0 {
			i := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for j := range r.Wins {
				if !seen[j] && beats(i, j) {
					seen[j] = true
					count++
					todo = append(todo, j)
				}
			}
		}
		return count
	}
	if len(r.Wins) == 0 {
		return true
	}
	down := reach(func(i, j int) bool { return r.Wins[i][j]+r.Tied[i][j] > 0 })
	up := reach(func(i, j int) bool { return r.Wins[j][i]+r.Tied[i][j] > 0 })
	return down == len(r.Wins) && up == len(r.Wins)
}

// solve finds x of a·x = b for a symmetric positive definite a, by Cholesky. Strengths are free
// up to a constant that only the prior holds, so a tiny multiple of the diagonal is added.
func solve(a [][]float64, b []float64) ([]float64, error) {
	n := len(b)
	l := make([][]float64, n)
	for i := range l {
		l[i] = make([]float64, n)
		for j := range i + 1 {
			sum := a[i][j]
			for k := range j {
				sum -= l[i][k] * l[j][k]
			}
			if i > j {
				l[i][j] = sum / l[j][j]
				continue
			}
			sum += 1e-10 * (1 + a[i][i])
			if !(sum > 0) {
				return nil, errNoMaximum
			}
			l[i][i] = math.Sqrt(sum)
		}
	}
	x := make([]float64, n)
	for i := range n { // l·y = b
		x[i] = b[i]
		for k := range i {
			x[i] -= l[i][k] * x[k]
		}
		x[i] /= l[i][i]
	}
	for i := n - 1; i >= 0; i-- { // lᵀ·x = y
		for k := i + 1; k < n; k++ {
			x[i] -= l[k][i] * x[k]
		}
		x[i] /= l[i][i]
	}
	return x, nil
}
