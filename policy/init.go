package policy

import (
	"math"

	"agora/policy/graph"
)

// initStd is the standard deviation of fresh weights by default (Radford et al. 2019).
const initStd = 0.02

// initStream keeps the random numbers of initialisation apart from those of training.
const initStream = 0x696e6974

// Init fills the weights: normal with standard deviation 0.02, those that write to the residual
// stream divided by √(2·layers) so that its variance stays the same at any depth (GPT-2); gains 1,
// biases 0. Under muP the hidden matrices are smaller by √m, see MuP. The values depend on the seed and
// each weight's place only.
func (m *Model) Init(seed uint64) { m.initWith(seed, initStd, m.Config.widthMult) }

// initWith takes the standard deviation at the base width, and m of a tensor.
func (m *Model) initWith(seed uint64, std float64, mult func(tensor) float64) {
	for i, t := range m.Config.tensors() {
		p := m.Params.Get(t.param)
		block := p.Data[t.row*p.Cols : (t.row+t.rows)*p.Cols]
		std := std / math.Sqrt(mult(t))
		switch t.kind {
		case gain:
			fill(block, 1)
		case bias:
			fill(block, 0)
		case residual:
			normal(block, std/math.Sqrt(2*float64(m.Config.Layers)), graph.Key(seed, uint64(i), initStream))
		default:
			normal(block, std, graph.Key(seed, uint64(i), initStream))
		}
	}
	m.Params.Changed()
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// normal draws by Box and Muller (1958), two numbers at a time.
func normal(x []float32, std float64, key uint64) {
	for i := 0; i < len(x); i += 2 {
		radius := std * math.Sqrt(-2*math.Log(1-graph.Uniform(key, uint64(i))))
		sin, cos := math.Sincos(2 * math.Pi * graph.Uniform(key, uint64(i+1)))
		x[i] = float32(radius * cos)
		if i+1 < len(x) {
			x[i+1] = float32(radius * sin)
		}
	}
}
