package db

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// maxText is how long a written text may be, in bytes.
const maxText = 50_000

// Gap is something that an answer still needs, or has wrong.
type Gap struct {
	Field string // one of the Gap fields
	Key   string // of the completion, where it is about one
	Name  string // key of the axis or flag; for GapTie the key of the other completion
}

// What a gap is about.
const (
	GapRank       = "rank"
	GapTie        = "tie" // two completions share a rank where the form has none
	GapAxis       = "axis"
	GapFlag       = "flag"
	GapPromptFlag = "prompt_flag"
	GapConfidence = "confidence"
	GapNote       = "note"
	GapText       = "text"
	GapStyle      = "style"
	GapUseCase    = "use_case"
	GapExamples   = "examples" // a few-shot prompt needs an example
	GapQuery      = "query"
)

// Gaps lists what an answer to a kind of task still needs, in the order of the
// page. keys are the completions' in the order shown.
func (f Form) Gaps(kind string, keys []string, r Ranking) []Gap {
	gaps := r.writtenGaps(kind)
	if f.RateFirst {
		gaps = append(append(gaps, f.ratingGaps(keys, r)...), f.rankGaps(kind, keys, r)...)
	} else {
		gaps = append(append(gaps, f.rankGaps(kind, keys, r)...), f.ratingGaps(keys, r)...)
	}
	if f.NeedFlags {
		gaps = append(gaps, flagGaps(f.PromptFlags, r.PromptFlags, Gap{Field: GapPromptFlag})...)
	}
	if f.NeedConfidence && r.Confidence == nil {
		gaps = append(gaps, Gap{Field: GapConfidence})
	}
	if f.NeedNote && strings.TrimSpace(r.Note) == "" {
		gaps = append(gaps, Gap{Field: GapNote})
	}
	return gaps
}

// Gaps lists what an answer to the task still needs, in the order of the page.
func (t Task) Gaps(r Ranking) []Gap {
	keys := make([]string, len(t.Completions))
	for i, c := range t.Completions {
		keys[i] = c.Key
	}
	return t.Form.Gaps(t.Kind, keys, t.Brief.settle(r))
}

// rankGaps: with nothing acceptable, ranks are welcome but not needed.
func (f Form) rankGaps(kind string, keys []string, r Ranking) []Gap {
	if !ranks(kind) {
		return nil
	}
	var gaps []Gap
	for i, key := range keys {
		rank, ok := r.Ranks[key]
		if !ok && f.NeedRanks && !r.NoneAcceptable {
			gaps = append(gaps, Gap{Field: GapRank, Key: key})
		}
		if ok && !f.Ties {
			for _, other := range keys[:i] {
				if r.Ranks[other] == rank {
					gaps = append(gaps, Gap{GapTie, key, other})
					break
				}
			}
		}
	}
	return gaps
}

func (f Form) ratingGaps(keys []string, r Ranking) []Gap {
	var gaps []Gap
	for _, key := range keys {
		if f.NeedRatings {
			for _, a := range f.Axes {
				if _, ok := r.Ratings[key].Scores[a.Key]; !ok {
					gaps = append(gaps, Gap{GapAxis, key, a.Key})
				}
			}
		}
		if f.NeedFlags {
			gaps = append(gaps, flagGaps(f.Flags, r.Ratings[key].Flags, Gap{Field: GapFlag, Key: key})...)
		}
	}
	return gaps
}

func flagGaps(asked []Flag, given map[string]*bool, as Gap) []Gap {
	var gaps []Gap
	for _, f := range asked {
		if _, ok := given[f.Key]; !ok {
			as.Name = f.Key
			gaps = append(gaps, as)
		}
	}
	return gaps
}

// writtenGaps lists what a text still needs.
func (r Ranking) writtenGaps(kind string) []Gap {
	if !writes(kind) {
		return nil
	}
	var gaps []Gap
	need := func(missing bool, field string) {
		if missing {
			gaps = append(gaps, Gap{Field: field})
		}
	}
	w := r.Written
	if kind == KindPrompt {
		need(w.Style == "", GapStyle)
		need(w.UseCase == "", GapUseCase)
	}
	need(strings.TrimSpace(w.Text) == "", GapText)
	if kind == KindPrompt && w.Style == StyleFewShot {
		need(len(w.Examples) == 0 || slices.ContainsFunc(w.Examples, Example.half), GapExamples)
		need(strings.TrimSpace(w.Query) == "", GapQuery)
	}
	return gaps
}

