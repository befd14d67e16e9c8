package guard

import "slices"

// check is one kind of warning.
type check struct {
	kind  string
	reads []string // metrics
	text  string   // format of Warning.Text
	seen  func(*Watch) (args []float64, yes bool)
}

// Kinds are the kinds of warnings, those of rollout methods first.
func Kinds() []string {
	var out []string
	for _, checks := range [][]check{rolloutChecks, dpoChecks, rewardChecks} {
		for _, c := range checks {
			if !slices.Contains(out, c.kind) {
				out = append(out, c.kind)
			}
		}
	}
	return out
}

var checksOf = map[string][]check{"ppo": rolloutChecks, "rloo": rolloutChecks, "grpo": rolloutChecks, "dpo": dpoChecks, "reward": rewardChecks}

// Names of metrics that more than one check reads, see ppo.Metrics.
const (
	judge    = "objective/judge"
	reward   = "objective/reward_raw"
	logRatio = "objective/kl_logratio"
	length   = "val/length"
)

// Thresholds of the rollout methods. "Of its start" compares the mean of the last three iterations with that of
// the first three.
const (
	negativeKL  = -.1 // nats a response, and three standard errors below 0: exact estimators are never that low
	oldNegative = -.5 // where a run of an older version logs no standard error
	fewEnds     = .5  // share of responses that end
	highKL      = 20. // nats a response; with less than highShare a token it is a long response's due
	highShare   = .1  // nats a token; fine runs stay around .05 (Zheng et al. 2023, arXiv:2307.04964)
	sharpKL     = 1.  // nats a token: a short response that says something else altogether, at
	sharpFrom   = 5.  // nats a response at least
	fewDistinct = .5  // share of responses that differ
	halved      = .5  // distinct pairs of tokens, of its start
	fifth       = .2  // entropy, of its start
	longer      = 1.25
)

var rolloutChecks = []check{
	{"negative-kl", []string{logRatio, "objective/kl", "objective/kl_stderr"},
		"KL is negative (%.3f ± %.3f nats per response): the policy is sampled from another distribution than it is " +
			"scored with; look for sampling limits (top-k, top-p, a forced length), for dropout, or for a reference with another tokenizer",
		func(w *Watch) ([]float64, bool) {
			kl, ok := w.kl()
			se, known := w.of["objective/kl_stderr"].newest()
			if !known {
				return []float64{kl, 0}, ok && kl < oldNegative
			}
			return []float64{kl, se}, ok && kl < negativeKL && kl < -3*se
		}},
	{"over-optimisation", []string{judge, reward},
		"the judge's score has fallen from %.3f at iteration %.0f to %.3f while the reward rose: the policy exploits the reward model; " +
			"take the checkpoint near the peak (judge_patience does), raise kl_coef, or train the reward model on the policy's new texts",
		func(w *Watch) ([]float64, bool) { return w.judged.turned() }},
	{"high-kl", []string{logRatio, "objective/kl", length},
		"KL is %.1f nats per response, %.2f per token: the reward is probably being exploited; raise kl_coef, lower learning_rate, or set stop_kl",
		func(w *Watch) ([]float64, bool) {
			kl, ok := w.kl()
			tokens, _ := w.of[length].newest()
			if tokens < 1 { // not logged
				return []float64{kl, 0}, ok && kl > highKL
			}
			return []float64{kl, kl / tokens}, ok && (kl > highKL && kl > highShare*tokens || kl > sharpFrom && kl > sharpKL*tokens)
		}},
	{"collapse", []string{"val/distinct"},
		"only %.0f %% of the responses differ: the policy collapses onto a few phrases; raise kl_coef, lower learning_rate, or give it more prompts",
		func(w *Watch) ([]float64, bool) {
			d, ok := w.of["val/distinct"].newest()
			return []float64{100 * d}, ok && d < fewDistinct
		}},
	{"repetition", []string{"val/distinct_2"},
		"distinct pairs of tokens fell from %.3f to %.3f of all: responses share their phrases more and more; raise kl_coef, lower learning_rate, or raise temperature",
		func(w *Watch) ([]float64, bool) {
			first, last, ok := w.of["val/distinct_2"].ends(3)
			return []float64{first, last}, ok && last < halved*first
		}},
	{"entropy", []string{"policy/entropy_avg"},
		"entropy fell from %.3f to %.3f nats per token: the policy is nearly sure of every token and has little left to explore; raise kl_coef, lower learning_rate or epochs",
		func(w *Watch) ([]float64, bool) {
			first, last, ok := w.of["policy/entropy_avg"].ends(3)
			return []float64{first, last}, ok && last < fifth*first
		}},
	{"length", []string{length},
		"responses grew from %.1f to %.1f tokens: longer may be all that the reward asks for; set length_control, or balance lengths in the reward model's data",
		func(w *Watch) ([]float64, bool) {
			first, last, ok := w.of[length].ends(3)
			return []float64{first, last}, ok && last > longer*first
		}},
	{"eos-rate", []string{"val/eos_rate"},
		"only %.0f %% of the responses end by themselves: max_new_tokens cuts the others; " +
			"raise it, set missing_eos, or fine-tune the policy on texts with an end",
		func(w *Watch) ([]float64, bool) {
			rate, ok := w.of["val/eos_rate"].newest()
			return []float64{100 * rate}, ok && rate < fewEnds
		}},
}

