package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"time"

	"agora/policy/checkpoint"
)

// Names of the metrics of language-model training.
const (
	MetricLoss      = "loss/train" // nats per token that counts, mean of the step
	MetricValLoss   = "loss/validation"
	MetricValReward = "reward/validation" // mean score of own responses to prompts held out
	MetricLR        = "lr"
	MetricNorm      = "grad_norm"              // global, before clipping
	MetricPtx       = "loss/ptx"               // nats per token of pretraining text, where some is mixed in
	MetricTokens    = "tokens"                 // trained so far
	MetricRate      = "perf/tokens_per_second" // depends on the machine, as everything under perf/
)

// Job is what a training run reads and writes, beside its settings.
type Job struct {
	Data                []string  // files
	Ptx                 []string  // files with the text of the pretraining mix (sft)
	Policy              string    // model directory to start from (sft)
	Reward              string    // model directory of the judge that selects the best model (sft), "" for none
	Judge               OpenJudge // loads it
	Tokenizer           string    // directory to take the tokenizer from (pretrain), "" to train one
	Out                 string    // run directory
	Resume              bool
	AcceptDifferentBits bool
	Force               bool // start even if there is not enough memory
	Sinks               []Sink
	Say                 func(format string, args ...any) // one-line news, nil for none
}

func (j Job) say(format string, args ...any) {
	if j.Say != nil {
		j.Say(format, args...)
	}
}

// Result is what a training run made.
type Result struct {
	Dir     string             `json:"dir"` // the model's directory
	Steps   int                `json:"steps"`
	Metrics map[string]float64 `json:"metrics"` // of the model in Dir
}

// Interrupted reports that a run was stopped on purpose and can go on.
type Interrupted struct {
	Dir   string // the newest checkpoint
	Step  int    // done
	Steps int    // of the whole run
	Saved int    // step of the checkpoint, 0 for none
}

func (e *Interrupted) Error() string {
	again := "nothing will be recomputed"
	if n := e.Step - e.Saved; n > 0 {
		again = fmt.Sprintf("the last %d steps will be recomputed, to the same bits", n)
	}
	return fmt.Sprintf("stopped after step %d of %d; %s holds step %d, %s: run the same command with --resume to go on",
		e.Step, e.Steps, e.Dir, e.Saved, again)
}

// Is makes errors.Is(err, context.Canceled) true.
func (e *Interrupted) Is(target error) bool { return target == context.Canceled }

// loop is the part of training that pretraining and fine-tuning share.
type loop struct {
	job      Job
	run      *RunDir
	m        *Model
	opt      *Optimizer
	steps    int
	manifest checkpoint.Manifest

	evalEvery, saveEvery, sampleEvery int

	train    func(step int) (tokens int, loss float64, err error) // forward and backward of one step
	evaluate func(ctx context.Context) (loss float64, err error)  // nil without validation data
	judge    func(ctx context.Context) (score float64, err error) // nil without a reward model
	sample   func(ctx context.Context, step int) error
	selectBy string             // the result is the model that is best by this metric; "" for the last
	detail   map[string]float64 // further metrics of the newest step, which train and evaluate fill in

	state loopState
	saved int // step of the newest checkpoint
}

// loopState is what a resumed run must know besides weights and optimizer.
type loopState struct {
	Tokens   int                `json:"tokens"`
	BestStep int                `json:"best_step"`
	Best     float64            `json:"best"` // by loop.selectBy; 0 before the first evaluation
	Last     map[string]float64 `json:"last"` // newest metrics, for agora.json
}

const loopStateName = "training"

// restore brings weights, optimizer and counters back from the run's checkpoint.
func (l *loop) restore() error {
	l.state.Last = map[string]float64{}
	if !l.run.Resumed {
		return nil
	}
	dir := l.run.Checkpoint()
	if _, err := checkpoint.Verify(dir); err != nil {
		return err
	}
	if err := l.m.ReadCheckpoint(dir); err != nil {
		return err
	}
	if err := l.opt.ReadState(dir, "optimizer"); err != nil {
		return err
	}
	l.saved = l.opt.Steps
	l.job.say("resuming after step %d of %d", l.opt.Steps, l.steps)
	return ReadStateJSON(dir, loopStateName, &l.state)
}

// finish runs to the last step and writes the result.
func (l *loop) finish(ctx context.Context) (Result, error) {
	if err := CheckMemory(l.job.say, l.job.Force); err != nil {
		return Result{}, l.run.Discard(err)
	}
	for l.opt.Steps < l.steps {
		if ctx.Err() != nil {
			if err := l.save(); err != nil {
				return Result{}, err
			}
			return Result{}, l.interrupted()
		}
		l.run.Progress(l.opt.Steps, l.steps)
		err := l.step(ctx)
		if errors.Is(err, context.Canceled) { // in an evaluation: this step is not whole
			return Result{}, l.interrupted()
		}
		if err != nil {
			return Result{}, err
		}
	}
	l.run.Progress(l.steps, l.steps)
	return l.result(ctx)
}

