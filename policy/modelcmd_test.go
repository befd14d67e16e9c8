package policy

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// TestExportRefusesFlagsWithoutUse: a flag of another format is an error, not ignored.
func TestExportRefusesFlagsWithoutUse(t *testing.T) {
	dir := filepath.Join("testdata", "llama")
	for _, c := range []struct {
		cmd  ModelExportCmd
		want string
	}{
		{ModelExportCmd{Format: "hf", Quant: "q8_0"}, "--quant q8_0 has no use with --format hf, only with gguf"},
		{ModelExportCmd{Format: "gguf", Base: "b"}, "--base b has no use with --format gguf, only with peft"},
		{ModelExportCmd{Format: "peft", Name: "n"}, "--name n has no use with --format peft, only with hf or gguf"},
	} {
		c.cmd.Dir, c.cmd.Dst = dir, filepath.Join(t.TempDir(), "out")
		if err := c.cmd.Run(t.Context()); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// TestAdapterInfo: an exported adapter is described, in words and as JSON.
func TestAdapterInfo(t *testing.T) {
	m := fixture(t, "llama")
	move(t, m, loraOf(2, "q_proj"))
	dir := filepath.Join(t.TempDir(), "adapter")
	if err := m.WriteAdapter(dir, TaskCausalLM, "me/base"); err != nil {
		t.Fatal(err)
	}
	var text, data bytes.Buffer
	if err := printAdapterInfo(&text, dir, false); err != nil || !strings.Contains(text.String(), "adapter for me/base, CAUSAL_LM\n  rank 2, alpha 16") {
		t.Errorf("got %q (%v)", text.String(), err)
	}
	if err := printAdapterInfo(&data, dir, true); err != nil {
		t.Fatal(err)
	}
	var got AdapterInfo
	if err := json.Unmarshal(data.Bytes(), &got); err != nil || got.Rank != 2 || got.Base != "me/base" || got.Params != 2*2*(24+32) || len(got.Targets) != 1 {
		t.Errorf("got %+v (%v)", got, err)
	}
}
