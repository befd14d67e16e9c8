package reward

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/cpu"
	"agora/policy/graph"
	"agora/reward/prefs"
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
	t := &trainer{dev: dev, cfg: c, data: data, parent: p.Hash}
	if err := t.prepare(p); err != nil {
		return nil, err
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
		return nil, err
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
	parent string // hash of the policy
	model  *Model
	run    *policy.RunDir

	split  Split
	groups []group
	stats  GroupStats
	order  *order
	limits limits
	batch  int // groups per step
	steps  int

	in     policy.Input
	last   *graph.Value // [seqs] row of each text's last token
	scores *graph.Value // [seqs, 1]
	pairs  pairFeed
	loss   *graph.Value
	prog   graph.Program
	feeds  graph.Feeds
	opt    *policy.Optimizer
	scorer *Scorer
}

// prepare splits and encodes the data and makes the model.
func (t *trainer) prepare(p *policy.Model) (err error) {
	if t.model, err = New(p, t.cfg.Seed); err != nil {
		return err
	}
	t.model.IgnorePrompt = t.cfg.IgnorePrompt
	if t.cfg.MaxTokens > 0 {
		t.model.MaxTokens = min(t.cfg.MaxTokens, t.model.MaxTokens)
	}
	if t.cfg.Ties == string(TiesDavidson) {
		t.model.addTies()
	}
	t.split = SplitLines(t.data.Rankings, t.cfg)
	t.groups, t.stats, err = makeGroups(t.split.Train, t.model.encoder(), TiePolicy(t.cfg.Ties))
	if err != nil {
		return err
	}
	if len(t.groups) == 0 {
		return fmt.Errorf("reward: nothing to learn: %d rankings for training, none with two completions of different rank", len(t.split.Train))
	}
	t.order = newOrder(len(t.groups), t.cfg.Seed)
	t.batch = t.cfg.batch(len(t.groups))
	t.steps = stepsOf(len(t.groups), t.cfg)
	t.limits = limitsFor(t.groups, t.cfg.MicroTokens)
	return nil
}

// compile traces the training step, and takes up a checkpoint where there is one.
func (t *trainer) compile() error {
	if t.run.Resumed {
		m, err := Load(t.run.Checkpoint())
		if err != nil {
			return err
		}
		if err := t.model.Trunk.Params.CopyFrom(m.Trunk.Params); err != nil {
			return err
		}
	}
	g := t.trace()
	var err error
	if t.prog, err = t.dev.Compile(g, t.loss, t.scores); err != nil {
		return err
	}
	t.opt = policy.NewOptimizer(t.dev, t.model.Trunk.Params, t.optimizer())
	if t.run.Resumed {
		if err := t.opt.ReadState(t.run.Checkpoint(), "optimizer"); err != nil {
			return err
		}
	}
	t.scorer, err = NewScorer(t.dev, t.model, 0)
	return err
}

// trace writes down one pass of a training step: texts → scores → loss → gradients.
func (t *trainer) trace() *graph.Graph {
	g := graph.New(t.model.Trunk.Params)
	tokens, seqs := g.Dim("tokens", t.limits.tokens), g.Dim("seqs", t.limits.seqs)
	t.in = t.model.Trunk.NewInput(g, "texts", tokens, seqs)
	t.in.Dropout = t.cfg.Dropout
	t.last = g.Ints("last", seqs)
	t.scores = t.model.Scores(g, g.GatherRows(t.model.Trunk.Hidden(g, t.in), t.last))
	if nu := t.model.Trunk.Params.Get(logNuName); nu != nil {
		t.pairs = newPairFeed(g, g.Dim("pairs", t.limits.pairs), g.Dim("ties", t.limits.ties))
		t.loss = davidsonLoss(g, t.scores, nu, t.pairs)
	} else {
		t.pairs = newPairFeed(g, g.Dim("pairs", t.limits.pairs), nil)
		t.loss = kwiseLoss(g, t.scores, t.pairs)
	}
	g.Gradients(t.loss)
	return g
}

func (t *trainer) optimizer() policy.OptimizerConfig {
	c := t.cfg
	return policy.OptimizerConfig{
		Schedule: policy.Schedule{Peak: c.learningRate(t.model.Trunk.Config.Width, t.batch), Floor: c.Floor,
			Warmup: int(c.WarmupShare * float64(t.steps)), Steps: t.steps, Shape: c.Schedule},
		Beta1: c.Beta1, Beta2: c.Beta2, Eps: 1e-8, WeightDecay: c.WeightDecay, Clip: c.ClipNorm,
	}
}

// train takes the steps that are left.
func (t *trainer) train(ctx context.Context) error {
	evalEvery, saveEvery := orTenth(t.cfg.EvalEvery, t.steps), orTenth(t.cfg.SaveEvery, t.steps)
	for t.opt.Steps < t.steps {
		values, err := t.step(ctx)
		if ctx.Err() != nil {
			return t.stop(ctx)
		}
		if err != nil {
			return err
		}
		done := t.opt.Steps
		if done%evalEvery == 0 && done < t.steps {
			if err := t.validate(ctx, values); ctx.Err() != nil {
				return t.stop(ctx)
			} else if err != nil {
				return err
			}
		}
		if err := t.run.Metrics(done, values); err != nil {
			return err
		}
		t.run.Progress(done, t.steps)
		if done%saveEvery == 0 && done < t.steps {
			if err := t.commit(); err != nil {
				return err
			}
		}
	}
	return nil
}

