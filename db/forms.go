package db

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Form is what a project asks about a task besides showing it. Keys name axes
// and flags in records; a name is what people read, as the lead typed it. An
// axis or flag of a preset has no name of its own: the interface's catalogue
// has it, in every language.
type Form struct {
	Preset      string `json:"preset,omitempty"` // what it was made from
	Axes        []Axis `json:"axes,omitempty"`   // scales, per completion
	Flags       []Flag `json:"flags,omitempty"`  // yes or no, per completion
	PromptFlags []Flag `json:"prompt_flags,omitempty"`

	MinK      int  `json:"min_k"`                // completions that a ranking task may have
	MaxK      int  `json:"max_k"`                //
	RateFirst bool `json:"rate_first,omitempty"` // rate each completion alone, then rank (InstructGPT, Figure 12)
	Ties      bool `json:"ties"`                 // two completions may share a rank
	Steps     int  `json:"steps"`                // pairwise: 5 with a strength, 3 without

	AskConfidence  bool `json:"ask_confidence,omitempty"`
	AskNote        bool `json:"ask_note,omitempty"`
	NeedRanks      bool `json:"need_ranks,omitempty"` // every completion needs a rank
	NeedRatings    bool `json:"need_ratings,omitempty"`
	NeedFlags      bool `json:"need_flags,omitempty"` // every flag needs a yes or a no
	NeedConfidence bool `json:"need_confidence,omitempty"`
	NeedNote       bool `json:"need_note,omitempty"`
}

// Axis is a scale of whole numbers from Min to Max.
type Axis struct {
	Key  string `json:"key"`
	Name string `json:"name,omitempty"`
	Help string `json:"help,omitempty"`
	Min  int    `json:"min"`
	Max  int    `json:"max"`
	Low  string `json:"low,omitempty"`  // what Min means
	High string `json:"high,omitempty"` // what Max means
	NA   bool   `json:"na,omitempty"`   // "makes no sense here" is an answer
}

// Flag is a question with the answers yes and no.
type Flag struct {
	Key  string `json:"key"`
	Name string `json:"name,omitempty"`
	Help string `json:"help,omitempty"`
	NA   bool   `json:"na,omitempty"` // "makes no sense here" is an answer
}

// Limits of a form, so that a page stays one that people can answer.
const (
	maxAxes      = 12
	maxFlags     = 30
	maxScale     = 11 // steps of an axis, such as 0 to 10
	maxFieldName = 120
	maxFieldHelp = 400
)

// fieldKey keeps keys fit for form fields and JSON members.
var fieldKey = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// reservedKeys are members of a record's ratings that an axis must not take.
var reservedKeys = []string{"id", "flags", "flags_no", "flags_na"}

// FixedK is the number of completions that a kind of task has, where the kind fixes it.
func FixedK(kind string) (k int, fixed bool) {
	k, fixed = map[string]int{KindPairwise: 2, KindRating: 1, KindDemo: 0, KindPrompt: 0}[kind]
	return k, fixed
}

// ranks tells whether a kind of task compares completions.
func ranks(kind string) bool { return kind == KindRank || kind == KindPairwise }

// writes tells whether a kind of task asks for a text.
func writes(kind string) bool { return kind == KindDemo || kind == KindPrompt }

// HandsOut is the kind of item that the tasks of a project are made of.
func (p Project) HandsOut() string {
	switch p.Kind {
	case KindDemo:
		return ItemPrompt
	case KindPrompt:
		return ItemBrief
	}
	return ItemRank
}

// taskKind is what an item asks for in a project. An item for screening or
// practice may be of another kind than the project's own tasks.
func taskKind(p Project, it Item) string {
	switch {
	case it.Kind == ItemPrompt:
		return KindDemo
	case it.Kind == ItemBrief:
		return KindPrompt
	case ranks(p.Kind) || p.Kind == KindRating:
		return p.Kind
	}
	return KindRank
}

