package ppo

import (
	"context"
	"errors"
	"fmt"
	"math"

	"agora/policy"
	"agora/policy/cpu"
	"agora/policy/graph"
	"agora/reward"
)

// Models are the networks that a run starts from. The reference, which the KL is
// measured to, is the policy as it starts, and the critic starts as the reward model. With
// LoRA neither takes memory of its own: they share the frozen weights.
type Models struct {
	Policy *policy.Model // trained in place

	Reference *policy.Model // equal to Policy, frozen; nil for a copy, or with LoRA for the policy with its adapter off
	Reward    *reward.Model // the critic starts from it, or else from the first model of More; nil if More has all rewards
	More      []Reward      // further rewards, see Combine
	Judge     *reward.Model // only logged, never learned from; nil for none
}

// reference is the policy as it is before the first step: with LoRA the policy with the adapter
// switched off, in the same memory, else a copy.
func (m Models) reference() (*policy.Model, error) {
	switch {
	case m.Policy.Adapter != nil:
		return m.Policy.Base(), nil
	case m.Reference != nil:
		return m.Reference, nil
	}
	return m.Policy.Clone()
}

// Trainer is a run of PPO, RLOO or GRPO in memory. Update is one iteration; between two of them
// everything that matters is the policy, the critic, their optimizers, the
// average of the policy, and State.
type Trainer struct {
	cfg     Config
	models  Models
	prompts []Prompt
	mix     mix

	sampler   *policy.Sampler
	averages  *policy.Sampler // of ema; nil unless judge_patience needs its responses
	reference *policy.Scorer
	reward    Rater
	own       Rater // the reward model that the critic starts from, where the reward is not that alone; else nil
	judge     Rater // nil without a judge
	actor     *actor
	cut       *cut          // nil unless truncate_token asks for it
	critic    *critic       // nil if the estimator needs none
	ema       *policy.Model // nil without an average
	best      *policy.Model // what the judge liked best of the policy, or of ema where there is one; nil unless judge_patience asks for it

	room  room
	state State
	batch batch
	last  *Rollout // of the newest iteration
}

// State is what a run carries from one iteration to the next beside weights.
type State struct {
	Iteration int           `json:"iteration"` // finished so far
	Episodes  int           `json:"episodes"`
	Tokens    int           `json:"tokens"` // of responses
	Steps     int           `json:"steps"`  // of each optimizer
	Score     ScoreRule     `json:"score"`
	KL        KLController  `json:"kl"`
	Scales    []RewardScale `json:"scales,omitempty"` // of each reward on SFT's samples; max-min only
	Best      Best          `json:"best"`
	Stopped   bool          `json:"stopped"` // stop_kl or judge_patience ended the run
}

// room is the capacity of the training programs.
type room struct{ tokens, seqs int }

// NewTrainer compiles the programs of a run. corpus is the pretraining mix, empty
// without one.
func NewTrainer(dev *cpu.Device, c Config, m Models, prompts []Prompt, corpus policy.Corpus) (*Trainer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.PtxCoef > 0 && len(corpus.Tokens) < 2 {
		return nil, errors.New("ppo: ptx_coef is above 0, but there is no pretraining text")
	}
	if err := m.Policy.Adapt(c.LoRA, c.Seed); err != nil {
		return nil, fmt.Errorf("ppo: %w", err)
	}
	if c.JudgePatience > 0 && m.Judge == nil {
		return nil, fmt.Errorf("ppo: judge_patience %d, but there is no judge (--judge)", c.JudgePatience)
	}
	c.MicroTokens = m.Policy.Config.MicroTokens(c.MicroTokens, 8192, c.Recompute)
	t := &Trainer{cfg: c, models: m, prompts: prompts, mix: mix{corpus}, room: roomFor(c, prompts)}
	t.state.KL = KLController{Coef: c.KLCoef, Target: c.KLTarget, Horizon: c.KLHorizon}
	t.state.Score = ScoreRule{Std: 1, Clip: c.ScoreClip, EOS: c.MissingEOS, Penalty: c.MissingEOSPenalty}
	var err error
	if t.cut, err = newCut(c, m.Policy.Tokenizer); err != nil {
		return nil, err
	}
	if err := t.readers(dev); err != nil {
		return nil, err
	}
	if c.Estimator.critic() {
		value, err := criticModel(m, c)
		if err != nil {
			return nil, err
		}
		if t.critic, err = newCritic(dev, value, c, t.criticRoom()); err != nil {
			return nil, fmt.Errorf("critic: %w", err)
		}
	}
	if t.actor, err = newActor(dev, m.Policy, c, t.room); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return t, t.keepers(dev)
}

// keepers makes the further sets of the policy's weights that the run asks for.
func (t *Trainer) keepers(dev *cpu.Device) (err error) {
	if t.cfg.EMADecay > 0 {
		if t.ema, err = t.models.Policy.Clone(); err != nil {
			return err
		}
	}
	if t.cfg.JudgePatience == 0 {
		return nil
	}
	if t.best, err = t.models.Policy.Clone(); err != nil || t.ema == nil {
		return err
	}
	t.averages, err = t.newSampler(dev, t.ema)
	return err
}

