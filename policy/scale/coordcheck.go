package scale

import (
	"context"
	"fmt"
	"math"

	"agora/policy"
	"agora/policy/cpu"
	"agora/policy/graph"
)

// CoordCurve is mean |activation| of one place in the model, after some steps, over the widths.
type CoordCurve struct {
	Parametrization string    `json:"parametrization"`
	Place           string    `json:"place"` // embedding, layer.<i>.attention, .feed_forward, .residual, logits
	Step            int       `json:"step"`  // optimizer steps taken
	Means           []float64 `json:"means"` // by width, averaged over the seeds
	Slope           *float64  `json:"slope"` // of log mean over log width: 0 is flat, 0.5 grows as √width; null where all is 0
}

// coordCheck trains every width for some steps and watches the activations (Yang et al. 2022, section
// D.1). tell is told about each model that is done.
func (c *CoordConfig) coordCheck(ctx context.Context, dev *cpu.Device, text policy.Text, tell func(done, total int)) ([]CoordCurve, error) {
	var curves []CoordCurve
	done, total := 0, len(parametrizations)*len(c.Widths)*c.Seeds
	for _, parametrization := range parametrizations {
		var places []string
		sums := map[string][][]float64{} // place → step → width
		for w, width := range c.Widths {
			for seed := range c.Seeds {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				p, err := newProbe(dev, c.run(parametrization, width, seed+1), text)
				if err != nil {
					return nil, fmt.Errorf("width %d: %w", width, err)
				}
				places = p.places
				for step := range c.Steps + 1 {
					means, err := p.measure(step < c.Steps)
					if err != nil {
						return nil, fmt.Errorf("%s, width %d: %w", parametrization, width, err)
					}
					for i, place := range places {
						at(sums, place, step, c.Steps+1, len(c.Widths))[w] += means[i] / float64(c.Seeds)
					}
				}
				done++
				tell(done, total)
			}
		}
		for _, place := range places {
			for step, means := range sums[place] {
				curves = append(curves, CoordCurve{parametrization, place, step, means, logSlope(c.Widths, means)})
			}
		}
	}
	return curves, nil
}

func at(sums map[string][][]float64, place string, step, steps, widths int) []float64 {
	if sums[place] == nil {
		for range steps {
			sums[place] = append(sums[place], make([]float64, widths))
		}
	}
	return sums[place][step]
}

// logSlope is the least-squares slope of log y over log x, nil if some y is 0.
func logSlope(widths []int, y []float64) *float64 {
	var sx, sy, sxx, sxy float64
	n := float64(len(widths))
	for i, w := range widths {
		if !(y[i] > 0) {
			return nil
		}
		lx, ly := math.Log(float64(w)), math.Log(y[i])
		sx, sy, sxx, sxy = sx+lx, sy+ly, sxx+lx*lx, sxy+lx*ly
	}
	slope := (n*sxy - sx*sy) / (n*sxx - sx*sx)
	return &slope
}

// probe is a model in training whose activations can be seen.
type probe struct {
	prog    graph.Program
	feeds   graph.Feeds
	opt     *policy.Optimizer
	places  []string
	watched []*graph.Value
}

// newProbe compiles forward, loss and gradients on one fixed batch, the first tokens of the text.
func newProbe(dev *cpu.Device, c policy.PretrainConfig, text policy.Text) (*probe, error) {
	t, err := policy.NewTrial(dev, c, text, 1)
	if err != nil {
		return nil, err
	}
	n := c.BatchSequences * c.Context
	if len(text.Train.Tokens) <= n {
		return nil, fmt.Errorf("the text has %d tokens, a batch needs %d", len(text.Train.Tokens), n+1)
	}
	p := &probe{opt: t.Opt}
	m := t.Model
	g := graph.New(m.Params)
	rows := g.Dim("tokens", n)
	in := m.NewInput(g, "coordcheck", rows, g.Dim("seqs", c.BatchSequences))
	in.Watch = func(name string, x *graph.Value) {
		if name != "hidden" { // a norm makes it flat in any parametrisation
			p.places, p.watched = append(p.places, name), append(p.watched, x)
		}
	}
	targets, weights := g.Ints("targets", rows), g.Floats("weights", rows, 1)
	hidden := m.Hidden(g, in)
	p.places, p.watched = append(p.places, "logits"), append(p.watched, g.Logits(hidden, m.Output(in)))
	loss, _ := g.CrossEntropy(hidden, m.Output(in), targets, weights)
	g.Gradients(loss)
	if p.prog, err = dev.Compile(g, append(p.watched, loss)...); err != nil {
		return nil, err
	}
	lens, mean := make([]int32, c.BatchSequences), make([]float32, n)
	for i := range lens {
		lens[i] = int32(c.Context)
	}
	for i := range mean {
		mean[i] = 1 / float32(n)
	}
	p.feeds.Ints(in.IDs, text.Train.Tokens[:n])
	p.feeds.Layout(in.Layout, lens, nil, nil)
	p.feeds.Ints(targets, text.Train.Tokens[1:n+1])
	p.feeds.Floats(weights, mean)
	return p, nil
}

// measure returns mean |x| of every place with the weights as they are, and then takes a step.
func (p *probe) measure(step bool) ([]float64, error) {
	if err := p.prog.Run(&p.feeds); err != nil {
		return nil, err
	}
	means := make([]float64, len(p.watched))
	for i, v := range p.watched {
		means[i] = meanAbs(p.prog.Floats(v))
	}
	if !step {
		return means, nil
	}
	_, _, err := p.opt.Step()
	return means, err
}

func meanAbs(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Abs(float64(v))
	}
	return sum / float64(len(x))
}
