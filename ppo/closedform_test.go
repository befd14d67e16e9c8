package ppo

import (
	"math"
	"testing"
)

// Numbers that somebody else computed, or that follow by hand from the formula.

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tol {
		t.Errorf("%s = %.9g, want %.9g ± %g", what, got, want, tol)
	}
}

func nearAll(t *testing.T, what string, got []float32, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d entries, want %d", what, len(got), len(want))
	}
	for i := range got {
		near(t, what, float64(got[i]), want[i], tol)
	}
}

func TestAdvantages(t *testing.T) {
	tests := []struct {
		name             string
		rewards, values  []float32
		gamma, lambda    float32
		wantAdv, wantRet []float64
	}{
		{"NeMo-Aligner ppo_utils_test.py", []float32{0, 0, 1, 0}, []float32{0, 1, 2, 3}, .5, 0,
			[]float64{.5, 0, .5, -3}, []float64{.5, 1, 2.5, 0}},
		{"torchtune test_rewards.py", []float32{0, 0, 0, 1}, []float32{0, 0, 0, 1}, .9, .95,
			nil, []float64{.6579225, .7695, .9, 1}},
		{"undiscounted, by hand", []float32{-.01, .02, -.03, 1}, []float32{.1, .2, .3, .4}, 1, .95,
			[]float64{.7816, .728, .64, .6}, []float64{.8816, .928, .94, 1}},
		{"one token", []float32{2}, []float32{.5}, 1, .95, []float64{1.5}, []float64{2}},
		{"empty response", nil, nil, 1, .95, []float64{}, []float64{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			adv, ret := make([]float32, len(tt.rewards)), make([]float32, len(tt.rewards))
			Advantages(adv, ret, tt.rewards, tt.values, tt.gamma, tt.lambda)
			if tt.wantAdv != nil {
				nearAll(t, "adv", adv, tt.wantAdv, 1e-6)
			}
			nearAll(t, "ret", ret, tt.wantRet, 1e-6)
		})
	}
}

func TestWhiten(t *testing.T) {
	grid := []float32{1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0}
	tests := []struct {
		name  string
		x     []float32
		kind  Whitening
		shift bool
		want  []float64
		tol   float64 // the sources print four digits
	}{
		{"population, keep mean (HF blog)", grid, WhitenPopulation, false,
			[]float64{.0508, .4381, .8254, 1.2127, 1.6, 1.9873, 2.3746, 2.7619, 3.1492}, 5.1e-5},
		{"Bessel, keep mean (HF blog)", grid, WhitenBessel, false,
			[]float64{.1394, .5046, .8697, 1.2349, 1.6, 1.9651, 2.3303, 2.6954, 3.0606}, 5.1e-5},
		// TRL test_ppo_trainer.py: [1 2 3 4] under the mask [0 1 1 0] is the ragged [2 3].
		{"Bessel, shift mean (TRL)", []float32{2, 3}, WhitenBessel, true, []float64{-.70710678, .70710678}, 1e-6},
		{"population, shift mean", []float32{2, 3}, WhitenPopulation, true, []float64{-1, 1}, 1e-6},
		{"constant batch stays finite", []float32{3, 3}, WhitenBessel, true, []float64{0, 0}, 0},
		{"one number has no Bessel variance", []float32{3}, WhitenBessel, true, []float64{0}, 0},
		{"off", []float32{2, 3}, WhitenOff, true, []float64{2, 3}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := append([]float32(nil), tt.x...)
			Whiten(x, tt.kind, tt.shift)
			nearAll(t, "whitened", x, tt.want, tt.tol)
		})
	}
	near(t, "population variance", Variance(grid, WhitenPopulation), .0666667, 1e-6)
	near(t, "Bessel variance", Variance(grid, WhitenBessel), .075, 1e-6)
}

func TestKLEstimators(t *testing.T) {
	tests := []struct{ x, k1, k2, k3 float64 }{
		{.1, .1, .005, .004837}, {-.1, -.1, .005, .005171}, {.5, .5, .125, .106531}, {-.5, -.5, .125, .148721},
	}
	for _, tt := range tests {
		near(t, "k1", float64(K1.Of(float32(tt.x))), tt.k1, 1e-6)
		near(t, "k2", float64(K2.Of(float32(tt.x))), tt.k2, 1e-6)
		near(t, "k3", float64(K3.Of(float32(tt.x))), tt.k3, 1e-6)
		near(t, "abs", float64(Abs.Of(float32(tt.x))), math.Abs(tt.x), 1e-6)
	}
	if k := float64(K3.Of(-1e4)); math.IsInf(k, 0) {
		t.Error("k3 overflows on a forbidden token") // verl issue 891
	}
}

// The expectation of k1 and of k3 over the policy is the exact KL.
func TestKLEstimatorsAreUnbiased(t *testing.T) {
	p, q := []float64{.6, .3, .1}, []float64{.2, .3, .5}
	var exact, k1, k3 float64
	for i := range p {
		x := math.Log(p[i] / q[i])
		exact += p[i] * x
		k1 += p[i] * float64(K1.Of(float32(x)))
		k3 += p[i] * float64(K3.Of(float32(x)))
	}
	near(t, "E[k1]", k1, exact, 1e-6)
	near(t, "E[k3]", k3, exact, 1e-6)
}

