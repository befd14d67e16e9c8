package labeler

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesLaunch serves the forms that start trainings.
func (s *Server) routesLaunch() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/runs/new", Allow: researchers, Handle: s.launchForm},
		{Method: http.MethodPost, Path: "/runs", Allow: researchers, Handle: s.launch},
	}
}

// launchInputs are the checkpoints and files a kind of run reads. Kinds are the runs whose
// checkpoints fit.
var launchInputs = map[string][]launchInput{
	"reward": {
		{"policy", policyKinds, true},
		{"data", nil, false},
		{"demos", nil, false},
	},
	"ppo": onReward, "rloo": onReward, "grpo": onReward,
	"dpo": {
		{"policy", policyKinds, true},
		{"reference", policyKinds, false},
		{"data", nil, false},
	},
	"score": {
		{"model", append([]string{"reward"}, alignedKinds...), true},
		{"before", policyKinds, false},
	},
}

type launchInput struct {
	name     string
	kinds    []string
	required bool
}

// launchKinds are the kinds of runs that can be started, in the order of the work.
var launchKinds = []string{"reward", "ppo", "rloo", "grpo", "dpo", "score"}

var (
	alignedKinds = []string{"ppo", "rloo", "grpo", "dpo", "sft", "pretrain"}
	policyKinds  = []string{"sft", "pretrain", "ppo", "rloo", "grpo", "dpo"}

	// onReward is what trains a policy against a reward model.
	onReward = []launchInput{
		{"policy", policyKinds, true},
		{"reward", []string{"reward"}, true},
		{"judge", []string{"reward"}, false},
		{"prompts", nil, false},
		{"pretrain", nil, false},
	}
)

func (s *Server) launchForm(c *gin.Context) error {
	kind := c.Query("kind")
	if launchInputs[kind] == nil {
		return db.ErrNotFound
	}
	fields, err := s.schema(c.Request.Context(), kind)
	if err != nil {
		s.log.Error("launch form", "kind", kind, "error", err)
		v := views.Launch{Title: say(c, "launch."+kind), Lead: say(c, "launch."+kind+".lead"), Problem: say(c, "launch.problem.text", kind)}
		return render(c, http.StatusInternalServerError, views.LaunchPage(s.frame(c, v.Title), v))
	}
	return s.launchPage(c, http.StatusOK, kind, fields, func(name string) string {
		if name == "project" {
			return c.Query("project")
		}
		return ""
	}, nil)
}

// launchPath is the form for a kind of run, with a project chosen where there is one.
func launchPath(kind, project string) string {
	if project == "" {
		return "/runs/new?kind=" + kind
	}
	return "/runs/new?kind=" + kind + "&project=" + urlQuery(project)
}

// launchPage draws the form. value is what was typed, "" for nothing yet; faults are by field.
func (s *Server) launchPage(c *gin.Context, status int, kind string, fields []ConfigField, value func(string) string, faults map[string]string) error {
	main, err := s.mainFields(c, kind, value, faults)
	if err != nil {
		return err
	}
	v := views.Launch{Action: "/runs", Kind: kind, Title: say(c, "launch."+kind), Lead: say(c, "launch."+kind+".lead"), Main: main, Errors: len(faults)}
	for _, f := range fields {
		v.More = append(v.More, settingField(c.Request.Context(), f, value("set."+f.Name), faults["set."+f.Name]))
	}
	for _, k := range launchKinds {
		link := views.Link{Label: runKind(c.Request.Context(), k), Href: launchPath(k, value("project"))}
		if k == kind {
			link.Href = ""
		}
		v.Kinds = append(v.Kinds, link)
	}
	fr := s.frame(c, v.Title)
	fr.Crumbs = []views.Crumb{{Label: say(c, "nav.runs"), Href: "/runs"}, {Label: v.Title}}
	return render(c, status, views.LaunchPage(fr, v))
}

