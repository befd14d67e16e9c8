package policy

import (
	"fmt"
	"math"

	"agora/policy/checkpoint"
)

// Parametrisations of a model that is trained from scratch.
const (
	Standard = "standard" // GPT-2's: one standard deviation and one learning rate for all weights
	Mup      = "mup"      // the maximal update parametrisation, see MuP
)

// How initial weights depend on the width in the standard parametrisation.
const (
	InitConstant = "constant" // not at all (GPT-2)
	InitFanIn    = "fan_in"   // matrices as 1/√fan-in (PyTorch; the standard column of the muP paper's Table 3)
)

// MuP is the maximal update parametrisation (Yang et al. 2022, "Tensor Programs V",
// arXiv:2203.03466) in the form that is relative to a base width: at the base width it is the
// standard parametrisation, to the bit, and a learning rate that is good there stays good at any
// other width. With m = fan_in / base fan_in, for Adam:
//
//	                       initial std   learning rate   forward
//	embedding, positions   σ             η
//	hidden matrices        σ/√m          η/m
//	gains, biases          1, 0          η
//	output head            σ             η               logits · Output · BaseWidth/Width
//	attention                                            scores q·k · √BaseHeadDim / HeadDim
//
// This is Table 8 of the paper and what microsoft/mup does (MuReadout, MuSharedReadout, MuAdamW): the
// head keeps its rate and the logits shrink, so that tied and untied heads follow one rule. Decoupled
// weight decay keeps its product with the learning rate, as there. The attention is the paper's 1/d,
// scaled to equal 1/√d for heads of the base size: the two part only where heads grow with the width.
//
// Checkpoints hold the multipliers folded into the weights (see fold), so that transformers and
// llama.cpp, which know nothing of them, compute the same; the field agora_mup of config.json makes
// Load unfold them again.
type MuP struct {
	BaseWidth   int     `json:"base_width"`        // 0: the standard parametrisation
	BaseFFN     int     `json:"base_ffn"`          // width of the feed-forward layer at the base width
	BaseHeadDim int     `json:"base_head_dim"`     // width of a head at the base width
	Output      float64 `json:"output_multiplier"` // of the logits, beside BaseWidth/Width
}

// On says whether the model is in the maximal update parametrisation.
func (p MuP) On() bool { return p.BaseWidth != 0 }

// validate names the first field that makes no sense.
func (p MuP) validate() error {
	switch {
	case !p.On():
	case p.BaseWidth < 1 || p.BaseFFN < 1 || p.BaseHeadDim < 1:
		return fmt.Errorf("model config: muP's base_width %d, base_ffn %d and base_head_dim %d must be at least 1", p.BaseWidth, p.BaseFFN, p.BaseHeadDim)
	case !(p.Output > 0) || math.IsInf(p.Output, 0):
		return fmt.Errorf("model config: muP's output_multiplier %g must be positive", p.Output)
	}
	return nil
}

// widthMult is m of a tensor: fan-in over base fan-in for the hidden matrices, 1 for all others.
func (c Config) widthMult(t tensor) float64 {
	switch {
	case !c.MuP.On() || t.kind != matrix && t.kind != residual:
		return 1
	case t.readsFFN:
		return float64(c.FFN) / float64(c.MuP.BaseFFN)
	}
	return float64(c.Width) / float64(c.MuP.BaseWidth)
}

// outputScale multiplies the hidden states that the head reads.
func (c Config) outputScale() float64 {
	if !c.MuP.On() {
		return 1
	}
	return c.MuP.Output * float64(c.MuP.BaseWidth) / float64(c.Width)
}

// scoreScale multiplies q·k; 0 stands for the usual 1/√HeadDim.
func (c Config) scoreScale() float64 {
	if !c.MuP.On() || c.MuP.BaseHeadDim == c.HeadDim {
		return 0
	}
	return math.Sqrt(float64(c.MuP.BaseHeadDim)) / float64(c.HeadDim)
}

// stored is the factor that a tensor has in the checkpoint, and how many of its numbers have it:
// queries take what the scores have beyond 1/√HeadDim, the last norm takes the factor of the logits.
func (c Config) stored(t tensor) (factor float64, n int) {
	switch {
	case t.lastNorm:
		return c.outputScale(), t.cols
	case t.queries > 0 && c.scoreScale() != 0:
		return c.scoreScale() * math.Sqrt(float64(c.HeadDim)), t.queries
	}
	return 1, 0
}

// fold turns a tensor's block, in place, into what the checkpoint holds: weights with which the
// standard forward pass gives what the multipliers give. unfold is its inverse, exact where the
// factors are powers of two.
func (c Config) fold(t tensor, block []float32) {
	f, n := c.stored(t)
	multiply(block[:n], f)
}

func (c Config) unfold(t tensor, block []float32) {
	f, n := c.stored(t)
	multiply(block[:n], 1/f)
}

func multiply(x []float32, f float64) {
	if f == 1 {
		return
	}
	for i := range x {
		x[i] = float32(f * float64(x[i]))
	}
}

// foldsExactly says whether folding and unfolding gives the same bits.
func (c Config) foldsExactly() bool {
	for _, t := range c.tensors() {
		f, _ := c.stored(t)
		if fraction, _ := math.Frexp(f); fraction != .5 {
			return false
		}
	}
	return true
}

// Rounded says whether Save stores the weights with less than their float32 bits, so that a state
// to resume from must keep them too.
func (m *Model) Rounded() bool { return m.DType != checkpoint.F32 || !m.Config.foldsExactly() }

// zeroReadout and zeroQueries clear what muP's authors recommend to start at zero: then logits and
// attention scores are 0 at any width before the first step (section D.2 of the paper).
func (m *Model) zeroReadout() { fill(m.Head().Data, 0) }

func (m *Model) zeroQueries() {
	for _, t := range m.Config.tensors() {
		if t.queries > 0 {
			p := m.Params.Get(t.param)
			fill(p.Data[t.row*p.Cols:t.row*p.Cols+t.queries], 0)
		}
	}
}
