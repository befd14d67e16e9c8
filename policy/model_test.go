package policy

import (
	"context"
	"math"
	"slices"
	"testing"

	"agora/policy/cpu"
	"agora/reward/prefs"
)

func testDevice(t testing.TB) *cpu.Device {
	t.Helper()
	dev, err := cpu.Open(2)
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// tinyConfigs are one of each kind, small enough for the plain interpreter.
func tinyConfigs() map[string]Config {
	llama := Config{Family: Llama, Vocab: 61, Width: 24, Layers: 2, Heads: 4, KVHeads: 4, HeadDim: 6, FFN: 36,
		Context: 40, Eps: 1e-5, Theta: 10000, Tied: true, BOS: 60, EOS: 60}
	grouped := llama
	grouped.KVHeads, grouped.HeadDim, grouped.Tied = 2, 8, false
	gpt2 := llama
	gpt2.Family, gpt2.Theta, gpt2.FFN = GPT2, 0, 96
	return map[string]Config{"llama": llama, "llama grouped untied": grouped, "gpt2": gpt2}
}

func tinyModel(t testing.TB, c Config) *Model {
	t.Helper()
	m, err := NewModel(c)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1)
	for _, p := range m.Params.List() { // livelier than an initial model, whose samples are all alike
		for i := range p.Data {
			p.Data[i] *= 8
		}
	}
	m.Params.Changed()
	return m
}