// half tells whether one part of an example is missing.
func (e Example) half() bool {
	return strings.TrimSpace(e.Query) == "" || strings.TrimSpace(e.Response) == ""
}

// check refuses what the form cannot have sent, and what it needs and does not have.
func (f Form) check(kind string, cs []Completion, r Ranking) error {
	keys := make([]string, len(cs))
	for i, c := range cs {
		keys[i] = c.Key
	}
	for key, rating := range r.Ratings {
		if !slices.Contains(keys, key) {
			return Invalid("rating", "it was given for a text that is not part of this task")
		}
		if err := f.checkRating(rating); err != nil {
			return err
		}
	}
	if err := checkFlags(f.PromptFlags, r.PromptFlags); err != nil {
		return err
	}
	if err := r.Written.check(kind); err != nil {
		return err
	}
	if gaps := f.Gaps(kind, keys, r); len(gaps) > 0 {
		return gaps[0].fault(keys)
	}
	return nil
}

func (f Form) checkRating(r Rating) error {
	for key, score := range r.Scores {
		at := slices.IndexFunc(f.Axes, func(a Axis) bool { return a.Key == key })
		switch {
		case at < 0:
			return Invalid("rating", "the form has no scale %q", key)
		case score == nil && !f.Axes[at].NA:
			return Invalid("rating", "%s needs a number", key)
		case score != nil && (*score < f.Axes[at].Min || *score > f.Axes[at].Max):
			return Invalid("rating", "%s %d is not between %d and %d", key, *score, f.Axes[at].Min, f.Axes[at].Max)
		}
	}
	return checkFlags(f.Flags, r.Flags)
}

func checkFlags(asked []Flag, given map[string]*bool) error {
	for key, v := range given {
		at := slices.IndexFunc(asked, func(f Flag) bool { return f.Key == key })
		if at < 0 {
			return Invalid("flag", "the form has no flag %q", key)
		}
		if v == nil && !asked[at].NA {
			return Invalid("flag", "%s is answered with yes or no", key)
		}
	}
	return nil
}

func (w Written) check(kind string) error {
	size := len(w.Text) + len(w.Query)
	texts := []string{w.Text, w.Query}
	for _, e := range w.Examples {
		size += len(e.Query) + len(e.Response)
		texts = append(texts, e.Query, e.Response)
	}
	switch {
	case !writes(kind) && size > 0:
		return Invalid("text", "this task does not ask for a text")
	case size > maxText:
		return Invalid("text", "please keep it under %d bytes", maxText)
	case slices.ContainsFunc(texts, func(t string) bool { return !utf8.ValidString(t) }):
		return Invalid("text", "is not UTF-8")
	case w.Style != "" && !slices.Contains(Styles, w.Style):
		return Invalid("style", "%q is none of %v", w.Style, Styles)
	case w.UseCase != "" && !slices.Contains(UseCases, w.UseCase):
		return Invalid("use_case", "%q is none of %v", w.UseCase, UseCases)
	}
	return nil
}

// fault words a gap for callers that show no page; keys tell which completion it is.
func (g Gap) fault(keys []string) error {
	n := slices.Index(keys, g.Key) + 1
	switch g.Field {
	case GapRank:
		return Invalid(GapRank, "completion %d of %d has no rank yet", n, len(keys))
	case GapTie:
		return Invalid(GapRank, "completions %d and %d share a rank, but this form has no ties", slices.Index(keys, g.Name)+1, n)
	case GapAxis, GapFlag:
		return Invalid("rating", "completion %d of %d: %s is not answered yet", n, len(keys), g.Name)
	case GapPromptFlag:
		return Invalid(g.Field, "%s is not answered yet", g.Name)
	}
	return Invalid(g.Field, "is missing")
}
