package reward

import (
	"path/filepath"

	"agora/policy"
	"agora/policy/checkpoint"
)

// headFile holds the head in the checkpoint of a run with LoRA, beside the adapter.
const headFile = "head.safetensors"

// writeAdapter writes the trunk's low-rank changes for PEFT, as a classifier whose score is trained in
// full. The bias, which PEFT's classifier has no place for, is not among them.
func (m *Model) writeAdapter(dir string) error {
	return m.Trunk.WriteAdapter(filepath.Join(dir, policy.AdapterDir), policy.TaskClassifier, "", m.headTensors()[0])
}

// writeCheckpoint writes what a run needs to go on: the whole model, or with LoRA the changes and the
// head, as the rest is the policy that the run started from.
func (m *Model) writeCheckpoint(dir string) error {
	if m.Trunk.Adapter == nil {
		return m.writeFiles(dir)
	}
	if err := m.writeAdapter(dir); err != nil {
		return err
	}
	return checkpoint.WriteSafetensors(filepath.Join(dir, headFile), m.headTensors())
}

// readCheckpoint is the inverse of writeCheckpoint.
func (m *Model) readCheckpoint(dir string) error {
	if m.Trunk.Adapter == nil {
		saved, err := LoadHeads(dir)
		if err != nil {
			return err
		}
		return m.Trunk.Params.CopyFrom(saved.Trunk.Params)
	}
	if _, err := checkpoint.Verify(dir); err != nil {
		return err
	}
	if err := m.Trunk.ReadCheckpoint(dir); err != nil {
		return err
	}
	f, err := checkpoint.OpenSafetensors(filepath.Join(dir, headFile))
	if err != nil {
		return err
	}
	defer f.Close()
	for _, t := range m.headTensors() {
		if err := f.Read(t.Name, t.Data); err != nil {
			return err
		}
	}
	m.Trunk.Params.Changed()
	return nil
}
