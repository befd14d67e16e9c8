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
