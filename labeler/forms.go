package labeler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesForms serves the page on which a lead changes what a project's tasks ask.
func (s *Server) routesForms() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/projects/:project/form", Allow: reviewers, Handle: s.showForm},
		{Method: http.MethodPost, Path: "/projects/:project/form", Allow: researchers, Handle: s.changeForm},
		{Method: http.MethodPost, Path: "/projects/:project/form/briefs", Allow: researchers, Handle: s.addBriefs},
		{Method: http.MethodPost, Path: "/projects/:project/form/passon", Allow: researchers, Handle: s.passOn},
	}
}

func formPath(p db.Project) string { return projectPath(p) + "/form" }

// showForm shows the newest version in the editor, or the one that the address names.
func (s *Server) showForm(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	versions, err := s.store.Forms(c.Request.Context(), p.ID)
	if err != nil {
		return err
	}
	shown := versions[0].FormVersion // every project has one from the beginning
	for _, v := range versions {
		if v.Name() == c.Query("version") {
			shown = v.FormVersion
		}
	}
	e := editorOf(c.Request.Context(), shown.Body)
	e.Preview = previewTask(c.Request.Context(), p.Kind, shown.Body)
	if shown.Version != versions[0].Version {
		e.Shown = shown.Name()
	}
	return s.formPage(c, http.StatusOK, p, e)
}

// changeForm does what the pressed button says: use a preset, add or remove a row, show a preview,
// or save. Only saving changes anything; everything else comes back as the page.
func (s *Server) changeForm(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	e, f := readEditor(c, p)
	switch do := c.PostForm("do"); {
	case do == "save":
		return s.saveForm(c, p, e, f)
	case do == "preset":
		if f, err = db.PresetForm(c.PostForm("preset"), p.Kind); err != nil {
			return err
		}
		e = editorOf(ctx, f)
	case do == "preview" && fromScript(c):
		return render(c, http.StatusOK, views.FormPreview(previewTask(ctx, p.Kind, f)))
	default:
		editRows(&e, do)
	}
	e.Errors, e.Preview = nil, previewTask(ctx, p.Kind, f) // nothing is refused before it is saved
	return s.formPage(c, http.StatusOK, p, e)
}

// saveForm makes a new version, or says what it cannot be.
func (s *Server) saveForm(c *gin.Context, p db.Project, e views.FormEditor, f db.Form) error {
	ctx := c.Request.Context()
	e.Preview = previewTask(ctx, p.Kind, f)
	if len(e.Errors) > 0 {
		return s.formPage(c, http.StatusUnprocessableEntity, p, e)
	}
	base, _ := strconv.Atoi(strings.TrimPrefix(c.PostForm("base"), "f")) // nonsense is no version: a change since
	v, err := s.store.SaveForm(ctx, user(c).ID, p.ID, base, f)
	var invalid *db.InvalidError
	switch {
	case errors.As(err, &invalid):
		e.Errors = append(e.Errors, views.Problem{Anchor: strings.Replace(invalid.Field, "prompt_flags", "pflags", 1), Text: said(c, invalid)})
		return s.formPage(c, http.StatusUnprocessableEntity, p, e)
	case errors.Is(err, db.ErrFormChanged):
		e.Errors = append(e.Errors, views.Problem{Anchor: "form", Text: say(c, "formpage.changed", v.Name())})
		return s.formPage(c, http.StatusConflict, p, e)
	case err != nil:
		return err
	case v.Version == base:
		s.notice(c, say(c, "formpage.unchanged", v.Name()))
	default:
		s.notice(c, say(c, "formpage.saved", v.Name()))
	}
	return seeOther(c, formPath(p))
}

// formPage adds what the page shows besides the fields.
func (s *Server) formPage(c *gin.Context, status int, p db.Project, e views.FormEditor) error {
	ctx := c.Request.Context()
	versions, err := s.store.Forms(ctx, p.ID)
	if err != nil {
		return err
	}
	e.Action, e.Kind, e.KindName, e.Version, e.MayChange = formPath(p), p.Kind, kindName(ctx, p), versions[0].Name(), researchers.allows(user(c).Role)
	e.Presets = presetChoices(ctx, p.Kind, e.Preset)
	for i, v := range versions {
		e.Versions = append(e.Versions, views.FormVersion{Name: v.Name(), By: v.By, When: v.Created.Time(), Answers: int(v.Answers), Current: i == 0,
			Href: formPath(p) + "?version=" + v.Name()})
	}
	if p.Kind == db.KindPrompt {
		if e.Writing, err = s.writing(ctx, p, e.Writing); err != nil {
			return err
		}
	}
	f := s.frame(c, say(c, "formpage.title"))
	f.Crumbs, f.Scripts = projectCrumbs(c, p, f.Title), []string{"form.js"}
	if e.Shown != "" {
		f.Notices = append(f.Notices, views.Notice{Title: say(c, "formpage.old", e.Shown), Text: say(c, "formpage.old.text")})
	}
	return render(c, status, views.FormPage(f, e))
}

