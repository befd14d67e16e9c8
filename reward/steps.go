package reward

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/reward/prefs"
)

// train takes the steps that are left. The metrics of the last one wait for finish.
func (t *trainer) train(ctx context.Context) error {
	for {
		if t.pending != nil && t.opt.Steps < t.steps {
			if err := t.report(ctx); err != nil {
				return t.stopped(ctx, err)
			}
		}
		if t.opt.Steps >= t.steps {
			return nil
		}
		values, err := t.step(ctx)
		if err != nil {
			return t.stopped(ctx, err)
		}
		t.pending = values
	}
}

// report validates where it is time to, writes the step's line of metrics, and
// saves where it is time to.
func (t *trainer) report(ctx context.Context) error {
	done, values := t.opt.Steps, maps.Clone(t.pending)
	if done%orTenth(t.cfg.EvalEvery, t.steps) == 0 {
		if err := t.validate(ctx, values); err != nil {
			return err
		}
	}
	if err := t.log(values); err != nil {
		return err
	}
	if done%orTenth(t.cfg.SaveEvery, t.steps) == 0 {
		return t.commit()
	}
	return nil
}

// log writes the line of the newest step.
func (t *trainer) log(values map[string]float64) error {
	t.pending = nil
	t.run.Progress(t.opt.Steps, t.steps)
	return t.run.Metrics(t.opt.Steps, values)
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
	sum := stepSums{groups: newGroupSums(len(t.grouping.names), t.cfg.LabelSmoothing)}
	for i, m := range split(batch, t.limits) {
		m.reweigh(t.robust)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t.feed(m, uint64(n), i)
		if err := t.prog.Run(&t.feeds); err != nil {
			return nil, err
		}
		loss := float64(t.prog.Floats(t.loss)[0])
		if t.penalty != nil {
			sum.penalty += float64(t.prog.Floats(t.penalty)[0])
			loss -= float64(t.prog.Floats(t.penalty)[0])
		}
		sum.add(m, loss, t.prog.Floats(t.scores), t.differences(m))
	}
	lr, norm, err := t.opt.Step()
	if err != nil {
		return nil, err
	}
	values := sum.metrics()
	if t.penalty != nil {
		values["penalty"] = sum.penalty
	}
	t.weigh(sum.groups, values)
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
	if t.cfg.Loss == LossPlackettLuce {
		t.choices.feed(f, m.stages)
		return
	}
	t.pairs.feed(f, m.pairs, m.ties)
}

// differences are how far the better text of each comparison is ahead, in the scores that the loss sees.
func (t *trainer) differences(m micro) []float32 {
	out := make([]float32, len(m.pairs))
	if t.apart == nil {
		scores := t.prog.Floats(t.scores)
		for i, p := range m.pairs {
			out[i] = scores[p.a] - scores[p.b]
		}
		return out
	}
	apart, every := t.prog.Floats(t.apart), 1
	if t.cfg.LabelSmoothing > 0 {
		every = 2 // smoothed puts the reverse after each
	}
	for i := range out {
		out[i] = apart[i*every]
	}
	return out
}

// pendingState is the part of a checkpoint that holds the metrics of its last
// step, if the run was stopped before it had validated and logged them.
const pendingState = "pending"

// robustState is the part of a checkpoint that holds the groups' weights.
const robustState = "robust"

// commit writes the checkpoint that the run can go on from.
func (t *trainer) commit() error {
	return t.run.Commit(t.manifest(nil), func(tmp string) error {
		if err := t.model.writeCheckpoint(tmp); err != nil {
			return err
		}
		if t.pending != nil {
			if err := policy.WriteStateJSON(tmp, pendingState, t.pending); err != nil {
				return err
			}
		}
		if t.robust != nil {
			if err := policy.WriteStateJSON(tmp, robustState, t.robust); err != nil {
				return err
			}
		}
		return t.opt.WriteState(tmp, "optimizer", t.model.Trunk.Rounded())
	})
}

func (t *trainer) manifest(metrics map[string]float64) checkpoint.Manifest {
	return checkpoint.Manifest{Kind: "reward", Step: t.opt.Steps, Parents: map[string]string{"policy": t.parent},
		Data: t.data.Hashes, Config: t.cfg, Metrics: metrics}
}

// stopped saves the state when the run was told to end, and says so; other errors it passes on.
func (t *trainer) stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if err := t.commit(); err != nil {
		return fmt.Errorf("stopped after step %d of %d, and the state could not be saved: %w", t.opt.Steps, t.steps, err)
	}
	return fmt.Errorf("stopped after step %d of %d, nothing lost: go on with --resume: %w", t.opt.Steps, t.steps, ctx.Err())
}

// validate adds validation loss and accuracy to the step's metrics, and what people reach there.
func (t *trainer) validate(ctx context.Context, values map[string]float64) error {
	for prefix, lines := range map[string][]*prefs.Ranked{"eval_": t.split.Val, "eval_new_labelers_": t.split.NewWorkers} {
		r, err := evaluate(ctx, lines, false, t.scorer)
		if err != nil {
			return err
		}
		if r.N > 0 {
			values[prefix+"loss"], values[prefix+"accuracy"] = r.Loss, r.Accuracy
			maps.Copy(values, t.references(prefix, lines).Metrics(prefix))
		}
	}
	return nil
}

// references compare the judgments of a validation set with those of everybody, new labeler or not, on the
// validation prompts. They are the same all through the run.
func (t *trainer) references(prefix string, lines []*prefs.Ranked) References {
	r, ok := t.people[prefix]
	if !ok {
		r = referencesOf(Comparisons(lines), Comparisons(slices.Concat(t.split.Val, t.split.NewWorkers)))
		t.people[prefix] = r
	}
	return r
}
