package policy

import (
	"context"
	"fmt"
	"math"
	"slices"

	"agora/policy/cpu"
	"agora/policy/tokenizer"
)

// Text is tokenised text to train on and to measure on.
type Text struct {
	Tokenizer   *tokenizer.Tokenizer
	Train, Held Corpus
}

// NewText trains a tokenizer of vocab tokens on the training documents and encodes both parts.
func NewText(train, held []string, vocab int) (Text, error) {
	tok, err := tokenizer.Train(slices.Values(train), vocab, nil)
	if err != nil {
		return Text{}, err
	}
	return Text{Tokenizer: tok, Train: NewCorpus(tok, train), Held: NewCorpus(tok, held)}, nil
}

// Trial is pretraining in memory, without a run directory, for experiments that make many short
// runs. It takes the same steps as Pretrain does from the same settings and tokens, to the bit.
type Trial struct {
	Model    *Model
	Steps    int // of the whole run
	Opt      *Optimizer
	step     func(step int) (int, float64, error)
	evaluate func(context.Context) (float64, error)
}

// NewTrial makes a fresh model of c.Steps steps. The held-out loss is that of the first heldTokens
// tokens of text.Held, 0 for all.
func NewTrial(dev *cpu.Device, c PretrainConfig, text Text, heldTokens int) (*Trial, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Steps < 1 {
		return nil, fmt.Errorf("steps %d must be at least 1", c.Steps)
	}
	if n := text.Train.Windows(c.Context); n < 1 {
		return nil, fmt.Errorf("the text has %d tokens, too few for windows of %d (context)", len(text.Train.Tokens), c.Context)
	}
	m, err := freshModel(c, text.Tokenizer)
	if err != nil {
		return nil, err
	}
	t := &Trial{Model: m, Steps: c.Steps, Opt: NewOptimizer(dev, m.Params, c.optimizer(c.Steps))}
	if t.step, err = pretrainStep(dev, m, c, text.Train); err != nil {
		return nil, err
	}
	held := text.Held.sequences(c.Context)
	if heldTokens > 0 {
		held = firstTokens(held, heldTokens)
	}
	t.evaluate, err = lossOn(dev, m, held)
	if err == nil && t.evaluate == nil {
		err = fmt.Errorf("there is no held-out text")
	}
	return t, err
}

// firstTokens are as many sequences from the front as have n tokens that count.
func firstTokens(seqs []Sequence, n int) []Sequence {
	for i, s := range seqs {
		if n -= s.Counted(); n <= 0 {
			return seqs[:i+1]
		}
	}
	return seqs
}

// Step trains once and returns the loss of the step's tokens before it, in nats per token. A loss or
// gradient that is not finite is ErrNotFinite: the run has diverged.
func (t *Trial) Step() (loss float64, err error) {
	_, loss, err = t.step(t.Opt.Steps)
	if err != nil {
		return 0, err
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return loss, fmt.Errorf("step %d: the loss is %v: %w", t.Opt.Steps+1, loss, ErrNotFinite)
	}
	_, _, err = t.Opt.Step()
	return loss, err
}

// HeldOut is the loss on the held-out text, in nats per token.
func (t *Trial) HeldOut(ctx context.Context) (float64, error) { return t.evaluate(ctx) }
