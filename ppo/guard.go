package ppo

import (
	"fmt"
	"math"
	"slices"

	"agora/policy"
)

// checkFinite returns policy.ErrNotFinite with the name of the first metric, in
// alphabetical order, that is not a finite number.
func checkFinite(m map[string]float64) error {
	bad := make([]string, 0, 1)
	for name, v := range m {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			bad = append(bad, name)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	slices.Sort(bad)
	return &notFinite{bad[0], m[bad[0]]}
}

// notFinite ends a run whose losses, gradients or rewards stopped being numbers.
// The newest checkpoint is from before that.
type notFinite struct {
	name  string
	value float64
}

func (e *notFinite) Error() string { return fmt.Sprintf("%s is %g, no finite number", e.name, e.value) }

// Is makes errors.Is(err, policy.ErrNotFinite) true.
func (e *notFinite) Is(target error) bool { return target == policy.ErrNotFinite }

// Warning is something that is likely wrong, with what usually causes it.
type Warning struct {
	Kind string // negative-kl, eos-rate, high-kl or collapse
	Text string
}

// Warnings looks at one iteration. An empty result means that nothing stands out.
func Warnings(s Stats) []Warning {
	var out []Warning
	warn := func(kind, format string, args ...any) {
		out = append(out, Warning{kind, fmt.Sprintf(format, args...)})
	}
	n := float64(max(1, s.Episodes))
	if se := s.KLStd / math.Sqrt(n); s.KLLogRatio < -.1 && s.KLLogRatio < -3*se {
		warn("negative-kl", "KL is negative (%.3f ± %.3f nats per response): the policy is sampled from another distribution than it is "+
			"scored with; look for sampling limits (top-k, top-p, a forced length), for dropout, or for a reference with another tokenizer", s.KLLogRatio, se)
	}
	if rate := float64(s.Ended) / n; rate < .5 && !s.Endless {
		warn("eos-rate", "only %.0f %% of the responses end by themselves: max_new_tokens cuts the others; "+
			"raise it, set missing_eos, or fine-tune the policy on texts with an end", 100*rate)
	}
	if s.KLLogRatio > 20 {
		warn("high-kl", "KL is %.1f nats per response: the reward is probably being exploited; raise kl_coef, lower learning_rate, or set stop_kl", s.KLLogRatio)
	}
	if s.Distinct < .5 {
		warn("collapse", "only %.0f %% of the responses differ: the policy collapses onto a few phrases; raise kl_coef", 100*s.Distinct)
	}
	return out
}
