package labeler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"

	"agora/db"
	"agora/labeler/agree"
	"agora/reward/prefs"
)

// quality is everything that the quality pages say, computed, in no language: the same for all readers.
type quality struct {
	Items, Answers, Labelers, Unnamed int
	Checked                           int // answers to known items
	By                                agree.Clusters
	Measures, Flags                   []measure
	Kappas                            []agree.Kappa // pairs of people, most items in common first
	People                            []person
	Team                              agree.Drift // of all together, item by item
	Groups                            []groupAgreement
	SmallGroups                       int
	Weights                           *weighting // nil: everybody counts alike
}

// computeQuality reads a project's answers and computes everything.
func computeQuality(ctx context.Context, store *db.Store, p db.Project, w *weighting) (q quality, err error) {
	o := newOpinions()
	if err := eachJudgement(ctx, store, p, func(_ int64, r *prefs.Ranked) { o.add(r) }); err != nil {
		return q, err
	}
	if err := o.addMembers(ctx, store, p); err != nil {
		return q, err
	}
	of, err := checks(ctx, store, p)
	if err != nil {
		return q, err
	}
	return o.quality(of, w)
}

// addMembers adds what the project knows of its members, which files do not.
func (o *opinions) addMembers(ctx context.Context, store *db.Store, p db.Project) error {
	return o.groups.addMembers(ctx, store, p)
}

func (g groupsOfPeople) addMembers(ctx context.Context, store *db.Store, p db.Project) error {
	members, err := store.MemberGroups(ctx, p.ID)
	for _, m := range members {
		for name, value := range m.Groups {
			g.put(name, m.Worker, value)
		}
	}
	return err
}

// only leaves out whoever gave no answer, so that nobody counts towards a group that is large enough to show
// without being in its figures.
func (g groupsOfPeople) only(answered map[string]int) {
	for _, of := range g {
		maps.DeleteFunc(of, func(worker, _ string) bool { return answered[worker] == 0 })
	}
}

// quality computes the figures of what was collected.
func (o *opinions) quality(of map[string]*checksOf, w *weighting) (q quality, err error) {
	q.Items, q.Answers, q.Labelers, q.Unnamed, q.Weights = len(o.items), o.answers, len(o.people.answers), o.unnamed, w
	for _, c := range of {
		q.Checked += c.Gold.N
	}
	o.groups.only(o.people.answers)
	crowd := crowd{weights: w.of()}
	pairs, err := crowd.table(o.pairs.labels)
	if err != nil {
		return q, err
	}
	crowd.by = clustersOf(pairs)
	q.By = crowd.by
	if q.Measures, err = o.measures(pairs, crowd); err != nil {
		return q, err
	}
	if q.Flags, err = o.flagMeasures(crowd); err != nil {
		return q, err
	}
	q.Kappas = pairs.Cohen(1)
	if q.People, q.Team, err = o.raters(pairs, of); err != nil {
		return q, err
	}
	q.Groups, q.SmallGroups = groupPairs(pairs, o.groups)
	return q, nil
}

// digest is a short name for a value that a statistic also depends on.
func digest(v any) (string, error) {
	b, err := json.Marshal(v)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8]), err
}
