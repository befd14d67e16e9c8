package db

import (
	"context"
	"math"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Append writes a run's metrics and samples in one transaction. Call it at
// most once a second with what has gathered. A step written before is
// overwritten, so a resumed run may repeat itself. Metrics must be finite.
func (s *Store) Append(ctx context.Context, metrics []Metric, samples []Sample) error {
	for _, m := range metrics {
		if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
			return Invalid("metric", "%s is %v at step %d", m.Name, m.Value, m.Step)
		}
	}
	metrics = lastOf(metrics, func(m Metric) any { return [3]any{m.RunID, m.Step, m.Name} })
	samples = lastOf(samples, func(s Sample) any { return [3]any{s.RunID, s.Step, s.Idx} })
	return s.write(ctx, func(tx *gorm.DB) error {
		tx = tx.Clauses(clause.OnConflict{UpdateAll: true})
		if len(metrics) > 0 {
			if err := tx.CreateInBatches(metrics, 200).Error; err != nil {
				return err
			}
		}
		if len(samples) == 0 {
			return nil
		}
		return tx.CreateInBatches(samples, 200).Error
	})
}

// lastOf keeps the last row of each key: PostgreSQL refuses to overwrite a row
// that the same statement wrote.
func lastOf[T any](rows []T, key func(T) any) []T {
	at := make(map[any]int, len(rows))
	var kept []T
	for _, r := range rows {
		k := key(r)
		if i, ok := at[k]; ok {
			kept[i] = r
			continue
		}
		at[k] = len(kept)
		kept = append(kept, r)
	}
	return kept
}

// AppendMetrics writes metrics alone, see Append.
func (s *Store) AppendMetrics(ctx context.Context, metrics []Metric) error {
	return s.Append(ctx, metrics, nil)
}

// AppendSamples writes samples alone, see Append.
func (s *Store) AppendSamples(ctx context.Context, samples []Sample) error {
	return s.Append(ctx, nil, samples)
}

// Metrics returns a run's metrics with step > after (-1: all), by name and
// step. names chooses some, none means all.
func (s *Store) Metrics(ctx context.Context, runID, after int64, names ...string) ([]Metric, error) {
	q := s.read(ctx).Where("run_id = ? AND step > ?", runID, after)
	if len(names) > 0 {
		q = q.Where("name IN ?", names)
	}
	return all[Metric](q.Order("name, step"))
}

// LatestMetrics returns every metric of a run at its newest step.
func (s *Store) LatestMetrics(ctx context.Context, runID int64) ([]Metric, error) {
	return all[Metric](s.read(ctx).Where("run_id = ? AND step = (SELECT max(m.step) FROM run_metrics m WHERE m.run_id = run_metrics.run_id AND m.name = run_metrics.name)", runID).Order("name"))
}

// Samples returns a run's samples of the newest n steps that have some, newest step first.
func (s *Store) Samples(ctx context.Context, runID int64, n int) ([]Sample, error) {
	return all[Sample](s.read(ctx).Where(`run_id = ? AND step IN
		(SELECT DISTINCT step FROM run_samples WHERE run_id = ? ORDER BY step DESC LIMIT ?)`, runID, runID, n).Order("step DESC, idx"))
}
