package reward

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"agora/policy"
	"agora/policy/cpu"
	"agora/policy/graph"
)

// Result is a trained reward model and what was found out about it.
type Result struct {
	Model      *Model
	Groups     GroupStats
	Split      Split
	Steps      int
	Val        *Report // validation prompts; nil without any
	NewWorkers *Report // validation prompts judged by labelers kept out; nil without any
	Centred    string  // what scores 0 on average
}

// Train fits a reward model on a policy's trunk. dir becomes a run directory:
// run.json, metrics.jsonl, a checkpoint to resume from, and the finished model in
// dir/model. When ctx ends, the state is saved and the error says so.
func Train(ctx context.Context, dev *cpu.Device, p *policy.Model, data Data, c TrainConfig, dir string, opt policy.RunOptions) (*Result, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if p.Tokenizer == nil {
		return nil, errors.New("reward: the policy has no tokenizer")
	}
	t := &trainer{dev: dev, cfg: c, data: data, parent: p.Hash, say: opt.Say, people: map[string]References{}}
	if err := t.prepare(p); err != nil {
		return nil, err
	}
	if n := t.stats.Identical; n > 0 && opt.Say != nil {
		opt.Say("%d pairs are left out: the same text twice", n)
	}
	inputs := map[string]string{"policy": p.Hash}
	maps.Copy(inputs, data.Hashes)
	var err error
	t.run, err = policy.OpenRun(dir, policy.RunInfo{Kind: "reward", Config: c, Inputs: inputs, Kernels: dev.Kernels(), DType: "float32"}, opt)
	if err != nil {
		return nil, err
	}
	defer t.run.Close()
	if err := t.compile(); err != nil {
		return nil, t.run.Discard(err)
	}
	if err := policy.CheckMemory(opt.Say, opt.Force); err != nil {
		return nil, t.run.Discard(err)
	}
	if err := t.train(ctx); err != nil {
		return nil, err
	}
	return t.finish(ctx)
}

// trainer is one run of Train.
type trainer struct {
	dev    *cpu.Device
	cfg    TrainConfig
	data   Data
	parent string                           // hash of the policy
	say    func(format string, args ...any) // one-line news; may be nil
	model  *Model
	run    *policy.RunDir

	split  Split
	groups []group
	stats  GroupStats
	order  *order
	limits limits
	batch  int // groups per step
	steps  int

	in      policy.Input
	last    *graph.Value // [seqs] row of each text's last token
	scores  *graph.Value // [seqs, 1], the mean of the heads where groups have their own
	apart   *graph.Value // [pairs, 1] by the head of each comparison's group; nil with one head for all
	pairs   pairFeed
	choices stageFeed // instead of pairs, with the Plackett–Luce loss

	grouping grouping     // of labelers; empty unless group_by
	robust   *robust      // nil unless robust_rate
	loss     *graph.Value // [1, 1] of the step, what is minimised
	penalty  *graph.Value // [1, 1] its part that only bounds the scores; nil without
	prog     graph.Program
	feeds    graph.Feeds
	opt      *policy.Optimizer
	scorer   *Scorer

	people  map[string]References // by the prefix of a validation set's metrics
	pending map[string]float64    // metrics of the newest step, until they are logged
}

// newFor is the model before the first step: a fresh head on a copy of the policy's trunk, or with
// LoRA on that trunk itself.
func newFor(c TrainConfig, p *policy.Model) (*Model, error) {
	if !c.LoRA.On() {
		m, err := New(p, c.Seed)
		if err != nil {
			return nil, err
		}
		m.initHead(c.headStd(p.Config.Width), c.Seed)
		return m, nil
	}
	p.Merge()
	m, err := Share(p)
	if err != nil {
		return nil, err
	}
	m.initHead(c.headStd(p.Config.Width), c.Seed)
	return m, m.Trunk.Adapt(c.LoRA, c.Seed)
}

// prepare splits and encodes the data and makes the model.
func (t *trainer) prepare(p *policy.Model) (err error) {
	if t.model, err = newFor(t.cfg, p); err != nil {
		return err
	}
	t.model.IgnorePrompt = t.cfg.IgnorePrompt
	if t.cfg.MaxTokens > 0 {
		t.model.MaxTokens = min(t.cfg.MaxTokens, t.model.MaxTokens)
	}
	if t.cfg.Ties == string(TiesDavidson) {
		t.model.addTies()
	}
	if t.split, err = SplitLines(t.data.Rankings, t.cfg); err != nil {
		return fmt.Errorf("reward: %w", err)
	}
	if err := t.checkData(); err != nil {
		return err
	}
	how := t.cfg.rule()
	if how.groups = groupingOf(t.split.Train, t.cfg.GroupBy); how.groups.check() != nil {
		return how.groups.check()
	}
	if t.cfg.GroupHeads {
		t.model.GroupBy = t.cfg.GroupBy
		if err := t.model.addHeads(how.groups.names); err != nil {
			return err
		}
	}
	t.groups, t.stats, err = makeGroups(t.split.Train, t.model.encoder(), how)
	if err != nil {
		return err
	}
	t.grouping = how.groups
	if t.cfg.RobustRate > 0 {
		t.robust = newRobust(t.cfg.RobustRate, shares(t.groups, len(how.groups.names)))
	}
	if len(t.groups) == 0 {
		return fmt.Errorf("reward: nothing to learn: %d rankings for training, none with two different completions of different rank", len(t.split.Train))
	}
	t.order = newOrder(len(t.groups), t.cfg.Seed)
	t.batch = t.cfg.batch(len(t.groups))
	if t.steps, err = stepsOf(len(t.groups), t.cfg); err != nil {
		return err
	}
	t.limits = limitsFor(t.groups, t.cfg.microTokens(p.Config))
	return nil
}

