package reward

import (
	"context"
	"fmt"

	"agora/policy"
	"agora/policy/cpu"
	"agora/reward/prefs"
)

// judge is a reward model as what selects among policies (policy.Judge).
type judge struct {
	m *Model
	s *Scorer
}

// OpenJudge loads a reward model with one head to score responses with.
func OpenJudge(dev *cpu.Device, dir string) (policy.Judge, error) {
	m, err := Load(dir)
	if err != nil {
		return nil, err
	}
	s, err := NewScorer(dev, m, 0)
	return judge{m, s}, err
}

// Score implements policy.Judge.
func (j judge) Score(ctx context.Context, prompts [][]prefs.Message, completions []string) ([]float64, error) {
	seqs := make([][]int32, len(prompts))
	for i := range seqs {
		var err error
		if seqs[i], err = j.m.Encode(prompts[i], completions[i]); err != nil {
			return nil, fmt.Errorf("response %d: %w", i+1, err)
		}
	}
	scores, err := j.s.Score(ctx, seqs)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(scores))
	for i, x := range scores {
		out[i] = float64(x)
	}
	return out, nil
}