// newSampler compiles a decoder of one of the run's policies.
func (t *Trainer) newSampler(dev *cpu.Device, m *policy.Model) (*policy.Sampler, error) {
	longest := 0
	for _, p := range t.prompts {
		longest = max(longest, len(p.Tokens))
	}
	s, err := policy.NewSampler(dev, m, min(t.cfg.Slots, t.cfg.Episodes), longest+t.cfg.MaxNewTokens)
	if err != nil {
		return nil, fmt.Errorf("sampler: %w", err)
	}
	return s, nil
}

// readers compiles what only reads weights: sampler, reference, reward and judge.
func (t *Trainer) readers(dev *cpu.Device) error {
	var err error
	if t.sampler, err = t.newSampler(dev, t.models.Policy); err != nil {
		return err
	}
	reference, err := t.models.reference()
	if err != nil {
		return err
	}
	if t.reference, err = policy.NewScorer(dev, reference, t.room.tokens, t.cfg.Temperature); err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	if t.reward, err = t.rewards(dev); err != nil {
		return err
	}
	if t.models.Judge != nil {
		if t.judge, err = newRater(dev, t.models.Judge, t.models.Policy, t.room.tokens); err != nil {
			return fmt.Errorf("judge: %w", err)
		}
	}
	return nil
}

// rewards compiles the reward of the run.
func (t *Trainer) rewards(dev *cpu.Device) (Rater, error) {
	all := t.models.More
	if t.models.Reward != nil {
		all = append([]Reward{{Model: t.models.Reward}}, all...)
	}
	raters := make([]Rater, len(all))
	for i, r := range all {
		var err error
		if raters[i], err = r.rater(dev, t.models.Policy, t.room.tokens); err != nil {
			return nil, fmt.Errorf("reward %d: %w", i+1, err)
		}
		if several := len(all) > 1 || len(t.cfg.RewardWeights) > 0; several && t.own == nil && r.Model != nil {
			t.own = raters[i]
		}
	}
	return combine(raters, t.cfg.RewardCombine, t.cfg.RewardWeights, &t.state.Scales)
}

// roomFor is the most that one pass can hold: micro_tokens, but not more than a
// whole minibatch and not less than the longest sequence.
func roomFor(c Config, prompts []Prompt) room {
	longest := 0
	for _, p := range prompts {
		longest = max(longest, len(p.Tokens)+c.MaxNewTokens)
	}
	responses := c.Episodes / c.Minibatches
	ptx := 0
	if c.PtxCoef > 0 {
		ptx = int(float64(responses)*c.PtxRatio+.5) * c.PtxTokens
		longest = max(longest, c.PtxTokens)
	}
	all := responses*longest + ptx
	return room{tokens: max(longest, min(c.MicroTokens, all)), seqs: responses + ptx}
}

// criticRoom has the finished texts' last tokens too.
func (t *Trainer) criticRoom() room {
	size := t.room
	if t.cfg.ScoreAt == ScoreAfter {
		size.tokens += size.seqs
	}
	return size
}

// sample is step 1: the next prompts in turn, and samples_per_prompt responses to each.
func (t *Trainer) sample(ctx context.Context) (*Rollout, error) {
	c, k := t.cfg, t.cfg.SamplesPerPrompt
	prompts := make([]Prompt, 0, c.Episodes)
	for _, i := range pick(c.Seed, len(t.prompts), t.state.Episodes/k, c.Episodes/k) {
		for range k {
			prompts = append(prompts, t.prompts[i])
		}
	}
	roll, err := t.respond(ctx, t.sampler, prompts, t.state.Episodes, c.Seed)
	if err == nil && c.ScoreAt == ScoreAfter {
		roll.addEnds()
	}
	return roll, err
}

// respond samples one response to each of the prompts. first numbers them within
// the run: seed, number and position decide every draw.
func (t *Trainer) respond(ctx context.Context, from *policy.Sampler, prompts []Prompt, first int, seed uint64) (*Rollout, error) {
	reqs := make([]policy.Request, len(prompts))
	for k, p := range prompts {
		reqs[k] = policy.Request{Prompt: p.Tokens, Stream: int32((first + k) & math.MaxInt32)}
	}
	how := policy.Sampling{MaxNew: t.cfg.MaxNewTokens, Temperature: t.cfg.Temperature, Seed: seed}
	out, err := from.Sample(ctx, reqs, how, nil)
	if err != nil {
		return nil, err
	}
	responses, ended := make([][]int32, len(out)), make([]bool, len(out))
	var logp []float32
	for i, y := range out {
		responses[i], ended[i] = y.Tokens, y.Finish == policy.FinishEOS
		logp = append(logp, y.LogProbs...)
	}
	roll := newRollout(prompts, responses, ended, logp)
	t.cut.apply(roll)
	return roll, nil
}

