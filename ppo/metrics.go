package ppo

import "strings"

// Metric documents one number of metrics.jsonl. Names are those that users of
// TRL know; the rest follows the same pattern.
type Metric struct {
	Name    string `json:"name"`
	Formula string `json:"formula"`
	Unit    string `json:"unit"`
	Healthy string `json:"healthy"` // the range of a run that goes well
	Trouble string `json:"trouble"` // what it usually means when it leaves that range
}

// Metrics lists everything an iteration logs, in the order in which one reads
// it. Sums Σ run over the tokens of one response, means over responses unless
// the formula says "tokens". π is the policy, π₀ the reference.
var Metrics = []Metric{
	{"objective/scores", "mean score: standardised, without the price of length if length_control, clipped, with the missing-end rule", "score",
		"rises, then levels off", "flat: learning rate too small or KL coefficient too large; rising together with KL far beyond 10 nats: reward hacking"},
	{"objective/reward_raw", "mean of the reward model's own number", "logit", "rises with objective/scores",
		"differs from objective/scores in direction: many responses lack an end"},
	{"objective/reward_1", "mean of the first of several rewards, as it comes; reward_2 of the second, and so on", "as the reward's", "with max-min: the lowest, in its own deviations from SFT, rises",
		"one falls while the others rise: that group loses; use reward_combine = max-min, or weights"},
	{"objective/judge", "mean of the judge's own number; the judge is never trained on", "logit", "rises with the reward",
		"falls while the reward rises: over-optimisation; stop at the peak or raise kl_coef"},
	{"objective/judge_ema", "the same of the averaged policy's own responses to the same prompts; with ema_decay and judge_patience", "logit", "rises, behind objective/judge",
		"flat while objective/judge rises: ema_decay is too near to 1 for so few iterations"},
	{"objective/kl", "mean of Σ kl(log π − log π₀), the estimator of kl_estimator", "nats per response", "0 … 10",
		"negative under k1: the sampled and the scored distribution differ; large: kl_coef too small"},
	{"objective/kl_logratio", "mean of Σ (log π − log π₀), whatever kl_estimator is", "nats per response", "0 … 10", "below 0 by three times objective/kl_stderr: see objective/kl"},
	{"objective/kl_stderr", "standard error of objective/kl_logratio over the responses", "nats per response", "falls with episodes", ""},
	{"objective/kl_sqrt", "√max(0, mean Σ (log π − log π₀))", "√nats", "0 … 3",
		"the horizontal axis of the over-optimisation chart (Gao et al. 2022, arXiv:2210.10760)"},
	{"objective/kl_coef", "β of the KL penalty", "score per nat", "fixed, or slowly moving",
		"grows without bound: kl_target cannot be reached at this learning rate"},
	{"objective/entropy", "mean of Σ −log π", "nats per response", "falls slowly",
		"towards 0: the policy collapses onto a few responses"},
	{"objective/non_score_reward", "mean of Σ −β·kl", "score", "−1 … 0", "dominates the score: kl_coef too large"},
	{"objective/rlhf_reward", "objective/scores + objective/non_score_reward", "score", "rises",
		"falls while scores rise: the KL penalty outgrows the gain"},
	{"objective/group_std", "mean over prompts of the standard deviation of the returns of their responses; rloo and grpo", "score", "above 0",
		"towards 0: the responses to a prompt are all alike, nothing is left to compare"},
	{"objective/group_flat", "share of prompts whose responses all return the same; rloo and grpo", "0 … 1", "near 0",
		"near 1: prompts are too easy or too hard for this reward"},
	{"policy/approxkl_avg", "½ mean over tokens and updates of (log π_new − log π_old)²", "nats per token", "0.0001 … 0.02",
		"larger: learning rate or number of epochs too high"},
	{"policy/approxkl_first", "the same in the first update, before its step", "nats per token", "exactly 0",
		"anything else: sampling and training disagree; the run stops"},
	{"policy/clipfrac_avg", "share of tokens whose ratio is clipped", "0 … 1", "0 … 0.3", "larger: learning rate or epochs too high"},
	{"policy/entropy_avg", "mean over tokens of the full entropy of π_new", "nats per token", "falls slowly",
		"towards 0: collapse; rising: the policy loses its language"},
	{"policy/grad_norm", "global norm before clipping, mean over updates", "", "steady", "spikes: lower the learning rate"},
	{"loss/policy_avg", "clipped surrogate, mean over updates", "", "around 0, mostly negative", "positive: the steps hurt"},
	{"loss/kl_avg", "β·KL as part of the loss, mean over updates; with kl_in = loss", "", "0 … 0.1", "dominates loss/policy_avg: kl_coef too large"},
	{"loss/value_avg", "½ max((V−R)², (V_clip−R)²), mean over tokens and updates", "score²", "falls",
		"rises: the critic does not keep up, raise value_learning_rate"},
	{"loss/ptx", "cross-entropy on the pretraining mix, mean over updates", "nats per token", "within 0.5 of its start",
		"rises: raise ptx_coef or kl_coef"},
	{"value/grad_norm", "the critic's global norm before clipping, mean over updates", "", "steady", "spikes: lower value_learning_rate"},
	{"val/clipfrac_avg", "share of tokens whose value is clipped", "0 … 1", "0 … 0.5", "larger: value_clip too tight for the scale of the score"},
	{"val/explained_variance", "1 − Var(R − V)/Var(R) over tokens, before the updates", "≤ 1", "above 0, rising",
		"negative: the critic is worse than a constant"},
	{"val/ratio", "mean over tokens and updates of π_new/π_old", "", "0.99 … 1.01", "drifts away from 1: steps too large"},
	{"val/ratio_var", "variance over updates of the mean ratio", "", "below 0.001", "larger: steps too large"},
	{"val/num_eos_tokens", "responses that ended by themselves", "responses", "near the number of episodes",
		"falls: responses run into max_new_tokens; use missing_eos"},
	{"val/eos_rate", "share of responses with an end of their own, or with truncate_token with such a token", "0 … 1", "near 1", "below 0.5: see val/num_eos_tokens"},
	{"val/length", "mean response length, its end included", "tokens", "steady", "grows: the reward likes length"},
	{"val/distinct", "share of distinct responses in the batch", "0 … 1", "above 0.9", "falls: collapse onto a phrase"},
	{"val/distinct_1", "share of distinct tokens among all of the responses' tokens; lower for more or longer responses", "0 … 1", "steady", "falls while the length is steady: fewer and fewer words"},
	{"val/distinct_2", "share of distinct pairs of neighbouring tokens among all pairs; lower for more or longer responses", "0 … 1", "steady",
		"below half of its start: responses share their phrases, raise kl_coef"},
	{"lr", "learning rate of the policy", "1/step", "as scheduled", ""},
	{"episode", "episodes sampled so far", "episodes", "", ""},
	{"tokens", "response tokens sampled so far", "tokens", "", ""},
	{"eps", "episodes per second, whole iteration", "1/s", "", ""},
	{"perf/rollout_seconds", "sampling", "s", "", ""},
	{"perf/score_seconds", "reward, reference, values, judge", "s", "", ""},
	{"perf/update_seconds", "all epochs", "s", "", ""},
}

// Throughput reports whether a metric depends on the machine's speed. Such
// metrics are left out when two runs are compared byte for byte.
func Throughput(name string) bool {
	return name == "eps" || name == "time" || strings.HasPrefix(name, "perf/")
}
