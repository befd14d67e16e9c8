package policy

import (
	"context"
	"maps"

	"agora/policy/checkpoint"
	"agora/policy/cpu"
)

// Fit trains a policy on fixed data by a loss that a package above brings, with the loop, the run
// directory and the bit-exact resume of SFT. Learn and Evaluate are functions of the weights and of
// their arguments only; that is what makes a resumed run equal the uninterrupted one.
type Fit struct {
	Job
	Kind      string            // of the run: dpo, …
	Config    any               // its settings, for run.json
	Inputs    map[string]string // role → hash, of what it reads beside Data and Policy
	Model     *Model            // trained in place
	Optimizer OptimizerConfig   // Schedule.Steps is the length of the run
	Prompts   [][]int32         // completed for samples.jsonl

	EvalEvery, CheckpointEvery, SampleEvery int  // steps; 0: only at the end
	SelectBest                              bool // the result is the model of the lowest validation loss

	// Learn leaves the gradients of a step, counted from 0, in the parameters.
	Learn func(step int) (Learned, error)
	// Evaluate measures the model on validation data; nil without any.
	Evaluate func(ctx context.Context) (Learned, error)
}

// Learned is what a pass over data has to report.
type Learned struct {
	Loss   float64
	Tokens int                // fed
	Values map[string]float64 // further metrics by name
}

// Run trains to the last step, or goes on with the run in Out.
func (f Fit) Run(ctx context.Context, dev *cpu.Device) (Result, error) {
	inputs, err := hashInputs(f.Job)
	if err != nil {
		return Result{}, err
	}
	maps.Copy(inputs, f.Inputs)
	run, err := OpenRun(f.Out, RunInfo{Kind: f.Kind, Config: f.Config, Inputs: inputs, Kernels: dev.Kernels(), DType: "fp32"}, f.options())
	if err != nil {
		return Result{}, err
	}
	defer run.Close()
	parents := maps.Clone(f.Inputs)
	if parents == nil {
		parents = map[string]string{}
	}
	parents["policy"] = inputs["policy"]
	l := &loop{
		job: f.Job, run: run, m: f.Model, steps: f.Optimizer.Steps, opt: NewOptimizer(dev, f.Model.Params, f.Optimizer),
		manifest:  checkpoint.Manifest{Kind: "policy", Data: dataOnly(inputs), Config: f.Config, Parents: parents},
		evalEvery: f.EvalEvery, saveEvery: f.CheckpointEvery, sampleEvery: f.SampleEvery,
	}
	if f.SelectBest {
		l.selectBy = MetricValLoss
	}
	f.plug(l)
	if l.sample, err = sampleTo(dev, run, f.Model, f.Prompts, 0); err != nil {
		return Result{}, err
	}
	if err := l.restore(); err != nil {
		return Result{}, err
	}
	return l.finish(ctx)
}

// plug makes Learn and Evaluate the loop's.
func (f Fit) plug(l *loop) {
	l.detail = map[string]float64{}
	l.train = func(step int) (int, float64, error) {
		clear(l.detail)
		x, err := f.Learn(step)
		maps.Copy(l.detail, x.Values)
		return x.Tokens, x.Loss, err
	}
	if f.Evaluate == nil {
		return
	}
	l.evaluate = func(ctx context.Context) (float64, error) {
		x, err := f.Evaluate(ctx)
		maps.Copy(l.detail, x.Values)
		return x.Loss, err
	}
}
