package reward

import (
	"math"
	"path/filepath"
	"testing"

	"agora/policy"
)

// TestTrainWithLoRA: a reward model learns by low-rank changes of a frozen trunk, and what is saved,
// the changes merged in, scores as the model in memory.
func TestTrainWithLoRA(t *testing.T) {
	c := toyConfig()
	c.LoRA.Rank, c.LearningRate, c.Dropout = 8, 1e-2, 0
	dir := t.TempDir()
	r, err := train(t.Context(), t, dir, c, policy.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Val == nil || r.Val.Accuracy < .95 {
		t.Errorf("validation %v", r.Val)
	}
	lines := toyRankings(200)
	start := tinyPolicy(t, toyTexts(lines), 300, 32, 2)
	for _, p := range start.Params.List() {
		q := r.Model.Trunk.Params.Get(p.Name)
		if q == nil { // the output head, which a reward model has not
			continue
		}
		for i, x := range p.Data {
			if q.Data[i] != x {
				t.Fatalf("%s has changed, though it is frozen", p.Name)
			}
		}
	}
	loaded, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Trunk.Adapter != nil {
		t.Error("the saved model still has an adapter")
	}
	a, b := scoreToy(t, r.Model), scoreToy(t, loaded)
	for i := range a {
		if math.Abs(float64(a[i]-b[i])) > 1e-5*(1+math.Abs(float64(a[i]))) {
			t.Fatalf("text %d scores %v in memory, %v as saved", i, a[i], b[i])
		}
	}
	if files, err := filepath.Glob(filepath.Join(dir, policy.ResultDir, policy.AdapterDir, "adapter_*")); err != nil || len(files) != 2 {
		t.Errorf("adapter files: %v, %v", files, err)
	}
}
