package scale

import (
	"context"
	"errors"
	"fmt"
	"math"

	"agora/policy/graph"
)

// Profile is the runs of one budget, with the parabola of loss over log size that is fitted to them
// (Hoffmann et al. 2022, approach 2).
type Profile struct {
	Flops float64       `json:"budget"`
	Runs  []Observation `json:"runs"`
	Curve *parabola     `json:"parabola"` // null if it has no minimum

	Params  float64 `json:"best_params,omitempty"`
	Tokens  float64 `json:"best_tokens,omitempty"`
	Loss    float64 `json:"best_loss,omitempty"`
	Outside bool    `json:"outside,omitempty"` // the minimum lies beyond the sizes that were run: not used
}

// parabola is C0 + C1·x + C2·x² for x = log10 of the number of parameters.
type parabola struct{ C0, C1, C2 float64 }

func (p parabola) at(params float64) float64 {
	x := math.Log10(params)
	return p.C0 + p.C1*x + p.C2*x*x
}

// IsoFLOP is what the sweep says.
type IsoFLOP struct {
	Profiles  []Profile `json:"profiles"`
	ExponentN float64   `json:"a"` // N ∝ C^a, from the minima
	ExponentD float64   `json:"b"`
	NInterval *Interval `json:"a_interval"` // null where the bootstrap says nothing
	DInterval *Interval `json:"b_interval"`
	Resamples int       `json:"bootstrap"`      // drawn
	Fitted    int       `json:"bootstrap_used"` // of them, those with an exponent
	Scale     float64   `json:"scale"`          // N = scale · C^a
	Used      int       `json:"minima"`
	Law       *LawFit   `json:"law"`     // approach 3 on the same runs
	Problem   string    `json:"problem"` // why there is no law or no exponent, else empty
}

// isoflop runs the sweep and fits both.
func (c *IsoFLOPConfig) isoflop(ctx context.Context, g *grid) (IsoFLOP, error) {
	jobs := c.jobs(len(g.text.Train.Tokens))
	for _, row := range jobs {
		for _, j := range row {
			g.planned += work(j.config)
		}
	}
	var out IsoFLOP
	if g.planned == 0 {
		return out, fmt.Errorf("no run is within the limits (passes %g, fewest_steps %d, fewest_tokens_per_param %g): the budgets %v do not fit the widths %v and a text of %d tokens",
			c.Passes, c.FewestSteps, c.FewestTokens, c.Budgets, c.Widths, len(g.text.Train.Tokens))
	}
	var all []Observation
	for i, row := range jobs {
		p := Profile{Flops: c.Budgets[i]}
		for _, j := range row {
			cell, err := g.run(ctx, j)
			if err != nil {
				return out, err
			}
			if cell.Loss != nil {
				p.Runs = append(p.Runs, Observation{Params: cell.Params, Tokens: cell.Tokens, Loss: *cell.Loss, Source: cell.Name})
			}
		}
		p.minimum(p.Runs)
		out.Profiles = append(out.Profiles, p)
		all = append(all, p.Runs...)
	}
	out.fit(all, c.Resamples, uint64(c.Seed))
	return out, nil
}

// fit finds the exponents of the minima with their intervals, and the law.
func (r *IsoFLOP) fit(all []Observation, resamples int, seed uint64) {
	var err error
	if r.ExponentN, r.Scale, r.Used, err = frontier(r.Profiles); err == nil {
		r.ExponentD = 1 - r.ExponentN
		r.bootstrap(resamples, seed)
	}
	law, lawErr := FitLaw(all, resamples, seed)
	if lawErr == nil {
		if lawErr = law.check(); lawErr == nil {
			r.Law = &law
		}
	}
	if err = errors.Join(err, lawErr); err != nil {
		r.Problem = err.Error()
	}
}

