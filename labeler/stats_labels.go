package labeler

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"agora/labeler/agree"
	"agora/reward/prefs"
)

// What agreement can be about.
const (
	onPairs   = "pairs"   // which of two completions is better, each pair of a ranking
	onRatings = "ratings" // the overall rating of a completion
	onFlags   = "flags"   // whether a completion has a flag

	onPromptFlags = "prompt flags" // whether a prompt has one
)

// axisOverall is the scale that every form with ratings has in common.
const axisOverall = "overall"

// What an equal rank is worth.
const (
	tiesOutcome = "outcome"
	tiesHalf    = "half"
	tiesDrop    = "drop"
)

// labelSet collects what people said about the same thing.
type labelSet struct {
	on, ties string
	axis     string // of ratings; "": axisOverall
	labels   []agree.Label
	answers  int // rankings that said something
	rated    []flagged
	first    map[unitPair]bool // pairs met so far, in the direction that counts as +1
}

// flagged is the flags that one person gave one completion or prompt.
type flagged struct {
	item, unit, worker string
	flags              []string
	no                 []string // answered with no
	asked              bool     // a flag in neither list was not answered, or makes no sense there; else it is a no
}

// unitPair is two completions of one prompt.
type unitPair struct{ item, a, b string }

func newLabelSet(on, ties string) *labelSet {
	return &labelSet{on: on, ties: ties, first: map[unitPair]bool{}}
}

// add takes one answer in.
func (s *labelSet) add(r *prefs.Ranked) {
	before := len(s.labels) + len(s.rated)
	switch s.on {
	case onPairs:
		s.addPairs(r)
	case onRatings:
		s.addRatings(r)
	case onFlags:
		s.addFlags(r)
	case onPromptFlags:
		s.addPromptFlags(r)
	}
	if len(s.labels)+len(s.rated) > before {
		s.answers++
	}
}

// completionKey is an id with its text: some sources number the texts of every row 1, 2.
func completionKey(c prefs.Completion) string { return c.ID + " " + prefs.CompletionID(c.Text) }

// addPairs adds −1, 0 or +1 for every ranked pair. +1 is the text listed first, as its first record
// has it; sources that write the preferred text first are put in the order of ids instead, since
// with them the list already is the verdict.
func (s *labelSet) addPairs(r *prefs.Ranked) {
	for i, a := range r.Completions {
		for j := i + 1; j < len(r.Completions); j++ {
			if r.Ranks[i] == nil || r.Ranks[j] == nil {
				continue
			}
			value := float64(compareInt(*r.Ranks[j], *r.Ranks[i])) // +1: i is better
			p := unitPair{r.PromptID, completionKey(a), completionKey(r.Completions[j])}
			flipped := unitPair{p.item, p.b, p.a}
			if s.first[flipped] || !s.first[p] && r.Extra.Has("origin") && p.a > p.b {
				p, value = flipped, -value
			}
			s.first[p] = true
			if value == 0 && s.ties == tiesDrop {
				continue
			}
			s.labels = append(s.labels, agree.Label{Item: p.item, Unit: p.item + "\x00" + p.a + "\x00" + p.b, Labeler: r.Worker, Value: value})
		}
	}
}

func compareInt(a, b int) int { return min(1, max(-1, a-b)) }

func (s *labelSet) addRatings(r *prefs.Ranked) {
	for _, rating := range r.Ratings {
		value, ok := s.rating(rating)
		if !ok {
			continue
		}
		if c, ok := completionOf(r, rating.ID); ok {
			s.labels = append(s.labels, agree.Label{Item: r.PromptID, Unit: r.PromptID + "\x00" + completionKey(c), Labeler: r.Worker, Value: value})
		}
	}
}

// rating is the value on the set's axis.
func (s *labelSet) rating(r prefs.Rating) (float64, bool) {
	if s.axis != "" && s.axis != axisOverall {
		return numberIn(r.Extra, s.axis)
	}
	if r.Overall == nil {
		return 0, false
	}
	return *r.Overall, true
}

