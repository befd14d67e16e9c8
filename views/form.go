package views

import (
	"context"
	"fmt"
	"strings"

	"github.com/a-h/templ"
)

// TaskForm is what a task asks besides showing its texts.
type TaskForm struct {
	Axes        []Axis
	Flags       []Flag // per completion
	PromptFlags []Flag
	RateFirst   bool // each completion is rated alone before all are ranked
	Ties        bool
	Steps       int // pairwise: 5 or 3
	AskSure     bool
	NeedSure    bool
	AskNote     bool
	NeedNote    bool
	NeedFlags   bool
}

// Axis is a scale from Min to Max. One of a preset has no name or help of its own: the catalogue has them.
type Axis struct {
	Key, Name, Help, Low, High string
	Min, Max                   int
	NA                         bool
}

// Flag is a yes or no.
type Flag struct {
	Key, Name, Help string
	NA              bool
}

// Values that a rating's fields hold besides numbers.
const (
	Yes = "yes"
	No  = "no"
	NA  = "na" // makes no sense here
)

// AxisField is the form field with the score of a completion on an axis.
func AxisField(key, axis string) string { return "axis_" + key + "_" + axis }

// FlagField is the form field with a completion's flag.
func FlagField(key, flag string) string { return "flag_" + key + "_" + flag }

// PromptFlagField is the form field with a flag of the prompt.
func PromptFlagField(flag string) string { return "pflag_" + flag }

// ExampleField is the form field with the query or response of a few-shot prompt's example i.
func ExampleField(part string, i int) string { return fmt.Sprintf("example_%s_%d", part, i+1) }

// Examples is how many examples the page of a few-shot prompt has room for.
const Examples = 3

// Label is what people read.
func (a Axis) Label(ctx context.Context) string { return named(ctx, a.Name, "axis."+a.Key) }

// Label is what people read.
func (f Flag) Label(ctx context.Context) string { return named(ctx, f.Name, "flag."+f.Key) }

func named(ctx context.Context, own, key string) string {
	if own != "" {
		return own
	}
	return T(ctx, key)
}

// Hint explains the axis; "" when nothing does.
func (a Axis) Hint(ctx context.Context) string {
	return hinted(ctx, a.Name, a.Help, "axis."+a.Key+".help")
}

// Hint explains the flag; "" when nothing does.
func (f Flag) Hint(ctx context.Context) string {
	return hinted(ctx, f.Name, f.Help, "flag."+f.Key+".help")
}

// LowLabel says what the lowest step means, HighLabel what the highest.
func (a Axis) LowLabel(ctx context.Context) string {
	return hinted(ctx, a.Name, a.Low, "axis."+a.Key+".low")
}

// HighLabel says what the highest step means.
func (a Axis) HighLabel(ctx context.Context) string {
	return hinted(ctx, a.Name, a.High, "axis."+a.Key+".high")
}

// hinted is the lead's own words, or the catalogue's where the name is the catalogue's too.
func hinted(ctx context.Context, name, own, key string) string {
	if own != "" || name != "" {
		return own
	}
	if text := T(ctx, key); text != key {
		return text
	}
	return ""
}

// steps are the values of a scale, the ends with their meaning for screen readers.
func (a Axis) steps(ctx context.Context) []step {
	var list []step
	for v := a.Min; v <= a.Max; v++ {
		s := step{value: fmt.Sprint(v)}
		switch v {
		case a.Min:
			s.meaning = a.LowLabel(ctx)
		case a.Max:
			s.meaning = a.HighLabel(ctx)
		}
		list = append(list, s)
	}
	return list
}

type step struct{ value, meaning string }

// rates tells whether completions are rated at all.
func (f TaskForm) rates() bool { return len(f.Axes)+len(f.Flags) > 0 }

// turnID names the step in which completion i, from 1, is rated; the one after the last compares all.
func turnID(i int) string { return fmt.Sprintf("turn-%d", i) }

// nextTurn is the name of the step after the one that rates completion i, from 0.
func (t Task) nextTurn(ctx context.Context, i int) string {
	if i+1 < len(t.Texts) {
		return T(ctx, "turns.next", T(ctx, "turns.rate", Letter(i+1)))
	}
	return T(ctx, "turns.next", T(ctx, t.compareLabel()))
}

// threeStates tells whether a flag needs an answer of its own rather than a box to tick.
func (f TaskForm) threeStates(flag Flag) bool { return flag.NA || f.NeedFlags }

// about ties a group of fields to its help and its message for screen readers.
func (t Task) about(anchor, hint string) templ.Attributes {
	var ids []string
	if t.problemAt(anchor) != "" {
		ids = append(ids, anchor+"-err")
	}
	if hint != "" {
		ids = append(ids, anchor+"-help")
	}
	if len(ids) == 0 {
		return nil
	}
	return templ.Attributes{"aria-describedby": strings.Join(ids, " ")}
}

// set counts the flags of a completion that are raised.
func (c Completion) set(flags []Flag) int {
	n := 0
	for _, f := range flags {
		if c.Flags[f.Key] == Yes {
			n++
		}
	}
	return n
}

// faulty tells whether something is wrong with one of the flags; then they must be in sight.
func (t Task) faulty(flags []Flag, field func(flag string) string) bool {
	for _, f := range flags {
		if t.problemAt(field(f.Key)) != "" {
			return true
		}
	}
	return false
}

func (t Task) flagField(key string) func(string) string {
	return func(flag string) string { return FlagField(key, flag) }
}

// openFlags tells whether the flags of a completion stand open at first.
func (t Task) openFlags(c Completion) bool {
	return t.Form.NeedFlags || c.set(t.Form.Flags) > 0 || t.faulty(t.Form.Flags, t.flagField(c.Key))
}

func (t Task) openPromptFlags() bool {
	return t.Form.NeedFlags || len(t.PromptFlags) > 0 || t.faulty(t.Form.PromptFlags, PromptFlagField)
}

// useCases and styles are what a written prompt can be, as stored.
var (
	useCases = []string{"generation", "open_qa", "brainstorming", "chat", "rewrite", "summarization", "classification", "closed_qa", "extract", "other"}
	styles   = []string{"plain", "few_shot", "user_based"}
)
