package ppo

import (
	"context"
	"math"
	"slices"
	"testing"

	"agora/policy"
	"agora/policy/cpu"
	"agora/policy/tokenizer"
	"agora/reward"
	"agora/reward/prefs"
)

// A toy world: a random transformer of 30k parameters, prompts of a word, and a
// reward that counts tokens.

func toyModel(t *testing.T, seed uint64) *policy.Model { return toyModelOf(t, policy.Llama, seed) }

func toyModelOf(t *testing.T, family string, seed uint64) *policy.Model {
	t.Helper()
	docs := []string{"the cat sat on the mat", "the dog ate the cat", "a cat and a dog sat"}
	tok, err := tokenizer.Train(slices.Values(docs), 280, nil)
	if err != nil {
		t.Fatal(err)
	}
	arch := policy.Config{Family: family, Vocab: tok.Size(), Width: 32, Layers: 2, Heads: 2, KVHeads: 2, HeadDim: 16,
		FFN: 48, Context: 24, Eps: 1e-5, Theta: 1e4, Tied: true, BOS: int(tok.BOS()), EOS: int(tok.EOS())}
	if family == policy.Llama {
		arch.KVHeads = 1
	}
	m, err := policy.NewModel(arch)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(seed)
	m.Tokenizer = tok
	return m
}

