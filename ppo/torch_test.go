package ppo

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"agora/policy"
	"agora/policy/cpu"
)

// numbers is one whole update, token by token and step by step: ours, or what
// PyTorch computes from the same weights (testdata/torch_update.py).
type numbers struct {
	Torch      string    `json:"torch"`
	Old        []float64 `json:"old"` // log-probabilities of the rollout, nats
	Ref        []float64 `json:"ref"`
	Value      []float64 `json:"value"`
	Adv        []float64 `json:"adv"`
	Ret        []float64 `json:"ret"`
	Steps      []stepped `json:"steps"`
	Final      []float64 `json:"final"` // log-probabilities after the last step
	FinalValue []float64 `json:"final_value"`
}

type stepped struct {
	PolicyLoss float64 `json:"policy_loss"`
	ValueLoss  float64 `json:"value_loss"`
	PtxLoss    float64 `json:"ptx_loss"`
	PolicyNorm float64 `json:"policy_norm"`
	ValueNorm  float64 `json:"value_norm"`
	ApproxKL   float64 `json:"approxkl"`
	ClipFrac   float64 `json:"clipfrac"`
	Ratio      float64 `json:"ratio"`
}

// torchCase is an update with everything in it: a policy away from its reference,
// missing ends, a temperature, steps large enough to clip, a pretraining mix,
// gradients above the bound, micro-batches smaller than a minibatch.
type torchCase struct {
	tr         *Trainer
	roll       *Rollout
	Minibatch  [][]int     // responses of every optimizer step
	Pretrained [][][]int32 // pretraining rows of every optimizer step
}

func newTorchCase(t *testing.T) *torchCase {
	t.Helper()
	c := toyConfig()
	c.Episodes, c.Epochs, c.Minibatches, c.MicroTokens, c.Iterations = 6, 3, 2, 25, 1
	c.Temperature, c.MissingEOS, c.MissingEOSPenalty, c.WhitenAdvantages = .8, EOSSubtract, 2, WhitenBessel
	c.ScoreSamples, c.KLCoef, c.PtxCoef, c.PtxTokens, c.ValueCoef, c.MaxGradNorm = 0, .3, .5, 6, .7, .5
	c.LearningRate, c.AdamBeta2 = 5e-3, .999
	tr := toyTrainer(t, c)
	other := toyModel(t, 7)
	for _, p := range tr.models.Policy.Params.List() { // away from the reference
		for i, x := range other.Params.Get(p.Name).Data {
			if p.Rows > 1 {
				p.Data[i] += 2 * x
			}
		}
	}
	tr.models.Policy.Params.Changed()
	return &torchCase{tr: tr, roll: torchRollout(t, tr)}
}

// torchRollout has responses of 3 … 8 tokens, every second one with its end.
func torchRollout(t *testing.T, tr *Trainer) *Rollout {
	t.Helper()
	var prompts []Prompt
	var responses [][]int32
	ended := make([]bool, tr.cfg.Episodes)
	raw := make([]float32, tr.cfg.Episodes)
	for i := range ended {
		prompts = append(prompts, tr.prompts[i%len(tr.prompts)])
		y := make([]int32, 3+i)
		for j := range y {
			y[j] = int32(10 + (37*i+53*j)%200)
		}
		if ended[i] = i%2 == 0; ended[i] {
			y[len(y)-1] = int32(tr.models.Policy.Config.EOS)
		}
		responses, raw[i] = append(responses, y), float32(i)/3-.5
	}
	roll := newRollout(prompts, responses, ended, nil)
	logp, err := logProbs(tr, roll)
	if err != nil {
		t.Fatal(err)
	}
	roll.LogP = logp
	tr.reward = listed(raw)
	if err := tr.score(context.Background(), roll); err != nil {
		t.Fatal(err)
	}
	roll.Shape(tr.state.Score, tr.cfg.KLEstimator, tr.state.KL.Coef)
	roll.Advantage(tr.cfg)
	return roll
}

type listed []float32

func (l listed) Rate(context.Context, []Prompt, [][]int32) ([]float32, error) { return l, nil }

