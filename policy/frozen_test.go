package policy

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestLoadFrozen: frozen weights of a checkpoint that agora wrote are mapped, fused projections too,
// compute the same bits, and can be the base of an adapter; weights stored otherwise are read.
func TestLoadFrozen(t *testing.T) {
	for name, wantMapped := range map[string]bool{"llama": true, "gpt2": false, "llama-bf16": false} {
		m := fixture(t, name)
		dir := filepath.Join(t.TempDir(), "model")
		if err := m.Save(dir, manifestOf("policy")); err != nil {
			t.Fatal(err)
		}
		frozen, err := LoadFrozen(dir)
		if err != nil {
			t.Fatal(err)
		}
		mapped := 0
		for _, p := range frozen.Params.List() {
			if !p.Frozen {
				t.Errorf("%s: %s is not frozen", name, p.Name)
			}
			if p.Backing != nil {
				mapped++
			}
		}
		if all := mapped == len(frozen.Params.List()); all != wantMapped {
			t.Errorf("%s: %d of %d parameters are mapped", name, mapped, len(frozen.Params.List()))
		}
		if gap := largestGap(scoresOf(t, m), scoresOf(t, frozen)); gap != 0 {
			t.Errorf("%s: mapped weights score otherwise by %g", name, gap)
		}
		if err := frozen.Adapt(loraOf(2), 1); err != nil {
			t.Fatal(err)
		}
		learnOnce(t, frozen, Input{})
	}
}

// TestCheckMemory: what is reserved but not yet touched counts, and what cannot fit is refused.
func TestCheckMemory(t *testing.T) {
	need := func() float64 {
		var gb float64
		if err := CheckMemory(func(_ string, args ...any) { gb = args[0].(float64) }, true); err != nil {
			t.Fatal(err)
		}
		return gb
	}
	before := need()
	untouched := make([]float32, 50<<20)
	if gained := need() - before; gained < .2 || gained > .22 {
		t.Errorf("50 Mi numbers need %g GB", gained)
	}
	runtime.KeepAlive(untouched)
	if err := fits(9e9, 8e9, false); err == nil || !strings.Contains(err.Error(), "needs 9.0 GB of memory and 8.0 GB are available") {
		t.Errorf("a training that cannot fit: %v", err)
	}
	if fits(9e9, 8e9, true) != nil || fits(8e9, 9e9, false) != nil {
		t.Error("refused though it fits, or is forced")
	}
}
