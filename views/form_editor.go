package views

import (
	"context"
	"fmt"
	"time"
)

// FormEditor is the page on which a lead changes a project's task form.
type FormEditor struct {
	Action      string // where the editor's form goes
	Kind        string // what the tasks are, one of the Task kinds
	KindName    string
	Version     string // newest, "f2": what a change begins from
	Shown       string // version in the fields, where it is not the newest
	Preset      string
	Presets     []Choice
	Axes        []FormAxisRow
	Flags       []FormFlagRow
	PromptFlags []FormFlagRow
	MinK, MaxK  string
	Steps       string
	On          map[string]bool // the switches, by name: ties, rate_first, need_ranks …
	Errors      []Problem
	Preview     Task
	Versions    []FormVersion
	MayChange   bool
	Writing     *Writing // of projects in which prompts are written
}

// FormAxisRow is a scale as typed.
type FormAxisRow struct {
	Key, Name, Help, Low, High, Min, Max string
	NA                                   bool
}

// FormFlagRow is a flag as typed.
type FormFlagRow struct {
	Key, Name, Help string
	NA              bool
}

// FormVersion is a line of the list of versions.
type FormVersion struct {
	Name, By, Href string // By: "" is the command line
	When           time.Time
	Answers        int
	Current        bool
}

// Writing asks for prompts, and passes the written ones on.
type Writing struct {
	Briefs, PassOn string // addresses
	About, Count   string
	Style, UseCase string
	StyleChoices   []Choice
	UseCaseChoices []Choice
	Projects       []Choice // that prompts can be passed on to
	Written        int      // prompts so far
	Errors         map[string]string
}

// kindChoices are the kinds of tasks that a project can have.
func kindChoices(ctx context.Context) []Choice {
	var list []Choice
	for _, kind := range []string{TaskRank, TaskPairwise, TaskDemo, TaskPrompt, TaskRating} {
		list = append(list, Choice{kind, T(ctx, "kind."+kind)})
	}
	return list
}

// formChoices are the presets that a project's form can begin with.
func formChoices(ctx context.Context) []Choice {
	list := []Choice{{"", T(ctx, "project.form.default")}}
	for _, name := range []string{"rank-only", "instructgpt", "helpful-harmless", "summaries", "pairwise-5"} {
		list = append(list, Choice{name, name})
	}
	return list
}

// compares tells whether the form ranks or chooses.
func (e FormEditor) compares() bool { return e.Kind == TaskRank || e.Kind == TaskPairwise }

// judges tells whether the tasks show completions at all.
func (e FormEditor) judges() bool { return e.compares() || e.Kind == TaskRating }

// RowField is the name of an editor's field: "axes.0.name".
func RowField(list string, i int, part string) string { return fmt.Sprintf("%s.%d.%s", list, i, part) }

// errorAt is the message of a field, "axes.1" for all of the first scale.
func (e FormEditor) errorAt(anchor string) string {
	for _, p := range e.Errors {
		if p.Anchor == anchor {
			return p.Text
		}
	}
	return ""
}

// rowError is the message of row i of a list; messages count rows from 1.
func (e FormEditor) rowError(list string, i int) string {
	return e.errorAt(fmt.Sprintf("%s.%d", list, i+1))
}

func (a FormAxisRow) more() bool { return a.Help != "" || a.Low != "" || a.High != "" }

// switches are the yes-or-no settings of a form, those that make sense for the kind of task.
func (e FormEditor) switches() []string {
	var list []string
	if e.compares() {
		list = append(list, "ties")
	}
	if e.Kind == TaskRank {
		list = append(list, "need_ranks")
	}
	if e.compares() {
		list = append(list, "rate_first")
	}
	if e.judges() {
		list = append(list, "need_ratings")
	}
	return append(list, "need_flags", "ask_confidence", "need_confidence", "ask_note", "need_note")
}
