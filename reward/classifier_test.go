package reward

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agora/policy"
	"agora/policy/checkpoint"
)

// The classifier in testdata was made by transformers (testdata/classifier.py), and
// so were the scores. Saving it again keeps them.
func TestScoresEqualTransformers(t *testing.T) {
	dir := filepath.Join("testdata", "classifier")
	var want struct {
		Sequences [][]int32
		Scores    []float64
	}
	data, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	m, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "again")
	if err := m.Save(again, checkpoint.Manifest{Kind: "reward"}); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{dir, again} {
		if m, err = Load(dir); err != nil {
			t.Fatal(err)
		}
		s, err := NewScorer(device(t), m, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Score(t.Context(), want.Sequences)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if math.Abs(float64(got[i])-want.Scores[i]) > 1e-5 { // float32 sums in another order
				t.Errorf("%s, sequence %d: %v, transformers says %v", dir, i, got[i], want.Scores[i])
			}
		}
	}
}

// Neither is it taken for a policy, though it has no agora.json to say what it is.
func TestClassifierIsNoPolicy(t *testing.T) {
	_, err := policy.LoadPolicy(filepath.Join("testdata", "classifier"))
	if err == nil || !strings.Contains(err.Error(), "is a reward model") {
		t.Errorf("got %v", err)
	}
}

// An exported model has the tensors of transformers' class only, its bias in config.json and agora.json,
// where Load finds it, and says on its card what to do with it.
func TestExport(t *testing.T) {
	m, err := Load(filepath.Join("testdata", "classifier"))
	if err != nil {
		t.Fatal(err)
	}
	m.Bias().Data[0] = -1.25
	dir := t.TempDir()
	saved, exported := filepath.Join(dir, "saved"), filepath.Join(dir, "exported")
	if err := m.Save(saved, checkpoint.Manifest{Kind: "reward"}); err != nil {
		t.Fatal(err)
	}
	if err := Export(saved, exported, "my-reward-model"); err != nil {
		t.Fatal(err)
	}
	again, err := Load(exported)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Bias().Data[0]; got != -1.25 {
		t.Errorf("the bias came back as %v", got)
	}
	ts, err := checkpoint.OpenTensors(exported)
	if err != nil {
		t.Fatal(err)
	}
	defer ts.Close()
	if ts.Has(biasName) || !ts.Has(headName) {
		t.Error("the export has a bias tensor, or no head")
	}
	manifest, _, err := checkpoint.ReadManifest(exported)
	if err != nil || len(manifest.ScoreBias) != 1 || manifest.ScoreBias[0] != -1.25 {
		t.Errorf("agora.json has score_bias %v (%v)", manifest.ScoreBias, err)
	}
	for file, want := range map[string]string{"config.json": `"score_bias": -1.25`, "README.md": `from_pretrained("exported")`, "chat_template.jinja": "message['content']"} {
		data, err := os.ReadFile(filepath.Join(exported, file))
		if err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s lacks %s (%v)", file, want, err)
		}
	}
}
