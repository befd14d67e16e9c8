package ppo

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"testing"

	"agora/policy"
	"agora/policy/graph"
)

func TestGroupRelative(t *testing.T) {
	group := []float64{1, 2, 3, 6} // mean 3, Bessel variance 14/3
	adv := make([]float64, 4)
	groupRelative(adv, group, true)
	for i, want := range []float64{-2, -1, 0, 3} {
		near(t, "scaled", adv[i], want/(math.Sqrt(14./3)+1e-4), 1e-12)
	}
	groupRelative(adv, group, false)
	for i, want := range []float64{-2, -1, 0, 3} {
		near(t, "Dr. GRPO", adv[i], want, 1e-12)
	}
	groupRelative(adv, []float64{5, 5, 5, 5}, true)
	for _, a := range adv {
		near(t, "equal returns", a, 0, 0)
	}
}

// Two prompts with two responses of different lengths each.
func groupRollout() *Rollout {
	r := newRollout(make([]Prompt, 4), [][]int32{{5, 0}, {6}, {7, 8, 0}, {9}}, make([]bool, 4), make([]float32, 7))
	copy(r.Reward, []float32{-.5, 1.5 /**/, 3 /**/, 0, 0, -1 /**/, 1}) // returns 1, 3 | −1, 1
	return r
}

func TestEstimators(t *testing.T) {
	s2 := math.Sqrt2 // deviation of either pair
	all := math.Sqrt(8. / 3)
	for _, tt := range []struct {
		name string
		e    Estimator
		s    GroupScale
		want [4]float64 // of each response
	}{
		{"rloo", RLOO, ScaleGroup, [4]float64{-2, 2, -2, 2}}, // minus the other one
		{"grpo", GRPO, ScaleGroup, [4]float64{-1 / (s2 + 1e-4), 1 / (s2 + 1e-4), -1 / (s2 + 1e-4), 1 / (s2 + 1e-4)}},
		{"grpo by the batch", GRPO, ScaleBatch, [4]float64{-1 / (all + 1e-4), 1 / (all + 1e-4), -1 / (all + 1e-4), 1 / (all + 1e-4)}},
		{"dr grpo", GRPO, ScaleOff, [4]float64{-1, 1, -1, 1}},
	} {
		c := DefaultConfig()
		c.Estimator, c.GroupScale, c.SamplesPerPrompt, c.WhitenAdvantages = tt.e, tt.s, 2, WhitenOff
		r := groupRollout()
		r.Advantage(c)
		w := tt.want
		nearAll(t, tt.name, r.Adv, []float64{w[0], w[0], w[1], w[2], w[2], w[2], w[3]}, 1e-6)
	}
	deviation, flat := groupStats(groupRollout(), 2)
	near(t, "group deviation", deviation, s2, 1e-9)
	near(t, "flat groups", flat, 0, 0)
}

func TestTracedKLLoss(t *testing.T) {
	logp, ref := []float32{-1, -2, -.5, -3}, []float32{-1.5, -1, -.5, -1}
	weight := []float32{.1, .2, .3, .4}
	for _, est := range []KLEstimator{K2, K3} {
		loss, grad := lossCase(t, [][]float32{logp, ref, weight}, func(g *graph.Graph, in []*graph.Value) *graph.Value {
			return klLoss(g, in[0], in[1], in[2], est)
		})
		want := 0.0
		for i := range logp {
			x := float64(logp[i] - ref[i])
			want += float64(weight[i]) * float64(est.Of(float32(x)))
			slope := x // of x²/2
			if est == K3 {
				slope = 1 - math.Exp(-x)
			}
			near(t, string(est)+" gradient", grad[i], float64(weight[i])*slope, 1e-6)
		}
		near(t, string(est), loss, want, 1e-6)
	}
}

func groupConfig(t *testing.T, profile string) Config {
	t.Helper()
	p, err := Profile(profile)
	if err != nil {
		t.Fatal(err)
	}
	toy := toyConfig()
	p.Episodes, p.Minibatches, p.Iterations, p.MaxNewTokens = 64, 2, 20, toy.MaxNewTokens
	p.MissingEOS, p.ScoreSamples, p.LearningRate, p.WarmupIterations = toy.MissingEOS, toy.ScoreSamples, toy.LearningRate, 0
	return p
}