// presetChoices are the presets that a kind of task can have.
func presetChoices(ctx context.Context, kind, now string) []views.Choice {
	var list []views.Choice
	if now == "" {
		list = append(list, views.Choice{Label: views.T(ctx, "formpage.preset.none")})
	}
	for _, name := range db.Presets {
		if _, err := db.PresetForm(name, kind); err == nil {
			list = append(list, views.Choice{Value: name, Label: name})
		}
	}
	return list
}

// writing fills the panels of a project in which prompts are written; what was typed into them stays.
func (s *Server) writing(ctx context.Context, p db.Project, w *views.Writing) (*views.Writing, error) {
	if w == nil {
		w = &views.Writing{Count: "10"}
	}
	w.Briefs, w.PassOn = formPath(p)+"/briefs", formPath(p)+"/passon"
	any := views.Choice{Label: views.T(ctx, "briefs.any")}
	w.StyleChoices, w.UseCaseChoices = []views.Choice{any}, []views.Choice{any}
	for _, style := range db.Styles {
		w.StyleChoices = append(w.StyleChoices, views.Choice{Value: style, Label: views.T(ctx, "write.style."+style)})
	}
	for _, use := range db.UseCases {
		w.UseCaseChoices = append(w.UseCaseChoices, views.Choice{Value: use, Label: views.T(ctx, "usecase."+use)})
	}
	projects, err := s.store.Projects(ctx)
	if err != nil {
		return w, err
	}
	for _, other := range projects {
		if other.Kind != db.KindPrompt && !other.Archived {
			w.Projects = append(w.Projects, views.Choice{Value: strconv.FormatInt(other.ID, 10), Label: other.Title})
		}
	}
	err = s.store.EachRecord(ctx, db.Export{ProjectID: p.ID, Items: db.ItemPrompt}, func(r db.Record) error {
		if r.Answer != nil {
			w.Written++
		}
		return nil
	})
	return w, err
}

// addBriefs queues tasks that ask for a prompt each.
func (s *Server) addBriefs(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	if p.Kind != db.KindPrompt {
		return db.ErrNotFound
	}
	ctx := c.Request.Context()
	w := &views.Writing{About: strings.TrimSpace(c.PostForm("about")), Count: c.PostForm("count"), Style: c.PostForm("style"), UseCase: c.PostForm("use_case")}
	n, _ := strconv.Atoi(w.Count) // nonsense is 0, which is refused
	items, err := db.NewBriefs(w.About, db.Brief{Style: w.Style, UseCase: w.UseCase}, n)
	var invalid *db.InvalidError
	if errors.As(err, &invalid) {
		w.Errors = map[string]string{invalid.Field: said(c, invalid)}
		v, err := s.store.Form(ctx, p.ID)
		if err != nil {
			return err
		}
		e := editorOf(ctx, v.Body)
		e.Preview, e.Writing = previewTask(ctx, p.Kind, v.Body), w
		return s.formPage(c, http.StatusUnprocessableEntity, p, e)
	}
	if err != nil {
		return err
	}
	if err := s.store.AddBriefs(ctx, user(c).ID, p.ID, items); err != nil {
		return err
	}
	s.notice(c, views.N(ctx, "briefs.added", n))
	return seeOther(c, formPath(p)+"#briefs")
}

// passOn copies the prompts written here into another project.
func (s *Server) passOn(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	to, err := strconv.ParseInt(c.PostForm("to"), 10, 64)
	if err != nil {
		return db.ErrNotFound
	}
	ctx := c.Request.Context()
	other, err := s.store.Project(ctx, to)
	if err != nil {
		return err
	}
	imp, err := s.store.PassOn(ctx, user(c).ID, p.ID, other.ID)
	switch {
	case errors.Is(err, db.ErrNothingNew):
		s.notice(c, say(c, "passon.nothing"))
	case err != nil:
		return err
	default:
		s.notice(c, views.N(ctx, "passon.done", imp.Items, other.Title))
	}
	return seeOther(c, fmt.Sprintf("%s#passon", formPath(p)))
}
