//go:build slow

package ppo

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"agora/policy/checkpoint"
	"agora/reward"
)

var updateFixture = flag.Bool("update", false, "write "+torchFixture)

// TestTorchUpdate runs testdata/torch_update.py on the same weights.
//
//	go test -tags slow -run TorchUpdate ./ppo -update
func TestTorchUpdate(t *testing.T) {
	python := os.Getenv("AGORA_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import torch, transformers, safetensors").Run(); err != nil {
		t.Skip("needs PyTorch: pip install torch transformers safetensors, and AGORA_PYTHON if it is not python3")
	}
	dir := t.TempDir()
	c := newTorchCase(t)
	save(t, dir, c)
	got := c.update(t)
	type fields map[string]any
	var prompts, responses [][]int32
	for i := range c.roll.Responses {
		prompts, responses = append(prompts, c.roll.Prompts[i].Tokens), append(responses, c.roll.Responses[i])
	}
	data, err := json.Marshal(fields{"config": c.tr.cfg, "prompts": prompts, "responses": responses, "raw": c.roll.Raw, "ended": c.roll.Ended,
		"minibatches": c.Minibatch, "ptx": c.Pretrained})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "case.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, filepath.Join("testdata", "torch_update.py"), dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want numbers
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	t.Logf("PyTorch %s", want.Torch)
	got.compare(t, want)
	if *updateFixture {
		if err := os.WriteFile(torchFixture, out, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// save writes the three networks as they are before the first step.
func save(t *testing.T, dir string, c *torchCase) {
	t.Helper()
	start := toyModel(t, 1) // what the reference was cloned from
	for _, err := range []error{
		c.tr.models.Policy.Save(filepath.Join(dir, "policy"), checkpoint.Manifest{}),
		start.Save(filepath.Join(dir, "reference"), checkpoint.Manifest{}),
		(*reward.Model).Save(c.tr.critic.model, filepath.Join(dir, "critic"), checkpoint.Manifest{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}
