package labeler

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"agora/db"
	"agora/views"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"
)

// routesRuns serves the list of trainings, each run's page, and stopping or resuming one.
func (s *Server) routesRuns() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/runs", Allow: reviewers, Handle: s.runs},
		{Method: http.MethodGet, Path: "/runs/:run", Allow: reviewers, Handle: s.run},
		{Method: http.MethodPost, Path: "/runs/:run/stop", Allow: researchers, Handle: s.stopRun},
		{Method: http.MethodPost, Path: "/runs/:run/resume", Allow: researchers, Handle: s.resumeRun},
	}
}

func (s *Server) runs(c *gin.Context) error {
	ctx := c.Request.Context()
	runs, err := s.store.ListRuns(ctx, 0)
	if err != nil {
		return err
	}
	titles, err := s.projectTitles(ctx)
	if err != nil {
		return err
	}
	var rows []views.RunRow
	for _, r := range runs {
		rows = append(rows, views.RunRow{
			Href: runPath(r), Name: runName(r), Kind: runKind(ctx, r.Kind), Project: titles[r.ProjectID], State: runState(r),
			Progress: progressText(r), Result: r.Message, Created: r.Created.Time(),
		})
	}
	var starts []views.Link
	if researchers.allows(user(c).Role) {
		starts = []views.Link{{Label: say(c, "run.new.reward"), Href: launchPath("reward", "")}, {Label: say(c, "run.new.ppo"), Href: launchPath("ppo", "")}, {Label: say(c, "run.new.other"), Href: launchPath("dpo", "")}}
	}
	return render(c, http.StatusOK, views.RunsPage(s.frame(c, say(c, "runs.title")), rows, starts))
}

func (s *Server) projectTitles(ctx context.Context) (map[int64]string, error) {
	projects, err := s.store.Projects(ctx)
	titles := map[int64]string{}
	for _, p := range projects {
		titles[p.ID] = p.Title
	}
	return titles, err
}

func runPath(r db.Run) string { return fmt.Sprintf("/runs/%d", r.ID) }

func runName(r db.Run) string {
	if r.Name != "" {
		return r.Name
	}
	return fmt.Sprintf("%s-%d", r.Kind, r.ID)
}

// runKind is a kind of training in words; a kind without words keeps its name.
func runKind(ctx context.Context, kind string) string {
	switch kind {
	case "sft", "reward", "ppo", "rloo", "grpo", "dpo", "pretrain", "score":
		return views.T(ctx, "kind."+kind)
	}
	return kind
}

func runState(r db.Run) string {
	if r.Status == db.RunRunning && r.StopRequested {
		return "stopping"
	}
	return r.Status
}

func progressText(r db.Run) string {
	if r.Total == 0 {
		return "–"
	}
	return fmt.Sprintf("%s / %s", views.Count(int(r.Done)), views.Count(int(r.Total)))
}

func (s *Server) runOf(c *gin.Context) (db.Run, error) {
	n, err := id(c, "run")
	if err != nil {
		return db.Run{}, err
	}
	return s.store.Run(c.Request.Context(), n)
}

func (s *Server) run(c *gin.Context) error {
	r, err := s.runOf(c)
	if err != nil {
		return err
	}
	v, err := s.runView(c.Request.Context(), r, researchers.allows(user(c).Role))
	if err != nil {
		return err
	}
	f := s.frame(c, v.Name)
	f.Scripts = []string{"run.js"}
	f.Crumbs = []views.Crumb{{Label: say(c, "nav.runs"), Href: "/runs"}, {Label: v.Name}}
	return render(c, http.StatusOK, views.RunPage(f, v))
}

// runEvents streams the live part of a run's page until the run is over.
func (s *Server) runEvents(c *gin.Context) error {
	first, err := s.runOf(c)
	if err != nil {
		return err
	}
	may := researchers.allows(user(c).Role)
	return s.stream(c, func(ctx context.Context) (string, func() (templ.Component, error), bool, error) {
		r, err := s.store.Run(ctx, first.ID)
		slow := s.store.Now().Time().Unix() / 5 // metrics that came after their step's beat, and the worker's silence
		version := fmt.Sprint(r.Status, r.Done, r.Message, r.Attempt, r.StopRequested, slow)
		return version, func() (templ.Component, error) {
			v, err := s.runView(ctx, r, may)
			return views.RunLive(v), err
		}, !over(r), err
	})
}

// over tells whether nothing more will come from a run by itself.
func over(r db.Run) bool { return r.Status != db.RunQueued && r.Status != db.RunRunning }

