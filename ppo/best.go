package ppo

import (
	"context"
	"fmt"

	"agora/policy"
)

// Best is the highest mean that the judge gave to an iteration's responses.
type Best struct {
	Iteration int     `json:"iteration"` // whose rollout it was, counted from 1; 0: none yet
	Judge     float64 `json:"judge"`
}

// judgeAverage lets the average of the policy answer the rollout's prompts, with the same random numbers, and the
// judge read the answers; nil where early stopping does not need it. What a run with an average returns is an
// average, and it lags behind: with decay .992 it is still six sevenths SFT when the policy is 20 iterations old. So
// neither the iteration at which the policy is best nor how good it is then says anything of the average.
func (t *Trainer) judgeAverage(ctx context.Context, r *Rollout) ([]float32, error) {
	if t.averages == nil {
		return nil, nil
	}
	of, err := t.respond(ctx, t.averages, r.Prompts, t.state.Episodes, t.cfg.Seed)
	if err != nil {
		return nil, err
	}
	return t.judge.Rate(ctx, of.Prompts, of.Read)
}

// judged is the model that early stopping looks at, and what the judge says of it.
func (t *Trainer) judged(s Stats) (*policy.Model, float64) {
	if t.ema != nil {
		return t.ema, *s.JudgeEMA
	}
	return t.models.Policy, *s.Judge
}

// rememberBest keeps the weights that were judged if the judge has never liked any better. It runs before
// the iteration's updates, so the weights are exactly those that sampled what it read.
func (t *Trainer) rememberBest(s Stats) {
	if t.best == nil {
		return
	}
	m, judge := t.judged(s)
	if b := &t.state.Best; b.Iteration == 0 || judge > b.Judge {
		*b = Best{t.state.Iteration + 1, judge}
		for _, p := range m.Params.List() {
			if !p.Frozen {
				copy(t.best.Params.Get(p.Name).Data, p.Data)
			}
		}
		t.best.Params.Changed()
	}
}

// spent says whether the judge has waited long enough for something better: early stopping on a reward
// that the policy is not trained on (Gao et al. 2022, arXiv:2210.10760, find it worth as much as a KL penalty).
func (t *Trainer) spent() (why string, yes bool) {
	if n := t.cfg.JudgePatience; n == 0 || t.state.Iteration-t.state.Best.Iteration < n {
		return "", false
	}
	what := "policy"
	if t.ema != nil {
		what = "averaged policy"
	}
	return fmt.Sprintf("the judge's best, %.3f, was that of iteration %d, and %d more brought nothing better; the run ends here and returns the %s of that iteration",
		t.state.Best.Judge, t.state.Best.Iteration, t.cfg.JudgePatience, what), true
}
