package experiment

import (
	"path/filepath"

	"agora/policy"
	"agora/ppo/guard"
)

// curve reads some metrics of a run by step, in order. A step that lacks one of them is left out.
func curve(run string, names ...string) ([][]float64, error) {
	return guard.ReadLog(filepath.Join(run, policy.MetricsFile), names...)
}
