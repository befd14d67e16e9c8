package ppo

import (
	"path/filepath"

	"agora/policy"
	"agora/policy/checkpoint"
)

// EMA moves avg towards x: avg ← decay·avg + (1−decay)·x, element by element.
// InstructGPT keeps such an average of the policy's weights with decay .992
// (Ouyang et al. 2022, appendix C.4).
func EMA(avg, x []float32, decay float32) {
	rest := 1 - decay
	for i, v := range x {
		avg[i] = decay*avg[i] + rest*v
	}
}

// average moves the average of the policy's weights, if the run keeps one.
func (t *Trainer) average() {
	if t.ema == nil {
		return
	}
	for _, p := range t.models.Policy.Params.List() {
		if p.Frozen {
			continue
		}
		EMA(t.ema.Params.Get(p.Name).Data, p.Data, float32(t.cfg.EMADecay))
	}
	t.ema.Params.Changed()
}

// Files of a second set of the policy's weights in a checkpoint's state.
const (
	emaFile  = "ema.safetensors"  // their average
	bestFile = "best.safetensors" // those that the judge liked best, see best.go
)

func weightsOf(m *policy.Model) []checkpoint.Tensor {
	var out []checkpoint.Tensor
	for _, p := range m.Params.List() {
		if p.Frozen {
			continue
		}
		out = append(out, checkpoint.Tensor{Name: p.Name, Shape: []int{p.Rows, p.Cols}, Data: p.Data, DType: checkpoint.F32})
	}
	return out
}

// writeWeights and readWeights keep a second set of the policy's weights in a checkpoint's state.
func writeWeights(dir, file string, m *policy.Model) error {
	return checkpoint.WriteSafetensors(filepath.Join(dir, policy.StateDir, file), weightsOf(m))
}

func readWeights(dir, file string, m *policy.Model) error {
	f, err := checkpoint.OpenSafetensors(filepath.Join(dir, policy.StateDir, file))
	if err != nil {
		return err
	}
	defer f.Close()
	for _, t := range weightsOf(m) {
		if err := f.Read(t.Name, t.Data); err != nil {
			return err
		}
	}
	m.Params.Changed()
	return nil
}