// checkData refuses settings that the data cannot serve, and says what it lacks.
func (t *trainer) checkData() error {
	if len(t.split.Val)+len(t.split.NewWorkers) == 0 && t.cfg.Split != "none" {
		t.news("warning: no ranking is kept for validation (split %s): the accuracy of this run will not be known", t.split.How)
	}
	if t.cfg.MarginCoef == 0 {
		return nil
	}
	with := 0
	for _, r := range t.split.Train {
		if marginOf(r) != 0 {
			with++
		}
	}
	switch n := len(t.split.Train); {
	case with == 0:
		return fmt.Errorf("reward: margin_coef %v, but none of %d training rankings has a margin column or a strength above 0", t.cfg.MarginCoef, n)
	case with < n:
		t.news("margin_coef: %d of %d training rankings have no margin and no strength, and are learned without", n-with, n)
	}
	return nil
}

func (t *trainer) news(format string, args ...any) {
	if t.say != nil {
		t.say(format, args...)
	}
}

// compile traces the training step, and takes up a checkpoint where there is one.
func (t *trainer) compile() error {
	if t.run.Resumed {
		if err := t.model.readCheckpoint(t.run.Checkpoint()); err != nil {
			return err
		}
	}
	g := t.trace()
	var err error
	outputs := []*graph.Value{t.loss, t.scores}
	for _, v := range []*graph.Value{t.apart, t.penalty} {
		if v != nil {
			outputs = append(outputs, v)
		}
	}
	if t.prog, err = t.dev.Compile(g, outputs...); err != nil {
		return err
	}
	t.opt = policy.NewOptimizer(t.dev, t.model.Trunk.Params, t.optimizer())
	if t.run.Resumed {
		if err := t.readState(t.run.Checkpoint()); err != nil {
			return err
		}
	}
	t.scorer, err = NewScorer(t.dev, t.model, 0)
	return err
}

// readState takes up the optimizer, and the metrics of a step that was not validated.
func (t *trainer) readState(dir string) error {
	if err := t.opt.ReadState(dir, "optimizer"); err != nil {
		return err
	}
	if t.robust != nil {
		if err := policy.ReadStateJSON(dir, robustState, t.robust); err != nil {
			return err
		}
	}
	err := policy.ReadStateJSON(dir, pendingState, &t.pending)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// trace writes down one pass of a training step: texts → scores → loss → gradients.
func (t *trainer) trace() *graph.Graph {
	g := graph.New(t.model.Trunk.Params)
	tokens, seqs := g.Dim("tokens", t.limits.tokens), g.Dim("seqs", t.limits.seqs)
	t.in = t.model.Trunk.NewInput(g, "texts", tokens, seqs)
	t.in.Dropout, t.in.AdapterDropout, t.in.Recompute = t.cfg.Dropout, t.cfg.AdapterDropout, t.cfg.Recompute
	t.last = g.Ints("last", seqs)
	ends := g.GatherRows(t.model.Trunk.Hidden(g, t.in), t.last)
	t.scores = t.model.Scores(g, ends)
	t.loss = t.traceLoss(g, ends)
	if t.penalty != nil {
		t.loss = g.Add(t.loss, t.penalty)
	}
	g.Gradients(t.loss)
	return g
}

// traceLoss is the likelihood's part of the loss; it sets t.penalty to the other part where there is one.
func (t *trainer) traceLoss(g *graph.Graph, ends *graph.Value) *graph.Value {
	if t.cfg.Loss == LossPlackettLuce {
		t.choices = newStageFeed(g, g.Dim("stages", t.limits.stages), g.Dim("entries", t.limits.entries))
		return plackettLuceLoss(g, t.scores, t.choices)
	}
	rows := t.limits.pairs
	if t.cfg.LabelSmoothing > 0 {
		rows *= 2
	}
	pairs, ties := g.Dim("pairs", rows), (*graph.Dim)(nil)
	nu := t.model.Trunk.Params.Get(logNuName)
	if nu != nil {
		ties = g.Dim("ties", t.limits.ties)
	}
	t.pairs = newPairFeed(g, pairs, ties)
	t.pairs.smoothing = t.cfg.LabelSmoothing
	if t.cfg.MarginCoef > 0 {
		t.pairs.margin = g.Floats("pair_margin", pairs, 1)
	}
	better, worse := t.sides(g, ends)
	t.penalty = sizePenalty(g, better, worse, t.pairs, t.cfg)
	apart := g.Sub(better, worse)
	if nu != nil {
		return davidsonLoss(g, apart, t.scores, nu, t.pairs)
	}
	if len(t.model.Heads) > 0 {
		t.apart = apart
	}
	return kwiseLoss(g, apart, t.pairs)
}

// sides are the scores that the loss compares.
func (t *trainer) sides(g *graph.Graph, ends *graph.Value) (better, worse *graph.Value) {
	if len(t.model.Heads) == 0 {
		return t.pairs.sides(g, t.scores)
	}
	t.pairs.head = g.Ints("pair_head", t.pairs.better.Rows)
	return headSides(g, t.model, ends, t.pairs)
}

func (t *trainer) optimizer() policy.OptimizerConfig {
	c := t.cfg
	return policy.OptimizerConfig{
		Schedule: policy.Schedule{Peak: c.learningRate(t.model.Trunk.Config.Width, t.batch), Floor: c.Floor,
			Warmup: int(c.WarmupShare * float64(t.steps)), Steps: t.steps, Shape: c.Schedule},
		Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.AdamEpsilon, WeightDecay: c.WeightDecay, Clip: c.ClipNorm,
	}
}
