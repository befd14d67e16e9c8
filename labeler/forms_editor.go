package labeler

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// editorRows is how many rows of a list are read; a form has fewer.
const editorRows = 50

// switches are a form's yes-or-no settings by the name of their field.
func switches(f *db.Form) map[string]*bool {
	return map[string]*bool{"ties": &f.Ties, "rate_first": &f.RateFirst, "need_ranks": &f.NeedRanks, "need_ratings": &f.NeedRatings,
		"need_flags": &f.NeedFlags, "ask_confidence": &f.AskConfidence, "need_confidence": &f.NeedConfidence, "ask_note": &f.AskNote, "need_note": &f.NeedNote}
}

// editorOf puts a form into the editor's fields.
func editorOf(ctx context.Context, f db.Form) views.FormEditor {
	e := views.FormEditor{Preset: f.Preset, MinK: strconv.Itoa(f.MinK), MaxK: strconv.Itoa(f.MaxK), Steps: strconv.Itoa(f.Steps), On: map[string]bool{}}
	for name, on := range switches(&f) {
		e.On[name] = *on
	}
	for _, a := range f.Axes {
		v := axisView(a)
		e.Axes = append(e.Axes, views.FormAxisRow{Key: a.Key, Name: v.Label(ctx), Help: v.Hint(ctx), Low: v.LowLabel(ctx), High: v.HighLabel(ctx),
			Min: strconv.Itoa(a.Min), Max: strconv.Itoa(a.Max), NA: a.NA})
	}
	e.Flags, e.PromptFlags = flagRows(ctx, f.Flags), flagRows(ctx, f.PromptFlags)
	return e
}

func flagRows(ctx context.Context, flags []db.Flag) []views.FormFlagRow {
	var rows []views.FormFlagRow
	for _, f := range flags {
		v := flagView(f)
		rows = append(rows, views.FormFlagRow{Key: f.Key, Name: v.Label(ctx), Help: v.Hint(ctx), NA: f.NA})
	}
	return rows
}

// formReader reads the editor's fields.
type formReader struct {
	c        *gin.Context
	used     map[string]bool // keys so far
	problems []views.Problem
}

// readEditor reads the fields as they were typed, and as the form that they make. What makes no form
// is in the editor's errors.
func readEditor(c *gin.Context, p db.Project) (views.FormEditor, db.Form) {
	r := formReader{c: c, used: map[string]bool{}}
	f := db.DefaultForm(p.Kind)
	f.Preset, f.Axes = c.PostForm("preset_now"), nil
	e := views.FormEditor{Preset: f.Preset, MinK: c.PostForm("min_k"), MaxK: c.PostForm("max_k"), Steps: c.PostForm("steps"), On: map[string]bool{}}
	for name, on := range switches(&f) {
		*on = c.PostForm(name) == "true"
		e.On[name] = *on
	}
	f.AskNote, f.AskConfidence = f.AskNote || f.NeedNote, f.AskConfidence || f.NeedConfidence // what is required is asked
	e.Axes, f.Axes = r.axes()
	e.Flags, f.Flags = r.flags("flags")
	r.used = map[string]bool{} // flags of the prompt have keys of their own
	e.PromptFlags, f.PromptFlags = r.flags("pflags")
	switch p.Kind {
	case db.KindRank:
		f.MinK, f.MaxK = r.number("k", say(c, "formpage.mink"), e.MinK), r.number("k", say(c, "formpage.maxk"), e.MaxK)
	case db.KindPairwise:
		f.Steps = r.number("steps", say(c, "formpage.steps"), e.Steps)
	}
	e.Errors = r.problems
	return e, f
}

func (r *formReader) field(list string, i int, part string) string {
	return strings.TrimSpace(r.c.PostForm(views.RowField(list, i, part)))
}

// has tells whether the page had a row i.
func (r *formReader) has(list string, i int) bool {
	_, ok := r.c.GetPostForm(views.RowField(list, i, "name"))
	return ok
}

func (r *formReader) number(anchor, what, text string) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		r.problems = append(r.problems, views.Problem{Anchor: anchor, Text: say(r.c, "formpage.number", what)})
	}
	return n
}

// key is the one typed, or one made from the name. A row without either is left out; one without a
// name is a problem.
func (r *formReader) key(anchor, what, key, name string) (string, bool) {
	switch {
	case key == "" && name == "":
		return "", false
	case name == "":
		r.problems = append(r.problems, views.Problem{Anchor: anchor, Text: say(r.c, "formpage.noname", what)})
	case key == "":
		key = db.NewKey(name, func(k string) bool { return r.used[k] })
	}
	r.used[key] = true
	return key, true
}

