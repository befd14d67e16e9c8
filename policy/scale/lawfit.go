package scale

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"agora/policy/graph"
)

// Observation is one training run: what size, on how many tokens, ended at what loss.
type Observation struct {
	Params float64 `json:"params"`
	Tokens float64 `json:"tokens"`
	Loss   float64 `json:"loss"` // nats per token, held-out
	Source string  `json:"source,omitempty"`
}

// Interval is the middle 95 % of the bootstrap.
type Interval struct {
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

// LawFit is L(N, D) = E + A/N^α + B/D^β fitted to runs, with N ∝ C^a and D ∝ C^b.
type LawFit struct {
	E     float64 `json:"E"`
	A     float64 `json:"A"`
	B     float64 `json:"B"`
	Alpha float64 `json:"alpha"`
	Beta  float64 `json:"beta"`

	ExponentN float64 `json:"a"`
	ExponentD float64 `json:"b"`

	AlphaInterval *Interval `json:"alpha_interval"` // null where the bootstrap says nothing
	BetaInterval  *Interval `json:"beta_interval"`
	NInterval     *Interval `json:"a_interval"`
	DInterval     *Interval `json:"b_interval"`

	Runs      int     `json:"runs"`
	Bootstrap int     `json:"bootstrap"`      // resamples drawn
	Used      int     `json:"bootstrap_used"` // that could be fitted: the intervals are of these
	Huber     float64 `json:"huber"`          // mean objective
	RMS       float64 `json:"rms_log"`        // root mean square of log L̂ - log L
	Worst     float64 `json:"worst_log"`      // largest |log L̂ - log L|
	MinParams float64 `json:"from_params"`    // range of what was fitted
	MaxParams float64 `json:"to_params"`
	MaxFlops  float64 `json:"to_flops"`
}

func (f LawFit) law() lossLaw { return lossLaw{E: f.E, A: f.A, B: f.B, Alpha: f.Alpha, Beta: f.Beta} }

// fewestRuns is what five constants need at the least, with something left to judge them by.
const fewestRuns = 8

// FitLaw fits the five constants as Hoffmann et al. 2022 do for their third approach (section D.2):
// least Huber loss (δ = 1e-3) of log L̂ - log L, where log L̂ is the log-sum-exp of the logarithms of the
// three terms, minimised by L-BFGS from a grid of starts, the best of which counts. The intervals are
// those of a bootstrap over the runs, each resample fitted from the best fit on; seed decides about
// the resamples. There are none where fewer than fewestResamples could be fitted.
func FitLaw(runs []Observation, resamples int, seed uint64) (LawFit, error) {
	if err := checkRuns(runs); err != nil {
		return LawFit{}, err
	}
	p, huber := bestFit(runs)
	l := p.law()
	fit := LawFit{E: l.E, A: l.A, B: l.B, Alpha: l.Alpha, Beta: l.Beta, Runs: len(runs), Bootstrap: resamples, Huber: huber / float64(len(runs))}
	fit.ExponentN, fit.ExponentD = l.exponents()
	fit.MinParams, fit.MaxParams = math.Inf(1), 0
	for _, r := range runs {
		miss := math.Log(l.loss(r.Params, r.Tokens)) - math.Log(r.Loss)
		fit.RMS += miss * miss / float64(len(runs))
		fit.Worst = math.Max(fit.Worst, math.Abs(miss))
		fit.MinParams, fit.MaxParams = math.Min(fit.MinParams, r.Params), math.Max(fit.MaxParams, r.Params)
		fit.MaxFlops = math.Max(fit.MaxFlops, 6*r.Params*r.Tokens)
	}
	fit.RMS = math.Sqrt(fit.RMS)
	fit.bootstrap(runs, p, resamples, seed)
	return fit, nil
}

func checkRuns(runs []Observation) error {
	sizes, tokens := map[float64]bool{}, map[float64]bool{}
	for _, r := range runs {
		if !(r.Params > 0) || !(r.Tokens > 0) || !(r.Loss > 0) || math.IsInf(r.Params+r.Tokens+r.Loss, 0) {
			return fmt.Errorf("%s: params %g, tokens %g and loss %g must be positive", r.Source, r.Params, r.Tokens, r.Loss)
		}
		sizes[r.Params], tokens[r.Tokens] = true, true
	}
	switch {
	case len(runs) < fewestRuns:
		return fmt.Errorf("%d runs: a fit of five constants needs at least %d", len(runs), fewestRuns)
	case len(sizes) < 3 || len(tokens) < 3:
		return fmt.Errorf("%d sizes and %d numbers of tokens: a fit needs at least 3 of each", len(sizes), len(tokens))
	}
	return nil
}

// point is the five constants as they are searched: log E, log A, log B, α, β.
type point [5]float64

func (p point) law() lossLaw {
	return lossLaw{E: math.Exp(p[0]), A: math.Exp(p[1]), B: math.Exp(p[2]), Alpha: p[3], Beta: p[4]}
}

// bestFit searches from the paper's grid of starts (log A and log B in 0…25, α and β in 0…2, log E in
// -1…1), thinned to what makes a difference, and the starts are scaled so that each term begins as
// large as the loss at the middle of the data.
func bestFit(runs []Observation) (best point, value float64) {
	value = math.Inf(1)
	var n, d, loss float64 // means of the logarithms
	lowest := math.Inf(1)
	for _, r := range runs {
		n, d, loss = n+math.Log(r.Params)/float64(len(runs)), d+math.Log(r.Tokens)/float64(len(runs)), loss+math.Log(r.Loss)/float64(len(runs))
		lowest = math.Min(lowest, math.Log(r.Loss))
	}
	for _, e := range []float64{lowest - 2, lowest - .7, lowest - .2} {
		for _, alpha := range []float64{.1, .3, .6, 1, 1.5} {
			for _, beta := range []float64{.1, .3, .6, 1, 1.5} {
				for _, share := range []float64{.1, .5} {
					p := point{e, loss + math.Log(share) + alpha*n, loss + math.Log(share) + beta*d, alpha, beta}
					if v := p.fit(runs); v < value {
						best, value = p, v
					}
				}
			}
		}
	}
	return best, value
}

// fit moves p to the nearest minimum and returns the objective there.
func (p *point) fit(runs []Observation) float64 {
	return minimise(func(x, grad []float64) float64 { return objective(runs, x, grad) }, p[:])
}

// objective is Σ Huber(log L̂ - log L).
func objective(runs []Observation, x, grad []float64) float64 {
	clear(grad)
	sum := 0.0
	for _, r := range runs {
		ln, ld := math.Log(r.Params), math.Log(r.Tokens)
		terms := [3]float64{x[0], x[1] - x[3]*ln, x[2] - x[4]*ld}
		top := max(terms[0], terms[1], terms[2])
		var e [3]float64
		total := 0.0
		for i, t := range terms {
			e[i] = math.Exp(t - top)
			total += e[i]
		}
		value, slope := huber(top + math.Log(total) - math.Log(r.Loss))
		sum += value
		for i := range e {
			e[i] *= slope / total // d objective / d term
			grad[i] += e[i]
		}
		grad[3] -= e[1] * ln
		grad[4] -= e[2] * ld
	}
	return sum
}

// huber is the Huber loss with δ = 1e-3, and its derivative, both over δ so that numbers are of order 1.
func huber(r float64) (value, slope float64) {
	const delta = 1e-3
	if math.Abs(r) <= delta {
		return r * r / (2 * delta), r / delta
	}
	return math.Abs(r) - delta/2, math.Copysign(1, r)
}

// fewestResamples is what the ends of a 95 % interval need: below, they are the extremes of what was
// drawn, or nearly.
const fewestResamples = 100

// checkResamples refuses what is neither no bootstrap nor enough of one.
func checkResamples(name string, n int) error {
	if n != 0 && n < fewestResamples {
		return fmt.Errorf("%s %d: must be at least %d for an interval, or 0 for none", name, n, fewestResamples)
	}
	return nil
}

// bootstrap fills the intervals. A resample of too few sizes to be fitted, or that shows no gain from
// size or from tokens, has no exponents and is not used.
func (f *LawFit) bootstrap(runs []Observation, start point, resamples int, seed uint64) {
	var alpha, beta, a, b []float64
	sample := make([]Observation, len(runs))
	for k := range resamples {
		key := graph.Key(seed, uint64(k), bootstrapStream)
		for i := range sample {
			sample[i] = runs[graph.Bits(key, uint64(i))%uint64(len(runs))]
		}
		if checkRuns(sample) != nil {
			continue
		}
		p := start
		p.fit(sample)
		x, y := p.law().exponents()
		if !(p[3] > 0) || !(p[4] > 0) || math.IsNaN(x+y) {
			continue
		}
		alpha, beta, a, b = append(alpha, p[3]), append(beta, p[4]), append(a, x), append(b, y)
	}
	f.Used = len(alpha)
	f.AlphaInterval, f.BetaInterval, f.NInterval, f.DInterval = middle(alpha), middle(beta), middle(a), middle(b)
}

const bootstrapStream = 0x626f6f74

// middle is the interval from the 2.5th to the 97.5th percentile, nil of fewer than fewestResamples.
func middle(x []float64) *Interval {
	if len(x) < fewestResamples {
		return nil
	}
	slices.Sort(x)
	at := func(q float64) float64 { return x[int(math.Round(q*float64(len(x)-1)))] }
	return &Interval{at(.025), at(.975)}
}

// text is " (lo to hi)" after a number, nothing where there is no interval.
func (in *Interval) text(digits int) string {
	if in == nil {
		return ""
	}
	return fmt.Sprintf(" (%.*f to %.*f)", digits, in.Lo, digits, in.Hi)
}

// drawnText says in a sentence what intervals of drawn resamples, used of which could be fitted, are.
func drawnText(drawn, used int) string {
	switch {
	case drawn == 0:
		return "No intervals: no bootstrap was asked for."
	case used < fewestResamples:
		return fmt.Sprintf("No intervals: only %d of %d bootstrap samples could be fitted, and they need %d.", used, drawn, fewestResamples)
	case used < drawn:
		return fmt.Sprintf("Intervals: 95 %% of the %d of %d bootstrap samples that could be fitted.", used, drawn)
	}
	return fmt.Sprintf("Intervals: 95 %% of %d bootstrap samples.", drawn)
}

// check refuses a fit that says nothing about how to divide compute.
func (f LawFit) check() error {
	if !(f.Alpha > 0) || !(f.Beta > 0) {
		return errors.New("the runs show no gain from larger models or from more tokens: the law has no optimum")
	}
	return nil
}
