package labeler

import (
	"strconv"
	"strings"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// readDetails reads what a task's form asks beside a ranking. What was not answered stays absent;
// a box that was not ticked is a no.
func readDetails(c *gin.Context, t db.Task, r *db.Ranking) {
	r.Ratings = map[string]db.Rating{}
	for _, text := range t.Completions {
		rating := db.Rating{Scores: map[string]*int{}, Flags: map[string]*bool{}}
		for _, a := range t.Form.Axes {
			readScore(c.PostForm(views.AxisField(text.Key, a.Key)), a, rating.Scores)
		}
		for _, f := range t.Form.Flags {
			readFlag(c.PostForm(views.FlagField(text.Key, f.Key)), t.Form, f, rating.Flags)
		}
		r.Ratings[text.Key] = rating
	}
	r.PromptFlags = map[string]*bool{}
	for _, f := range t.Form.PromptFlags {
		readFlag(c.PostForm(views.PromptFlagField(f.Key)), t.Form, f, r.PromptFlags)
	}
	if t.Kind == db.KindDemo || t.Kind == db.KindPrompt {
		r.Written = readWritten(c, t.Kind)
	}
}

func readScore(value string, a db.Axis, scores map[string]*int) {
	n, err := strconv.Atoi(value)
	switch {
	case value == views.NA && a.NA:
		scores[a.Key] = nil
	case err == nil && n >= a.Min && n <= a.Max:
		scores[a.Key] = &n
	}
}

func readFlag(value string, form db.Form, f db.Flag, flags map[string]*bool) {
	yes, no := true, false
	switch {
	case value == views.Yes:
		flags[f.Key] = &yes
	case value == views.NA && f.NA:
		flags[f.Key] = nil
	case value == views.No, !f.NA && !form.NeedFlags:
		flags[f.Key] = &no
	}
}

func readWritten(c *gin.Context, kind string) db.Written {
	field := func(name string) string {
		return strings.TrimRight(strings.ReplaceAll(c.PostForm(name), "\r\n", "\n"), " \t\n")
	}
	w := db.Written{Text: field("text")}
	if kind != db.KindPrompt {
		return w
	}
	w.Style, w.UseCase, w.Query = c.PostForm("style"), c.PostForm("use_case"), field("query")
	for i := range views.Examples {
		e := db.Example{Query: field(views.ExampleField("query", i)), Response: field(views.ExampleField("response", i))}
		if e != (db.Example{}) {
			w.Examples = append(w.Examples, e)
		}
	}
	return w
}

// missing says what an answer still needs, in the order of the page.
func missing(c *gin.Context, t db.Task, r db.Ranking) []views.Problem {
	var problems []views.Problem
	chosen := false // a choice between two is one field
	for _, g := range t.Gaps(r) {
		if t.Kind == db.KindPairwise && g.Field == db.GapRank {
			if !chosen {
				problems = append(problems, views.Problem{Anchor: "strength", Text: say(c, "task.nochoice")})
			}
			chosen = true
			continue
		}
		problems = append(problems, problem(c, t, g))
	}
	return problems
}

// problem names the field that a gap is about, and where it is.
func problem(c *gin.Context, t db.Task, g db.Gap) views.Problem {
	ctx, letter := c.Request.Context(), letterOf(t, g.Key)
	switch g.Field {
	case db.GapRank:
		return views.Problem{Anchor: views.RankField(g.Key), Text: say(c, "task.unranked", letter)}
	case db.GapTie:
		return views.Problem{Anchor: views.RankField(g.Key), Text: say(c, "gap.tie", letterOf(t, g.Name), letter)}
	case db.GapAxis:
		name := axisView(findAxis(t.Form.Axes, g.Name)).Label(ctx)
		return views.Problem{Anchor: views.AxisField(g.Key, g.Name), Text: say(c, "gap.axis", letter, name)}
	case db.GapFlag:
		name := flagView(findFlag(t.Form.Flags, g.Name)).Label(ctx)
		return views.Problem{Anchor: views.FlagField(g.Key, g.Name), Text: say(c, "gap.flag", letter, name)}
	case db.GapPromptFlag:
		name := flagView(findFlag(t.Form.PromptFlags, g.Name)).Label(ctx)
		return views.Problem{Anchor: views.PromptFlagField(g.Name), Text: say(c, "gap.prompt_flag", name)}
	}
	anchor := map[string]string{db.GapConfidence: "sure"}[g.Field]
	if anchor == "" {
		anchor = g.Field
	}
	return views.Problem{Anchor: anchor, Text: say(c, "gap."+g.Field)}
}

func letterOf(t db.Task, key string) string {
	for i, text := range t.Completions {
		if text.Key == key {
			return views.Letter(i)
		}
	}
	return ""
}

func findAxis(axes []db.Axis, key string) db.Axis {
	for _, a := range axes {
		if a.Key == key {
			return a
		}
	}
	return db.Axis{Key: key}
}

func findFlag(flags []db.Flag, key string) db.Flag {
	for _, f := range flags {
		if f.Key == key {
			return f
		}
	}
	return db.Flag{Key: key}
}
