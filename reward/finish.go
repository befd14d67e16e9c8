package reward

import (
	"context"
	"maps"

	"agora/reward/prefs"
)

// finish centres, evaluates and saves the model.
func (t *trainer) finish(ctx context.Context) (*Result, error) {
	out := &Result{Model: t.model, Groups: t.stats, Split: t.split, Steps: t.steps}
	metrics, err := t.conclude(ctx, out)
	if err != nil {
		return nil, t.stopped(ctx, err)
	}
	if t.pending != nil { // else the run was stopped right before the last line below
		line := maps.Clone(t.pending)
		maps.Copy(line, metrics)
		if err := t.log(line); err != nil {
			return nil, err
		}
		if err := t.commit(); err != nil {
			return nil, err
		}
	}
	return out, t.model.Save(t.run.Result(), t.manifest(metrics))
}

// conclude sets the bias and measures the finished model.
func (t *trainer) conclude(ctx context.Context, out *Result) (map[string]float64, error) {
	tokens, what, err := centreTexts(t.data, t.split.Train, t.model.encoder())
	if err != nil {
		return nil, err
	}
	if err := t.model.centre(ctx, t.scorer, tokens); err != nil {
		return nil, err
	}
	out.Centred = what
	metrics := map[string]float64{}
	for _, part := range []struct {
		prefix string
		lines  []*prefs.Ranked
		report **Report
	}{{"eval_", t.split.Val, &out.Val}, {"eval_new_labelers_", t.split.NewWorkers, &out.NewWorkers}} {
		r, err := evaluate(ctx, t.scorer, part.lines, true)
		if err != nil {
			return nil, err
		}
		if r.N > 0 {
			*part.report = r
			metrics[part.prefix+"loss"], metrics[part.prefix+"accuracy"], metrics[part.prefix+"n"] = r.Loss, r.Accuracy, float64(r.N)
		}
	}
	return metrics, nil
}

// centre shifts the bias so that the mean score of the texts is 0.
func (m *Model) centre(ctx context.Context, s *Scorer, texts [][]int32) error {
	m.Bias().Data[0] = 0
	m.Trunk.Params.Changed()
	scores, err := s.Score(ctx, texts)
	if err != nil || len(scores) == 0 {
		return err
	}
	sum := 0.0
	for _, x := range scores {
		sum += float64(x)
	}
	m.Bias().Data[0] = float32(-sum / float64(len(scores)))
	m.Trunk.Params.Changed()
	return nil
}
