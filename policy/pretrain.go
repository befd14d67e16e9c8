package policy

import (
	"context"
	"fmt"
	"slices"

	"agora/policy/checkpoint"
	"agora/policy/cpu"
	"agora/policy/graph"
	"agora/policy/tokenizer"
)

// Pretrain trains a model from scratch to predict the next token of the job's texts.
//
//  1. read the documents, train a tokenizer on them (or take one) and encode them;
//  2. hold out the last part for validation;
//  3. per step: windows of context tokens, cut into one segment per document, so that no document
//     sees another; mean cross-entropy over all tokens; AdamW.
func Pretrain(ctx context.Context, dev *cpu.Device, c PretrainConfig, job Job) (Result, error) {
	inputs, err := hashInputs(job)
	if err != nil {
		return Result{}, err
	}
	run, err := OpenRun(job.Out, RunInfo{Kind: "pretrain", Config: c, Inputs: inputs, Kernels: dev.Kernels(), DType: "fp32"}, job.options())
	if err != nil {
		return Result{}, err
	}
	defer run.Close()
	docs, err := ReadDocuments(job.Data, c.Documents)
	if err != nil {
		return Result{}, err
	}
	tok, err := pretrainTokenizer(c, job, run, docs)
	if err != nil {
		return Result{}, err
	}
	train, held, err := pretrainCorpus(c, tok, docs)
	if err != nil {
		return Result{}, err
	}
	m, err := freshModel(c, tok)
	if err != nil {
		return Result{}, err
	}
	steps := c.Steps
	if steps == 0 {
		perEpoch := float64(train.Windows(c.Context)) / float64(c.BatchSequences)
		if err := CheckSteps(c.Epochs, c.Epochs*perEpoch); err != nil {
			return Result{}, run.Discard(err)
		}
		steps = max(int(c.Epochs*perEpoch), 1)
	}
	job.say("%d parameters, vocabulary %d, %d tokens to train on, %d held out, %d steps",
		m.Params.Count(), tok.Size(), len(train.Tokens), len(held.Tokens), steps)
	l := &loop{
		job: job, run: run, m: m, steps: steps, opt: NewOptimizer(dev, m.Params, c.optimizer(steps)),
		manifest:  checkpoint.Manifest{Kind: "policy", Data: inputs, Config: c, Parents: map[string]string{}},
		evalEvery: c.EvalEvery, saveEvery: c.CheckpointEvery, sampleEvery: c.SampleEvery,
	}
	if l.train, err = pretrainStep(dev, m, c, train); err != nil {
		return Result{}, err
	}
	if l.evaluate, err = lossOn(dev, m, held.sequences(c.Context)); err != nil {
		return Result{}, err
	}
	if l.sample, err = sampleTo(dev, run, m, [][]int32{{tok.EOS()}, {tok.EOS()}, {tok.EOS()}}, uint64(c.Seed)); err != nil {
		return Result{}, err
	}
	if err := l.restore(); err != nil {
		return Result{}, err
	}
	return l.finish(ctx)
}

func (j Job) options() RunOptions {
	return RunOptions{Resume: j.Resume, AcceptDifferentBits: j.AcceptDifferentBits, Sinks: j.Sinks}
}

// hashInputs maps the role of everything the job reads to its hash.
func hashInputs(job Job) (map[string]string, error) {
	inputs := map[string]string{}
	for kind, files := range map[string][]string{"data": job.Data, "ptx": job.Ptx} {
		for i, file := range files {
			hash, err := checkpoint.HashFile(file)
			if err != nil {
				return nil, err
			}
			inputs[fmt.Sprintf("%s.%d", kind, i)] = hash
		}
	}
	for role, dir := range map[string]string{"policy": job.Policy, "tokenizer": job.Tokenizer, "reward": job.Reward} {
		if dir == "" {
			continue
		}
		resolved := dir
		if role != "tokenizer" {
			var err error
			if resolved, err = Resolve(dir); err != nil {
				return nil, err
			}
		}
		hash, err := checkpoint.HashDir(resolved)
		if err != nil {
			return nil, err
		}
		inputs[role] = hash
	}
	return inputs, nil
}

