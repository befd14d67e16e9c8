package ppo

import (
	"fmt"

	"agora/policy"
)

// Config holds every choice of a PPO run. Its defaults suit models of about a
// million parameters; Profile gives the settings of published runs.
type Config struct {
	Preset string `toml:"preset" json:"preset" unit:"default|instructgpt|tldr|lhp2019|rloo|grpo" help:"the published run whose settings are the defaults"`

	Estimator Estimator `toml:"estimator" json:"estimator" unit:"gae|rloo|grpo" help:"where advantages come from: a critic (PPO), or the other responses to the same prompt"`

	// How much.
	Iterations       int `toml:"iterations" json:"iterations" unit:"iterations" help:"rollouts, each followed by its updates"`
	Episodes         int `toml:"episodes" json:"episodes" unit:"responses" help:"responses sampled in one iteration"`
	SamplesPerPrompt int `toml:"samples_per_prompt" json:"samples_per_prompt" unit:"responses" help:"responses to each prompt of an iteration; rloo and grpo need at least 2"`
	Epochs           int `toml:"epochs" json:"epochs" unit:"passes" help:"passes over the rollout"`
	Minibatches      int `toml:"minibatches" json:"minibatches" unit:"steps" help:"optimizer steps in one epoch"`
	MicroTokens      int `toml:"micro_tokens" json:"micro_tokens" unit:"tokens" help:"tokens in one forward and backward pass; less needs less memory, the minibatch's gradients add up; 0 takes what needs about 1 GiB, at most 8192"`

	// Sampling. Always from the full distribution: top-k or a forced length would
	// make the sampled distribution differ from the scored one (negative KL).
	Temperature  float64 `toml:"temperature" json:"temperature" unit:"" help:"divides the logits, in sampling and in all log-probabilities alike"`
	Slots        int     `toml:"slots" json:"slots" unit:"sequences" help:"sequences decoded at once; more needs more memory for keys and values. Does not change the results"`
	MaxNewTokens int     `toml:"max_new_tokens" json:"max_new_tokens" unit:"tokens" help:"longest response, its end included"`

	// The score.
	RewardCombine     Combine    `toml:"reward_combine" json:"reward_combine" unit:"sum|mean|worst|max-min" help:"how several rewards become one; max-min follows whichever of them is worst off against SFT"`
	RewardWeights     []float64  `toml:"reward_weights" json:"reward_weights" unit:"" help:"factor on each reward, in the order of the command line; empty = 1 each"`
	ScoreAt           ScorePlace `toml:"score_at" json:"score_at" unit:"last|after" help:"the state that earns the score: the last token of the response, or the finished text, a state more for the critic"`
	ScoreSamples      int        `toml:"score_samples" json:"score_samples" unit:"responses" help:"samples of the starting policy whose rewards standardise the score to mean 0 and deviation 1; 0 = use the reward as it is"`
	LengthControl     float64    `toml:"length_control" json:"length_control" unit:"0 … 1" help:"share taken off of what the reward model pays per token on those samples; 1: longer is not better in itself"`
	ScoreClip         float64    `toml:"score_clip" json:"score_clip" unit:"score" help:"bound on the absolute score; 0 = none"`
	MissingEOS        MissingEOS `toml:"missing_eos" json:"missing_eos" unit:"ignore|subtract|replace" help:"what a response without an end gets"`
	MissingEOSPenalty float64    `toml:"missing_eos_penalty" json:"missing_eos_penalty" unit:"score" help:"subtracted from the score, or replaces it by its negative"`
	TruncateToken     string     `toml:"truncate_token" json:"truncate_token,omitempty" unit:"" help:"rewards read a response up to the first such token (a text of one token) at or after truncate_after, and missing_eos asks for it instead of the end; empty = off"`
	TruncateAfter     int        `toml:"truncate_after" json:"truncate_after,omitempty" unit:"tokens" help:"how many tokens come before one that truncate_token looks at"`

	// KL to the starting policy.
	KLIn        KLPlace     `toml:"kl_in" json:"kl_in" unit:"reward|loss" help:"whether the KL is taken off of each token's reward, or its gradient is part of the loss"`
	KLCoef      float64     `toml:"kl_coef" json:"kl_coef" unit:"score/nat" help:"β, the price of one nat"`
	KLEstimator KLEstimator `toml:"kl_estimator" json:"kl_estimator" unit:"k1|k2|k3|abs" help:"estimate of a token's KL"`
	KLTarget    float64     `toml:"kl_target" json:"kl_target" unit:"nats/response" help:"the coefficient adapts to reach this KL; 0 = fixed coefficient"`
	KLHorizon   float64     `toml:"kl_horizon" json:"kl_horizon" unit:"episodes" help:"how slowly the coefficient adapts"`

	// Advantages.
	Gamma            float64    `toml:"gamma" json:"gamma" unit:"" help:"discount of later rewards"`
	Lambda           float64    `toml:"lambda" json:"lambda" unit:"" help:"of generalised advantage estimation; 1 trusts the returns, 0 the critic"`
	WhitenAdvantages Whitening  `toml:"whiten_advantages" json:"whiten_advantages" unit:"off|population|bessel" help:"scale advantages to mean 0 and variance 1"`
	GroupScale       GroupScale `toml:"group_scale" json:"group_scale" unit:"group|batch|off" help:"what grpo divides advantages by: the deviation of the returns in the group or in the batch, or nothing"`
	WhitenRewards    Whitening  `toml:"whiten_rewards" json:"whiten_rewards" unit:"off|population|bessel" help:"scale token rewards to variance 1, keeping their mean"`

	// Losses.
	Clip         float64     `toml:"clip" json:"clip" unit:"" help:"the ratio's distance from 1 beyond which it earns nothing"`
	ValueClip    float64     `toml:"value_clip" json:"value_clip" unit:"score" help:"how far a value may move from its old estimate for free; 0 = any distance"`
	CriticInit   CriticInit  `toml:"critic_init" json:"critic_init" unit:"reward|policy" help:"the network that the critic starts from; reward needs a reward model with the policy's tokenizer"`
	CriticWarmup int         `toml:"critic_warmup" json:"critic_warmup" unit:"iterations" help:"first iterations in which only the critic learns"`
	ValueCoef    float64     `toml:"value_coef" json:"value_coef" unit:"" help:"weight of the value loss"`
	Aggregation  Aggregation `toml:"aggregation" json:"aggregation" unit:"token-mean|seq-mean-token-sum|seq-mean-token-mean|seq-mean-token-sum-norm" help:"how token losses become one number"`
	PtxCoef      float64     `toml:"ptx_coef" json:"ptx_coef" unit:"" help:"γ, weight of the pretraining loss in every step; 0 = no mix"`
	PtxRatio     float64     `toml:"ptx_ratio" json:"ptx_ratio" unit:"rows/episode" help:"pretraining rows for each episode of a minibatch"`
	PtxDocuments string      `toml:"ptx_documents" json:"ptx_documents" unit:"file|line|paragraph" help:"how a plain text file is cut into documents"`
	PtxTokens    int         `toml:"ptx_tokens" json:"ptx_tokens" unit:"tokens" help:"length of a pretraining row"`

	// Optimizer.
	LearningRate      float64 `toml:"learning_rate" json:"learning_rate" unit:"1/step" help:"peak rate of the policy"`
	ValueLearningRate float64 `toml:"value_learning_rate" json:"value_learning_rate" unit:"1/step" help:"peak rate of the critic; 0 = as the policy"`
	Schedule          Decay   `toml:"schedule" json:"schedule" unit:"constant|linear|cosine" help:"learning rate after warm-up"`
	WarmupIterations  int     `toml:"warmup_iterations" json:"warmup_iterations" unit:"iterations" help:"rise from a tenth of the peak rate"`
	AdamBeta1         float64 `toml:"adam_beta1" json:"adam_beta1" unit:"" help:"decay of the mean gradient"`
	AdamBeta2         float64 `toml:"adam_beta2" json:"adam_beta2" unit:"" help:"decay of the mean squared gradient"`
	AdamEpsilon       float64 `toml:"adam_epsilon" json:"adam_epsilon" unit:"" help:"added to the root of the mean square"`
	AdamEpsInside     bool    `toml:"adam_eps_inside" json:"adam_eps_inside" unit:"" help:"add epsilon before the bias correction, as TensorFlow 1 did, rather than behind it as PyTorch"`
	WeightDecay       float64 `toml:"weight_decay" json:"weight_decay" unit:"" help:"decoupled weight decay"`
	MaxGradNorm       float64 `toml:"max_grad_norm" json:"max_grad_norm" unit:"" help:"gradients are scaled down to this global norm; 0 = never"`
	Recompute         bool    `toml:"gradient_checkpointing" json:"gradient_checkpointing" unit:"" help:"keep only the layers' outputs for the backward passes and compute the rest again: much less memory, a third slower, the same bits"`
	policy.LoRA               // of policy and critic; the reference is the policy with it switched off
	EMADecay          float64 `toml:"ema_decay" json:"ema_decay" unit:"" help:"keep an average of the policy's weights with this decay per iteration; 0 = none"`

	// The run.
	StopKL          float64 `toml:"stop_kl" json:"stop_kl" unit:"nats/response" help:"end the run when an iteration's KL exceeds this; 0 = never"`
	JudgePatience   int     `toml:"judge_patience" json:"judge_patience" unit:"iterations" help:"end the run when the judge's mean has not reached a new high for so many iterations, and return the policy of that high; with ema_decay the average is judged, on as many responses of its own, and returned; 0 = never"`
	CheckpointEvery int     `toml:"checkpoint_every" json:"checkpoint_every" unit:"iterations" help:"what an interrupted run may have to repeat"`
	SampleRows      int     `toml:"sample_rows" json:"sample_rows" unit:"responses" help:"responses written to samples.jsonl in each iteration"`
	Seed            uint64  `toml:"seed" json:"seed" unit:"" help:"of sampling, shuffling and the pretraining mix"`
}

