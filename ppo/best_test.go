package ppo

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/cpu"
)

// What judge_patience returns is, to the bit, the result of a run that was told to end before the iteration
// that the judge liked best: the policy, or with an average the average.
func TestJudgePatienceReturnsTheBest(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"the policy":  func(*Config) {},
		"the average": func(c *Config) { c.EMADecay = .7 },
		"an average of adapters": func(c *Config) {
			c.EMADecay, c.Rank = .7, 2
		},
	} {
		t.Run(name, func(t *testing.T) { returnsTheBest(t, change) })
	}
}

func returnsTheBest(t *testing.T, change func(*Config)) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), toyConfig()
	job.Ptx = nil
	c.Iterations, c.Episodes, c.ScoreSamples, c.JudgePatience = 40, 16, 16, 4
	change(&c)
	job.Out = filepath.Join(dir, "patient")
	if err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	var state State
	if err := policy.ReadStateJSON(filepath.Join(job.Out, policy.CheckpointDir), stateName, &state); err != nil {
		t.Fatal(err)
	}
	if !state.Stopped || state.Iteration != state.Best.Iteration+c.JudgePatience {
		t.Fatalf("ended at iteration %d, best %+v, stopped %v", state.Iteration, state.Best, state.Stopped)
	}
	if state.Best.Iteration < 2 {
		t.Skipf("the best was the first: nothing to compare with") // cannot happen with these seeds
	}
	c.JudgePatience, c.Iterations = 0, state.Best.Iteration-1
	short := job
	short.Out = filepath.Join(dir, "short")
	if err := train(t, context.Background(), c, short, 1); err != nil {
		t.Fatal(err)
	}
	if a, b := weightsFile(t, job.Out), weightsFile(t, short.Out); !bytes.Equal(a, b) {
		t.Error("the returned policy is not the one that the judge liked best")
	}
	c.Iterations++ // a control: one iteration more is another policy
	short.Out = filepath.Join(dir, "control")
	if err := train(t, context.Background(), c, short, 1); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(weightsFile(t, job.Out), weightsFile(t, short.Out)) {
		t.Error("an iteration more changed nothing: the comparison says nothing")
	}
}

func weightsFile(t *testing.T, out string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(out, policy.ResultDir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestResumedRunKeepsTheBest(t *testing.T) {
	for _, decay := range []float64{0, .7} {
		t.Run(fmt.Sprintf("ema_decay %g", decay), func(t *testing.T) { keepsTheBest(t, decay) })
	}
}

func keepsTheBest(t *testing.T, decay float64) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), toyConfig()
	job.Ptx = nil
	c.Iterations, c.Episodes, c.ScoreSamples, c.JudgePatience, c.EMADecay = 5, 16, 16, 100, decay
	job.Out = filepath.Join(dir, "straight")
	if err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	want := snapshot(t, job.Out)
	job.Out = filepath.Join(dir, "stopped")
	ctx, cancel := context.WithCancel(context.Background())
	job.Sinks = []policy.Sink{stopAt{3, cancel}}
	if err := train(t, ctx, c, job, 1); err == nil {
		t.Fatal("was not stopped")
	}
	job.Sinks, job.Resume = nil, true
	if err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	if diff := different(want, snapshot(t, job.Out)); diff != nil {
		t.Errorf("%v differ", diff)
	}
}

// Before the first step the average is the policy, and answers as it does; later it is another.
func TestTheAverageIsJudgedOnItsOwnResponses(t *testing.T) {
	dev, err := cpu.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	m, c := toyModel(t, 1), toyConfig()
	c.Episodes, c.ScoreSamples, c.JudgePatience, c.EMADecay = 16, 0, 9, .9
	tr, err := NewTrainer(dev, c, Models{Policy: m, Reward: toyReward(t, m, 2), Judge: toyReward(t, m, 3)}, toyPrompts(m), policy.Corpus{})
	if err != nil {
		t.Fatal(err)
	}
	var all []Stats
	for range 4 {
		s, err := tr.Update(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if *all[0].JudgeEMA != *all[0].Judge {
		t.Errorf("at the start the average gets %g, the policy %g", *all[0].JudgeEMA, *all[0].Judge)
	}
	if *all[3].JudgeEMA == *all[3].Judge {
		t.Error("after three iterations the average is still judged as the policy is")
	}
	if all[3].Metrics()["objective/judge_ema"] != *all[3].JudgeEMA {
		t.Error("objective/judge_ema is not logged")
	}
}

// The paper's profile has early stopping too.
func TestInstructGPTStopsEarly(t *testing.T) {
	if _, err := (&trainFlags{Set: []string{"judge_patience=3"}}).settings("instructgpt"); err != nil {
		t.Error(err)
	}
}

func TestJudgePatienceNeedsAJudge(t *testing.T) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), toyConfig()
	job.Ptx, job.Judge, job.Out = nil, "", filepath.Join(dir, "run")
	c.JudgePatience = 3
	if err := train(t, context.Background(), c, job, 1); err == nil || !strings.Contains(err.Error(), "--judge") {
		t.Errorf("%v", err)
	}
}

