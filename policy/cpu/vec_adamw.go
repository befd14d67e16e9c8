package cpu

import "math"

// AdamWStep is one step of AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) with
// PyTorch's options and order of operations. Step counts from 1.
type AdamWStep struct {
	LearningRate float64
	Beta1, Beta2 float64
	Eps          float64
	WeightDecay  float64
	Step         int
	GradScale    float64 // the gradient is multiplied by this first (clipping); 0 means 1
}

// adamWArgs are the derived scalars. They travel by value: a pointer would escape.
type adamWArgs struct {
	beta1, oneMinusBeta1 float32
	beta2, oneMinusBeta2 float32
	keep                 float32 // 1 − lr·weight decay
	rate                 float32 // lr/(1−beta1^step)
	rootCorrection       float32 // 1/√(1−beta2^step)
	eps                  float32
	gradScale            float32
}

func (s AdamWStep) args() adamWArgs {
	scale := s.GradScale
	if scale == 0 {
		scale = 1
	}
	t := float64(s.Step)
	return adamWArgs{
		beta1: float32(s.Beta1), oneMinusBeta1: float32(1 - s.Beta1),
		beta2: float32(s.Beta2), oneMinusBeta2: float32(1 - s.Beta2),
		keep:           float32(1 - s.LearningRate*s.WeightDecay),
		rate:           float32(s.LearningRate / (1 - math.Pow(s.Beta1, t))),
		rootCorrection: float32(1 / math.Sqrt(1-math.Pow(s.Beta2, t))),
		eps:            float32(s.Eps),
		gradScale:      float32(scale),
	}
}

// AdamW updates weights w and moments m, v (all of len(w)) from gradient g in one pass:
//
//	g' = g·GradScale
//	m  = β1·m + (1−β1)·g'
//	v  = β2·v + (1−β2)·g'²
//	w  = w·(1−lr·decay) − lr/(1−β1ᵗ) · m/(√v/√(1−β2ᵗ) + eps)
func (k *Kernels) AdamW(w, g, m, v []float32, step AdamWStep) {
	n := len(w)
	k.adamW(ptr(w), ptr(g[:n]), ptr(m[:n]), ptr(v[:n]), n, step.args())
}
