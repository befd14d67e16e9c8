package ppo

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agora/policy"
	"agora/policy/cpu"
)

// lm_tasks.py of lm-human-preferences: the text ends at the first token at or after the position, and one
// without it gets the fixed score.
func TestCut(t *testing.T) {
	const dot = 9
	c := &cut{dot, 2}
	r := newRollout(make([]Prompt, 6), [][]int32{
		{1, 2, 3, dot, 4, dot}, // cut at the first
		{1, 2, dot, 3},         // at the position itself
		{dot, dot, 1, 2},       // before the position none counts
		{1, dot},               // too short
		{1, 2, 3},              // none
		{1, dot, 2, 0, dot},    // whatever stands before it
	}, make([]bool, 6), make([]float32, 24))
	c.apply(r)
	want := [][]int32{{1, 2, 3, dot}, {1, 2, dot}, {dot, dot, 1, 2}, {1, dot}, {1, 2, 3}, {1, dot, 2, 0, dot}}
	whole := []bool{true, true, false, false, false, true}
	for i := range want {
		if !slices.Equal(r.Read[i], want[i]) || r.Whole[i] != whole[i] {
			t.Errorf("%v is read as %v, whole %v", r.Responses[i], r.Read[i], r.Whole[i])
		}
	}
	r.Shape(ScoreRule{Std: 1, EOS: EOSReplace, Penalty: 1}, K1, .1)
	nearAll(t, "score", r.Score, []float64{0, 0, -1, -1, -1, 0}, 0)
	if r.Tokens() != 24 {
		t.Errorf("the policy learns from %d tokens, want all 24", r.Tokens())
	}
	(*cut)(nil).apply(r) // off
}

func TestTruncateTokenIsOneToken(t *testing.T) {
	m := toyModel(t, 1)
	c := toyConfig()
	for token, want := range map[string]string{"": "", "e": "", "the quick": `truncate_token "the quick" is`} {
		c.TruncateToken = token
		_, err := newCut(c, m.Tokenizer)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", token, err)
		}
	}
}

// samples.jsonl tells what the reward read.
func TestSamplesSayWhatWasRead(t *testing.T) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), toyConfig()
	job.Ptx, job.Out = nil, filepath.Join(dir, "run")
	c.TruncateToken, c.TruncateAfter, c.Iterations, c.Episodes, c.ScoreSamples, c.SampleRows = "e", 2, 1, 16, 16, 16
	if err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(job.Out, policy.SamplesFile))
	if err != nil {
		t.Fatal(err)
	}
	cuts := 0
	for line := range strings.Lines(string(data)) {
		var row struct{ Completion, Read string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		if row.Read == "" {
			continue
		}
		if cuts++; !strings.HasPrefix(row.Completion, row.Read) || !strings.HasSuffix(row.Read, "e") {
			t.Errorf("%q was read as %q", row.Completion, row.Read)
		}
	}
	if cuts == 0 {
		t.Error("no text was cut: nothing to see")
	}
}

// lengths pays a response by the tokens it is asked about.
type lengths struct{}

func (lengths) Rate(_ context.Context, _ []Prompt, responses [][]int32) ([]float32, error) {
	out := make([]float32, len(responses))
	for i, y := range responses {
		out[i] = float32(len(y))
	}
	return out, nil
}

// In a run the reward and the judge read the cut text, the critic and the KL all of it.
func TestRewardReadsTheCutText(t *testing.T) {
	dev, err := cpu.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	m, c := toyModel(t, 1), toyConfig()
	c.TruncateToken, c.TruncateAfter, c.MissingEOS, c.MissingEOSPenalty, c.ScoreSamples = "e", 2, EOSReplace, 1, 0
	tr, err := NewTrainer(dev, c, Models{Policy: m, Reward: toyReward(t, m, 2), Judge: toyReward(t, m, 3)}, toyPrompts(m), policy.Corpus{})
	if err != nil {
		t.Fatal(err)
	}
	tr.reward, tr.judge = lengths{}, lengths{}
	s, err := tr.Update(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	r, cuts, shorter := tr.last, 0, 0
	for i, y := range r.Responses {
		at := -1
		if len(y) > 2 {
			at = slices.Index(y[2:], tr.cut.token)
		}
		read, score := len(y), float32(-1)
		if at >= 0 {
			read, score, cuts = at+3, float32(at+3), cuts+1
		}
		if read < len(y) {
			shorter++
		}
		if r.Raw[i] != float32(read) || r.Judge[i] != float32(read) || r.Score[i] != score {
			t.Errorf("%v: reward read %g, judge %g, score %g; want %d and %g", y, r.Raw[i], r.Judge[i], r.Score[i], read, score)
		}
	}
	if cuts == 0 || shorter == 0 || cuts == len(r.Responses) {
		t.Fatalf("%d of %d responses have the token, %d are longer: nothing to see", cuts, len(r.Responses), shorter)
	}
	if s.Tokens != r.Tokens() || len(r.Adv) != r.Tokens() {
		t.Error("the policy does not learn from all tokens")
	}
}
