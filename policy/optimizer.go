package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"agora/policy/checkpoint"
	"agora/policy/cpu"
	"agora/policy/graph"
)

// OptimizerConfig is AdamW with a schedule.
type OptimizerConfig struct {
	Schedule
	Beta1, Beta2 float64
	Eps          float64
	WeightDecay  float64 // decoupled; not on norm gains and biases
	Clip         float64 // global gradient norm; 0 for none
	EpsInside    bool    // see cpu.AdamWConfig
}

// Validate names the first wrong setting.
func (c OptimizerConfig) Validate() error {
	switch {
	case c.Beta1 < 0 || c.Beta1 >= 1 || c.Beta2 < 0 || c.Beta2 >= 1:
		return fmt.Errorf("beta1 %g and beta2 %g must be in [0, 1)", c.Beta1, c.Beta2)
	case !(c.Eps > 0):
		return fmt.Errorf("adam_eps %g must be positive", c.Eps)
	case c.WeightDecay < 0 || c.Clip < 0:
		return fmt.Errorf("weight_decay %g and clip_norm %g must not be negative", c.WeightDecay, c.Clip)
	}
	return c.Schedule.Validate()
}

// Optimizer trains a store of parameters. Steps counts the steps taken and tells the schedule where
// it is.
type Optimizer struct {
	*cpu.AdamW
	params *graph.Params
	config OptimizerConfig
}

// NewOptimizer starts with zero moments at step 0.
func NewOptimizer(dev *cpu.Device, params *graph.Params, c OptimizerConfig) *Optimizer {
	return &Optimizer{AdamW: dev.NewAdamW(params), params: params, config: c}
}

// ErrNotFinite ends a run: the loss or the gradient became NaN or infinite. Weights and the last
// checkpoint are still good.
var ErrNotFinite = cpu.ErrNotFinite

// Step updates the parameters from their gradients and returns the learning rate it used and the
// global norm of the gradient before clipping.
func (o *Optimizer) Step() (lr, gradNorm float64, err error) {
	lr = o.config.At(o.Steps)
	gradNorm, err = o.AdamW.Step(cpu.AdamWConfig{
		LearningRate: lr, Beta1: o.config.Beta1, Beta2: o.config.Beta2, Eps: o.config.Eps,
		WeightDecay: o.config.WeightDecay, ClipNorm: o.config.Clip, EpsInside: o.config.EpsInside,
	})
	if errors.Is(err, ErrNotFinite) {
		err = fmt.Errorf("step %d: %w (learning rate %.3g); the last checkpoint is kept", o.Steps+1, err, lr)
	}
	return lr, gradNorm, err
}

// StateDir is the part of a checkpoint that only resuming needs.
const StateDir = "state"

// WriteState writes the optimizer into the checkpoint being written at dir: both moments, and with
// weights also the float32 weights, where the model itself is stored rounded.
func (o *Optimizer) WriteState(dir, name string, weights bool) error {
	if err := WriteStateJSON(dir, name, optimizerState{o.Steps}); err != nil {
		return err
	}
	return checkpoint.WriteSafetensors(filepath.Join(dir, StateDir, name+".safetensors"), o.stateTensors(weights))
}

type optimizerState struct {
	Steps int `json:"steps"`
}

func (o *Optimizer) stateTensors(weights bool) []checkpoint.Tensor {
	var out []checkpoint.Tensor
	keep := func(name string, p *graph.Param, data []float32) {
		out = append(out, checkpoint.Tensor{Name: name + "." + p.Name, Shape: []int{p.Rows, p.Cols}, Data: data, DType: checkpoint.F32})
	}
	for _, p := range o.params.List() {
		if m, v := o.Moments(p); m != nil {
			keep("m", p, m)
			keep("v", p, v)
		}
		if weights && !p.Frozen {
			keep("w", p, p.Data)
		}
	}
	return out
}

// ReadState is the inverse of WriteState: from here on every step gives the same bits as in the run
// that wrote it.
func (o *Optimizer) ReadState(dir, name string) error {
	var s optimizerState
	if err := ReadStateJSON(dir, name, &s); err != nil {
		return err
	}
	f, err := checkpoint.OpenSafetensors(filepath.Join(dir, StateDir, name+".safetensors"))
	if err != nil {
		return err
	}
	defer f.Close()
	for _, t := range o.stateTensors(true) {
		if _, ok := f.Shape(t.Name); !ok && t.Name[0] == 'w' {
			continue // the model file had the weights
		}
		if err := f.Read(t.Name, t.Data); err != nil {
			return err
		}
	}
	o.Steps = s.Steps
	o.params.Changed()
	return nil
}

// WriteStateJSON writes state/<name>.json into the checkpoint being written at dir.
func WriteStateJSON(dir, name string, v any) error {
	if err := os.MkdirAll(filepath.Join(dir, StateDir), 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("state %s: %w", name, err)
	}
	return os.WriteFile(filepath.Join(dir, StateDir, name+".json"), append(data, '\n'), 0o644)
}

// ReadStateJSON reads what WriteStateJSON wrote.
func ReadStateJSON(dir, name string, v any) error {
	path := filepath.Join(dir, StateDir, name+".json")
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
