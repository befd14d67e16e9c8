package policy

import (
	"context"

	"agora/policy/cpu"
)

// MeasureGFLOPS trains a size of the benchmark for a few steps and counts 6 operations per weight and
// token, as plans do.
func MeasureGFLOPS(ctx context.Context, workers int, name string) (float64, error) {
	size, err := sizeOf(name)
	if err != nil {
		return 0, err
	}
	dev, err := cpu.Open(workers)
	if err != nil {
		return 0, err
	}
	m, err := NewModel(size.config)
	if err != nil {
		return 0, err
	}
	m.Init(0)
	n := size.batch * size.tokens
	t, err := newTokenLoss(dev, m, n, size.batch, 0)
	if err != nil {
		return 0, err
	}
	opt := NewOptimizer(dev, m.Params, OptimizerConfig{Schedule: Schedule{Peak: 1e-4, Shape: "constant"}, Beta1: .9, Beta2: .999, Eps: 1e-8})
	ids, targets, lens, weights := benchBatch(m.Config.Vocab, size.batch, size.tokens)
	times, err := timeSteps(ctx, 1, 3, func() error {
		if _, err := t.run(ids, targets, lens, weights); err != nil {
			return err
		}
		_, _, err := opt.Step()
		return err
	})
	if err != nil {
		return 0, err
	}
	return float64(n) / times[1] * m.Config.FlopsPerToken() / 1e9, nil
}