// step trains once, then evaluates, samples and saves where it is due.
func (l *loop) step(ctx context.Context) error {
	start := time.Now()
	tokens, loss, err := l.train(l.opt.Steps)
	if err != nil {
		return err
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return fmt.Errorf("step %d: the loss is %v; the last checkpoint is kept", l.opt.Steps+1, loss)
	}
	lr, norm, err := l.opt.Step()
	if err != nil {
		return err
	}
	step := l.opt.Steps
	l.state.Tokens += tokens
	values := map[string]float64{MetricLoss: loss, MetricLR: lr, MetricNorm: norm, MetricTokens: float64(l.state.Tokens)}
	l.state.Last[MetricLoss] = loss
	rate := float64(tokens) / time.Since(start).Seconds()
	if due(step, l.evalEvery) || step == l.steps {
		if err := l.measure(ctx, values); err != nil {
			return err
		}
	}
	maps.Copy(values, l.detail)
	maps.Copy(l.state.Last, l.detail)
	values[MetricRate] = rate
	if err := l.run.Metrics(step, values); err != nil {
		return err
	}
	if l.sample != nil && (due(step, l.sampleEvery) || step == l.steps) {
		if err := l.sample(ctx, step); err != nil {
			return err
		}
	}
	if due(step, l.saveEvery) || step == l.steps {
		return l.save()
	}
	return nil
}

func due(step, every int) bool { return every > 0 && step%every == 0 }

// measure adds validation loss and score and, if the model is the best so far, keeps it.
func (l *loop) measure(ctx context.Context, values map[string]float64) error {
	for name, evaluate := range map[string]func(context.Context) (float64, error){MetricValLoss: l.evaluate, MetricValReward: l.judge} {
		if evaluate == nil {
			continue
		}
		x, err := evaluate(ctx)
		if err != nil {
			return err
		}
		values[name], l.state.Last[name] = x, x
	}
	x, measured := values[l.selectBy]
	if !measured || l.state.BestStep > 0 && !l.better(x) {
		return nil
	}
	l.state.BestStep, l.state.Best = l.opt.Steps, x
	return l.m.Save(l.run.Result(), l.describe())
}

// better says whether a value of the metric that selects is better than the best so far.
func (l *loop) better(x float64) bool {
	if l.selectBy == MetricValReward {
		return x > l.state.Best
	}
	return x < l.state.Best
}

// describe is the manifest as of now.
func (l *loop) describe() checkpoint.Manifest {
	m := l.manifest
	m.Step = l.opt.Steps
	m.Metrics = make(map[string]float64, len(l.state.Last))
	for name, x := range l.state.Last {
		m.Metrics[name] = x
	}
	return m
}

// save commits a checkpoint that the run can be resumed from.
func (l *loop) save() error {
	err := l.run.Commit(l.describe(), func(tmp string) error {
		if err := l.m.WriteCheckpoint(tmp); err != nil {
			return err
		}
		if err := l.opt.WriteState(tmp, "optimizer", l.m.Rounded()); err != nil {
			return err
		}
		return WriteStateJSON(tmp, loopStateName, l.state)
	})
	if err == nil {
		l.saved = l.opt.Steps
	}
	return err
}

func (l *loop) interrupted() error {
	return &Interrupted{Dir: l.run.Checkpoint(), Step: l.opt.Steps, Steps: l.steps, Saved: l.saved}
}

// result writes the model that the run is for, unless the best one was written on the way.
func (l *loop) result(ctx context.Context) (Result, error) {
	out := Result{Dir: l.run.Result(), Steps: l.opt.Steps, Metrics: l.state.Last}
	if l.selectBy != "" && l.state.BestStep > 0 {
		what := map[string]string{MetricValLoss: "validation loss", MetricValReward: "mean score of responses"}[l.selectBy]
		l.job.say("kept the model of step %d, %s %.4f", l.state.BestStep, what, l.state.Best)
		out.Metrics = map[string]float64{l.selectBy: l.state.Best}
		out.Steps = l.state.BestStep
		return out, nil
	}
	if l.m.DType != checkpoint.F32 { // measure what is stored
		l.m.Round()
		if l.evaluate != nil {
			loss, err := l.evaluate(ctx)
			if err != nil {
				return out, err
			}
			l.state.Last[MetricValLoss] = loss
		}
	}
	return out, l.m.Save(l.run.Result(), l.describe())
}