// DefaultConfig is a run that works for models of about a million parameters on
// a reward standardised on their own samples.
func DefaultConfig() Config {
	return Config{
		Preset: "default", Estimator: GAE, SamplesPerPrompt: 1,
		Iterations: 20, Episodes: 128, Epochs: 2, Minibatches: 2,
		Temperature: 1, MaxNewTokens: 32,
		RewardCombine: CombineSum, RewardWeights: []float64{}, ScoreAt: ScoreLast, ScoreSamples: 256, MissingEOS: EOSSubtract, MissingEOSPenalty: 2,
		KLIn: KLInReward, KLCoef: .1, KLEstimator: K1, KLHorizon: 10000,
		Gamma: 1, Lambda: .95, WhitenAdvantages: WhitenPopulation, GroupScale: ScaleGroup, WhitenRewards: WhitenOff,
		Clip: .2, CriticInit: CriticFromReward, ValueClip: .2, ValueCoef: 1, Aggregation: TokenMean, PtxRatio: 1, PtxTokens: 64, PtxDocuments: "paragraph",
		LearningRate: 5e-4, WarmupIterations: 3, Schedule: DecayConstant, AdamBeta1: .9, AdamBeta2: .95, AdamEpsilon: 1e-8, MaxGradNorm: 1,
		LoRA: policy.DefaultLoRA(), CheckpointEvery: 1, SampleRows: 4, Slots: 64,
	}
}

