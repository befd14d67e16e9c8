package ppo

import (
	"math"

	"agora/policy"
	"agora/policy/cpu"
	"agora/policy/graph"
)

// actor trains the policy: one program computes the clipped loss of response
// tokens plus γ times the loss of pretraining tokens, and the gradient of both.
type actor struct {
	model *policy.Model
	cfg   Config
	opt   *policy.Optimizer
	prog  graph.Program
	feeds graph.Feeds

	in                              policy.Input
	rows, targets, old, adv, weight *graph.Value // response tokens, [picks]
	ptxRows, ptxTargets, ptxWeight  *graph.Value // pretraining tokens; nil without a mix
	ref, klWeight                   *graph.Value // [picks]; nil unless the KL is in the loss
	logp, entropy, loss, ptx, kl    *graph.Value
}

func newActor(dev *cpu.Device, m *policy.Model, cfg Config, size room) (*actor, error) {
	a := &actor{model: m, cfg: cfg, opt: policy.NewOptimizer(dev, m.Params, policy.OptimizerConfig{})}
	g := graph.New(m.Params)
	picks := g.Dim("picks", size.tokens)
	a.in = m.NewInput(g, "train", g.Dim("tokens", size.tokens), g.Dim("seqs", size.seqs))
	a.in.Recompute = cfg.Recompute
	hidden := m.Hidden(g, a.in)

	a.rows, a.targets = g.Ints("rows", picks), g.Ints("targets", picks)
	a.old, a.adv, a.weight = g.Floats("old", picks, 1), g.Floats("adv", picks, 1), g.Floats("weight", picks, 1)
	a.logp, a.entropy = g.LogProb(g.GatherRows(hidden, a.rows), m.Output(a.in), a.targets, cfg.Temperature)
	a.loss = policyLoss(g, a.logp, a.old, a.adv, a.weight, cfg.Clip)

	total, outputs := a.loss, []*graph.Value{a.logp, a.entropy, a.loss}
	if cfg.KLIn == KLInLoss {
		a.ref, a.klWeight = g.Floats("ref", picks, 1), g.Floats("kl_weight", picks, 1)
		a.kl = klLoss(g, a.logp, a.ref, a.klWeight, cfg.KLEstimator)
		total = g.Add(total, a.kl)
		outputs = append(outputs, a.kl)
	}
	if cfg.PtxCoef > 0 {
		more := g.Dim("ptx", size.tokens)
		a.ptxRows, a.ptxTargets, a.ptxWeight = g.Ints("ptx.rows", more), g.Ints("ptx.targets", more), g.Floats("ptx.weight", more, 1)
		a.ptx, _ = g.CrossEntropy(g.GatherRows(hidden, a.ptxRows), m.Output(a.in), a.ptxTargets, a.ptxWeight)
		total = g.Add(total, g.Scale(a.ptx, cfg.PtxCoef))
		outputs = append(outputs, a.ptx)
	}
	g.Gradients(total)
	var err error
	a.prog, err = dev.Compile(g, outputs...)
	return a, err
}

// accumulate adds the gradient of one micro-batch to those before it in the same
// minibatch, and its sums to tally. klCoef is the price of the KL in the loss.
func (a *actor) accumulate(b *batch, first bool, klCoef float64, tally *policyTally) error {
	f := &a.feeds
	f.Accumulate = !first
	f.Ints(a.in.IDs, b.stream.IDs)
	f.Layout(a.in.Layout, b.stream.Lens, nil, nil)
	f.Ints(a.rows, b.stream.Rows[:b.picks])
	f.Ints(a.targets, b.stream.Targets[:b.picks])
	f.Floats(a.old, b.old)
	f.Floats(a.adv, b.adv)
	f.Floats(a.weight, b.weight)
	if a.kl != nil {
		b.klWeight = b.klWeight[:0]
		for _, w := range b.weight {
			b.klWeight = append(b.klWeight, w*float32(klCoef))
		}
		f.Floats(a.ref, b.ref)
		f.Floats(a.klWeight, b.klWeight)
	}
	if a.ptx != nil {
		f.Ints(a.ptxRows, b.stream.Rows[b.picks:])
		f.Ints(a.ptxTargets, b.stream.Targets[b.picks:])
		f.Floats(a.ptxWeight, b.ptxWeight)
	}
	if err := a.prog.Run(f); err != nil {
		return err
	}
	tally.loss += float64(a.prog.Floats(a.loss)[0])
	if a.kl != nil {
		tally.kl += float64(a.prog.Floats(a.kl)[0])
	}
	if a.ptx != nil {
		tally.ptx += float64(a.prog.Floats(a.ptx)[0])
	}
	tally.add(a.prog.Floats(a.logp), a.prog.Floats(a.entropy), b, a.cfg.Clip)
	return nil
}

// step updates the policy; rate is the factor of the schedule.
func (a *actor) step(rate float64) (norm float64, err error) {
	return a.opt.AdamW.Step(a.cfg.adam(rate * a.cfg.LearningRate))
}

// adam is the optimizer's configuration at a learning rate.
func (c Config) adam(rate float64) cpu.AdamWConfig {
	return cpu.AdamWConfig{LearningRate: rate, Beta1: c.AdamBeta1, Beta2: c.AdamBeta2, Eps: c.AdamEpsilon,
		EpsInside: c.AdamEpsInside, WeightDecay: c.WeightDecay, ClipNorm: c.MaxGradNorm}
}

// policyTally sums what one optimizer step of the policy sees.
type policyTally struct {
	loss, kl, ptx                      float64 // weighted sums: means of the minibatch
	tokens                             int
	approxKL, clipped, entropy, ratios float64 // sums over response tokens
	drift                              float64 // largest |log π_new − log π_old|
	norm                               float64 // of the gradient
}

func (t *policyTally) add(logp, entropy []float32, b *batch, clip float64) {
	for i, now := range logp {
		now, old := float64(now), float64(b.old[i])
		_, clipped := PolicyLoss(now, old, float64(b.adv[i]), clip)
		if clipped {
			t.clipped++
		}
		t.approxKL += ApproxKL(now, old)
		t.ratios += Ratio(now, old)
		t.entropy += float64(entropy[i])
		if d := math.Abs(now - old); !(d <= t.drift) { // NaN counts as drift
			t.drift = d
		}
	}
	t.tokens += len(logp)
}