func (r *formReader) axes() (rows []views.FormAxisRow, axes []db.Axis) {
	ctx := r.c.Request.Context()
	for i := 0; i < editorRows && r.has("axes", i); i++ {
		at := func(part string) string { return r.field("axes", i, part) }
		row := views.FormAxisRow{Key: at("key"), Name: at("name"), Help: at("help"), Low: at("low"), High: at("high"), Min: at("min"), Max: at("max"), NA: at("na") == "true"}
		rows = append(rows, row)
		anchor, what := fmt.Sprintf("axes.%d", i+1), say(r.c, "formpage.axis", i+1)
		key, ok := r.key(anchor, what, row.Key, row.Name)
		if !ok {
			continue
		}
		a := db.Axis{Key: key, Name: row.Name, Help: row.Help, Low: row.Low, High: row.High, NA: row.NA,
			Min: r.number(anchor, what, row.Min), Max: r.number(anchor, what, row.Max)}
		// A preset's own words stay the catalogue's, so that every language has them.
		if v := (views.Axis{Key: key}); v.Label(ctx) == a.Name && v.Hint(ctx) == a.Help && v.LowLabel(ctx) == a.Low && v.HighLabel(ctx) == a.High {
			a.Name, a.Help, a.Low, a.High = "", "", "", ""
		}
		axes = append(axes, a)
	}
	return rows, axes
}

func (r *formReader) flags(list string) (rows []views.FormFlagRow, flags []db.Flag) {
	ctx := r.c.Request.Context()
	for i := 0; i < editorRows && r.has(list, i); i++ {
		at := func(part string) string { return r.field(list, i, part) }
		row := views.FormFlagRow{Key: at("key"), Name: at("name"), Help: at("help"), NA: at("na") == "true"}
		rows = append(rows, row)
		key, ok := r.key(fmt.Sprintf("%s.%d", list, i+1), say(r.c, "formpage.flag", i+1), row.Key, row.Name)
		if !ok {
			continue
		}
		f := db.Flag{Key: key, Name: row.Name, Help: row.Help, NA: row.NA}
		if v := (views.Flag{Key: key}); v.Label(ctx) == f.Name && v.Hint(ctx) == f.Help {
			f.Name, f.Help = "", ""
		}
		flags = append(flags, f)
	}
	return rows, flags
}

// editRows does what a button such as "flags.add" or "axes.remove.2" says.
func editRows(e *views.FormEditor, do string) {
	list, what, _ := strings.Cut(do, ".")
	what, at, _ := strings.Cut(what, ".")
	i, err := strconv.Atoi(at)
	if what == "remove" && err != nil {
		return
	}
	switch list {
	case "axes":
		e.Axes = editList(e.Axes, views.FormAxisRow{Min: "1", Max: "7"}, what, i)
	case "flags":
		e.Flags = editList(e.Flags, views.FormFlagRow{}, what, i)
	case "pflags":
		e.PromptFlags = editList(e.PromptFlags, views.FormFlagRow{}, what, i)
	}
}

func editList[Row any](rows []Row, fresh Row, what string, i int) []Row {
	switch {
	case what == "add" && len(rows) < editorRows:
		return append(rows, fresh)
	case what == "remove" && i >= 0 && i < len(rows):
		return slices.Delete(rows, i, i+1)
	}
	return rows
}

// previewSteps is how long a scale is shown at most while it is being typed.
const previewSteps = 20

// previewTask is a task with sample texts that asks what a form does.
func previewTask(ctx context.Context, kind string, f db.Form) views.Task {
	v := views.Task{Kind: kind, Form: formView(f), Turns: []views.Turn{{Role: "user", Text: views.T(ctx, "sample.prompt")}}}
	for i, a := range v.Form.Axes {
		v.Form.Axes[i].Max = min(a.Max, a.Min+previewSteps)
	}
	n := map[string]int{db.KindRank: 3, db.KindPairwise: 2, db.KindRating: 1}[kind]
	for i := range n {
		v.Texts = append(v.Texts, views.Completion{Key: views.Letter(i), Text: views.T(ctx, "sample.text."+strconv.Itoa(i+1))})
	}
	if f.RateFirst && n > 0 {
		v.Turn = 1
	}
	if kind == db.KindPrompt {
		v.Turns = nil
	}
	return v
}
