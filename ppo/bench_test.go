package ppo

import (
	"context"
	"testing"

	"agora/policy"
	"agora/policy/cpu"
	"agora/policy/tokenizer"
	"agora/reward"
)

// BenchmarkIteration is one iteration of the quickstart's size: 128 responses of
// up to 32 tokens, 2 epochs of 2 minibatches, 2.6M parameters in each of four
// networks.
func BenchmarkIteration(b *testing.B) {
	dev, err := cpu.Open(0)
	if err != nil {
		b.Fatal(err)
	}
	tok, err := tokenizer.Train(func(yield func(string) bool) { yield("the cat sat on the mat") }, 300, nil)
	if err != nil {
		b.Fatal(err)
	}
	m, err := policy.NewModel(policy.Config{Family: policy.Llama, Vocab: 4096, Width: 192, Layers: 4, Heads: 6, KVHeads: 6, HeadDim: 32,
		FFN: 512, Context: 128, Eps: 1e-5, Theta: 1e4, Tied: true, BOS: int(tok.BOS()), EOS: int(tok.EOS())})
	if err != nil {
		b.Fatal(err)
	}
	m.Init(1)
	m.Tokenizer = tok
	r, err := reward.New(m, 1)
	if err != nil {
		b.Fatal(err)
	}
	c := DefaultConfig()
	c.ScoreSamples = 0
	tr, err := NewTrainer(dev, c, Models{Policy: m, Reward: r}, toyPrompts(m), policy.Corpus{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := tr.Update(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
