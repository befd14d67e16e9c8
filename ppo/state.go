package ppo

import (
	"agora/policy"
	"agora/policy/checkpoint"
)

// Names inside of a checkpoint's state.
const (
	stateName     = "ppo"
	policyOptName = "policy"
	criticOptName = "critic"
)

// writeFiles writes the whole state of the run into a checkpoint being made: the
// policy as transformers loads it, and under state/ the moments of both
// optimizers, the critic, the average, counters, score rule and KL controller.
// Nothing in it depends on clock, host or path.
func (t *Trainer) writeFiles(dir string) error {
	m := t.models.Policy
	if err := m.WriteCheckpoint(dir); err != nil {
		return err
	}
	if err := policy.WriteStateJSON(dir, stateName, t.state); err != nil {
		return err
	}
	rounded := m.Rounded() // then the state keeps the exact weights
	if err := t.actor.opt.WriteState(dir, policyOptName, rounded); err != nil {
		return err
	}
	if t.critic != nil {
		if err := t.critic.opt.WriteState(dir, criticOptName, true); err != nil {
			return err
		}
	}
	for file, m := range t.seconds() {
		if err := writeWeights(dir, file, m); err != nil {
			return err
		}
	}
	return nil
}

// seconds are the further sets of the policy's weights that the run keeps, by file.
func (t *Trainer) seconds() map[string]*policy.Model {
	all := map[string]*policy.Model{}
	if t.ema != nil {
		all[emaFile] = t.ema
	}
	if t.best != nil {
		all[bestFile] = t.best
	}
	return all
}

// restore is the inverse of writeFiles: from here on every iteration gives the
// bits that it would have given without the interruption. The trainer must be
// new, made from the same models.
func (t *Trainer) restore(dir string) error {
	if _, err := checkpoint.Verify(dir); err != nil {
		return err
	}
	if err := t.models.Policy.ReadCheckpoint(dir); err != nil {
		return err
	}
	if err := policy.ReadStateJSON(dir, stateName, &t.state); err != nil {
		return err
	}
	if err := t.actor.opt.ReadState(dir, policyOptName); err != nil {
		return err
	}
	if t.critic != nil {
		if err := t.critic.opt.ReadState(dir, criticOptName); err != nil {
			return err
		}
	}
	for file, m := range t.seconds() {
		if err := readWeights(dir, file, m); err != nil {
			return err
		}
	}
	return nil
}

// result is the model that the run is for: the average of the policy where it keeps one
// (Ouyang et al. 2022 release averages), else the policy; as it was when the judge
// liked it best where the run looks for that.
func (t *Trainer) result() *policy.Model {
	switch {
	case t.best != nil:
		return t.best
	case t.ema != nil:
		return t.ema
	}
	return t.models.Policy
}