func TestGroupEstimatorsLearn(t *testing.T) {
	for _, profile := range []string{"rloo", "grpo"} {
		c := groupConfig(t, profile)
		tr := toyTrainer(t, c)
		tr.reward = even{}
		s := run(t, tr)
		first, last := s[0], s[len(s)-1]
		t.Logf("%s: reward %.3f → %.3f, KL %.2f nats, group deviation %.2f → %.2f", profile, first.Raw, last.Raw, last.KLLogRatio, first.GroupStd, last.GroupStd)
		if math.Abs(first.Raw-.5) > .12 || last.Raw < .8 || last.KLLogRatio <= 0 || last.KLLogRatio > 16 {
			t.Errorf("%s: reward %.3f → %.3f, KL %.2f", profile, first.Raw, last.Raw, last.KLLogRatio)
		}
		m := last.Metrics()
		if _, ok := m["loss/value_avg"]; ok || tr.critic != nil {
			t.Errorf("%s has a critic", profile)
		}
		if _, ok := m["loss/kl_avg"]; ok != (profile == "grpo") {
			t.Errorf("%s: loss/kl_avg logged: %v", profile, ok)
		}
		if first.Policy.FirstApproxKL != 0 {
			t.Errorf("%s: the first step sees another policy", profile)
		}
	}
}

// A prohibitive price on the KL in the loss holds the policy where it is.
func TestKLInTheLossHolds(t *testing.T) {
	c := groupConfig(t, "grpo")
	c.KLCoef, c.Iterations = 100, 10
	tr := toyTrainer(t, c)
	tr.reward = even{}
	s := run(t, tr)
	if last := s[len(s)-1]; last.KLLogRatio > .5 || last.Raw > .68 {
		t.Errorf("KL %.3f nats and reward %.3f: the policy moved", last.KLLogRatio, last.Raw)
	}
}

func TestGroupRunsResumeByteEqual(t *testing.T) {
	dir := t.TempDir()
	job := toyFiles(t, dir)
	job.Ptx = nil
	for _, profile := range []string{"rloo", "grpo"} {
		c := groupConfig(t, profile)
		c.Iterations, c.Episodes, c.CheckpointEvery, c.KLTarget = 4, 16, 2, 1
		job.Out, job.Resume, job.Sinks = filepath.Join(dir, profile), false, nil
		if err := train(t, context.Background(), c, job, 1); err != nil {
			t.Fatal(err)
		}
		want := snapshot(t, job.Out)
		job.Out = filepath.Join(dir, profile+"-stopped")
		ctx, cancel := context.WithCancel(context.Background())
		job.Sinks = []policy.Sink{stopAt{3, cancel}}
		if err := train(t, ctx, c, job, 1); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		job.Sinks, job.Resume = nil, true
		if err := train(t, context.Background(), c, job, 1); err != nil {
			t.Fatal(err)
		}
		if diff := different(want, snapshot(t, job.Out)); diff != nil {
			t.Errorf("%s stopped and resumed: %v differ", profile, diff)
		}
		// The control: another seed differs.
		job.Out, job.Resume, c.Seed = filepath.Join(dir, profile+"-seed"), false, 1
		if err := train(t, context.Background(), c, job, 1); err != nil {
			t.Fatal(err)
		}
		if different(want, snapshot(t, job.Out)) == nil {
			t.Error("control: another seed gives the same run")
		}
	}
}

// During critic_warmup the policy keeps its weights and the critic does not.
func TestCriticWarmup(t *testing.T) {
	c := toyConfig()
	c.Iterations, c.CriticWarmup = 3, 2
	tr := toyTrainer(t, c)
	tr.reward = even{}
	before, critic := tr.models.Policy.Head().Data[5], tr.critic.model.Head().Data[5]
	ctx := context.Background()
	for i := range 3 {
		s, err := tr.Update(ctx)
		if err != nil {
			t.Fatal(err)
		}
		moved := tr.models.Policy.Head().Data[5] != before
		if moved != (i == 2) || (s.Policy.ApproxKL != 0) != (i == 2) {
			t.Errorf("iteration %d: the policy moved: %v, approxkl %g", i, moved, s.Policy.ApproxKL)
		}
		if tr.critic.model.Head().Data[5] == critic {
			t.Errorf("iteration %d: the critic stands still", i)
		}
	}
}
