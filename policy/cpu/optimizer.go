package cpu

import (
	"errors"
	"math"

	"agora/policy/graph"
)

// ErrNotFinite is returned instead of taking a step with a gradient that has NaN or infinities.
var ErrNotFinite = errors.New("the gradient is not finite")

// AdamWConfig is what may change from step to step.
type AdamWConfig struct {
	LearningRate float64
	Beta1, Beta2 float64 // 0.9 and 0.999 are PyTorch's defaults
	Eps          float64
	WeightDecay  float64 // decoupled, per step lr·decay; not for parameters with NoDecay
	ClipNorm     float64 // gradients are scaled down to this global norm; 0 means no clipping

	// EpsInside puts eps beside √v before the bias correction, as TensorFlow 1 did and as the
	// original RLHF code of Ziegler et al. assumes; PyTorch puts it behind.
	EpsInside bool
}

// AdamW trains the parameters of a store from their Grad (Loshchilov and Hutter, arXiv:1711.05101).
type AdamW struct {
	Steps int // taken so far

	device *Device
	states []*adamState
	pieces []piece
	config AdamWConfig
	norm   float64
	scale  float64
	run    func(w *Worker) // bound once: a method value would allocate each step
}

type adamState struct {
	param *graph.Param
	m, v  []float32
}

// piece is a part of one tensor, a unit of work. Pieces do not depend on the number of workers, and
// so neither does the gradient norm.
type piece struct {
	state  *adamState
	lo, hi int
	square float64 // Σ g²
}

const pieceFloats = 1 << 14

// NewAdamW makes an optimizer with zero moments for all parameters that are not Frozen.
func (d *Device) NewAdamW(params *graph.Params) *AdamW {
	o := &AdamW{device: d}
	o.run = o.work
	for _, p := range params.List() {
		if p.Frozen {
			continue
		}
		p.AllocGrad()
		s := &adamState{param: p, m: Alloc(len(p.Data)), v: Alloc(len(p.Data))}
		o.states = append(o.states, s)
		for lo := 0; lo < len(p.Data); lo += pieceFloats {
			o.pieces = append(o.pieces, piece{state: s, lo: lo, hi: min(lo+pieceFloats, len(p.Data))})
		}
	}
	return o
}

// Moments returns the first and second moment of a parameter, nil if it does not train. Together
// with Steps and the parameters they are the whole state: write into them to resume.
func (o *AdamW) Moments(p *graph.Param) (m, v []float32) {
	for _, s := range o.states {
		if s.param == p {
			return s.m, s.v
		}
	}
	return nil, nil
}

// Step updates all parameters and returns the global norm of the gradient before clipping. If that
// is not finite it changes nothing and returns ErrNotFinite.
func (o *AdamW) Step(c AdamWConfig) (gradNorm float64, err error) {
	o.config = c
	o.device.team.Run(o.run)
	if !finite(o.norm) {
		return o.norm, ErrNotFinite
	}
	o.Steps++
	for _, s := range o.states {
		s.param.Changed()
	}
	return o.norm, nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func (o *AdamW) work(w *Worker) {
	for i := w.Next(); i < len(o.pieces); i = w.Next() {
		p := &o.pieces[i]
		p.square = float64(w.SumSquares(p.state.param.Grad[p.lo:p.hi]))
	}
	w.Barrier()
	if w.ID() == 0 {
		o.measure()
	}
	w.Barrier()
	if !finite(o.norm) {
		return
	}
	for i := w.Next(); i < len(o.pieces); i = w.Next() {
		p := &o.pieces[i]
		s := p.state
		w.AdamW(s.param.Data[p.lo:p.hi], s.param.Grad[p.lo:p.hi], s.m[p.lo:p.hi], s.v[p.lo:p.hi], o.args(s.param))
	}
}

// measure finds the gradient norm and the factor that clips it.
func (o *AdamW) measure() {
	sum := 0.0
	for i := range o.pieces {
		sum += o.pieces[i].square
	}
	o.norm, o.scale = math.Sqrt(sum), 1
	if c := o.config.ClipNorm; c > 0 && o.norm > c {
		o.scale = c / (o.norm + 1e-6) // as torch.nn.utils.clip_grad_norm_
	}
}

func (o *AdamW) args(p *graph.Param) AdamWStep {
	c := o.config
	a := AdamWStep{
		LearningRate: c.LearningRate * float64(p.LRScale), Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.Eps,
		WeightDecay: c.WeightDecay * float64(p.DecayScale), Step: o.Steps + 1, GradScale: o.scale,
	}
	if p.NoDecay {
		a.WeightDecay = 0
	}
	if c.EpsInside { // lr·√c2/c1 · m/(√v+eps) = lr/c1 · m/(√v/√c2 + eps/√c2)
		a.Eps /= math.Sqrt(1 - math.Pow(c.Beta2, float64(a.Step)))
	}
	return a
}
