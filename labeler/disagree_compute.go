package labeler

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"agora/db"
	"agora/labeler/agree"
	"agora/reward/prefs"
)

// disagreement is where the groups of one characteristic differ, computed, in no language.
type disagreement struct {
	By       string             // the characteristic; "" where nobody's groups are large enough to compare
	Choices  []string           // characteristics that could be compared
	People   map[string]int     // labelers by value of By, those of large groups
	Small    int                // values of By that fewer than smallestGroup labelers share
	Compared []agree.Difference // all differences tested, the surest first
	Items    map[string]int64   // unit of a difference → item
	Prompts  []divided          // those prompts, each with its surest difference
	Policies []agree.Difference // of how often one policy's text is preferred to another's: Unit is the two
	Power    agree.Power        // of the middle comparison
	Answers  int
	Overlap  float64 // mean number of named people per item
}

// divided is a prompt that two groups judge differently.
type divided struct {
	Item          int64
	Prompt        string // id
	First, Second string // completionKey of the two texts; the difference is about preferring the first
	Diff          agree.Difference
	More          int // further comparisons of the same prompt with q ≤ foundQ
}

// foundQ is the share of false discoveries among the differences that are called found.
const foundQ = .1

// judgements collects who prefers which of two texts, and which of two policies.
type judgements struct {
	pairs    *labelSet
	item     map[string]int64     // unit → item
	policies map[[3]string]*sumOf // labeler, policy, policy → scores
	groups   groupsOfPeople
	answered map[string]int
	people   map[string]map[string]bool // prompt → labelers
	answers  int
}

type sumOf struct{ sum, n float64 }

func newJudgements() *judgements {
	return &judgements{pairs: newLabelSet(onPairs, tiesOutcome), item: map[string]int64{}, policies: map[[3]string]*sumOf{},
		groups: groupsOfPeople{}, answered: map[string]int{}, people: map[string]map[string]bool{}}
}

// add takes one answer in; those of unnamed people belong to no group.
func (j *judgements) add(item int64, r *prefs.Ranked) {
	if r.Worker == "" {
		return
	}
	j.answers++
	j.answered[r.Worker]++
	if j.people[r.PromptID] == nil {
		j.people[r.PromptID] = map[string]bool{}
	}
	j.people[r.PromptID][r.Worker] = true
	from := len(j.pairs.labels)
	j.pairs.add(r)
	for _, l := range j.pairs.labels[from:] {
		if _, ok := j.item[l.Unit]; !ok {
			j.item[l.Unit] = item
		}
	}
	for name, value := range r.Groups {
		if value != nil {
			j.groups.put(name, r.Worker, *value)
		}
	}
	for _, d := range appendDuels(nil, 0, r) {
		if d.A > d.B {
			d.A, d.B, d.Score = d.B, d.A, 1-d.Score
		}
		key := [3]string{d.Labeler, d.A, d.B}
		if j.policies[key] == nil {
			j.policies[key] = &sumOf{}
		}
		j.policies[key].sum += d.Score
		j.policies[key].n++
	}
}

// computeDisagreement reads a project's answers and compares the groups of a characteristic.
func computeDisagreement(ctx context.Context, store *db.Store, p db.Project, by string) (d disagreement, err error) {
	j := newJudgements()
	if err := eachJudgement(ctx, store, p, j.add); err != nil {
		return d, err
	}
	if err := j.groups.addMembers(ctx, store, p); err != nil {
		return d, err
	}
	return j.compare(by, pageSampling)
}

// choices lists the characteristics with two large groups, the one that most people are in first.
func (j *judgements) choices() []string {
	people := map[string]int{}
	for name, of := range j.groups {
		shown, _ := largeGroups(of)
		values := map[string]bool{}
		for _, v := range shown {
			values[v] = true
		}
		if len(values) >= 2 {
			people[name] = len(shown)
		}
	}
	names := slices.Sorted(maps.Keys(people))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(people[b], people[a]) })
	return names
}

// compare computes the differences. A characteristic that cannot be compared stands for the first one that can.
func (j *judgements) compare(by string, o Resampling) (d disagreement, err error) {
	j.groups.only(j.answered)
	d.Answers, d.Choices, d.People = j.answers, j.choices(), map[string]int{}
	for _, people := range j.people {
		d.Overlap += float64(len(people)) / float64(len(j.people))
	}
	if len(d.Choices) == 0 {
		return d, nil
	}
	if d.By = by; !slices.Contains(d.Choices, by) {
		d.By = d.Choices[0]
	}
	var of map[string]string
	of, d.Small = largeGroups(j.groups[d.By])
	for _, value := range of {
		d.People[value]++
	}
	spread(j.pairs.labels)
	t, err := agree.NewTable(j.pairs.labels)
	if err != nil {
		return d, err
	}
	test := agree.GroupOptions{Least: smallestGroup, Permutations: 10 * o.Resamples, Seed: o.Seed}
	d.Compared = t.GroupDifferences(of, test)
	d.Items = map[string]int64{}
	for _, x := range d.Compared {
		d.Items[x.Unit] = j.item[x.Unit]
	}
	d.Prompts = j.prompts(d.Compared)
	d.Power = powerOf(d.Compared)
	policies, err := agree.NewTable(j.policyLabels())
	if err == nil && len(policies.Values) > 0 {
		test.Means = true
		d.Policies = policies.GroupDifferences(of, test)
	}
	return d, err
}

// policyLabels is every labeler's mean score of one policy against another: one observation each.
func (j *judgements) policyLabels() []agree.Label {
	keys := slices.SortedFunc(maps.Keys(j.policies), func(a, b [3]string) int { return slices.Compare(a[:], b[:]) })
	var labels []agree.Label
	for _, k := range keys {
		x := j.policies[k]
		labels = append(labels, agree.Label{Unit: k[1] + "\x00" + k[2], Labeler: k[0], Value: x.sum / x.n})
	}
	return labels
}

// prompts is one line for each prompt that was compared, with its surest difference.
func (j *judgements) prompts(compared []agree.Difference) []divided {
	var list []divided
	at := map[int64]int{}
	for _, d := range compared {
		item := j.item[d.Unit]
		i, ok := at[item]
		if item == 0 { // of a file: every pair for itself
			ok = false
		}
		if ok {
			if d.Q <= foundQ {
				list[i].More++
			}
			continue
		}
		at[item] = len(list)
		list = append(list, dividedBy(d, item))
	}
	return list
}

// dividedBy names the prompt and the texts of a difference.
func dividedBy(d agree.Difference, item int64) divided {
	parts := strings.Split(d.Unit, "\x00") // as labelSet.addPairs made it
	return divided{Item: item, Prompt: parts[0], First: parts[1], Second: parts[2], Diff: d}
}

// powerOf is the power of a comparison in the middle of all that were made.
func powerOf(compared []agree.Difference) agree.Power {
	var a, b []float64
	for _, d := range compared {
		a, b = append(a, float64(min(d.NA, d.NB))), append(b, float64(max(d.NA, d.NB)))
	}
	if len(a) == 0 {
		return agree.Power{}
	}
	return agree.PowerOf(int(middle(a)), int(middle(b)), len(compared))
}

// found counts the prompts whose difference is called found.
func (d disagreement) found() (n int) {
	for _, p := range d.Prompts {
		if p.Diff.Q <= foundQ {
			n++
		}
	}
	return n
}