// numberIn is a member that is a number.
func numberIn(f prefs.Fields, name string) (float64, bool) {
	raw, ok := f.Get(name)
	var v *float64
	if !ok || json.Unmarshal(raw, &v) != nil || v == nil {
		return 0, false
	}
	return *v, true
}

// namesIn is a member that is a list of texts.
func namesIn(f prefs.Fields, name string) []string {
	raw, _ := f.Get(name)
	var list []string
	_ = json.Unmarshal(raw, &list) // anything else is somebody else's member
	return list
}

// addFlags adds the flags of each completion. A form asks for a yes or a no, so what is neither was not
// answered; other sources list only what applies, and everything else is a no.
func (s *labelSet) addFlags(r *prefs.Ranked) {
	for _, rating := range r.Ratings {
		if c, ok := completionOf(r, rating.ID); ok {
			s.rated = append(s.rated, flagged{r.PromptID, r.PromptID + "\x00" + completionKey(c), r.Worker, rating.Flags,
				namesIn(rating.Extra, "flags_no"), r.FormVersion != "" || rating.Extra.Has("flags_no") || rating.Extra.Has("flags_na")})
		}
	}
}

func (s *labelSet) addPromptFlags(r *prefs.Ranked) {
	f := flagged{r.PromptID, r.PromptID, r.Worker, r.PromptFlags, namesIn(r.Extra, "prompt_flags_no"),
		r.FormVersion != "" || r.Extra.Has("prompt_flags_no") || r.Extra.Has("prompt_flags_na")}
	if f.asked || len(f.flags) > 0 || r.Extra.Has("prompt_flags") {
		s.rated = append(s.rated, f)
	}
}

// flagNames lists the flags that anybody gave or said no to, sorted.
func (s *labelSet) flagNames() []string {
	seen := map[string]bool{}
	for _, r := range s.rated {
		for _, f := range slices.Concat(r.flags, r.no) {
			seen[f] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// flagLabels is 1 where a person gave a completion the flag, 0 where they said no, missing where they
// did not answer.
func (s *labelSet) flagLabels(flag string) []agree.Label {
	labels := make([]agree.Label, 0, len(s.rated))
	for _, r := range s.rated {
		l := agree.Label{Item: r.item, Unit: flag + "\x00" + r.unit, Labeler: r.worker}
		switch {
		case slices.Contains(r.flags, flag):
			l.Value = 1
		case r.asked && !slices.Contains(r.no, flag):
			continue
		}
		labels = append(labels, l)
	}
	return labels
}

func completionOf(r *prefs.Ranked, id string) (prefs.Completion, bool) {
	i := slices.IndexFunc(r.Completions, func(c prefs.Completion) bool { return c.ID == id })
	if i < 0 {
		return prefs.Completion{}, false
	}
	return r.Completions[i], true
}

// spread makes every pair an item of its own where the source has one prompt for all, such as "which is
// funnier?": resampling whole prompts would then resample nothing.
func spread(labels []agree.Label) {
	if slices.ContainsFunc(labels, func(l agree.Label) bool { return l.Item != labels[0].Item }) {
		return
	}
	for i := range labels {
		labels[i].Item = ""
	}
}

// about says in words what was compared and what ties were worth.
func (s *labelSet) about() string {
	if s.on != onPairs {
		return "no ties: equal values agree, others do not"
	}
	switch s.ties {
	case tiesDrop:
		return "pairs ranked equal are left out"
	case tiesHalf:
		return "percent agreement: equal beside better or worse is half agreement; coefficients: equal is an outcome of its own"
	}
	return "equal is an outcome of its own: it agrees with equal only"
}

// nothing is the error for data without anything of the kind.
func (s *labelSet) nothing() error {
	return fmt.Errorf("no %s in the data; --on is one of %s, %s, %s", s.on, onPairs, onRatings, onFlags)
}
