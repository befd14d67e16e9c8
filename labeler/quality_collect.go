package labeler

import (
	"slices"

	"agora/labeler/agree"
	"agora/reward/prefs"
)

// opinions collects everything that agreement is computed from, in one pass over the answers.
type opinions struct {
	pairs, untied    *labelSet
	axes             map[string]*labelSet // ratings by axis
	flags, about     *labelSet            // of completions, of prompts
	places           []agree.Label        // by completion
	people           *labelerSet
	items            map[string]bool
	groups           groupsOfPeople
	answers, unnamed int
}

func newOpinions() *opinions {
	return &opinions{
		pairs: newLabelSet(onPairs, tiesOutcome), untied: newLabelSet(onPairs, tiesDrop),
		axes: map[string]*labelSet{}, flags: newLabelSet(onFlags, tiesOutcome), about: newLabelSet(onPromptFlags, tiesOutcome),
		people: newLabelerSet(), items: map[string]bool{}, groups: groupsOfPeople{},
	}
}

func (o *opinions) add(r *prefs.Ranked) {
	o.answers++
	o.items[r.PromptID] = true
	for _, set := range []*labelSet{o.pairs, o.untied, o.flags, o.about} {
		set.add(r)
	}
	for _, axis := range axesOf(r) {
		if o.axes[axis] == nil {
			o.axes[axis] = newLabelSet(onRatings, tiesOutcome)
			o.axes[axis].axis = axis
		}
		o.axes[axis].add(r)
	}
	o.places = append(o.places, placesOf(r)...)
	o.people.add(r)
	if r.Worker == "" {
		o.unnamed++
		return
	}
	for name, value := range r.Groups {
		if value != nil {
			o.groups.put(name, r.Worker, *value)
		}
	}
}

// groupsOfPeople is what is known of people: characteristic → labeler → value.
type groupsOfPeople map[string]map[string]string

// put takes one value in; an empty one is none.
func (g groupsOfPeople) put(name, worker, value string) {
	if value == "" {
		return
	}
	if g[name] == nil {
		g[name] = map[string]string{}
	}
	g[name][worker] = value
}

// axesOf lists the scales that an answer rates its texts on.
func axesOf(r *prefs.Ranked) []string {
	var axes []string
	for _, rating := range r.Ratings {
		if rating.Overall != nil && !slices.Contains(axes, axisOverall) {
			axes = append(axes, axisOverall)
		}
		for _, f := range rating.Extra {
			if _, ok := numberIn(rating.Extra, f.Name); ok && !slices.Contains(axes, f.Name) {
				axes = append(axes, f.Name)
			}
		}
	}
	return axes
}

// placesOf is the place of every ranked text, 1 the best. Equal texts share the mean of their places,
// so that "1, 1, 3" and "1, 1, 2" are the same judgment.
func placesOf(r *prefs.Ranked) []agree.Label {
	var labels []agree.Label
	for i, c := range r.Completions {
		if r.Ranks[i] == nil {
			continue
		}
		better, equal := 0, 0 // equal counts the text itself
		for _, rank := range r.Ranks {
			switch {
			case rank == nil:
			case *rank < *r.Ranks[i]:
				better++
			case *rank == *r.Ranks[i]:
				equal++
			}
		}
		labels = append(labels, agree.Label{Item: r.PromptID, Unit: r.PromptID + "\x00" + completionKey(c), Labeler: r.Worker,
			Value: float64(better) + float64(equal+1)/2})
	}
	return labels
}