func orTenth(every, steps int) int {
	if every > 0 {
		return every
	}
	return max((steps+9)/10, 1)
}

// step runs one optimizer step and returns its metrics, under the names of TRL's RewardTrainer.
func (t *trainer) step(ctx context.Context) (map[string]float64, error) {
	began := time.Now()
	n := t.opt.Steps
	batch := make([]*group, t.batch)
	for i := range batch {
		batch[i] = &t.groups[t.order.at(n*t.batch+i)]
	}
	var sum stepSums
	for i, m := range split(batch, t.limits) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t.feed(m, uint64(n), i)
		if err := t.prog.Run(&t.feeds); err != nil {
			return nil, err
		}
		sum.add(m, float64(t.prog.Floats(t.loss)[0]), t.prog.Floats(t.scores))
	}
	lr, norm, err := t.opt.Step()
	if err != nil {
		return nil, err
	}
	values := sum.metrics()
	values["learning_rate"], values["grad_norm"] = lr, norm
	values["epoch"] = float64((n+1)*t.batch) / float64(len(t.groups))
	values["tokens_per_second"] = float64(sum.tokens) / time.Since(began).Seconds()
	return values, nil
}

// microPerStep keeps the random numbers of a step's passes apart.
const microPerStep = 1 << 20

func (t *trainer) feed(m micro, step uint64, i int) {
	f := &t.feeds
	f.Seed, f.Step, f.Accumulate = t.cfg.Seed, step*microPerStep+uint64(i), i > 0
	f.Ints(t.in.IDs, m.ids)
	f.Layout(t.in.Layout, m.lens, nil, nil)
	f.Ints(t.last, m.last)
	t.pairs.feed(f, m.pairs, m.ties)
}

// commit writes the checkpoint that the run can go on from.
func (t *trainer) commit() error {
	return t.run.Commit(t.manifest(nil), func(tmp string) error {
		if err := t.model.writeFiles(tmp); err != nil {
			return err
		}
		return t.opt.WriteState(tmp, "optimizer", false)
	})
}

func (t *trainer) manifest(metrics map[string]float64) checkpoint.Manifest {
	return checkpoint.Manifest{Kind: "reward", Step: t.opt.Steps, Parents: map[string]string{"policy": t.parent},
		Data: t.data.Hashes, Config: t.cfg, Metrics: metrics}
}

// stop saves the state when the run was told to end.
func (t *trainer) stop(ctx context.Context) error {
	if err := t.commit(); err != nil {
		return fmt.Errorf("stopped after step %d of %d, and the state could not be saved: %w", t.opt.Steps, t.steps, err)
	}
	return fmt.Errorf("stopped after step %d of %d, nothing lost: go on with --resume: %w", t.opt.Steps, t.steps, context.Cause(ctx))
}

// validate adds validation loss and accuracy to the step's metrics.
func (t *trainer) validate(ctx context.Context, values map[string]float64) error {
	for prefix, lines := range map[string][]*prefs.Ranked{"eval_": t.split.Val, "eval_new_labelers_": t.split.NewWorkers} {
		r, err := evaluate(ctx, t.scorer, lines, false)
		if err != nil {
			return err
		}
		if r.N > 0 {
			values[prefix+"loss"], values[prefix+"accuracy"] = r.Loss, r.Accuracy
		}
	}
	return nil
}

// finish centres, evaluates and saves the model.
func (t *trainer) finish(ctx context.Context) (*Result, error) {
	out := &Result{Model: t.model, Groups: t.stats, Split: t.split, Steps: t.steps}
	tokens, what, err := centreTexts(t.data, t.split.Train, t.model.encoder())
	if err != nil {
		return nil, err
	}
	if err := t.model.centre(ctx, t.scorer, tokens); err != nil {
		return nil, err
	}
	out.Centred = what
	metrics := map[string]float64{}
	for prefix, part := range map[string]struct {
		lines  []*prefs.Ranked
		report **Report
	}{"eval_": {t.split.Val, &out.Val}, "eval_new_labelers_": {t.split.NewWorkers, &out.NewWorkers}} {
		r, err := evaluate(ctx, t.scorer, part.lines, true)
		if err != nil {
			return nil, err
		}
		if r.N > 0 {
			*part.report = r
			metrics[prefix+"loss"], metrics[prefix+"accuracy"], metrics[prefix+"n"] = r.Loss, r.Accuracy, float64(r.N)
		}
	}
	if len(metrics) > 0 {
		if err := t.run.Metrics(t.opt.Steps, metrics); err != nil {
			return nil, err
		}
	}
	if err := t.commit(); err != nil {
		return nil, err
	}
	return out, t.model.Save(t.run.Result(), t.manifest(metrics))
}

// centre shifts the bias so that the mean score of the texts is 0.
func (m *Model) centre(ctx context.Context, s *Scorer, texts [][]int32) error {
	m.Bias().Data[0] = 0
	m.Trunk.Params.Changed()
	scores, err := s.Score(ctx, texts)
	if err != nil || len(scores) == 0 {
		return err
	}
	sum := 0.0
	for _, x := range scores {
		sum += float64(x)
	}
	m.Bias().Data[0] = float32(-sum / float64(len(scores)))
	m.Trunk.Params.Changed()
	return nil
}

// Save writes the model's directory, whole or not at all.
func (m *Model) Save(dir string, manifest checkpoint.Manifest) error {
	return checkpoint.Commit(dir, func(tmp string) error {
		if err := m.writeFiles(tmp); err != nil {
			return err
		}
		return checkpoint.WriteManifest(tmp, manifest)
	})
}