func (s *Server) stopRun(c *gin.Context) error {
	r, err := s.runOf(c)
	if err != nil {
		return err
	}
	if err := s.store.RequestStop(c.Request.Context(), r.ID, user(c).ID); err != nil {
		return err
	}
	s.notice(c, say(c, "run.stopping.text"))
	return seeOther(c, runPath(r))
}

func (s *Server) resumeRun(c *gin.Context) error {
	r, err := s.runOf(c)
	if err != nil {
		return err
	}
	if err := s.store.QueueAgain(c.Request.Context(), r.ID, user(c).ID); err != nil {
		return err
	}
	s.notice(c, say(c, "run.resumed"))
	return seeOther(c, runPath(r))
}

// runView gathers everything a run's page shows.
func (s *Server) runView(ctx context.Context, r db.Run, mayChange bool) (views.Run, error) {
	metrics, err := s.store.Metrics(ctx, r.ID, -1)
	if err != nil {
		return views.Run{}, err
	}
	samples, err := s.store.Samples(ctx, r.ID, sampleSteps)
	if err != nil {
		return views.Run{}, err
	}
	titles, err := s.projectTitles(ctx)
	if err != nil {
		return views.Run{}, err
	}
	m := byName(metrics)
	v := views.Run{
		Name: runName(r), State: runState(r), Charts: charts(ctx, r.Kind, m), Rest: restOf(ctx, r.Kind, m),
		Lead: runLead(ctx, r, titles[r.ProjectID]), Warnings: runWarnings(ctx, r, m, s.store.Now()),
		Lineage: s.lineage(ctx, r), Figures: figures(ctx, r, m, s.store.Now()), Samples: samplePairs(ctx, samples),
		Config: s.runSettings(ctx, r), Result: resultRows(r.Result), System: systemRows(ctx, r, s.store.Now()),
	}
	if !over(r) {
		v.Events = runPath(r) + "/events"
	}
	if mayChange {
		offerRunActions(ctx, &v, r)
	}
	return v, nil
}

func offerRunActions(ctx context.Context, v *views.Run, r db.Run) {
	switch {
	case r.Status == db.RunQueued, r.Status == db.RunRunning && !r.StopRequested:
		v.Action = &views.Button{Label: views.T(ctx, "run.stop"), Action: runPath(r) + "/stop"}
	case r.Status == db.RunStopped, r.Status == db.RunFailed:
		v.Action = &views.Button{Label: views.T(ctx, "run.resume"), Action: runPath(r) + "/resume"}
	}
}

func runLead(ctx context.Context, r db.Run, project string) string {
	when := views.Moment(ctx, r.Created.Time())
	if project == "" {
		return views.T(ctx, "run.lead", runKind(ctx, r.Kind), when)
	}
	return views.T(ctx, "run.lead.project", runKind(ctx, r.Kind), project, when)
}

// lineage lists a run's inputs, the run, and its checkpoint. Inputs that came from runs of this
// site lead to them.
func (s *Server) lineage(ctx context.Context, r db.Run) []views.LineageStep {
	inputs := inputsOf(r)
	makers := s.checkpointMakers(ctx)
	var steps []views.LineageStep
	for _, name := range slices.Sorted(mapKeys(inputs)) {
		in := inputs[name]
		if in.Path == "" {
			continue
		}
		step := views.LineageStep{Label: views.T(ctx, "input.name", name), Detail: pathEnd(in.Path)}
		if in.SHA256 != "" {
			step.Detail += " · " + views.Short(in.SHA256)
		}
		if maker, ok := makers[filepath.Clean(in.Path)]; ok {
			step.Label, step.Href = runName(maker), runPath(maker)
			step.Detail = views.T(ctx, "input.as", name)
		}
		steps = append(steps, step)
	}
	steps = append(steps, views.LineageStep{Label: runName(r), Detail: views.T(ctx, "run.this.run"), Current: true})
	if r.Kind == "score" { // it leaves no model
		return append(steps, views.LineageStep{Label: views.T(ctx, "disagree.title"), Detail: views.T(ctx, "run.scores"), Href: fmt.Sprintf("/projects/%d/disagreement", r.ProjectID)})
	}
	return append(steps, views.LineageStep{Label: views.T(ctx, "run.checkpoint"), Detail: checkpointText(ctx, r)})
}

// runInput is a file or directory that a run reads.
type runInput struct{ Path, SHA256 string }

// inputsOf are a run's inputs by name; none where they cannot be read.
func inputsOf(r db.Run) map[string]runInput {
	var inputs map[string]runInput
	if json.Unmarshal([]byte(r.Inputs), &inputs) != nil {
		return nil
	}
	return inputs
}

