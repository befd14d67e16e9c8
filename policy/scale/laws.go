package scale

import "math"

// How to spend training compute: Hoffmann et al. 2022 (arXiv:2203.15556, "Chinchilla") found three
// ways to the best size N (parameters) and number of tokens D for C = 6·N·D FLOPs; Kaplan et al. 2020
// (arXiv:2001.08361) had found larger models on fewer tokens.

// lossLaw is approach 3: L(N, D) = E + A/N^α + B/D^β, in nats per token.
type lossLaw struct {
	E, A, B, Alpha, Beta float64
}

// Constants of approach 3. Hoffmann's rounded exponents are printed in the paper and do not reproduce
// its table: the unrounded ones do. Besiroglu et al. 2024 (arXiv:2404.10102) fitted the same data anew
// and agree with approaches 1 and 2.
var (
	hoffmann        = lossLaw{E: 1.69, A: 406.4, B: 410.7, Alpha: .3392, Beta: .2849}
	hoffmannRounded = lossLaw{E: 1.69, A: 406.4, B: 410.7, Alpha: .34, Beta: .28}
	besiroglu       = lossLaw{E: 1.8172, A: 482.01, B: 2085.43, Alpha: .3478, Beta: .3658}
)

// loss is L(n, d).
func (l lossLaw) loss(n, d float64) float64 {
	return l.E + l.A/math.Pow(n, l.Alpha) + l.B/math.Pow(d, l.Beta)
}

// exponents are a and b of N ∝ C^a and D ∝ C^b.
func (l lossLaw) exponents() (a, b float64) {
	return l.Beta / (l.Alpha + l.Beta), l.Alpha / (l.Alpha + l.Beta)
}

// size is the N of least loss for flops: G·(C/6)^a with G = (αA/βB)^(1/(α+β)) (eq. 4).
func (l lossLaw) size(flops float64) float64 {
	a, _ := l.exponents()
	g := math.Pow(l.Alpha*l.A/(l.Beta*l.B), 1/(l.Alpha+l.Beta))
	return g * math.Pow(flops/6, a)
}

// tokens is the D at which n is the best size: where both terms of the loss fall equally fast per
// FLOP, αA/N^α = βB/D^β.
func (l lossLaw) tokens(n float64) float64 {
	return math.Pow(l.Beta*l.B*math.Pow(n, l.Alpha)/(l.Alpha*l.A), 1/l.Beta)
}

// method is one way from compute to size and tokens.
type method struct {
	Name   string
	Source string
	A, B   float64 // exponents of N and D in C
	size   func(flops float64) float64
	tokens func(params float64) float64
	law    *lossLaw // nil if the method predicts no loss
}

// powerLaw is a method with D = k·N^e.
func powerLaw(name, source string, k, e float64) method {
	return method{
		Name: name, Source: source, A: 1 / (1 + e), B: e / (1 + e),
		size:   func(flops float64) float64 { return math.Pow(flops/(6*k), 1/(1+e)) },
		tokens: func(n float64) float64 { return k * math.Pow(n, e) },
	}
}

func (l lossLaw) method(name, source string) method {
	a, b := l.exponents()
	return method{Name: name, Source: source, A: a, B: b, size: l.size, tokens: l.tokens, law: &l}
}

// pfDay is 10¹⁵ operations a second for a day.
const pfDay = 1e15 * 86400

// kaplanMethod is N = 1.3·10⁹ · (C/PF-day)^0.73 (Kaplan et al. 2020, section 6), the rest of the
// compute going into tokens.
func kaplanMethod() method {
	const scale, a = 1.3e9, .73
	size := func(flops float64) float64 { return scale * math.Pow(flops/pfDay, a) }
	return method{
		Name: "kaplan", Source: "Kaplan et al. 2020", A: a, B: 1 - a, size: size,
		tokens: func(n float64) float64 { return pfDay * math.Pow(n/scale, 1/a) / (6 * n) },
	}
}

// defaultMethod is what a plan recommends, ownMethod what it recommends to who has runs of their own.
const (
	defaultMethod = "20-per-param"
	ownMethod     = "own-fit"
)

// methods are all that a plan compares, the recommended one first.
func methods() []method {
	return []method{
		powerLaw(defaultMethod, "rule of thumb: 20 tokens a parameter", 20, 1),
		powerLaw("approach-1", "Hoffmann et al. 2022, best points of training curves: 21 tokens a parameter fits its table", 21, 1),
		powerLaw("approach-2", "Hoffmann et al. 2022, IsoFLOP profiles: 8.58·N^(.51/.49) fits its table", 8.58, .51/.49),
		hoffmann.method("approach-3-hoffmann", "Hoffmann et al. 2022, parametric loss, unrounded exponents"),
		hoffmannRounded.method("approach-3-hoffmann-rounded", "the same with the exponents as printed, which disagree with the paper's own table"),
		besiroglu.method("approach-3-besiroglu", "Besiroglu et al. 2024, parametric loss fitted anew"),
		kaplanMethod(),
	}
}