// maxCount bounds every count of the settings: beyond it lie typing errors.
const maxCount = 1 << 20

// Validate names the first field that cannot work.
func (c Config) Validate() error {
	for _, f := range []struct {
		name string
		v    int
		min  int
	}{
		{"iterations", c.Iterations, 1}, {"episodes", c.Episodes, 1}, {"samples_per_prompt", c.SamplesPerPrompt, 1}, {"critic_warmup", c.CriticWarmup, 0}, {"truncate_after", c.TruncateAfter, 0}, {"epochs", c.Epochs, 1}, {"minibatches", c.Minibatches, 1},
		{"micro_tokens", c.MicroTokens, 0}, {"max_new_tokens", c.MaxNewTokens, 1}, {"score_samples", c.ScoreSamples, 0},
		{"ptx_tokens", c.PtxTokens, 2}, {"warmup_iterations", c.WarmupIterations, 0},
		{"checkpoint_every", c.CheckpointEvery, 1}, {"sample_rows", c.SampleRows, 0}, {"judge_patience", c.JudgePatience, 0}, {"slots", c.Slots, 1},
	} {
		if f.v < f.min {
			return fmt.Errorf("ppo: %s %d is less than %d", f.name, f.v, f.min)
		}
		if f.v > maxCount {
			return fmt.Errorf("ppo: %s %d is more than %d", f.name, f.v, maxCount)
		}
	}
	for _, f := range []struct {
		name    string
		v       float64
		min, to float64
	}{
		{"score_clip", c.ScoreClip, 0, inf}, {"length_control", c.LengthControl, 0, 1}, {"missing_eos_penalty", c.MissingEOSPenalty, 0, inf},
		{"kl_coef", c.KLCoef, 0, inf}, {"kl_target", c.KLTarget, 0, inf}, {"gamma", c.Gamma, 0, 1}, {"lambda", c.Lambda, 0, 1},
		{"clip", c.Clip, 0, inf}, {"value_clip", c.ValueClip, 0, inf}, {"value_coef", c.ValueCoef, 0, inf},
		{"ptx_coef", c.PtxCoef, 0, inf}, {"ptx_ratio", c.PtxRatio, 0, inf}, {"learning_rate", c.LearningRate, 0, inf},
		{"value_learning_rate", c.ValueLearningRate, 0, inf}, {"adam_beta1", c.AdamBeta1, 0, below1}, {"adam_beta2", c.AdamBeta2, 0, below1},
		{"adam_epsilon", c.AdamEpsilon, 0, inf}, {"weight_decay", c.WeightDecay, 0, inf}, {"max_grad_norm", c.MaxGradNorm, 0, inf},
		{"ema_decay", c.EMADecay, 0, below1}, {"stop_kl", c.StopKL, 0, inf},
	} {
		if !(f.v >= f.min && f.v <= f.to) {
			return fmt.Errorf("ppo: %s %g is not between %g and %g", f.name, f.v, f.min, f.to)
		}
	}
	return c.validateChoices()
}