// minimum fits the parabola to some runs of the profile and keeps where it is least.
func (p *Profile) minimum(runs []Observation) {
	p.Curve, p.Params = nil, 0
	curve, ok := fitParabola(runs)
	if !ok || curve.C2 <= 0 {
		return
	}
	p.Curve = &curve
	p.Params = math.Pow(10, -curve.C1/(2*curve.C2))
	p.Tokens, p.Loss = p.Flops/(6*p.Params), curve.at(p.Params)
	low, high := math.Inf(1), 0.0
	for _, r := range p.Runs {
		low, high = min(low, r.Params), max(high, r.Params)
	}
	p.Outside = p.Params < low || p.Params > high
}

// fitParabola is least squares; it needs three sizes.
func fitParabola(runs []Observation) (parabola, bool) {
	var a [3][4]float64 // normal equations
	sizes := map[float64]bool{}
	middle := 0.0
	for _, r := range runs {
		sizes[r.Params] = true
		middle += math.Log10(r.Params) / float64(len(runs))
	}
	if len(sizes) < 3 {
		return parabola{}, false
	}
	for _, r := range runs {
		x := math.Log10(r.Params) - middle
		row := [4]float64{1, x, x * x, r.Loss}
		for i := range 3 {
			for j := range 4 {
				a[i][j] += row[i] * row[j]
			}
		}
	}
	c, ok := solve3(a)
	// c0 + c1 (x-m) + c2 (x-m)²
	return parabola{c[0] - c[1]*middle + c[2]*middle*middle, c[1] - 2*c[2]*middle, c[2]}, ok
}

// solve3 is Gaussian elimination with pivots.
func solve3(a [3][4]float64) (x [3]float64, ok bool) {
	for i := range 3 {
		best := i
		for k := i + 1; k < 3; k++ {
			if math.Abs(a[k][i]) > math.Abs(a[best][i]) {
				best = k
			}
		}
		a[i], a[best] = a[best], a[i]
		if math.Abs(a[i][i]) < 1e-12 {
			return x, false
		}
		for k := i + 1; k < 3; k++ {
			f := a[k][i] / a[i][i]
			for j := i; j < 4; j++ {
				a[k][j] -= f * a[i][j]
			}
		}
	}
	for i := 2; i >= 0; i-- {
		x[i] = a[i][3]
		for j := i + 1; j < 3; j++ {
			x[i] -= a[i][j] * x[j]
		}
		x[i] /= a[i][i]
	}
	return x, true
}

// frontier is the line through the minima: log N = log scale + a log C.
func frontier(profiles []Profile) (a, scale float64, used int, err error) {
	var sx, sy, sxx, sxy float64
	for _, p := range profiles {
		if p.Curve == nil || p.Outside {
			continue
		}
		x, y := math.Log(p.Flops), math.Log(p.Params)
		sx, sy, sxx, sxy, used = sx+x, sy+y, sxx+x*x, sxy+x*y, used+1
	}
	if used < 2 {
		return 0, 0, used, fmt.Errorf("%d of %d budgets have a minimum among their sizes; an exponent needs 2: run other sizes", used, len(profiles))
	}
	n := float64(used)
	a = (n*sxy - sx*sy) / (n*sxx - sx*sx)
	return a, math.Exp((sy - a*sx) / n), used, nil
}

// bootstrap draws the runs of every budget with replacement and takes the exponent of each draw;
// draws in which a parabola cannot be fitted leave that budget out, and one of fewer than two budgets
// is not used.
func (r *IsoFLOP) bootstrap(resamples int, seed uint64) {
	var list []float64
	for k := range resamples {
		key := graph.Key(seed, uint64(k), bootstrapStream+1)
		drawn := make([]Profile, len(r.Profiles))
		for i, p := range r.Profiles {
			runs := make([]Observation, len(p.Runs))
			for j := range runs {
				runs[j] = p.Runs[graph.Bits(key, uint64(i)<<32|uint64(j))%uint64(len(runs))]
			}
			p.minimum(runs)
			drawn[i] = p
		}
		if a, _, _, err := frontier(drawn); err == nil {
			list = append(list, a)
		}
	}
	r.Resamples, r.Fitted, r.NInterval = resamples, len(list), middle(list)
	if in := r.NInterval; in != nil {
		r.DInterval = &Interval{1 - in.Hi, 1 - in.Lo}
	}
}