// fixed rates every response by a function of its first token.
type fixed func(first int32) float32

func (f fixed) Rate(_ context.Context, _ []Prompt, responses [][]int32) ([]float32, error) {
	out := make([]float32, len(responses))
	for i, y := range responses {
		out[i] = f(y[0])
	}
	return out, nil
}

func TestMaxMin(t *testing.T) {
	up, down := fixed(func(x int32) float32 { return float32(x) }), fixed(func(x int32) float32 { return 100 - 10*float32(x) })
	rate := func(responses [][]int32, scales []RewardScale) []float32 {
		r, err := combine([]Rater{up, down}, CombineMaxMin, nil, &scales)
		if err != nil {
			t.Fatal(err)
		}
		out, err := r.Rate(context.Background(), nil, responses)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	// On SFT's samples 0 … 4 the two want opposite things, on their own scales.
	sft := [][]int32{{0}, {1}, {2}, {3}, {4}}
	first, _ := up.Rate(context.Background(), nil, sft)
	second, _ := down.Rate(context.Background(), nil, sft)
	scales, err := scalesOf([][]float32{first, second})
	if err != nil {
		t.Fatal(err)
	}
	sd := math.Sqrt2
	for _, c := range []struct {
		name      string
		responses [][]int32
		want      []float64
	}{
		{"the second is worse off where texts are high", [][]int32{{4}, {3}}, []float64{-2 / sd, -1 / sd}},
		{"the first where they are low", [][]int32{{0}, {1}}, []float64{-2 / sd, -1 / sd}},
	} {
		for i, got := range rate(c.responses, scales) {
			near(t, c.name, float64(got), c.want[i], 1e-6)
		}
	}
	// A response that pleases neither much may be best for the one that is worse off: worst would differ.
	got := rate([][]int32{{4}, {4}, {0}}, scales)
	near(t, "a text against the tide", float64(got[2]), 2/sd, 1e-6)
	if _, err := scalesOf([][]float32{{1, 1, 1}}); err == nil {
		t.Error("a constant reward has no scale")
	}
	if _, err := combine([]Rater{up}, CombineMaxMin, nil, nil); err == nil {
		t.Error("one reward has no worst")
	}
}

// A run with max-min resumes to the same bits and logs every reward.
func TestMaxMinRun(t *testing.T) {
	dir := t.TempDir()
	job, c := toyFiles(t, dir), toyConfig()
	job.Ptx = nil
	job.Rewards = []RewardSource{{Dir: job.Judge}}
	job.Judge = ""
	c.Iterations, c.Episodes, c.ScoreSamples, c.RewardCombine = 3, 16, 16, CombineMaxMin
	job.Out = filepath.Join(dir, "straight")
	if err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	want := snapshot(t, job.Out)
	if !strings.Contains(want[policy.MetricsFile], `"objective/reward_2"`) || !strings.Contains(want["checkpoint/state/ppo.json"], `"scales"`) {
		t.Error("the rewards are not logged, or their scales not kept")
	}
	job.Out = filepath.Join(dir, "stopped")
	ctx, cancel := context.WithCancel(context.Background())
	job.Sinks = []policy.Sink{stopAt{2, cancel}}
	if err := train(t, ctx, c, job, 1); err == nil {
		t.Fatal("was not stopped")
	}
	job.Sinks, job.Resume = nil, true
	if err := train(t, context.Background(), c, job, 1); err != nil {
		t.Fatal(err)
	}
	if diff := different(want, snapshot(t, job.Out)); diff != nil {
		t.Errorf("%v differ", diff)
	}
	if _, err := checkpoint.Verify(filepath.Join(job.Out, policy.ResultDir)); err != nil {
		t.Error(err)
	}
	c.ScoreSamples = 0
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "max-min") {
		t.Errorf("%v", err)
	}
}
