package reward

import (
	"math"
	"strconv"

	"agora/reward/prefs"
)

// labelerFolds is how many groups labelers without a worker_fold are hashed into (InstructGPT, appendix E).
const labelerFolds = 5

// parts fills in the intervals and the breakdowns.
func (r *Report) parts(all []observation) {
	whole := interval(all)
	r.CI95, r.Units = [2]float64{whole.Lo, whole.Hi}, whole.Units
	r.ByGroup = partsBy(all, groupsOf, nil)
	r.ByLabelerFold = partsBy(all, foldOf, nil)
	r.ByStrength = partsBy(all, strengthOf, Comparisons(linesOf(all)))
	r.ByAgreement = partsByAgreement(all)
	worst := math.Inf(1)
	for name, p := range r.ByGroup {
		if p.N >= 20 && (p.Accuracy < worst || p.Accuracy == worst && name < r.WorstGroup) {
			worst, r.WorstGroup = p.Accuracy, name
		}
	}
	r.ByMargin = marginBins(all)
	r.Calibration = calibrationError(r.ByMargin)
}

// interval resamples clusters.
func interval(all []observation) Interval {
	index := map[string]int{}
	var hits, counts []float64
	for _, o := range all {
		i, ok := index[o.unit]
		if !ok {
			i = len(hits)
			index[o.unit] = i
			hits, counts = append(hits, 0), append(counts, 0)
		}
		hits[i] += o.people * o.right()
		counts[i] += o.people
	}
	return bootstrapRatio(hits, counts)
}

// partsBy measures every part of the pairs, and how far people agree: those of the part among themselves,
// or with peers given, with everybody.
func partsBy(all []observation, keys func(*prefs.Ranked) []string, peers []Comparison) map[string]Part {
	by := map[string][]observation{}
	for _, o := range all {
		for _, key := range keys(o.line) {
			by[key] = append(by[key], o)
		}
	}
	out := measure(by)
	for key, part := range out {
		part.References = referencesOf(Comparisons(linesOf(by[key])), peers)
		out[key] = part
	}
	return out
}

// linesOf are the rankings that observations come from, each once: all pairs of one stand together.
func linesOf(all []observation) []*prefs.Ranked {
	var out []*prefs.Ranked
	for i, o := range all {
		if i == 0 || o.line != all[i-1].line {
			out = append(out, o.line)
		}
	}
	return out
}

// partsByAgreement sorts pairs by the votes of their labelers: unanimous, majority
// or divided (as many for one as for the other).
func partsByAgreement(all []observation) map[string]Part {
	votes := map[string]*[2]float64{}
	of := func(o observation) (*[2]float64, int) {
		a, b, side := o.better, o.worse, 0
		if a > b {
			a, b, side = b, a, 1
		}
		key := a + "\x00" + b
		if votes[key] == nil {
			votes[key] = new([2]float64)
		}
		return votes[key], side
	}
	for _, o := range all {
		v, side := of(o)
		v[side] += o.people
	}
	by := map[string][]observation{}
	for _, o := range all {
		v, _ := of(o)
		switch {
		case v[0]+v[1] < 2:
		case v[0] == v[1]:
			by["divided"] = append(by["divided"], o)
		case v[0] == 0 || v[1] == 0:
			by["unanimous"] = append(by["unanimous"], o)
		default:
			by["majority"] = append(by["majority"], o)
		}
	}
	return measure(by)
}

func measure(by map[string][]observation) map[string]Part {
	out := map[string]Part{}
	for key, part := range by {
		i := interval(part)
		out[key] = Part{N: int(i.N), Accuracy: i.Value, CI95: [2]float64{i.Lo, i.Hi}}
	}
	return out
}

func groupsOf(r *prefs.Ranked) []string {
	var keys []string
	for name, value := range r.Groups {
		if value != nil {
			keys = append(keys, name+"="+*value)
		}
	}
	return keys
}

func foldOf(r *prefs.Ranked) []string {
	switch {
	case r.WorkerFold != nil:
		return []string{strconv.Itoa(*r.WorkerFold)}
	case r.Worker != "":
		return []string{strconv.Itoa(int(hash(r.Worker) % labelerFolds))}
	}
	return nil
}

func strengthOf(r *prefs.Ranked) []string {
	if r.Strength == nil {
		return nil
	}
	return []string{strconv.FormatFloat(*r.Strength, 'g', -1, 64)}
}
