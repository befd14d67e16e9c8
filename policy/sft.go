package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"agora/policy/checkpoint"
	"agora/policy/cpu"
	"agora/policy/graph"
)

// SFT fine-tunes a policy on demonstrations. The loss is the mean cross-entropy of completion
// tokens, end token included; examples are laid one after another as a token stream and do not see
// each other. Prompts for validation are held out; the model of the best evaluation, by loss or by a judge, is
// the result.
// With ptx_share each step also learns from pretraining text (see sftMix).
func SFT(ctx context.Context, dev *cpu.Device, c SFTConfig, job Job) (Result, error) {
	inputs, err := hashInputs(job)
	if err != nil {
		return Result{}, err
	}
	m, err := sftModel(c, job.Policy)
	if err != nil {
		return Result{}, err
	}
	examples, empty, err := countExamples(job.Data)
	if err != nil {
		return Result{}, err
	}
	if empty > 0 {
		job.say("%d rows without a completion are left out", empty)
	}
	if text := m.NoEnd(); text != "" {
		job.say("%s", text)
	}
	train, held, err := sftData(c, m, examples, job)
	if err != nil {
		return Result{}, err
	}
	mix, err := newSFTMix(c, m, job)
	if err != nil {
		return Result{}, err
	}
	judge, err := sftJudge(dev, m, c, job, examples)
	if err != nil {
		return Result{}, err
	}
	text := sftText{train, mix}
	steps, err := c.steps(text)
	if err != nil {
		return Result{}, err
	}
	run, err := OpenRun(job.Out, RunInfo{Kind: "sft", Config: c, Inputs: inputs, Kernels: dev.Kernels(), DType: "fp32"}, job.options())
	if err != nil {
		return Result{}, err
	}
	defer run.Close()

	perEpoch := c.perEpoch(train)
	job.say("%d examples to train on, %d held out, %d steps", len(train), len(held), steps)
	parents := map[string]string{"policy": inputs["policy"]}
	l := &loop{
		job: job, run: run, m: m, steps: steps, opt: NewOptimizer(dev, m.Params, c.optimizer(steps)), judge: judge, selectBy: c.selectBy(),
		manifest:  checkpoint.Manifest{Kind: "policy", Data: dataOnly(inputs), Config: c, Parents: parents},
		evalEvery: c.EvalEvery, saveEvery: c.CheckpointEvery, sampleEvery: c.SampleEvery,
	}
	if l.evalEvery == 0 {
		l.evalEvery = max(int(perEpoch), 1)
	}
	if l.train, err = sftStep(dev, m, c, text, l); err != nil {
		return Result{}, run.Discard(err)
	}
	if l.evaluate, err = lossOn(dev, m, held); err != nil {
		return Result{}, run.Discard(err)
	}
	if l.sample, err = sampleTo(dev, run, m, somePrompts(held, train), uint64(c.Seed)); err != nil {
		return Result{}, err
	}
	if err := l.restore(); err != nil {
		return Result{}, err
	}
	return l.finish(ctx)
}

// sftJudge is the evaluation by the job's reward model, nil if none selects.
func sftJudge(dev *cpu.Device, m *Model, c SFTConfig, job Job, examples []Example) (func(context.Context) (float64, error), error) {
	if c.SelectBy != SelectByReward {
		return nil, nil
	}
	if job.Reward == "" || job.Judge == nil {
		return nil, errors.New("select_by reward needs a reward model: --reward DIR")
	}
	judge, err := job.Judge(dev, job.Reward)
	if err != nil {
		return nil, err
	}
	isHeld := splitter(c, examples)
	prompts, err := judgedPrompts(m, slices.DeleteFunc(slices.Clone(examples), func(e Example) bool { return !isHeld(e) }), c.SelectPrompts)
	if err != nil {
		return nil, err
	}
	return judged(dev, m, judge, prompts, c.SelectNew, uint64(c.Seed))
}