func TestAdaptiveKL(t *testing.T) {
	for _, tt := range []struct{ kl, want float64 }{{3, .148464}, {12, .151536}, {6.3, .150384}} {
		c := KLController{Coef: .15, Target: 6, Horizon: 1e4} // lm-human-preferences
		c.Update(tt.kl, 512)
		near(t, "coef", c.Coef, tt.want, 1e-9)
	}
	fixed := KLController{Coef: .05}
	fixed.Update(100, 512)
	near(t, "fixed coef", fixed.Coef, .05, 0)
}

func TestTokenRewards(t *testing.T) { // torchtune test_rewards.py
	for i, tt := range []struct {
		score, kl float32
		want      []float64
	}{
		{1, -.1, []float64{.05, .05, 1.05}}, {2, -.2, []float64{.1, .1, 2.1}}, {3, -.3, []float64{.15, .15, 3.15}},
	} {
		r := make([]float32, 3)
		TokenRewards(r, []float32{tt.kl, tt.kl, tt.kl}, tt.score, .5)
		if nearAll(t, "rewards", r, tt.want, 1e-6); t.Failed() {
			t.Fatalf("row %d", i)
		}
	}
	TokenRewards(nil, nil, 1, .5) // an empty response is no error
}

func TestScoreRule(t *testing.T) {
	tests := []struct {
		name  string
		rule  ScoreRule
		raw   float32
		ended bool
		want  float64
	}{
		{"plain", ScoreRule{Std: 1}, 3, true, 3},
		{"standardised", ScoreRule{Mean: 1, Std: 4}, 3, true, .5},
		{"length taken off", ScoreRule{Slope: .25, Mean: 1, Std: 4}, 3, true, .25},
		{"clipped after standardising", ScoreRule{Mean: 1, Std: .1, Clip: 5}, 3, true, 5},
		{"missing end, ignored", ScoreRule{Std: 1, EOS: EOSIgnore, Penalty: 2}, 3, false, 3},
		{"missing end, subtracted", ScoreRule{Std: 1, EOS: EOSSubtract, Penalty: 2}, 3, false, 1},
		{"missing end, replaced", ScoreRule{Std: 1, EOS: EOSReplace, Penalty: 1}, 3, false, -1},
		{"end present", ScoreRule{Std: 1, EOS: EOSReplace, Penalty: 1}, 3, true, 3},
		{"penalty is outside the clip", ScoreRule{Std: 1, Clip: 1, EOS: EOSSubtract, Penalty: 2}, 3, false, -1},
	}
	for _, tt := range tests {
		near(t, tt.name, float64(tt.rule.Of(tt.raw, 4, tt.ended)), tt.want, 1e-6)
	}
}

func TestPolicyLoss(t *testing.T) {
	tests := []struct {
		delta, adv, want float64
		clipped          bool
	}{
		{1, 1, -1.2, true}, {1, -1, 2.718282, false},
		{-1, 1, -.367879, false}, {-1, -1, .8, true},
		{.1, 1, -1.105171, false}, {.1, -1, 1.105171, false},
		{0, 1, -1, false},
	}
	for _, tt := range tests {
		loss, clipped := PolicyLoss(tt.delta-2, -2, tt.adv, .2)
		near(t, "loss", loss, tt.want, 1e-6)
		if clipped != tt.clipped {
			t.Errorf("Δ %g A %g: clipped = %v", tt.delta, tt.adv, clipped)
		}
	}
}

func TestValueLoss(t *testing.T) {
	tests := []struct {
		name                  string
		value, old, ret, clip float64
		want                  float64
		clipped               bool
	}{
		{"inside", .1, 0, 1, .2, .405, false},
		{"moved towards the return too far: the clamped error counts", .5, 0, 1, .2, .32, true},
		{"moved away: the larger error counts", -.5, 0, 1, .2, 1.125, false},
		{"no clipping", .5, 0, 1, 0, .125, false},
	}
	for _, tt := range tests {
		loss, clipped := ValueLoss(tt.value, tt.old, tt.ret, tt.clip)
		near(t, tt.name, loss, tt.want, 1e-9)
		if clipped != tt.clipped {
			t.Errorf("%s: clipped = %v", tt.name, clipped)
		}
	}
}

