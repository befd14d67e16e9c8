package labeler

import (
	"slices"
	"strconv"

	"agora/db"
	"agora/views"
)

// formView is a form as the task page shows it.
func formView(f db.Form) views.TaskForm {
	v := views.TaskForm{RateFirst: f.RateFirst, Ties: f.Ties, Steps: f.Steps, AskSure: f.AskConfidence, NeedSure: f.NeedConfidence,
		AskNote: f.AskNote, NeedNote: f.NeedNote, NeedFlags: f.NeedFlags}
	for _, a := range f.Axes {
		v.Axes = append(v.Axes, axisView(a))
	}
	for _, flag := range f.Flags {
		v.Flags = append(v.Flags, flagView(flag))
	}
	for _, flag := range f.PromptFlags {
		v.PromptFlags = append(v.PromptFlags, flagView(flag))
	}
	return v
}

func axisView(a db.Axis) views.Axis {
	return views.Axis{Key: a.Key, Name: a.Name, Help: a.Help, Low: a.Low, High: a.High, Min: a.Min, Max: a.Max, NA: a.NA}
}

func flagView(f db.Flag) views.Flag {
	return views.Flag{Key: f.Key, Name: f.Name, Help: f.Help, NA: f.NA}
}

// fillDetails puts saved ratings, flags and texts back into the form.
func fillDetails(v *views.Task, r db.Ranking) {
	for i, text := range v.Texts {
		given := r.Ratings[text.Key]
		v.Texts[i].Scores, v.Texts[i].Flags = map[string]string{}, flagValues(given.Flags)
		for axis, score := range given.Scores {
			v.Texts[i].Scores[axis] = views.NA
			if score != nil {
				v.Texts[i].Scores[axis] = strconv.Itoa(*score)
			}
		}
	}
	v.PromptFlags = flagValues(r.PromptFlags)
	w := r.Written
	v.Written = views.Written{Text: w.Text, Style: w.Style, UseCase: w.UseCase, Query: w.Query}
	for _, e := range w.Examples {
		v.Written.Examples = append(v.Written.Examples, views.Example{Query: e.Query, Response: e.Response})
	}
}

func flagValues(flags map[string]*bool) map[string]string {
	values := map[string]string{}
	for key, v := range flags {
		switch {
		case v == nil:
			values[key] = views.NA
		case *v:
			values[key] = views.Yes
		default:
			values[key] = views.No
		}
	}
	return values
}

// turnOf is the step of a form that rates first on which the page opens: where the first problem
// is, else the first completion that was not rated yet.
func turnOf(t db.Task, r db.Ranking, problems []views.Problem) int {
	if !t.Form.RateFirst {
		return 0
	}
	gaps := t.Gaps(r)
	for i, text := range t.Completions {
		if len(problems) == 0 && unrated(t.Form, r.Ratings[text.Key]) {
			return i + 1
		}
		if len(problems) > 0 && slices.ContainsFunc(gaps, func(g db.Gap) bool {
			return g.Key == text.Key && (g.Field == db.GapAxis || g.Field == db.GapFlag)
		}) {
			return i + 1
		}
	}
	return 0
}

// unrated tells whether nothing at all was said about a completion yet.
func unrated(f db.Form, r db.Rating) bool {
	if len(f.Axes) > 0 {
		return len(r.Scores) == 0
	}
	return len(r.Flags) == 0
}