// mainFields are the name, the project and the inputs, with the checkpoints of earlier runs offered.
func (s *Server) mainFields(c *gin.Context, kind string, value func(string) string, faults map[string]string) ([]views.Field, error) {
	ctx := c.Request.Context()
	projects, err := s.store.Projects(ctx)
	if err != nil {
		return nil, err
	}
	runs, err := s.store.ListRuns(ctx, 0)
	if err != nil {
		return nil, err
	}
	choices := []views.Choice{{Value: "", Label: say(c, "launch.none")}}
	for _, p := range projects {
		choices = append(choices, views.Choice{Value: strconv.FormatInt(p.ID, 10), Label: p.Title})
	}
	fields := []views.Field{
		{ID: "name", Name: "name", Label: say(c, "launch.name"), Hint: say(c, "launch.name.hint"), Type: "text", Value: value("name"), Error: faults["name"]},
		{ID: "project", Name: "project", Label: say(c, "launch.project"), Hint: say(c, "launch.project.hint."+kind), Type: "select", Choices: choices, Value: value("project"), Error: faults["project"]},
	}
	for _, in := range launchInputs[kind] {
		f := views.Field{ID: in.name, Name: in.name, Label: say(c, "input."+in.name), Hint: say(c, "input."+in.name+".hint"), Type: "text",
			Value: value(in.name), Error: faults[in.name], Required: in.required, Choices: checkpoints(ctx, runs, in.kinds, in.name)}
		if f.Value == "" && in.required && len(f.Choices) > 0 && faults == nil {
			f.Value = f.Choices[0].Value
		}
		fields = append(fields, f)
	}
	return fields, nil
}

// checkpoints offers what finished runs of some kinds left, newest first; those that served as
// something else before, such as a judge where a reward model is wanted, come last.
func checkpoints(ctx context.Context, runs []db.Run, kinds []string, as string) []views.Choice {
	var list, last []views.Choice
	for _, kind := range kinds {
		for _, r := range runs {
			cp := checkpointOf(r)
			if cp == "" || r.Kind != kind {
				continue
			}
			choice := views.Choice{Value: cp, Label: views.T(ctx, "input.from", runName(r), runKind(ctx, r.Kind))}
			if served := servedAs(runs, cp); served != "" && served != as {
				last = append(last, choice)
			} else {
				list = append(list, choice)
			}
		}
	}
	return append(list, last...)
}

// servedAs is the name of the input that a checkpoint was in the newest run that read it.
func servedAs(runs []db.Run, checkpoint string) string {
	for _, r := range runs {
		inputs := inputsOf(r)
		for _, name := range slices.Sorted(mapKeys(inputs)) {
			if inputs[name].Path == checkpoint {
				return name
			}
		}
	}
	return ""
}

// settingField is one setting of the training with its default filled in.
func settingField(ctx context.Context, f ConfigField, typed, problem string) views.Field {
	v := views.Field{ID: "set." + f.Name, Name: "set." + f.Name, Label: f.Name, Mono: true, Error: problem, Type: "text", Value: typed, Required: true}
	if typed == "" {
		v.Value = f.defaultText()
	}
	v.Hint = f.Help
	if f.Unit != "" && f.choices() == nil {
		v.Hint = views.T(ctx, "launch.unit", f.Help, f.Unit)
	}
	switch {
	case f.choices() != nil:
		v.Type = "select"
		for _, c := range f.choices() {
			v.Choices = append(v.Choices, views.Choice{Value: c, Label: c})
		}
	case f.Type == "bool":
		v.Type = "select"
		v.Choices = []views.Choice{{Value: "true", Label: views.T(ctx, "launch.yes")}, {Value: "false", Label: views.T(ctx, "launch.no")}}
	}
	return v
}

// launch queues a run, or shows the form again with what is wrong beside each field.
func (s *Server) launch(c *gin.Context) error {
	kind := c.PostForm("kind")
	if launchInputs[kind] == nil {
		return db.ErrNotFound
	}
	fields, err := s.schema(c.Request.Context(), kind)
	if err != nil {
		return err
	}
	run := db.Run{Kind: kind, Name: strings.TrimSpace(c.PostForm("name")), CreatedBy: user(c).ID}
	faults := map[string]string{}
	settings := readSettings(c, fields, faults)
	run.Inputs = readInputs(c, kind, faults)
	run.ProjectID = s.readProject(c, faults)
	if run.ProjectID == 0 && faults["project"] == "" {
		switch {
		case kind == "score":
			faults["project"] = say(c, "launch.bad.missing")
		case (kind == "reward" || kind == "dpo") && strings.TrimSpace(c.PostForm("data")) == "":
			faults["project"] = say(c, "launch.bad.nodata")
		}
	}
	if len(faults) == 0 && len(settings) > 0 {
		if err := s.checkSettings(c.Request.Context(), kind, fields, settings, faults); err != nil {
			return err
		}
	}
	if len(faults) > 0 {
		return s.launchPage(c, http.StatusUnprocessableEntity, kind, fields, c.PostForm, faults)
	}
	config, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	run.Config = string(config)
	if run, err = s.store.CreateRun(c.Request.Context(), run); err != nil {
		return err
	}
	s.notice(c, say(c, "launch.started"))
	return seeOther(c, runPath(run))
}