const (
	inf    = 1e30
	below1 = 1 - 1e-12
)

func (c Config) validateChoices() error {
	if err := c.LoRA.Validate(); err != nil {
		return fmt.Errorf("ppo: %w", err)
	}
	if !(c.Temperature >= policy.MinTemperature && c.Temperature <= policy.MaxTemperature) {
		return fmt.Errorf("ppo: temperature %g is not between %g and %g: PPO needs samples of the full distribution", c.Temperature, policy.MinTemperature, policy.MaxTemperature)
	}
	if err := c.RewardCombine.check(c.RewardWeights); err != nil {
		return fmt.Errorf("ppo: reward_weights %v: %w", c.RewardWeights, err)
	}
	if c.TruncateToken == "" && c.TruncateAfter > 0 {
		return fmt.Errorf("ppo: truncate_after %d, but there is no truncate_token", c.TruncateAfter)
	}
	if c.TruncateAfter >= c.MaxNewTokens {
		return fmt.Errorf("ppo: truncate_after %d is not below max_new_tokens %d: no response could have its truncate_token", c.TruncateAfter, c.MaxNewTokens)
	}
	if c.ScoreSamples == 1 {
		return fmt.Errorf("ppo: score_samples 1 has no deviation; use 0 or at least 2")
	}
	if c.RewardCombine == CombineMaxMin && c.ScoreSamples == 0 {
		return fmt.Errorf("ppo: reward_combine = max-min measures every reward from SFT's samples, and score_samples is 0")
	}
	if c.LengthControl > 0 && c.ScoreSamples == 0 {
		return fmt.Errorf("ppo: length_control needs samples to fit on, and score_samples is 0")
	}
	if c.Episodes%c.Minibatches != 0 {
		return fmt.Errorf("ppo: episodes %d is not a multiple of minibatches %d", c.Episodes, c.Minibatches)
	}
	if c.Episodes%c.SamplesPerPrompt != 0 {
		return fmt.Errorf("ppo: episodes %d is not a multiple of samples_per_prompt %d", c.Episodes, c.SamplesPerPrompt)
	}
	if !c.Estimator.critic() && c.SamplesPerPrompt < 2 {
		return fmt.Errorf("ppo: samples_per_prompt %d leaves estimator %s nothing to compare with", c.SamplesPerPrompt, c.Estimator)
	}
	if !c.Estimator.critic() && c.CriticWarmup > 0 {
		return fmt.Errorf("ppo: critic_warmup %d, but estimator %s has no critic", c.CriticWarmup, c.Estimator)
	}
	if !c.Estimator.critic() && c.ScoreAt == ScoreAfter {
		return fmt.Errorf("ppo: score_at after makes a difference to a critic only, and estimator %s has none", c.Estimator)
	}
	if c.KLIn == KLInLoss && c.KLEstimator != K2 && c.KLEstimator != K3 {
		return fmt.Errorf("ppo: kl_in = loss needs kl_estimator k2 or k3: the gradient of %s is no gradient of the KL", c.KLEstimator)
	}
	if c.KLTarget > 0 && c.KLHorizon <= 0 {
		return fmt.Errorf("ppo: kl_horizon %g is not above 0, and kl_target asks for it", c.KLHorizon)
	}
	for _, f := range []struct {
		name, v string
		allowed []string
	}{
		{"score_at", string(c.ScoreAt), []string{"last", "after"}},
		{"reward_combine", string(c.RewardCombine), []string{"sum", "mean", "worst", "max-min"}},
		{"estimator", string(c.Estimator), []string{"gae", "rloo", "grpo"}},
		{"group_scale", string(c.GroupScale), []string{"group", "batch", "off"}},
		{"kl_in", string(c.KLIn), []string{"reward", "loss"}},
		{"missing_eos", string(c.MissingEOS), []string{"ignore", "subtract", "replace"}},
		{"kl_estimator", string(c.KLEstimator), []string{"k1", "k2", "k3", "abs"}},
		{"whiten_advantages", string(c.WhitenAdvantages), []string{"off", "population", "bessel"}},
		{"whiten_rewards", string(c.WhitenRewards), []string{"off", "population", "bessel"}},
		{"aggregation", string(c.Aggregation), []string{"token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"}},
		{"schedule", string(c.Schedule), []string{"constant", "linear", "cosine"}},
		{"ptx_documents", c.PtxDocuments, []string{policy.DocumentFile, policy.DocumentLine, policy.DocumentParagraph}},
		{"critic_init", string(c.CriticInit), []string{"reward", "policy"}},
	} {
		if err := oneOf(f.name, f.v, f.allowed); err != nil {
			return err
		}
	}
	return nil
}