// Validate names the first thing that a project of a kind cannot have in its form.
func (f Form) Validate(kind string) error {
	switch {
	case f.Preset == PresetPairwise && kind != KindPairwise:
		return Invalid("form", "%s is for pairwise projects", f.Preset)
	case len(f.Axes) > maxAxes:
		return Invalid("axes", "%d scales are more than %d", len(f.Axes), maxAxes)
	case kind == KindRating && len(f.Axes)+len(f.Flags) == 0:
		return Invalid("axes", "a rating task needs a scale or a flag")
	case kind == KindRank && (f.MinK < 2 || f.MaxK > 9 || f.MinK > f.MaxK):
		return Invalid("k", "%d to %d completions: from 2 to 9 can be ranked", f.MinK, f.MaxK)
	case kind == KindPairwise && f.Steps != 5 && f.Steps != 3:
		return Invalid("steps", "%d is neither 3 nor 5", f.Steps)
	case f.NeedConfidence && !f.AskConfidence, f.NeedNote && !f.AskNote:
		return Invalid("form", "what is required must also be asked")
	}
	seen := map[string]bool{}
	for i, a := range f.Axes {
		if err := a.validate(i, seen); err != nil {
			return err
		}
	}
	if err := validateFlags("flags", f.Flags, seen); err != nil {
		return err
	}
	return validateFlags("prompt_flags", f.PromptFlags, map[string]bool{})
}

func (a Axis) validate(i int, seen map[string]bool) error {
	field := fmt.Sprintf("axes.%d", i+1)
	if err := validateField(field, a.Key, a.Name, a.Help, seen); err != nil {
		return err
	}
	switch n := a.Max - a.Min + 1; {
	case slices.Contains(reservedKeys, a.Key):
		return Invalid(field, "%q is taken by the record; choose another name", a.Key)
	case a.Min < -100 || a.Max > 100 || n < 2 || n > maxScale:
		return Invalid(field, "a scale from %d to %d has %d steps; 2 to %d can be shown", a.Min, a.Max, n, maxScale)
	case len(a.Low) > maxFieldName || len(a.High) > maxFieldName:
		return Invalid(field, "please keep the words for the ends under %d bytes", maxFieldName)
	}
	return nil
}

func validateFlags(field string, flags []Flag, seen map[string]bool) error {
	if len(flags) > maxFlags {
		return Invalid(field, "%d flags are more than %d", len(flags), maxFlags)
	}
	for i, f := range flags {
		if err := validateField(fmt.Sprintf("%s.%d", field, i+1), f.Key, f.Name, f.Help, seen); err != nil {
			return err
		}
	}
	return nil
}

// validateField checks what axes and flags have in common; seen holds the keys so far.
func validateField(field, key, name, help string, seen map[string]bool) error {
	switch {
	case !fieldKey.MatchString(key):
		return Invalid(field, "key %q: use 1 to 40 lower-case letters, digits or _, a letter first", key)
	case seen[key]:
		return Invalid(field, "%q stands twice", key)
	case len(name) > maxFieldName*4 || strings.ContainsAny(name, "\n\r"):
		return Invalid(field, "please keep the name to one line under %d characters", maxFieldName)
	case len(help) > maxFieldHelp*4:
		return Invalid(field, "please keep the help under %d characters", maxFieldHelp)
	}
	seen[key] = true
	return nil
}

// NewKey makes the key of a field from the name that a lead typed, unlike the
// keys in use: "Helps the person" becomes helps_the_person, a name without
// Latin letters becomes field_1.
func NewKey(name string, used func(key string) bool) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
		if b.Len() >= 32 {
			break
		}
	}
	base := strings.Trim(b.String(), "_")
	key := base
	if base == "" {
		base, key = "field", "field_1"
	}
	for n := 2; used(key) || slices.Contains(reservedKeys, key); n++ {
		key = fmt.Sprintf("%s_%d", base, n)
	}
	return key
}