// logProbs scores the rollout's tokens under the policy as it is now.
func logProbs(tr *Trainer, r *Rollout) ([]float32, error) {
	dev, err := cpu.Open(1)
	if err != nil {
		return nil, err
	}
	s, err := policy.NewScorer(dev, tr.models.Policy, 0, tr.cfg.Temperature)
	if err != nil {
		return nil, err
	}
	seqs := make([]policy.Sequence, len(r.Responses))
	for i := range seqs {
		seqs[i] = policy.Join(r.Prompts[i].Tokens, r.Responses[i])
	}
	scores, err := s.Score(context.Background(), seqs)
	var out []float32
	for _, s := range scores {
		out = append(out, s.LogProbs...)
	}
	return out, err
}

// update takes all steps and gathers the numbers.
func (c *torchCase) update(t *testing.T) numbers {
	t.Helper()
	r := c.roll
	n := numbers{Old: widen(r.LogP), Ref: widen(r.Ref), Value: widen(r.Value), Adv: widen(r.Adv), Ret: widen(r.Ret)}
	for pass := range c.tr.cfg.Epochs {
		for _, mini := range deal(r, c.tr.cfg, uint64(pass)) {
			one, err := c.tr.step(context.Background(), mini, 1)
			if err != nil {
				t.Fatal(err)
			}
			c.Minibatch, c.Pretrained = append(c.Minibatch, mini.responses), append(c.Pretrained, mini.ptx)
			var s Stats
			summarise([]tally{one}, c.tr.cfg, &s)
			n.Steps = append(n.Steps, stepped{s.Policy.Loss, s.Critic.Loss, *s.Ptx, s.Policy.GradNorm, s.Critic.GradNorm,
				s.Policy.ApproxKL, s.Policy.ClipFrac, s.Policy.Ratio})
		}
	}
	logp, err := logProbs(c.tr, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.tr.value(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	n.Final, n.FinalValue = widen(logp), widen(r.Value)
	return n
}

func widen(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// compare allows for float32 in another order of summation: a part in 10⁴, and
// 10⁻³ nats after six steps of Adam, whose first steps magnify rounding.
func (n numbers) compare(t *testing.T, want numbers) {
	t.Helper()
	list := func(what string, got, want []float64, tol float64) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s has %d entries, PyTorch %d", what, len(got), len(want))
		}
		for i := range got {
			near(t, what, got[i], want[i], tol*math.Max(1, math.Abs(want[i])))
		}
	}
	list("old", n.Old, want.Old, 1e-5)
	list("ref", n.Ref, want.Ref, 1e-5)
	list("value", n.Value, want.Value, 1e-5)
	list("adv", n.Adv, want.Adv, 1e-5)
	list("ret", n.Ret, want.Ret, 1e-5)
	flat := func(steps []stepped) (out []float64) {
		for _, s := range steps {
			out = append(out, s.PolicyLoss, s.ValueLoss, s.PtxLoss, s.PolicyNorm, s.ValueNorm, s.ApproxKL, s.ClipFrac, s.Ratio)
		}
		return out
	}
	list("steps", flat(n.Steps), flat(want.Steps), 1e-4)
	list("final", n.Final, want.Final, 1e-3)
	list("final value", n.FinalValue, want.FinalValue, 1e-3)
}

const torchFixture = "testdata/torch_update.json"

// Six optimizer steps agree with PyTorch's, number by number. The fixture was
// written by TestTorchUpdate (-tags slow).
func TestUpdateAgreesWithPyTorch(t *testing.T) {
	data, err := os.ReadFile(filepath.FromSlash(torchFixture))
	if err != nil {
		t.Fatal(err)
	}
	var want numbers
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	got := newTorchCase(t).update(t)
	got.compare(t, want)
	clipped := 0.0
	for _, s := range got.Steps {
		clipped += s.ClipFrac
	}
	if clipped == 0 || got.Steps[0].PolicyNorm < .5 {
		t.Error("the case neither clips ratios nor gradients: it shows too little")
	}
}
