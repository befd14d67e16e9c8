package ppo

import (
	"errors"

	"agora/policy"
	"agora/policy/cpu"
	"agora/policy/graph"
	"agora/reward"
)

// CriticInit says which network the critic starts from.
type CriticInit string

const (
	CriticFromReward CriticInit = "reward" // the reward model, head included (Ouyang et al. 2022, appendix C.4)
	CriticFromPolicy CriticInit = "policy" // the policy's trunk with a head of zeros
)

// critic is the value function: a transformer with a scalar head that estimates,
// before each response token, the sum of rewards to come. It has its own weights
// and optimizer.
type critic struct {
	model *reward.Model
	cfg   Config
	opt   *policy.Optimizer

	estimate               valueProgram // values of a rollout
	train                  valueProgram // values and the gradient of their loss
	old, ret, weight, loss *graph.Value
}

// valueProgram computes values at rows of a token stream.
type valueProgram struct {
	prog  graph.Program
	feeds graph.Feeds
	in    policy.Input
	rows  *graph.Value // [picks] the row before each response token
	value *graph.Value // [picks, 1]
}

// criticModel is the network that the critic starts from, with a bias that learns too. Under LoRA
// its trunk is the reward model's (or the policy's) own, frozen, with an adapter of the critic's on it.
func criticModel(m Models, c Config) (*reward.Model, error) {
	net, err := (*reward.Model)(nil), error(nil)
	switch {
	case c.CriticInit == CriticFromPolicy:
		if net, err = newValueModel(m.Policy.Base(), c); err == nil {
			clear(net.Head().Data)
		}
	case m.first() == nil:
		err = errors.New("ppo: the critic cannot start from a command; set critic_init = \"policy\"")
	case !sameTokenizer(m.Policy.Tokenizer, m.first().Trunk.Tokenizer):
		err = errors.New("ppo: the reward model's tokenizer is not the policy's, so the critic cannot start from it; set critic_init = \"policy\"")
	default:
		if net, err = newValueModel(m.first().Trunk, c); err == nil {
			copy(net.Head().Data, m.first().Head().Data)
			copy(net.Bias().Data, m.first().Bias().Data)
		}
	}
	if err != nil {
		return nil, err
	}
	net.Bias().Frozen = false
	return net, nil
}

// newValueModel puts a head on a trunk: a copy of it, or with LoRA the very trunk and an adapter.
func newValueModel(trunk *policy.Model, c Config) (*reward.Model, error) {
	if !c.LoRA.On() {
		return reward.New(trunk, 0)
	}
	net, err := reward.Share(trunk)
	if err != nil {
		return nil, err
	}
	return net, net.Trunk.Adapt(c.LoRA.WithoutOutput(), c.Seed+1)
}

// first is the first reward model, nil if all rewards are commands.
func (m Models) first() *reward.Model {
	if m.Reward != nil {
		return m.Reward
	}
	for _, r := range m.More {
		if r.Model != nil {
			return r.Model
		}
	}
	return nil
}

// standardise makes the critic predict (reward − mean)/std where it predicted
// the reward, so that it starts on the scale of the score.
func standardise(m *reward.Model, mean, std float64) {
	for i, w := range m.Head().Data {
		m.Head().Data[i] = float32(float64(w) / std)
	}
	bias := m.Bias().Data
	bias[0] = float32((float64(bias[0]) - mean) / std)
	m.Trunk.Params.Changed()
}

func newCritic(dev *cpu.Device, m *reward.Model, cfg Config, size room) (*critic, error) {
	c := &critic{model: m, cfg: cfg, opt: policy.NewOptimizer(dev, m.Trunk.Params, policy.OptimizerConfig{})}
	g := c.train.trace(m, size, cfg.Recompute)
	picks := c.train.rows.Rows
	c.old, c.ret, c.weight = g.Floats("old", picks, 1), g.Floats("ret", picks, 1), g.Floats("weight", picks, 1)
	c.loss = valueLoss(g, c.train.value, c.old, c.ret, c.weight, cfg.ValueClip)
	g.Gradients(g.Scale(c.loss, cfg.ValueCoef))
	if err := c.train.compile(dev, g, c.loss); err != nil {
		return nil, err
	}
	return c, c.estimate.compile(dev, c.estimate.trace(m, size, false))
}

func (p *valueProgram) trace(m *reward.Model, size room, recompute bool) *graph.Graph {
	g := graph.New(m.Trunk.Params)
	p.in = m.Trunk.NewInput(g, "critic", g.Dim("tokens", size.tokens), g.Dim("seqs", size.seqs))
	p.in.Recompute = recompute
	p.rows = g.Ints("rows", g.Dim("picks", size.tokens))
	p.value = m.Scores(g, g.GatherRows(m.Trunk.Hidden(g, p.in), p.rows))
	return g
}

func (p *valueProgram) compile(dev *cpu.Device, g *graph.Graph, more ...*graph.Value) (err error) {
	p.prog, err = dev.Compile(g, append(more, p.value)...)
	return err
}

// run computes the values of a batch's responses, [picks]; valid until the next run.
func (p *valueProgram) run(b *criticBatch) ([]float32, error) {
	p.feeds.Ints(p.in.IDs, b.ids)
	p.feeds.Layout(p.in.Layout, b.lens, nil, nil)
	p.feeds.Ints(p.rows, b.rows)
	if err := p.prog.Run(&p.feeds); err != nil {
		return nil, err
	}
	return p.prog.Floats(p.value), nil
}

// accumulate adds the gradient of one micro-batch to those before it in the same
// minibatch, and its sums to tally.
func (c *critic) accumulate(b *criticBatch, first bool, t *valueTally) error {
	if len(b.rows) == 0 { // pretraining rows only
		return nil
	}
	f := &c.train.feeds
	f.Accumulate = !first
	f.Floats(c.old, b.old)
	f.Floats(c.ret, b.ret)
	f.Floats(c.weight, b.weight)
	now, err := c.train.run(b)
	if err != nil {
		return err
	}
	t.loss += float64(c.train.prog.Floats(c.loss)[0])
	for i, v := range now {
		if _, clipped := ValueLoss(float64(v), float64(b.old[i]), float64(b.ret[i]), c.cfg.ValueClip); clipped {
			t.clipped++
		}
	}
	return nil
}

// step updates the critic; rate is the factor of the schedule.
func (c *critic) step(rate float64) (norm float64, err error) {
	peak := c.cfg.ValueLearningRate
	if peak == 0 {
		peak = c.cfg.LearningRate
	}
	return c.opt.AdamW.Step(c.cfg.adam(rate * peak))
}

// valueTally sums what one optimizer step of the critic sees.
type valueTally struct {
	loss    float64 // weighted sum: mean of the minibatch
	clipped float64 // tokens
	norm    float64 // of the gradient
}