func sampler(t testing.TB, m *Model, slots int) *Sampler {
	t.Helper()
	s, err := NewSampler(testDevice(t), m, slots, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sample(t testing.TB, s *Sampler, reqs []Request, how Sampling) []Sampled {
	t.Helper()
	out, err := s.Sample(context.Background(), reqs, how, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func requests() []Request {
	var reqs []Request
	for i := range int32(7) {
		prompt := []int32{60}
		for k := range i {
			prompt = append(prompt, (5*i+3*k)%60)
		}
		reqs = append(reqs, Request{Prompt: prompt, Stream: i})
	}
	return reqs
}

// TestSampleEqualsScore: the log-probability of a sampled token is the training forward's, bit for
// bit, and a sample does not depend on the batch.
func TestSampleEqualsScore(t *testing.T) {
	for name, c := range tinyConfigs() {
		m := tinyModel(t, c)
		how := Sampling{MaxNew: 9, Temperature: 1, Seed: 5}
		batched := sample(t, sampler(t, m, 3), requests(), how)
		single := sampler(t, m, 1)
		scorer, err := NewScorer(testDevice(t), m, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		var seqs []Sequence
		for i, r := range requests() {
			seqs = append(seqs, Join(r.Prompt, batched[i].Tokens))
			alone := sample(t, single, []Request{r}, how)[0]
			if !slices.Equal(alone.Tokens, batched[i].Tokens) || !slices.Equal(alone.LogProbs, batched[i].LogProbs) {
				t.Errorf("%s: request %d differs alone and in a batch", name, i)
			}
		}
		scores, err := scorer.Score(context.Background(), seqs)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range scores {
			if !slices.Equal(s.LogProbs, batched[i].LogProbs) {
				t.Errorf("%s: request %d: sampled with %v, scored %v", name, i, batched[i].LogProbs, s.LogProbs)
			}
		}
	}
}

// TestSampleAtSize repeats that with a model that fills whole kernels, long prompts and one worker
// against two.
func TestSampleAtSize(t *testing.T) {
	c := Config{Family: Llama, Vocab: 1031, Width: 136, Layers: 3, Heads: 4, KVHeads: 2, HeadDim: 34, FFN: 200,
		Context: 160, Eps: 1e-5, Theta: 10000, Tied: true, BOS: 0, EOS: 0}
	m := tinyModel(t, c)
	var reqs []Request
	for i := range int32(11) {
		prompt := make([]int32, 1+13*i%120)
		for k := range prompt {
			prompt[k] = (7*i + 31*int32(k)) % 1031
		}
		reqs = append(reqs, Request{Prompt: prompt, Stream: i})
	}
	how := Sampling{MaxNew: 30, Temperature: 1, Seed: 8, IgnoreEnd: true}
	batched := sample(t, sampler(t, m, 5), reqs, how)
	one, err := cpu.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	scorer, err := NewScorer(one, m, 300, 1)
	if err != nil {
		t.Fatal(err)
	}
	var seqs []Sequence
	for i, r := range reqs {
		seqs = append(seqs, Join(r.Prompt, batched[i].Tokens))
	}
	scores, err := scorer.Score(context.Background(), seqs)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range scores {
		if !slices.Equal(s.LogProbs, batched[i].LogProbs) {
			t.Errorf("request %d: sampled and scored log-probabilities differ", i)
		}
	}
}

func TestSampleModes(t *testing.T) {
	m := tinyModel(t, tinyConfigs()["llama"])
	s := sampler(t, m, 4)
	greedy := sample(t, s, requests(), Sampling{MaxNew: 6})
	other := sample(t, s, requests(), Sampling{MaxNew: 6, Seed: 99})
	top1 := sample(t, s, requests(), Sampling{MaxNew: 6, Temperature: 1, TopK: 1})
	tiny := sample(t, s, requests(), Sampling{MaxNew: 6, Temperature: 1, TopP: 1e-9})
	a := sample(t, s, requests(), Sampling{MaxNew: 6, Temperature: 1, Seed: 1})
	b := sample(t, s, requests(), Sampling{MaxNew: 6, Temperature: 1, Seed: 2})
	differ := false
	for i := range greedy {
		if !slices.Equal(greedy[i].Tokens, other[i].Tokens) || !slices.Equal(greedy[i].Tokens, top1[i].Tokens) ||
			!slices.Equal(greedy[i].Tokens, tiny[i].Tokens) {
			t.Errorf("request %d: greedy %v, with another seed %v, top-k 1 %v, top-p 0 %v", i,
				greedy[i].Tokens, other[i].Tokens, top1[i].Tokens, tiny[i].Tokens)
		}
		differ = differ || !slices.Equal(a[i].Tokens, b[i].Tokens)
	}
	if !differ {
		t.Error("two seeds give the same samples")
	}
}

// TestSampleFrequencies: 4,000 draws fall on the tokens as often as their probabilities say, and
// draws at another temperature do not.
func TestSampleFrequencies(t *testing.T) {
	m := tinyModel(t, tinyConfigs()["llama"])
	prompt := []int32{60, 1, 2}
	logits, err := Logits(testDevice(t), m, prompt)
	if err != nil {
		t.Fatal(err)
	}
	var total float64
	for _, x := range logits {
		total += math.Exp(float64(x))
	}
	reqs := make([]Request, 4000)
	for i := range reqs {
		reqs[i] = Request{Prompt: prompt, Stream: int32(i)}
	}
	s := sampler(t, m, 64)
	distance := func(temperature float64) (tv float64) { // total variation
		counts := make([]float64, len(logits))
		for _, c := range sample(t, s, reqs, Sampling{MaxNew: 1, Temperature: temperature, Seed: 11}) {
			counts[c.Tokens[0]]++
		}
		for i, x := range logits {
			tv += math.Abs(counts[i]/float64(len(reqs))-math.Exp(float64(x))/total) / 2
		}
		return tv
	}
	if right, wrong := distance(1), distance(3); right > .06 || wrong < .12 {
		t.Errorf("total variation %.3f at temperature 1, %.3f at 3", right, wrong)
	}
}

// TestInitialLoss: a fresh model knows nothing, so its loss is ln V.
func TestInitialLoss(t *testing.T) {
	for name, c := range tinyConfigs() {
		m, err := NewModel(c)
		if err != nil {
			t.Fatal(err)
		}
		m.Init(3)
		s, err := NewScorer(testDevice(t), m, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		scores, err := s.Score(context.Background(), []Sequence{{Tokens: []int32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, From: 1}})
		if err != nil {
			t.Fatal(err)
		}
		if loss, want := -scores[0].Sum()/10, math.Log(61); math.Abs(loss-want) > .1 {
			t.Errorf("%s: initial loss %.3f, want about ln 61 = %.3f", name, loss, want)
		}
	}
}

func promptOf(text string) []prefs.Message { return prefs.Plain(text) }