func toyReward(t *testing.T, m *policy.Model, seed uint64) *reward.Model {
	t.Helper()
	r, err := reward.New(m, seed)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func toyPrompts(m *policy.Model) []Prompt {
	var out []Prompt
	for _, text := range []string{"the", "a cat", "dog", "on the mat"} {
		turns := prefs.Plain(text)
		out = append(out, Prompt{ID: text, Turns: turns, Tokens: m.Template.Prompt(m.Tokenizer, turns)})
	}
	return out
}

func toyConfig() Config {
	c := DefaultConfig()
	c.Episodes, c.Minibatches, c.Iterations, c.MaxNewTokens = 64, 2, 20, 8
	c.MissingEOS, c.ScoreSamples, c.LearningRate, c.WarmupIterations = EOSIgnore, 64, 1e-2, 0
	return c
}

func toyTrainer(t *testing.T, c Config) *Trainer { return toyTrainerOf(t, policy.Llama, c) }

func toyTrainerOf(t *testing.T, family string, c Config) *Trainer {
	t.Helper()
	dev, err := cpu.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	m := toyModelOf(t, family, 1)
	corpus := policy.NewCorpus(m.Tokenizer, []string{"the cat sat on the mat", "the dog ate the cat"})
	tr, err := NewTrainer(dev, c, Models{Policy: m, Reward: toyReward(t, m, 2)}, toyPrompts(m), corpus)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// even counts even tokens, in eighths: a random policy gets about a half. (Their
// share of the response would teach it to end at once, if the end is even.)
type even struct{}

func (even) Rate(_ context.Context, _ []Prompt, responses [][]int32) ([]float32, error) {
	out := make([]float32, len(responses))
	for i, y := range responses {
		for _, id := range y {
			if id%2 == 0 {
				out[i] += 1. / 8
			}
		}
	}
	return out, nil
}

// run does all iterations and returns their statistics.
func run(t *testing.T, tr *Trainer) []Stats {
	t.Helper()
	ctx := context.Background()
	if err := tr.Calibrate(ctx); err != nil {
		t.Fatal(err)
	}
	var out []Stats
	for range tr.cfg.Iterations {
		s, err := tr.Update(ctx)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

func TestRewardRises(t *testing.T) {
	c := toyConfig()
	c.KLCoef = .1
	tr := toyTrainer(t, c)
	tr.reward = even{}
	s := run(t, tr)
	first, last := s[0], s[len(s)-1]
	t.Logf("reward %.3f → %.3f, KL %.2f → %.2f nats, entropy %.1f → %.1f", first.Raw, last.Raw, first.KL, last.KL, first.Entropy, last.Entropy)
	if math.Abs(first.Raw-.5) > .08 {
		t.Errorf("a random policy gets %.3f, want about a half", first.Raw)
	}
	if last.Raw < .8 {
		t.Errorf("reward ends at %.3f, want at least .8", last.Raw)
	}
	// All of the reward can be had for 8·ln 2 = 5.5 nats: half of the tokens are ruled out.
	if last.KL <= 0 || last.KL > 12 {
		t.Errorf("KL ends at %.2f nats, want it in (0, 12]", last.KL)
	}
	if last.Entropy < 20 {
		t.Errorf("entropy ends at %.1f nats: collapsed", last.Entropy)
	}
}

// With a prohibitive price on KL the policy stays where it is: control of the
// test above, which shows that the penalty works.
func TestPolicyStaysUnderHugeKLCoefficient(t *testing.T) {
	c := toyConfig()
	c.KLCoef = 50
	tr := toyTrainer(t, c)
	tr.reward = even{}
	s := run(t, tr)
	last := s[len(s)-1]
	t.Logf("reward %.3f, KL %.4f nats", last.Raw, last.KL)
	if last.KLLogRatio > .3 || last.Raw > .65 {
		t.Errorf("KL %.3f nats and reward %.3f: the policy moved", last.KLLogRatio, last.Raw)
	}
}

// The adaptive controller steers the KL to its target from a wrong price.
func TestAdaptiveCoefficientReachesItsTarget(t *testing.T) {
	c := toyConfig()
	c.KLCoef, c.KLTarget, c.KLHorizon, c.Iterations = .3, 2, 100, 25
	tr := toyTrainer(t, c)
	tr.reward = even{}
	s := run(t, tr)
	mean := 0.0
	for _, last := range s[len(s)-8:] {
		mean += last.KL / 8
	}
	t.Logf("KL %.2f nats, coefficient %.3f → %.3f", mean, c.KLCoef, tr.state.KL.Coef)
	if mean < 1 || mean > 3 {
		t.Errorf("KL settles at %.2f nats, want about 2", mean)
	}
}

// Before the first step of an iteration every ratio is exactly 1.
func TestFirstStepSeesTheSampledPolicy(t *testing.T) {
	c := toyConfig()
	c.Iterations, c.Epochs, c.Minibatches, c.MicroTokens, c.Temperature = 3, 1, 1, 100, .9
	for _, family := range []string{policy.Llama, policy.GPT2} {
		tr := toyTrainerOf(t, family, c)
		tr.reward = even{}
		for _, s := range run(t, tr) { // one step an iteration: the averages are those of the first step
			m := s.Metrics()
			for name, want := range map[string]float64{"policy/approxkl_first": 0, "policy/approxkl_avg": 0, "policy/clipfrac_avg": 0,
				"val/ratio": 1, "val/ratio_var": 0, "val/clipfrac_avg": 0} {
				if m[name] != want {
					t.Errorf("%s: %s = %g, want exactly %g", family, name, m[name], want)
				}
			}
			// Whitened advantages have mean 0, so the loss is −mean(adv) = 0.
			near(t, "loss/policy_avg", m["loss/policy_avg"], 0, 1e-6)
		}
	}
	if s := run(t, toyTrainer(t, toyConfig())); s[0].Policy.ApproxKL == 0 || s[0].Policy.Ratio == 1 {
		t.Error("control: later steps move the policy, and the metrics do not show it")
	}
}

// Control of the check itself: log-probabilities that are off by one bit stop the run.
func TestDriftStopsTheRun(t *testing.T) {
	tr := toyTrainer(t, toyConfig())
	tr.reward = even{}
	roll, err := tr.sample(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.score(context.Background(), roll); err != nil {
		t.Fatal(err)
	}
	roll.Shape(tr.state.Score, K1, .1)
	roll.Advantage(tr.cfg)
	for i := range roll.LogP { // the minibatch is drawn at random
		roll.LogP[i] = math.Nextafter32(roll.LogP[i], 0)
	}
	var s Stats
	if err := tr.optimize(context.Background(), roll, &s); err == nil {
		t.Error("the run went on")
	}
}
