package policy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLoRARankFitsTheLayer: neither settings nor a file may ask for a rank that no layer has.
func TestLoRARankFitsTheLayer(t *testing.T) {
	m := fixture(t, "llama")
	c := loraOf(1000000000, "all")
	if err := m.Adapt(c, 1); err == nil || !strings.Contains(err.Error(), "lora_rank 1000000000 is larger than the smaller side of model.layers.0.self_attn.q_proj, 24") {
		t.Errorf("settings: got %v", err)
	}
	for r, want := range map[string]string{"1000000000": "the base model wants [1000000000 24]", `"x"`: "r is a JSON string, want a whole number"} {
		dir := copyDir(t, filepath.Join("testdata", "peft", "llama"))
		path := filepath.Join(dir, adapterConfigFile)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`"r": \d+`).ReplaceAllLiteralString(string(data), `"r": `+r)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadAdapter(filepath.Join("testdata", "llama"), dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("r %s: got %v, want %q", r, err, want)
		}
	}
}