// kl is the newest mean log-ratio, nats a response; of older versions, the estimator that they trained with.
func (w *Watch) kl() (float64, bool) {
	if kl, ok := w.of[logRatio].newest(); ok {
		return kl, true
	}
	return w.of["objective/kl"].newest()
}

// Thresholds of the methods that learn from fixed pairs, on the means of twenty steps and more.
const (
	chance   = .55 // accuracy
	overfit  = 1.1 // validation loss, of its lowest
	unlikely = 1.1 // −log π of the chosen texts, of its start
	lost     = 2.  // how many times the margin that r(chosen) may fall
)

var dpoChecks = []check{
	{"chosen-falls", []string{"rewards/chosen", "rewards/margins", "logps/chosen"},
		"the better texts became less likely, by %.1f nats, and lost %.1f times what they gained on the worse ones: the policy moves to texts that nobody ranked; " +
			"raise beta, lower learning_rate, or fine-tune on the chosen texts first",
		func(w *Watch) ([]float64, bool) {
			_, chosen, ok := w.of["rewards/chosen"].ends(10)
			_, margin, _ := w.of["rewards/margins"].ends(10)
			first, last, _ := w.of["logps/chosen"].ends(10)
			return []float64{first - last, -chosen / margin}, ok && margin > 0 && -chosen > lost*margin && last < unlikely*first
		}},
	atChance("chance", "rewards/accuracies", "the policy prefers the better text in %.0f %% of the last pairs, where a coin gets 50 %%: the labels contradict each other or are the wrong way round, "+
		"or learning_rate is too small or beta too large"),
	overfits("overfit", "loss/validation"),
}

var rewardChecks = []check{
	atChance("chance", "accuracy", "the reward model is right in %.0f %% of the last pairs, where a coin gets 50 %%: the labels contradict each other or are the wrong way round, "+
		"or learning_rate is too small or too large"),
	overfits("overfit", "eval_loss"),
}

func atChance(kind, accuracy, text string) check {
	return check{kind, []string{accuracy}, text, func(w *Watch) ([]float64, bool) {
		_, last, ok := w.of[accuracy].ends(20)
		return []float64{100 * last}, ok && last < chance
	}}
}

func overfits(kind, loss string) check {
	const text = "the loss on held-out pairs rose from %.3f at step %.0f to %.3f: the model learns its own pairs by heart; take fewer epochs or a lower learning_rate, or set select_best"
	return check{kind, []string{loss}, text, func(w *Watch) ([]float64, bool) {
		s := w.of[loss]
		last, ok := s.newest()
		if !ok {
			return nil, false
		}
		low := 0
		for i, v := range s.values {
			if v < s.values[low] {
				low = i
			}
		}
		return []float64{s.values[low], float64(s.steps[low]), last}, s.values[low] > 0 && last > overfit*s.values[low]
	}}
}
