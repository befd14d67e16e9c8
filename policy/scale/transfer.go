package scale

import (
	"context"
	"math"

	"agora/policy"
)

// Curve is the loss over the learning rate for one parametrisation and width.
type Curve struct {
	Parametrization string  `json:"parametrization"`
	Width           int     `json:"width"`
	Params          float64 `json:"params"`
	Rates           []Rate  `json:"rates"`
	Best            int     `json:"best_log2_rate"`   // of least mean loss, among the rates that all seeds have run
	Fine            float64 `json:"vertex_log2_rate"` // the vertex of the parabola through the best rate and its neighbours
	Edge            bool    `json:"edge"`             // the best is the lowest or highest rate of the grid
}

// Rate is one learning rate with its runs.
type Rate struct {
	Log2     int        `json:"log2_rate"`
	Losses   []*float64 `json:"held_out"` // by seed, nats per token; null: diverged
	Mean     *float64   `json:"mean"`     // null if a run diverged
	StdError float64    `json:"std_error"`
}

// transfer runs the grid: seed by seed, so that a first picture is there early.
func (c *TransferConfig) transfer(ctx context.Context, g *grid) ([]Curve, error) {
	var curves []Curve
	for _, parametrization := range transferKinds {
		for _, width := range c.Widths {
			curves = append(curves, Curve{Parametrization: parametrization, Width: width, Rates: make([]Rate, len(c.rates()))})
		}
	}
	g.planned = c.work()
	for seed := range c.Seeds {
		for i := range curves {
			if err := c.sweep(ctx, g, &curves[i], seed); err != nil {
				return nil, err
			}
		}
	}
	for i := range curves {
		curves[i].summarise(c.Seeds)
	}
	return curves, nil
}

// sweep runs one seed of a curve.
func (c *TransferConfig) sweep(ctx context.Context, g *grid, curve *Curve, seed int) error {
	first := curve.firstBest()
	for i, log2 := range c.rates() {
		r := &curve.Rates[i]
		r.Log2 = log2
		if seed > 0 && c.Reach > 0 && (i < first-c.Reach || i > first+c.Reach) {
			continue
		}
		cell, err := g.run(ctx, c.job(curve.Parametrization, curve.Width, log2, seed+1))
		if err != nil {
			return err
		}
		r.Losses = append(r.Losses, cell.Loss)
		curve.Params = cell.Params
	}
	return nil
}

// firstBest is the place of the best rate of the first seed.
func (c *Curve) firstBest() int {
	best := 0
	for i, r := range c.Rates {
		if len(r.Losses) > 0 && lossOf(r.Losses[0]) < lossOf(c.Rates[best].first()) {
			best = i
		}
	}
	return best
}

func (r Rate) first() *float64 {
	if len(r.Losses) == 0 {
		return nil
	}
	return r.Losses[0]
}

// lossOf counts a run that diverged as infinitely bad.
func lossOf(x *float64) float64 {
	if x == nil {
		return math.Inf(1)
	}
	return *x
}

// summarise averages over the seeds and finds the best rate.
func (c *Curve) summarise(seeds int) {
	best := -1
	for i := range c.Rates {
		r := &c.Rates[i]
		r.average()
		if len(r.Losses) == seeds && r.Mean != nil && (best < 0 || *r.Mean < *c.Rates[best].Mean) {
			best = i
		}
	}
	if best < 0 {
		c.Edge = true
		return
	}
	c.Best, c.Fine = c.Rates[best].Log2, float64(c.Rates[best].Log2)
	c.Edge = best == 0 || best == len(c.Rates)-1
	if !c.Edge {
		c.Fine += vertex(c.Rates[best-1].mean(seeds), *c.Rates[best].Mean, c.Rates[best+1].mean(seeds))
	}
}

// mean is that of all seeds, nil if some have not run the rate or diverged.
func (r Rate) mean(seeds int) *float64 {
	if len(r.Losses) != seeds {
		return nil
	}
	return r.Mean
}

func (r *Rate) average() {
	sum, n := 0.0, float64(len(r.Losses))
	for _, x := range r.Losses {
		if x == nil {
			return
		}
		sum += *x
	}
	if n == 0 {
		return
	}
	mean, square := sum/n, 0.0
	for _, x := range r.Losses {
		square += (*x - mean) * (*x - mean)
	}
	r.Mean = &mean
	if n > 1 {
		r.StdError = math.Sqrt(square / (n - 1) / n)
	}
}

// vertex is where a parabola through (-1, left), (0, mid), (1, right) is least, 0 where a neighbour is
// not known.
func vertex(left *float64, mid float64, right *float64) float64 {
	if left == nil || right == nil {
		return 0
	}
	bend := *left - 2*mid + *right
	if bend <= 0 {
		return 0
	}
	return (*left - *right) / (2 * bend)
}

// work is that of the whole grid; how much of it the reach spares is known only later, so a middle is
// taken.
func (c *TransferConfig) work() float64 {
	sum := 0.0
	runs := float64(len(c.rates()))
	if later := float64(len(c.rates())); c.Reach > 0 {
		runs += float64(c.Seeds-1) * min(later, float64(2*c.Reach+1))
	} else {
		runs *= float64(c.Seeds)
	}
	for _, width := range c.Widths {
		each := work(c.job(policy.Mup, width, 0, 1).config)
		sum += float64(len(transferKinds)) * runs * each // those of the base width that are shared count as done
	}
	return sum
}
