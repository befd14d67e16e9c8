package reward

// groupSums gathers a step's loss and accuracy by the labelers' group, before any reweighing.
type groupSums struct {
	loss, right, weight []float64 // [groups]; empty without groups
	smoothing           float64   // share of the labels taken to be wrong
}

func newGroupSums(groups int, smoothing float64) groupSums {
	return groupSums{make([]float64, groups), make([]float64, groups), make([]float64, groups), smoothing}
}

// add takes a comparison whose scores are d apart; its loss is the one that is minimised.
func (s groupSums) add(l link, d float64) {
	if len(s.weight) == 0 {
		return
	}
	w := float64(l.plain)
	s.weight[l.of] += w
	ahead := d - float64(l.margin)
	s.loss[l.of] -= w * ((1-s.smoothing)*logSigmoid(ahead) + s.smoothing*logSigmoid(-ahead))
	switch {
	case d > 0:
		s.right[l.of] += w
	case d == 0:
		s.right[l.of] += w / 2
	}
}

// reweigh multiplies every comparison by its group's factor.
func (m *micro) reweigh(r *robust) {
	for i := range m.pairs {
		m.pairs[i].plain = m.pairs[i].weight
		m.pairs[i].weight *= r.factor(m.pairs[i].of)
	}
}

// weigh moves the groups' weights after a step, and reports how every group does.
func (t *trainer) weigh(s groupSums, values map[string]float64) {
	for g, name := range t.grouping.names {
		if s.weight[g] > 0 {
			values["group_loss/"+name], values["group_accuracy/"+name] = s.loss[g]/s.weight[g], s.right[g]/s.weight[g]
		}
	}
	if t.robust == nil {
		return
	}
	for g, name := range t.grouping.names {
		values["group_weight/"+name] = t.robust.Alpha[g]
	}
	t.robust.update(s.loss, s.weight)
}

// shares is how much of the training data's weight each group has.
func shares(all []group, groups int) []float64 {
	out, total := make([]float64, groups), 0.0
	for _, g := range all {
		for _, p := range g.pairs {
			out[p.of] += float64(p.weight)
			total += float64(p.weight)
		}
	}
	for g := range out {
		out[g] /= total
	}
	return out
}