func sftModel(c SFTConfig, dir string) (*Model, error) {
	m, err := LoadPolicyFor(c.LoRA, dir)
	if err != nil {
		return nil, err
	}
	if c.Template != "" {
		m.Template = Template(c.Template) // Validate has seen it
	}
	if c.Store != "" {
		if m.DType, err = checkpoint.ParseDType(c.Store); err != nil {
			return nil, err
		}
	}
	return m, m.Adapt(c.LoRA, uint64(c.Seed))
}

func dataOnly(inputs map[string]string) map[string]string {
	data := map[string]string{}
	for role, hash := range inputs {
		if strings.HasPrefix(role, "data") || strings.HasPrefix(role, "ptx") {
			data[role] = hash
		}
	}
	return data
}

// sftData encodes the examples and splits them by prompt. Examples that do not fit the context are
// left out, and said so.
func sftData(c SFTConfig, m *Model, examples []Example, job Job) (train, held []Sequence, err error) {
	isHeld := splitter(c, examples)
	long := 0
	for _, e := range examples {
		s := Join(m.Template.Prompt(m.Tokenizer, e.Prompt), m.Template.Completion(m.Tokenizer, e.Completion))
		switch {
		case s.check("example", m.Config.Vocab, m.Config.Context) != nil:
			long++
		case isHeld(e):
			held = append(held, s)
		default:
			train = append(train, s)
		}
	}
	if long > 0 {
		job.say("%d of %d examples are left out: longer than the policy's context of %d tokens", long, len(examples), m.Config.Context)
	}
	if len(train) == 0 {
		return nil, nil, fmt.Errorf("no example to train on: %d read, %d too long, %d held out", len(examples), long, len(held))
	}
	return train, held, nil
}

// splitter decides what is held out: what the rows say, else a share of the prompts, by hash. Where
// all examples share one prompt it is a share of the texts.
func splitter(c SFTConfig, examples []Example) func(Example) bool {
	prompts := make(map[string]bool)
	given := false
	for _, e := range examples {
		prompts[promptText(e)] = true
		given = given || e.Split != "" && e.Split != "train"
	}
	if given {
		return func(e Example) bool { return e.Split != "" && e.Split != "train" }
	}
	return func(e Example) bool {
		key := promptText(e)
		if len(prompts) == 1 {
			key = e.Completion
		}
		return hashShare(uint64(c.Seed), key) < c.Validation
	}
}

func promptText(e Example) string {
	var b strings.Builder
	for _, m := range e.Prompt {
		b.WriteString(m.Role + "\x00" + m.Content + "\x00")
	}
	return b.String()
}

// hashShare is a number in [0, 1) that depends on seed and text only.
func hashShare(seed uint64, text string) float64 {
	key := graph.Key(seed, 0, splitStream)
	for i := range len(text) {
		key = graph.Bits(key, uint64(text[i]))
	}
	return graph.Uniform(key, 0)
}

// somePrompts picks four prompts for samples.
func somePrompts(held, train []Sequence) [][]int32 {
	var prompts [][]int32
	for _, s := range append(held[:min(4, len(held)):min(4, len(held))], train...) {
		if len(prompts) < 4 && s.From > 0 {
			prompts = append(prompts, s.Tokens[:s.From])
		}
	}
	return prompts
}

// sftStep compiles forward and backward, and runs a batch in as many micro-batches as it needs. The
// losses of examples and pretraining text are told apart: the second is a detail of l.
func sftStep(dev *cpu.Device, m *Model, c SFTConfig, text sftText, l *loop) (func(step int) (int, float64, error), error) {
	room := pickRoom{tokens: max(m.Config.MicroTokens(c.MicroTokens, 4096, c.Recompute), longest(text.examples), text.mix.rowTokens()), seqs: c.BatchExamples + text.mix.mostRows()}
	t, err := newPickLoss(dev, m, room, Input{Dropout: c.Dropout, AdapterDropout: c.AdapterDropout, Recompute: c.Recompute})
	if err != nil {
		return nil, err
	}
	l.detail = map[string]float64{}
	batches := text.batches(c)
	return func(step int) (int, float64, error) {
		clear(l.detail)
		batch, ptx := batches.at(step)
		share := 1 - float64(len(batch))/float64(c.BatchExamples)
		t.begin(uint64(c.Seed), uint64(step))
		loss, err := t.add(batch, 1-share)
		if err == nil && len(ptx) > 0 {
			l.detail[MetricPtx], err = t.add(ptx, share)
		}
		return tokensOf(batch) + tokensOf(ptx), loss, err
	}, nil
}

