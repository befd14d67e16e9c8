package ppo

import "fmt"

// Best is the highest mean that the judge gave to an iteration's responses.
type Best struct {
	Iteration int     `json:"iteration"` // whose rollout it was, counted from 1; 0: none yet
	Judge     float64 `json:"judge"`
}

// rememberBest keeps the weights that sampled this rollout if the judge has never liked one better. It
// runs before the iteration's updates, so the weights are exactly those that were judged.
func (t *Trainer) rememberBest(s Stats) {
	if t.best == nil {
		return
	}
	if b := &t.state.Best; b.Iteration == 0 || *s.Judge > b.Judge {
		*b = Best{t.state.Iteration + 1, *s.Judge}
		for _, p := range t.models.Policy.Params.List() {
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
	return fmt.Sprintf("the judge's best, %.3f, was that of iteration %d, and %d more brought nothing better; the run ends here and returns the policy of that iteration",
		t.state.Best.Judge, t.state.Best.Iteration, t.cfg.JudgePatience), true
}