// idle says of every setting that is not at its default and that the estimator does not look at, why it does nothing.
func (c Config) idle() []string {
	d := DefaultConfig()
	var out []string
	for _, s := range []struct {
		name       string
		set, usual any
	}{
		{"gamma", c.Gamma, d.Gamma}, {"lambda", c.Lambda, d.Lambda}, {"value_coef", c.ValueCoef, d.ValueCoef}, {"value_clip", c.ValueClip, d.ValueClip},
		{"value_learning_rate", c.ValueLearningRate, d.ValueLearningRate}, {"critic_init", c.CriticInit, d.CriticInit},
	} {
		if !c.Estimator.critic() && s.set != s.usual {
			out = append(out, fmt.Sprintf("%s %v has no effect: estimator %s has no critic", s.name, s.set, c.Estimator))
		}
	}
	if c.Estimator != GRPO && c.GroupScale != d.GroupScale {
		out = append(out, fmt.Sprintf("group_scale %s has no effect: it is grpo's, and the estimator is %s", c.GroupScale, c.Estimator))
	}
	return out
}

func oneOf(name, v string, allowed []string) error {
	for _, a := range allowed {
		if v == a {
			return nil
		}
	}
	return fmt.Errorf("ppo: %s %q is none of %q", name, v, allowed)
}
