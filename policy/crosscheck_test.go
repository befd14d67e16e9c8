package policy

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// referenceRow is what transformers computes for a text: token ids, and logits after the last one.
type referenceRow struct {
	Text   string    `json:"text"`
	IDs    []int32   `json:"ids"`
	Logits []float64 `json:"logits"`
}

// checkAgainst compares tokens exactly and logits within float32 rounding of a few layers.
func checkAgainst(t *testing.T, m *Model, rows []referenceRow) {
	t.Helper()
	dev := testDevice(t)
	for _, row := range rows {
		if got := m.Tokenizer.Encode(row.Text); !slices.Equal(got, row.IDs) {
			t.Errorf("%q: ids %v, transformers says %v", row.Text, got, row.IDs)
		}
		logits, err := Logits(dev, m, row.IDs)
		if err != nil {
			t.Fatal(err)
		}
		if len(logits) != len(row.Logits) {
			t.Fatalf("%q: %d logits, transformers has %d", row.Text, len(logits), len(row.Logits))
		}
		for i, x := range logits {
			if want := row.Logits[i]; math.Abs(float64(x)-want) > 2e-4*(1+math.Abs(want)) {
				t.Errorf("%q: logit %d is %v, transformers says %v", row.Text, i, x, want)
				break
			}
		}
	}
}

// TestTransformersCheckpoints loads what transformers wrote (testdata/make_fixtures.py): grouped
// queries, untied head and shards; tied head in bf16; GPT-2.
func TestTransformersCheckpoints(t *testing.T) {
	for _, name := range []string{"llama", "llama-bf16", "gpt2"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", name)
			data, err := os.ReadFile(filepath.Join(dir, "reference.json"))
			if err != nil {
				t.Fatal(err)
			}
			var rows []referenceRow
			if err := json.Unmarshal(data, &rows); err != nil {
				t.Fatal(err)
			}
			m, err := Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			checkAgainst(t, m, rows)
			again := filepath.Join(t.TempDir(), "again") // written by us and read back
			if err := m.Save(again, manifestOf("policy")); err != nil {
				t.Fatal(err)
			}
			if m, err = Load(again); err != nil {
				t.Fatal(err)
			}
			checkAgainst(t, m, rows)
		})
	}
}

// TestTransformersTraining repeats eight steps of AdamW that PyTorch took: gradients of every layer,
// clipping, weight decay and bias correction are right, or the losses part.
func TestTransformersTraining(t *testing.T) {
	for _, name := range []string{"llama", "llama-bf16", "gpt2"} {
		t.Run(name, func(t *testing.T) {
			m := fixture(t, name)
			data, err := os.ReadFile(filepath.Join("testdata", name, "training.json"))
			if err != nil {
				t.Fatal(err)
			}
			var want struct {
				Sequences [][]int32
				Steps     []struct {
					Loss     float64
					GradNorm float64 `json:"grad_norm"`
				}
			}
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			var batch []Sequence
			for _, tokens := range want.Sequences {
				batch = append(batch, Sequence{Tokens: tokens, From: 1})
			}
			dev := testDevice(t)
			l, err := newPickLoss(dev, m, pickRoom{128, 2}, Input{})
			if err != nil {
				t.Fatal(err)
			}
			opt := NewOptimizer(dev, m.Params, OptimizerConfig{
				Schedule: Schedule{Peak: .01, Shape: "constant"}, Beta1: .9, Beta2: .95, Eps: 1e-8, WeightDecay: .1, Clip: 1,
			})
			for i, w := range want.Steps {
				loss, err := l.step(batch, 0, uint64(i))
				if err != nil {
					t.Fatal(err)
				}
				_, norm, err := opt.Step()
				if err != nil {
					t.Fatal(err)
				}
				// Differences grow from step to step; 1e-3 of the loss is far below any real mistake.
				if math.Abs(loss-w.Loss) > 1e-3*w.Loss || math.Abs(norm-w.GradNorm) > 5e-3*w.GradNorm {
					t.Errorf("step %d: loss %.6f norm %.5f, PyTorch has %.6f and %.5f", i, loss, norm, w.Loss, w.GradNorm)
				}
			}
		})
	}
}
