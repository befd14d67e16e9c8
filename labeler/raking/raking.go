// Package raking weights the people of a project, so that the pool has the shares of the population that
// its targets name.
package raking

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"agora/db"
	"agora/labeler/agree"
	"agora/reward/prefs"
)

// Weights are the raking weights of a project's labelers.
type Weights struct {
	agree.Weights
	Of      map[string]float64 // by pseudonym, mean 1
	Missing []string           // "age=65+": targets above 0 that nobody in the pool is in; the others share their part
}

// OfProject rakes the labelers with answers in use to the project's targets, for
// statistics that stay on the site. nil: the project has no targets, or nobody
// answered. A person whose group is not known keeps weight 1 in that respect.
func OfProject(ctx context.Context, store *db.Store, p db.Project) (*Weights, error) {
	settings, err := store.PoolSettings(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	people, err := store.Pool(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	people = slices.DeleteFunc(people, func(p db.PoolPerson) bool { return p.Answers == 0 })
	return Rake(people, settings)
}

// ForExport rakes the members with answers in use by what an export may say
// about them, so that a weight tells no group that the groups do not: only what
// people's consent covers, and no value that fewer than db.SmallestGroup share.
// nil: weights are off, or there are no targets.
func ForExport(ctx context.Context, store *db.Store, p db.Project, people map[string]db.ExportPerson) (*Weights, error) {
	settings, err := store.PoolSettings(ctx, p.ID)
	if err != nil || !settings.UseWeights {
		return nil, err
	}
	var pool []db.PoolPerson
	for _, worker := range slices.Sorted(maps.Keys(people)) {
		one := db.PoolPerson{Worker: worker, Groups: map[string]string{}}
		for name, value := range people[worker].Groups {
			if value != nil {
				one.Groups[name] = *value
			}
		}
		pool = append(pool, one)
	}
	return Rake(pool, settings)
}

// Weight is a labeler's: 1 where nothing is known of them.
func (w *Weights) Weight(worker string) float64 {
	if weight, ok := w.Of[worker]; ok {
		return weight
	}
	return 1
}

// Add writes a labeler's weight into a line of an export; nil weights write none.
func (w *Weights) Add(line *prefs.Fields, worker string) {
	if w != nil {
		line.Set("weight", json.RawMessage(strconv.FormatFloat(w.Weight(worker), 'g', 6, 64)))
	}
}

// Card is what an export's card says of its weights, nil without any.
func Card(ctx context.Context, store *db.Store, p db.Project) (*prefs.Weights, error) {
	people, err := store.ExportPeople(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	w, err := ForExport(ctx, store, p, people)
	if err != nil || w == nil {
		return nil, err
	}
	settings, err := store.PoolSettings(ctx, p.ID)
	return &prefs.Weights{Method: prefs.Raked, Targets: settings.Targets, Cap: settings.WeightCap, Labelers: len(w.Of), Effective: w.Effective,
		Design: w.Design, Max: w.Max, Trimmed: w.Trimmed, Missing: w.Missing}, err
}

// Rake weights people to the targets that can be reached.
func Rake(people []db.PoolPerson, settings db.PoolSettings) (*Weights, error) {
	if len(people) == 0 || len(settings.Targets) == 0 {
		return nil, nil
	}
	groups := make([]map[string]string, len(people))
	for i, p := range people {
		groups[i] = p.Groups
	}
	w := &Weights{Of: map[string]float64{}}
	targets := agree.Margins{}
	for _, name := range slices.Sorted(maps.Keys(settings.Targets)) {
		if reached := w.reachable(name, settings.Targets[name], groups); len(reached) > 0 {
			targets[name] = reached
		}
	}
	var err error
	if w.Weights, err = agree.Rake(groups, targets, settings.WeightCap); err != nil {
		return nil, err
	}
	for i, p := range people {
		w.Of[p.Worker] = w.W[i]
	}
	return w, nil
}

// reachable leaves out the values that nobody has, notes them, and scales the
// others to 1: no weight can make up for people who are not there.
func (w *Weights) reachable(name string, shares map[string]float64, people []map[string]string) map[string]float64 {
	there, sum := map[string]float64{}, 0.0
	for _, value := range slices.Sorted(maps.Keys(shares)) {
		switch {
		case slices.ContainsFunc(people, func(p map[string]string) bool { return p[name] == value }):
			there[value] = shares[value]
			sum += shares[value]
		case shares[value] > 0:
			w.Missing = append(w.Missing, name+"="+value)
		}
	}
	if sum == 0 {
		return nil
	}
	for value := range there {
		there[value] /= sum
	}
	return there
}
