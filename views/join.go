package views

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Welcome is what every step of joining a project shares.
type Welcome struct {
	Project string
	Base    string // "/welcome/3"
	Steps   []JoinStep
}

// JoinStep is one of the steps that apply.
type JoinStep struct {
	Stage         string
	Done, Current bool
}

// At is the number of the current step, from 1, 0 when there is none.
func (w Welcome) At() int {
	return 1 + slices.IndexFunc(w.Steps, func(s JoinStep) bool { return s.Current })
}

// ConsentStep is the text to agree to.
type ConsentStep struct {
	Version  int
	Name     string // "c2"
	Text     string
	Again    bool // an earlier version was agreed to
	Training bool
}

// ProfileForm asks what somebody reads and does not want to read.
type ProfileForm struct {
	Action     string
	Languages  []Check // value: BCP 47
	Other      string  // further languages, as typed
	Categories []Check // value: category
	Topics     string
	Errors     map[string]string // by field: languages, topics
	Save       string            // words of the button
}

// Check is a box to tick.
type Check struct {
	Value, Label string
	On           bool
}

// SurveyForm is the optional survey.
type SurveyForm struct {
	Action    string
	Skip      string // where to pass it over; empty: it was answered before
	Questions []SurveyField
	Training  bool // answers may go along with exports
	Covered   bool // the consent text covers that, so it is asked
	Error     string
}

// SurveyField is a question with what was said.
type SurveyField struct {
	Key, Kind string // kinds: one, many, country, text
	Options   []string
	Values    []string
}

// Has tells whether a value was chosen.
func (q SurveyField) Has(value string) bool { return slices.Contains(q.Values, value) }

// Value is the single value of a question.
func (q SurveyField) Value() string {
	if len(q.Values) == 0 {
		return ""
	}
	return q.Values[0]
}

// Own is what was typed into a question for own words.
func (q SurveyField) Own() string {
	if q.Has(notSaid) {
		return ""
	}
	return q.Value()
}

// notSaid is the value of "prefer not to say".
const notSaid = "not_said"

// Countries lists ISO 3166 codes by their names in the page's language.
func Countries(ctx context.Context, codes []string) []Choice {
	names := display.Regions(language.Make(string(LanguageOf(ctx))))
	list := make([]Choice, 0, len(codes))
	for _, code := range codes {
		name := code
		if r, err := language.ParseRegion(code); err == nil && names != nil && names.Name(r) != "" {
			name = names.Name(r)
		}
		list = append(list, Choice{code, name})
	}
	slices.SortFunc(list, func(a, b Choice) int { return strings.Compare(a.Label, b.Label) })
	return list
}

// LanguageName is a language's name in the page's language, and its name for
// itself where that differs.
func LanguageName(ctx context.Context, tag string) string {
	t := language.Make(tag)
	name := ""
	if names := display.Tags(language.Make(string(LanguageOf(ctx)))); names != nil {
		name = names.Name(t)
	}
	own := display.Self.Name(t)
	switch {
	case name == "" && own == "":
		return tag
	case name == "" || strings.EqualFold(name, own):
		return own
	case own == "":
		return name
	}
	return T(ctx, "profile.language", name, own)
}

// PracticeResult is a practice item after it was answered.
type PracticeResult struct {
	Project     string
	ProjectID   string
	Turns       []Turn
	Texts       []PracticeText // in the order they were shown
	Mine, Key   string         // the rankings in words
	Same        string         // pairs ordered alike, ties half
	Pairs       int            // that the key orders
	Flags       []PracticeFlag // answered otherwise than the key
	Written     string         // by the labeler
	Explanation string
	Left        int // practice items still to come
}

// PracticeText is a completion with both ranks; 0: none.
type PracticeText struct {
	Text      string
	Mine, Key int
}

// PracticeFlag is a flag on which labeler and key differ.
type PracticeFlag struct {
	Where, Flag string
	Key         bool // the key says yes
}