// pretrainTokenizer takes the run's own tokenizer when it is resumed, the one that the job names, or
// trains one on the documents.
func pretrainTokenizer(c PretrainConfig, job Job, run *RunDir, docs []string) (*tokenizer.Tokenizer, error) {
	var tok *tokenizer.Tokenizer
	var err error
	switch {
	case run.Resumed:
		tok, err = tokenizer.Load(run.Checkpoint())
	case job.Tokenizer != "":
		tok, err = tokenizer.Load(job.Tokenizer)
	default:
		job.say("training a tokenizer of %d tokens", c.Vocab)
		tok, err = tokenizer.Train(slices.Values(docs), c.Vocab, nil)
	}
	if err == nil && tok.EOS() < 0 {
		err = fmt.Errorf("the tokenizer has no end-of-text token")
	}
	return tok, err
}

// pretrainCorpus encodes the documents: the last share of them is held out, or of the text where
// there are only a few documents.
func pretrainCorpus(c PretrainConfig, tok *tokenizer.Tokenizer, docs []string) (train, held Corpus, err error) {
	if n := int(c.Validation * float64(len(docs))); n >= 5 {
		order := shuffled(len(docs), graph.Key(uint64(c.Seed), 0, splitStream))
		part := func(picked []int32) Corpus {
			var texts []string
			for _, i := range picked {
				texts = append(texts, docs[i])
			}
			return NewCorpus(tok, texts)
		}
		held, train = part(order[:n]), part(order[n:])
	} else {
		train, held = NewCorpus(tok, docs).Cut(c.Validation)
	}
	if train.Windows(c.Context) < 1 {
		return train, held, fmt.Errorf("the data has %d tokens for training, too few for windows of %d (context)", len(train.Tokens), c.Context)
	}
	return train, held, nil
}

func freshModel(c PretrainConfig, tok *tokenizer.Tokenizer) (*Model, error) {
	arch := c.model(tok.Size())
	arch.BOS, arch.EOS = int(tok.BOS()), int(tok.EOS())
	m, err := NewModel(arch)
	if err != nil {
		return nil, err
	}
	m.initWith(uint64(c.Seed), c.InitStd, c.initMult(arch))
	if c.ZeroReadout {
		m.zeroReadout()
	}
	if c.ZeroQuery {
		m.zeroQueries()
	}
	m.Tokenizer = tok
	m.DType, err = checkpoint.ParseDType(c.Store)
	return m, err
}

// pretrainStep compiles forward and backward over a batch of windows.
func pretrainStep(dev *cpu.Device, m *Model, c PretrainConfig, train Corpus) (func(step int) (int, float64, error), error) {
	n := c.BatchSequences * c.Context
	t, err := newTokenLoss(dev, m, n, n, c.Dropout)
	if err != nil {
		return nil, err
	}
	w := newWindows(train, c.Context, uint64(c.Seed))
	weights := make([]float32, n)
	fill(weights, 1/float32(n))
	var ids, targets, lens []int32
	return func(step int) (int, float64, error) {
		ids, targets, lens = ids[:0], targets[:0], lens[:0]
		for i := range c.BatchSequences {
			ids, targets, lens = w.add(step*c.BatchSequences+i, ids, targets, lens)
		}
		t.feeds.Seed, t.feeds.Step = uint64(c.Seed), uint64(step)
		loss, err := t.run(ids, targets, lens, weights)
		return n, loss, err
	}, nil
}

// tokenLoss is a compiled training step on a token stream in which every row has a target.
type tokenLoss struct {
	prog             graph.Program
	feeds            graph.Feeds
	in               Input
	targets, weights *graph.Value
	loss             *graph.Value
}

func newTokenLoss(dev *cpu.Device, m *Model, tokens, seqs int, dropout float64) (*tokenLoss, error) {
	g := graph.New(m.Params)
	rows := g.Dim("tokens", tokens)
	t := &tokenLoss{in: m.NewInput(g, "train", rows, g.Dim("seqs", seqs))}
	t.in.Dropout = dropout
	t.targets, t.weights = g.Ints("targets", rows), g.Floats("weights", rows, 1)
	t.loss, _ = g.CrossEntropy(m.Hidden(g, t.in), m.Output(t.in), t.targets, t.weights)
	g.Gradients(t.loss)
	var err error
	t.prog, err = dev.Compile(g, t.loss)
	return t, err
}

// run returns Σ weight · -log p(target) and leaves its gradients in the parameters.
func (t *tokenLoss) run(ids, targets, lens []int32, weights []float32) (float64, error) {
	t.feeds.Ints(t.in.IDs, ids)
	t.feeds.Layout(t.in.Layout, lens, nil, nil)
	t.feeds.Ints(t.targets, targets)
	t.feeds.Floats(t.weights, weights)
	if err := t.prog.Run(&t.feeds); err != nil {
		return 0, err
	}
	return float64(t.prog.Floats(t.loss)[0]), nil
}