// checkSettings asks the training itself; its refusal stands beside the setting it names.
func (s *Server) checkSettings(ctx context.Context, kind string, fields []ConfigField, settings map[string]any, faults map[string]string) error {
	var sets []string
	for name, v := range settings {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		sets = append(sets, name+"="+jsonText(b))
	}
	slices.Sort(sets)
	_, err := s.schema(ctx, kind, sets...)
	var refused *SettingError
	if errors.As(err, &refused) {
		faults["set."+settingIn(refused.Line, fields)] = refused.Line
		return nil
	}
	return err
}

// readSettings keeps what differs from the defaults. What a type does not take is an error of its field.
func readSettings(c *gin.Context, fields []ConfigField, faults map[string]string) map[string]any {
	config := map[string]any{}
	for _, f := range fields {
		typed := strings.TrimSpace(c.PostForm("set." + f.Name))
		if typed == "" || typed == f.defaultText() {
			continue
		}
		v, key := parseSetting(f, typed)
		if key != "" {
			faults["set."+f.Name] = say(c, key, typed)
			continue
		}
		config[f.Name] = v
	}
	return config
}

// parseSetting reads a value of a field's type, or returns the key of the complaint.
func parseSetting(f ConfigField, typed string) (v any, complaint string) {
	switch f.Type {
	case "int":
		n, err := strconv.ParseInt(typed, 10, 64)
		if err != nil {
			return nil, "launch.bad.int"
		}
		return n, ""
	case "float":
		x, err := strconv.ParseFloat(typed, 64)
		if err != nil || x-x != 0 { // x−x is not 0 for infinities and NaN
			return nil, "launch.bad.float"
		}
		return x, ""
	case "bool":
		b, err := strconv.ParseBool(typed)
		if err != nil {
			return nil, "launch.bad.bool"
		}
		return b, ""
	case "string":
		return typed, ""
	}
	var list []any
	if err := json.Unmarshal([]byte(typed), &list); err != nil {
		return nil, "launch.bad.list"
	}
	return list, ""
}

// readInputs takes directories and files by their path on the worker's machine.
func readInputs(c *gin.Context, kind string, faults map[string]string) string {
	inputs := map[string]map[string]string{}
	for _, in := range launchInputs[kind] {
		path := strings.TrimSpace(c.PostForm(in.name))
		switch {
		case path == "" && in.required:
			faults[in.name] = say(c, "launch.bad.missing")
		case strings.HasPrefix(path, "exec:"): // only the command line and the worker's own list may run programs
			faults[in.name] = say(c, "launch.bad.exec")
		case path != "":
			inputs[in.name] = map[string]string{"path": path}
		}
	}
	b, _ := json.Marshal(inputs)
	return string(b)
}

func (s *Server) readProject(c *gin.Context, faults map[string]string) int64 {
	typed := c.PostForm("project")
	if typed == "" {
		return 0
	}
	n, err := strconv.ParseInt(typed, 10, 64)
	if err == nil {
		_, err = s.store.Project(c.Request.Context(), n)
	}
	if err != nil {
		faults["project"] = say(c, "launch.bad.project")
		return 0
	}
	return n
}

// settingIn finds the field that a complaint names, to stand beside it.
func settingIn(complaint string, fields []ConfigField) string {
	for _, word := range strings.FieldsFunc(complaint, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
		for _, f := range fields {
			if f.Name == word {
				return f.Name
			}
		}
	}
	return fields[0].Name
}