// Calibrate sets the score's mean, deviation and price of length on samples of the policy, which
// at the start of a run is the fine-tuned model, and moves the critic to the
// same scale. It does nothing if the configuration asks for none.
func (t *Trainer) Calibrate(ctx context.Context) error {
	n := t.cfg.ScoreSamples
	if n == 0 {
		return nil
	}
	seed := graph.Key(t.cfg.Seed, 0, streamScale)
	prompts := make([]Prompt, n)
	for k, i := range pick(seed, len(t.prompts), 0, n) {
		prompts[k] = t.prompts[i]
	}
	roll, err := t.respond(ctx, t.sampler, prompts, 0, seed)
	if err != nil {
		return err
	}
	raw, err := t.calibrationRewards(ctx, roll)
	if err != nil {
		return err
	}
	lengths := make([]int, n)
	for i, y := range roll.Read {
		lengths[i] = len(y)
	}
	rule := &t.state.Score
	rule.Standardise(raw, lengths, t.cfg.LengthControl)
	if !(rule.Std > 1e-6*math.Max(1, math.Abs(rule.Mean))) { // NaN too
		return fmt.Errorf("ppo: the reward model gives %d different samples rewards of mean %g and deviation %g: it does not tell texts apart", n, rule.Mean, rule.Std)
	}
	if t.critic == nil || t.cfg.CriticInit != CriticFromReward {
		return nil
	}
	mean, std := Mean(raw), rule.Std
	if t.own != nil { // the critic predicts another number than the reward
		own, err := t.own.Rate(ctx, roll.Prompts, roll.Read)
		if err != nil {
			return err
		}
		mean, std = Mean(own), math.Max(1e-6, math.Sqrt(Variance(own, WhitenPopulation)))
	}
	standardise(t.critic.model, mean, std)
	return nil
}

// calibrationRewards are the rewards of SFT's samples; max-min learns each reward's scale from them first.
func (t *Trainer) calibrationRewards(ctx context.Context, roll *Rollout) ([]float32, error) {
	c, ok := t.reward.(combined)
	if !ok || c.how != CombineMaxMin {
		return t.reward.Rate(ctx, roll.Prompts, roll.Read)
	}
	all, err := c.each(ctx, roll.Prompts, roll.Read)
	if err != nil {
		return nil, err
	}
	if t.state.Scales, err = scalesOf(all); err != nil {
		return nil, err
	}
	return c.join(all), nil
}

// rate fills Raw and, of several rewards, Each.
func (t *Trainer) rate(ctx context.Context, r *Rollout) (err error) {
	c, ok := t.reward.(combined)
	if !ok {
		r.Raw, err = t.reward.Rate(ctx, r.Prompts, r.Read)
		return err
	}
	if r.Each, err = c.each(ctx, r.Prompts, r.Read); err == nil {
		r.Raw = c.join(r.Each)
	}
	return err
}

// score is step 2.
func (t *Trainer) score(ctx context.Context, r *Rollout) error {
	if err := t.rate(ctx, r); err != nil {
		return fmt.Errorf("reward model: %w", err)
	}
	var err error
	if t.judge != nil {
		if r.Judge, err = t.judge.Rate(ctx, r.Prompts, r.Read); err != nil {
			return fmt.Errorf("judge: %w", err)
		}
	}
	if r.JudgeEMA, err = t.judgeAverage(ctx, r); err != nil {
		return fmt.Errorf("judge of the average: %w", err)
	}
	if err := t.refer(ctx, r); err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	if t.critic == nil {
		return nil
	}
	return t.value(ctx, r)
}

// refer fills Ref with the reference's log-probabilities.
func (t *Trainer) refer(ctx context.Context, r *Rollout) error {
	seqs := make([]policy.Sequence, len(r.Responses))
	for i := range seqs {
		seqs[i] = policy.Join(r.Prompts[i].Tokens, r.Responses[i])
	}
	scores, err := t.reference.Score(ctx, seqs)
	if err != nil {
		return err
	}
	for i, s := range scores {
		copy(r.of(r.Ref, i), s.LogProbs)
	}
	return nil
}

// value fills Value with the critic's estimates.
func (t *Trainer) value(ctx context.Context, r *Rollout) error {
	all := make([]int, len(r.Responses))
	for i := range all {
		all[i] = i
	}
	whole := newMinibatch(r, t.cfg, all)
	at := 0
	for _, span := range whole.micro(t.room) {
		if err := ctx.Err(); err != nil {
			return err
		}
		t.batch.fill(whole, span)
		values, err := t.critic.estimate.run(&t.batch.critic)
		if err != nil {
			return fmt.Errorf("critic: %w", err)
		}
		for ; at < span[1]; at++ {
			n := copy(r.of(r.Value, at), values)
			if values = values[n:]; r.EndValue != nil {
				r.EndValue[at], values = values[0], values[1:]
			}
		}
	}
	return nil
}