func checkpointText(ctx context.Context, r db.Run) string {
	if cp := checkpointOf(r); cp != "" {
		return pathEnd(cp)
	}
	return views.T(ctx, "run.notcommitted")
}

// pathEnd is the last two parts of a path, enough to recognise it.
func pathEnd(path string) string {
	return filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path))
}

// checkpointOf is the directory a finished run left, "" when it left none.
func checkpointOf(r db.Run) string {
	var result struct{ Checkpoint string }
	if json.Unmarshal([]byte(r.Result), &result) != nil {
		return ""
	}
	return result.Checkpoint
}

// checkpointMakers maps checkpoint directories to the runs that made them.
func (s *Server) checkpointMakers(ctx context.Context) map[string]db.Run {
	makers := map[string]db.Run{}
	runs, err := s.store.ListRuns(ctx, 0)
	if err != nil {
		return makers // the page is worth showing without links
	}
	for _, r := range runs {
		if cp := checkpointOf(r); cp != "" {
			makers[filepath.Clean(cp)] = r
		}
	}
	return makers
}

// runSettings is the run's configuration beside the defaults. Without the description of the
// settings, which the program prints, it is the run's own part alone.
func (s *Server) runSettings(ctx context.Context, r db.Run) []views.Setting {
	var config map[string]json.RawMessage
	if json.Unmarshal([]byte(r.Config), &config) != nil {
		return nil
	}
	fields, err := s.schema(ctx, r.Kind)
	if err != nil {
		s.log.Warn("settings", "kind", r.Kind, "error", err)
	}
	var list []views.Setting
	for _, f := range fields {
		v := views.Setting{Name: f.Name, Default: f.defaultText(), Value: f.defaultText(), Unit: f.Unit, Help: f.Help}
		if raw, ok := config[f.Name]; ok {
			v.Value = jsonText(raw)
			delete(config, f.Name)
		}
		if f.choices() != nil {
			v.Unit = ""
		}
		list = append(list, v)
	}
	for _, name := range slices.Sorted(mapKeys(config)) {
		list = append(list, views.Setting{Name: name, Value: jsonText(config[name])})
	}
	return list
}

// resultRows lists what a finished run says about itself; an object's members follow its name.
func resultRows(result string) []views.Row {
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(result), &m) != nil {
		return nil
	}
	var rows []views.Row
	for _, name := range slices.Sorted(mapKeys(m)) {
		label := strings.ReplaceAll(name, "_", " ")
		if inner := resultRows(string(m[name])); inner != nil {
			for _, r := range inner {
				rows = append(rows, views.Row{Name: label + ": " + r.Name, Value: r.Value})
			}
			continue
		}
		rows = append(rows, views.Row{Name: label, Value: resultText(m[name])})
	}
	return rows
}

// resultText writes numbers shortly and pairs as an interval.
func resultText(raw json.RawMessage) string {
	var n float64
	if json.Unmarshal(raw, &n) == nil {
		return views.Number(n)
	}
	var list []float64
	if json.Unmarshal(raw, &list) == nil {
		var parts []string
		for _, v := range list {
			parts = append(parts, views.Number(v))
		}
		return strings.Join(parts, " to ")
	}
	return jsonText(raw)
}

func systemRows(ctx context.Context, r db.Run, now db.Millis) []views.Row {
	rows := []views.Row{
		{Name: views.T(ctx, "run.message"), Value: r.Message},
		{Name: views.T(ctx, "run.worker"), Value: r.Worker},
		{Name: views.T(ctx, "run.attempt"), Value: numberUnless0(int64(r.Attempt))},
		{Name: views.T(ctx, "run.started"), Value: moment(ctx, r.Started)},
		{Name: views.T(ctx, "run.finished"), Value: moment(ctx, r.Finished)},
		{Name: views.T(ctx, "run.took"), Value: took(ctx, r, now)},
		{Name: views.T(ctx, "run.dir"), Value: r.Dir},
	}
	return slices.DeleteFunc(rows, func(r views.Row) bool { return r.Value == "" })
}

func numberUnless0(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func moment(ctx context.Context, m db.Millis) string {
	if m == 0 {
		return ""
	}
	return views.Moment(ctx, m.Time())
}

func took(ctx context.Context, r db.Run, now db.Millis) string {
	if r.Started == 0 {
		return ""
	}
	end := r.Finished
	if end == 0 {
		end = now - now%5000 // so that the live page need not change each second
	}
	return views.Duration(ctx, max(0, time.Duration(end-r.Started)*time.Millisecond))
}