// OpenRLHF tests/test_loss_aggregation.py, its masked rows written as ragged ones.
func TestAggregation(t *testing.T) {
	sum := func(mode Aggregation, lengths []int, losses ...float32) float64 {
		w := make([]float32, len(losses))
		mode.Weights(w, lengths, 4)
		var s float64
		for i := range w {
			s += float64(w[i]) * float64(losses[i])
		}
		return s
	}
	rows := []int{2, 3, 1}
	near(t, "token-mean", sum(TokenMean, rows, 1, 2, 3, 4, 5, 7), 22./6, 1e-6)
	near(t, "seq-mean-token-mean", sum(SeqMeanTokenMean, rows, 1, 2, 3, 4, 5, 7), 4.1666667, 1e-6)
	near(t, "seq-mean-token-sum", sum(SeqMeanTokenSum, rows, 1, 2, 3, 4, 5, 7), 22./3, 1e-6)
	near(t, "seq-mean-token-sum-norm", sum(SeqMeanTokenNorm, rows, 1, 2, 3, 4, 5, 7), 22./12, 1e-6)
	// Gradient accumulation over {[1 2]}, {[3 4 5], [6 7]}: weights of the whole
	// minibatch give 4; weights of each micro-batch, averaged, would give 3.25.
	near(t, "accumulated", sum(TokenMean, []int{2, 3, 2}, 1, 2, 3, 4, 5, 6, 7), 4, 1e-6)
	wrong := (sum(TokenMean, []int{2}, 1, 2) + sum(TokenMean, []int{3, 2}, 3, 4, 5, 6, 7)) / 2
	near(t, "control: per micro-batch", wrong, 3.25, 1e-6)
}

func TestPolicyLossOverRaggedRows(t *testing.T) { // the same OpenRLHF file
	ratio := []float64{.03, -.04, .02, .05, -.03, .04, -.02}
	adv := []float64{1, -.5, .3, -1.2, .5, 1.5, -.7}
	w := make([]float32, len(adv))
	TokenMean.Weights(w, []int{2, 3, 2}, 3)
	var loss float64
	for i := range adv {
		l, _ := PolicyLoss(ratio[i], 0, adv[i], .2)
		loss += l / float64(len(adv))
	}
	near(t, "loss", loss, -.1364135368, 1e-9)
	near(t, "weight", float64(w[3]), 1./7, 1e-7)
}

func TestApproxKL(t *testing.T) { near(t, "approxkl", ApproxKL(-1.5, -1), .125, 1e-12) }

func TestEMA(t *testing.T) {
	avg := []float32{1, 0}
	EMA(avg, []float32{0, 1}, .992)
	nearAll(t, "avg", avg, []float64{.992, .008}, 1e-7)
}

func TestDecay(t *testing.T) {
	tests := []struct {
		d            Decay
		i, warmup, n int
		want         float64
	}{
		{DecayConstant, 0, 10, 100, .1}, {DecayConstant, 5, 10, 100, .55}, {DecayConstant, 10, 10, 100, 1},
		{DecayConstant, 99, 10, 100, 1}, {DecayLinear, 0, 0, 4, 1}, {DecayLinear, 3, 0, 4, .25},
		{DecayCosine, 0, 0, 10, 1}, {DecayCosine, 5, 0, 10, .55}, {DecayCosine, 10, 0, 10, .1},
	}
	for _, tt := range tests {
		near(t, string(tt.d), tt.d.Rate(tt.i, tt.warmup, tt.n), tt.want, 1e-12)
	}
}

func TestLeaveOneOut(t *testing.T) { // NeMo-Aligner; the last entry is not counted and has no meaning
	const a, b = 0, 1
	got := LeaveOneOut([]int{a, a, b, a, a, b, b, b}, []float64{1, 0, 2, -3, 5, 7, -1, 0},
		[]bool{true, true, true, true, true, true, true, false})
	for i, want := range []float64{2. / 3, 1, 3, 2, -2. / 3, .5, 4.5} {
		near(t, "baseline", got[i], want, 1e-9)
	}
}

func TestBestOfNKL(t *testing.T) {
	for n, want := range map[int]float64{1: 0, 2: .1931, 4: .6363, 16: 1.8351, 64: 3.1745} {
		near(t, "KL", BestOfNKL(n), want, 5e-5)
	}
}

func TestDPOLoss(t *testing.T) {
	near(t, "start", DPOLoss(0, .1), math.Ln2, 1e-12) // TRL's reference trajectory starts at .6931472
	near(t, "sure", DPOLoss(1e5, .1), 0, 1e-12)
	near(t, "wrong", DPOLoss(-100, .1), 10.0000454, 1e-6)
}

func TestStandardise(t *testing.T) {
	raw, lengths := []float32{1, 2, 3.5, 4}, []int{1, 2, 3, 4} // slope 1.05, left −.05 −.1 .35 −.2
	var r ScoreRule
	r.Standardise(raw, lengths, 1)
	near(t, "slope", r.Slope, 1.05, 1e-6)
	near(t, "mean", r.Mean, 0, 1e-6)
	near(t, "std", r.Std, math.Sqrt((.0025+.01+.1225+.04)/4), 1e-6)
	r.Standardise(raw, lengths, 0)
	near(t, "mean without control", r.Mean, 2.625, 1e-6)
	near(t, "slope without control", r.Slope, 0, 0)
	r.Standardise([]float32{1, 2}, []int{3, 3}, 1)
	near(t, "slope of equal lengths", r.Slope, 0, 0)
}