// pickLoss is a compiled training step on the tokens that count.
type pickLoss struct {
	prog                   graph.Program
	feeds                  graph.Feeds
	in                     Input
	rows, targets, weights *graph.Value
	loss                   *graph.Value
	micro                  Batch
	w                      []float32
}

// longest is the number of tokens that the longest sequence puts into a stream.
func longest(seqs []Sequence) int {
	n := 1
	for _, s := range seqs {
		n = max(n, len(s.Tokens)-1)
	}
	return n
}

// pickRoom is what one pass of a training step has room for.
type pickRoom struct{ tokens, seqs int }

// newPickLoss compiles the step; how says what is dropped and what is computed again.
func newPickLoss(dev *cpu.Device, m *Model, room pickRoom, how Input) (*pickLoss, error) {
	g := graph.New(m.Params)
	picks := g.Dim("picks", room.tokens)
	t := &pickLoss{in: m.NewInput(g, "train", g.Dim("tokens", room.tokens), g.Dim("seqs", room.seqs))}
	t.in.Dropout, t.in.AdapterDropout, t.in.Recompute = how.Dropout, how.AdapterDropout, how.Recompute
	t.rows, t.targets, t.weights = g.Ints("rows", picks), g.Ints("targets", picks), g.Floats("weights", picks, 1)
	h := g.GatherRows(m.Hidden(g, t.in), t.rows)
	t.loss, _ = g.CrossEntropy(h, m.Output(t.in), t.targets, t.weights)
	g.Gradients(t.loss)
	var err error
	t.prog, err = dev.Compile(g, t.loss)
	return t, err
}

// step returns the mean loss over the tokens that count in the whole batch and leaves its gradients
// in the parameters.
func (t *pickLoss) step(batch []Sequence, seed, step uint64) (float64, error) {
	t.begin(seed, step)
	return t.add(batch, 1)
}

// begin starts a step: the gradients of the next add replace those in the parameters.
func (t *pickLoss) begin(seed, step uint64) {
	t.feeds.Seed, t.feeds.Step, t.feeds.Accumulate = seed, step<<16, false
}

// add returns the mean loss over the tokens that count in the batch and adds share times its gradients.
func (t *pickLoss) add(batch []Sequence, share float64) (float64, error) {
	counted := 0
	for _, s := range batch {
		counted += s.Counted()
	}
	weight := float32(share) / float32(counted)
	var loss float64
	for len(batch) > 0 {
		t.micro.Reset()
		n := 0
		for n < len(batch) && t.micro.Fits(batch[n], t.in.IDs.Rows.Cap, t.in.Layout.Seqs.Cap) {
			t.micro.Add(batch[n])
			n++
		}
		batch = batch[n:]
		x, err := t.run(weight)
		if err != nil {
			return 0, err
		}
		loss += x
		t.feeds.Accumulate = true
		t.feeds.Step++ // dropout differs between micro-batches
	}
	return loss / share, nil
}

func (t *pickLoss) run(weight float32) (float64, error) {
	t.w = t.w[:0]
	for range t.micro.Rows {
		t.w = append(t.w, weight)
	}
	t.feeds.Ints(t.in.IDs, t.micro.IDs)
	t.feeds.Layout(t.in.Layout, t.micro.Lens, nil, nil)
	t.feeds.Ints(t.rows, t.micro.Rows)
	t.feeds.Ints(t.targets, t.micro.Targets)
	t.feeds.Floats(t.weights, t.w)
	if err := t.prog.Run(&t.feeds); err != nil {
		return 0, err
	}
	return float64(t.prog.Floats(t.loss)[0]), nil
}
