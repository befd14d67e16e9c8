package scale

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agora/policy"
	"agora/policy/base"
	"agora/policy/cpu"
)

// smallText is enough of the corpus for tests.
func smallText(t *testing.T) policy.Text {
	t.Helper()
	text, err := policy.NewText(base.Corpus()[:600], base.HeldOut()[:30], 300)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func testDevice(t *testing.T) *cpu.Device {
	t.Helper()
	dev, err := cpu.Open(2)
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// TestCoordCheck: over an eightfold width muP keeps every activation's size, in both families; the
// standard parametrisation, the control, must fail the same threshold.
func TestCoordCheck(t *testing.T) {
	text := smallText(t)
	for _, kind := range []struct {
		name, family string
		tied         bool
	}{{"llama", policy.Llama, false}, {"gpt2", policy.GPT2, false}, {"llama tied", policy.Llama, true}} {
		t.Run(kind.name, func(t *testing.T) {
			c := DefaultCoord()
			c.Tied, c.Family, c.Widths, c.BaseWidth, c.Layers, c.Sequences, c.Context, c.Vocab = kind.tied, kind.family, []int{32, 64, 128, 256}, 64, 2, 2, 48, 300
			if err := c.Validate(); err != nil {
				t.Fatal(err)
			}
			curves, err := c.coordCheck(t.Context(), testDevice(t), text, func(int, int) {})
			if err != nil {
				t.Fatal(err)
			}
			r := newCoordReport(c, curves, text, "")
			if want := 2 * (2 + 3*c.Layers) * (c.Steps + 1); len(curves) != want {
				t.Errorf("%d curves, want %d", len(curves), want)
			}
			if !r.Flat || !r.Growing {
				t.Errorf("flat %t, growing %t: %s", r.Flat, r.Growing, r.verdict())
			}
			for _, last := range []string{policy.Mup, policy.Standard} {
				if worst := r.steepest(last, c.Steps); (r.steepness(worst) <= flatSlope) != (last == policy.Mup) {
					t.Errorf("%s after the last step: width^%+.2f at %s", last, slopeOf(worst), worst.Place)
				}
			}
			dir := t.TempDir()
			if err := r.write(dir); err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]string{"report.md": "| layer.1.residual |", "mup.svg": "layer.1.residual", "standard.svg": "logits", "coordcheck.json": `"mup_flat": true`} {
				if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(data), want) {
					t.Errorf("%s lacks %q (%v)", name, want, err)
				}
			}
		})
	}
}
