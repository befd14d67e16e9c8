package labeler

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// targetForm offers every characteristic of the pool with its values, the
// survey's choices whether or not anybody made them, so that the form tells
// nothing about small groups.
func targetForm(ctx context.Context, people []db.PoolPerson, settings db.PoolSettings) views.TargetForm {
	f := views.TargetForm{Cap: strconv.FormatFloat(settings.WeightCap, 'f', -1, 64), UseWeights: settings.UseWeights}
	names := groupNames(people, settings.Targets)
	for _, q := range db.SurveyQuestions {
		if q.Kind != db.AskText && !slices.Contains(names, q.Key) {
			names = append(names, q.Key)
		}
	}
	for _, name := range names {
		g := views.TargetGroup{Name: name, Label: views.GroupLabel(ctx, name), Set: len(settings.Targets[name]) > 0}
		for _, value := range targetValues(people, name, settings.Targets[name]) {
			field := views.TargetField{Value: value, Label: groupValue(ctx, name, value)}
			if share, ok := settings.Targets[name][value]; ok {
				field.Share = asPercent(share)
			}
			g.Values = append(g.Values, field)
		}
		if len(g.Values) > 0 {
			f.Groups = append(f.Groups, g)
		}
	}
	return f
}

// targetValues lists the values of a characteristic: those of the survey, of
// invitations' tags, and those that enough people share or a target names.
func targetValues(people []db.PoolPerson, name string, targets map[string]float64) []string {
	var values []string
	survey := false
	for _, q := range db.SurveyQuestions {
		if q.Key == name {
			survey = true
			values = append(values, q.Options...)
			if q.Kind == db.AskText {
				return nil
			}
			if q.Kind == db.AskMany {
				values = append(values, "several")
			}
		}
	}
	count := map[string]int{}
	for _, p := range people {
		if v := p.Groups[name]; v != "" {
			count[v]++
		}
	}
	for v := range targets {
		count[v] += db.SmallestGroup
	}
	for _, v := range slices.Sorted(maps.Keys(count)) {
		if !slices.Contains(values, v) && (!survey || count[v] >= db.SmallestGroup) {
			values = append(values, v)
		}
	}
	return values
}

// saveTargets changes the targets and what is done with the weights.
func (s *Server) saveTargets(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	errs := map[string]string{}
	targets := readTargets(c, errs)
	limit, err := strconv.ParseFloat(strings.TrimSpace(c.PostForm("weight_cap")), 64)
	if err != nil {
		errs["weight_cap"] = say(c, "queuepage.percent")
	}
	if len(errs) == 0 {
		err = s.changePool(c, p, errs, func(set *db.PoolSettings) {
			set.Targets, set.WeightCap, set.UseWeights = targets, limit, c.PostForm("use_weights") == "true"
		})
		if err != nil {
			return err
		}
	}
	if len(errs) > 0 {
		return s.poolPage(c, http.StatusUnprocessableEntity, p, func(v *views.Pool) { retypeTargets(c, &v.Targets, errs) })
	}
	return seeOther(c, poolPath(p))
}

// readTargets reads the shares, in percent. Empty fields are no target; a
// characteristic with none has no target at all.
func readTargets(c *gin.Context, errs map[string]string) map[string]map[string]float64 {
	_ = c.PostForm("more") // parses the form
	targets := map[string]map[string]float64{}
	set := func(name, value, text string) {
		share, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(text), "%"), 64)
		if err != nil {
			errs["targets"] = say(c, "pool.targets.number", value, text)
			return
		}
		if targets[name] == nil {
			targets[name] = map[string]float64{}
		}
		targets[name][value] += share / 100
	}
	for _, key := range slices.Sorted(maps.Keys(c.Request.PostForm)) {
		field, ok := strings.CutPrefix(key, "target.")
		name, value, named := strings.Cut(field, ".")
		if text := strings.TrimSpace(c.PostForm(key)); ok && named && text != "" {
			set(name, value, text)
		}
	}
	for part := range strings.SplitSeq(c.PostForm("more"), ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, rest, ok := strings.Cut(part, "=")
		value, share, named := cutLast(rest, ":")
		if !ok || !named {
			errs["more"] = say(c, "pool.targets.form", part)
			continue
		}
		set(strings.TrimSpace(name), strings.TrimSpace(value), share)
	}
	return targets
}

// retypeTargets puts what was typed back into the form.
func retypeTargets(c *gin.Context, f *views.TargetForm, errs map[string]string) {
	f.Errors, f.Cap, f.UseWeights = errs, c.PostForm("weight_cap"), c.PostForm("use_weights") == "true"
	for i, g := range f.Groups {
		for j, v := range g.Values {
			f.Groups[i].Values[j].Share = c.PostForm("target." + g.Name + "." + v.Value)
			f.Groups[i].Set = f.Groups[i].Set || f.Groups[i].Values[j].Share != ""
		}
	}
}
